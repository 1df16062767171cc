// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package openstacklab runs the controller against a real OpenStack, the one
// that the usual OS_* variables name; make test-openstack starts one. Its
// tests have the build tag openstack.
package openstacklab
