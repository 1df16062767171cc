// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package e2e tests the operator on the real cluster of hack/cluster: make test-e2e.
// Real kubelets run real pods; the cloud is the simulator, in the test's process and on
// an address that pods reach. Node agents are played by their exact statements, all the
// time and on every node: an error is allowed while a server is down or its gate is
// shut, a row less never is.
//
// The tests share one system and one cluster, so they run one after the other. Each
// brings up what it needs, and can be run alone.
package e2e
