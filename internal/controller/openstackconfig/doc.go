// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package openstackconfig reconciles OpenstackConfigs. Reconciler.Reconcile
// is the table of contents:
//
//	get ─► finalizer ─► gather ─► decide ─► run ─► status
//	  └─► (deleted) release
//
// gather validates the spec and reads the Secret; decide asks the pure
// package trigger; run takes part in a round, which reads OpenStack and
// writes the database; status is written once, and only if it says something
// new. What a failing run is to be answered with is classified in one place,
// failure.go.
package openstackconfig
