// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package round lets objects that are due together share one reading of
// their project and one transaction.
//
//	Run(object A) ─┐  quiet for   ┌──────────┐   ┌──────┐   ┌───────┐
//	Run(object B) ─┼─► a moment ─►│ Snapshot │─► │ plan │─► │ Apply │─► results
//	Run(object C) ─┘              └──────────┘   └──────┘   └───────┘
//
// Objects with the same credentials are in one round; while a round is at
// work, the next one gathers. An error of the reading is everyone's. An error
// of the transaction that is not the database's being away is narrowed down:
// the objects are then written one by one, so that one bad object does not
// hold up the others.
package round
