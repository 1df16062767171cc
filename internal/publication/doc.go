// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package publication keeps this process the one writer of the database for
// as long as it leads: it migrates and takes the lead, notices when the
// database goes away, comes back, is replaced or has a newer leader, keeps
// the gate shut until publication is whole, and remembers for every object
// what its last run left.
//
//	          Lead                      Check fails: away
//	starting ──────► leading (gate shut ──────► unavailable ──► leading
//	                 or open)     │
//	                    │         └── Check: replaced ──► starting
//	                    └── Check: a newer leader ──► the process ends
//
// All writes pass through Publication.Write, one after the other.
package publication
