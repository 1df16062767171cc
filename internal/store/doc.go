// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package store keeps what MultiNic publishes in MariaDB.
//
// A process reads and writes through a [Leader], which [Store.Lead] returns. The
// one row of multi_epoch says who may write and which database this is:
//
//   - owner is the cluster that the database belongs to. Another's controller
//     is refused.
//   - fencing and leader name the writer: a number that grows, and a random
//     token because a restored dump takes the number back. Every writing
//     transaction starts by changing this row if it still names its leader, so
//     a leader that was frozen and thawed writes nothing, on Galera also.
//   - epoch, generation and sequence (together a [Mark]) name the contents. The
//     cluster remembers the greatest Mark that it saw in the statuses of its
//     objects; a database that is behind it is new, or restored from a dump, and
//     gets a new epoch. sequence grows with each Apply and tells after a lost
//     connection whether a COMMIT took place.
//   - gate says whether agents may read.
//
// The gate is the name of the table that agents read. An agent that is told
// "no rows" tears its NICs down; one that is told an SQL error changes nothing.
// So while the contents are not whole, there is no multi_interface:
//
//	                remembered is ahead of the database
//	multi_interface ──────────────────────────────────► multi_interface_shut_<fencing>
//	     ▲                                                             │
//	     └──────────────── Leader.Admit: publication is whole ─────────┘
//
// The row of multi_epoch says what ought to be and is written first; the name
// follows, now or by the next leader after a crash. RENAME TABLE can't be part
// of a transaction and so has no guard; instead the shut name carries its
// leader's number, which makes the rename of a leader that was replaced
// meanwhile fail: a new leader takes the table away under a name of its own.
//
// An administrator who leads nothing looks at a database with [Look] and lays it
// by with [Shut], which does as a leader does who finds it restored; one that is
// root makes the agents' account with [EnsureAgents].
package store
