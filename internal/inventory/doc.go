// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package inventory is the pure middle of MultiNic: it takes what OpenStack
// said (a Snapshot), what Kubernetes knows of its nodes and what is published
// in the database, and decides what is to be written. It does no I/O and asks
// no clock; the time comes in as a value.
//
//	Snapshot ─┐
//	Nodes    ─┼─► Planner.Object ─► Outcome (for the object's status)
//	Published ┘        └──────────► Plan    (for one transaction)
//
// Two rules hold the whole together.
//
// A Snapshot is complete or does not exist. Its fields are private and only
// NewSnapshot makes one, which callers reach after the last page has come; an
// error on the way leaves no Snapshot to reason with, so nothing can be
// withdrawn from half an answer.
//
// A withdrawal is anything a node agent would answer by tearing a NIC down:
// hiding a row, changing its host name, changing whether it is the primary
// NIC. What the object's own change explains happens at once. Anything else
// is first written down as a Pending, and done only when a second complete
// answer, at least Limits.SecondLook later, still says so; a large number of
// them is held (see Limits):
//
//	          complete answer lacks the port
//	published ───────────────────────────────► pending ──┐ 60 s later, another
//	    ▲                                        │       │ complete answer agrees
//	    └──────── an answer shows it again ──────┘       ▼
//	                                    few: withdrawn   many: held until Hold has
//	                                                     passed or a person confirms
package inventory
