// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package openstackconformance holds what the project relies on about Keystone,
// Neutron and Nova, as sentences that run through gophercloud.
//
// TestSimulator runs them against test/openstacksim, TestRealCloud (build tag
// "openstack", make test-openstack) against a real cloud. A sentence that fails
// on the real one is wrong; one that fails on the simulator alone is the
// simulator's fault. So the simulator can't drift from the truth.
//
// The suite needs a plain member of a project, a member of a second project, a
// shared network, and one server to copy image and flavour from. It makes
// everything else itself, under a random prefix, and removes it.
package openstackconformance
