// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package openstacksim is a stateful OpenStack in memory: Keystone v3, Neutron
// v2.0 and Nova v2.1, each on a loopback port of its own.
//
// It answers as the real services were recorded to answer (OpenStack Zed:
// keystone 22.0.2, nova 26.2.2, neutron 21.0.0), including what surprises a
// client: a regular expression in Nova's name filter, a full last page with a
// next link, tags that POST /ports accepts and ignores, a detach that says 202
// to anything, a timed-out attach that still happens, a 414 past 8 kB. The
// conformance suite in test/openstackconformance runs the same sentences
// against this package and against a real cloud, and the real one decides.
//
//	sim := openstacksim.New(openstacksim.Options{})
//	sim.Start()
//	defer sim.Close()
//	lab := sim.SeedLab(20)           // project, user, networks, test-vm-1..20
//	yaml := sim.CloudsYAML(lab.User) // log in with it
//	sim.SetFixedIP(port.ID, subnet.ID, "10.10.0.9") // behind the API's back
//	sim.Inject(openstacksim.Fault{Path: "/v2.0/ports", Body: openstacksim.BodyCut})
//	sim.Calls()                      // what the client asked for
//
// Three rooms: the state (state.go, with cloud_*.go as its Go door), the
// services that read and change it over HTTP (keystone*.go, neutron*.go,
// nova*.go), and the wire between them and the client (http.go, faults.go,
// journal.go). A service computes a whole answer first; only then do the
// faults decide what the client gets of it.
package openstacksim
