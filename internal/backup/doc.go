// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package backup is what runs inside of the Pods that back the database up and
// restore it. Two images take turns, because the one has MariaDB's clients and the
// other has us:
//
//	backup:   MariaDB's image runs DumpScript ─► BACKUP_FILE ─► multinic backup keep
//	restore:  multinic backup fetch ─► BACKUP_FILE ─► MariaDB's image runs LoadScript
//	move:     DumpScript with the old server's environment ─► LoadScript with the new one's
//
// A dump restores shut. Node agents that are told "no rows" tear their NICs down;
// one that is told an SQL error changes nothing. So in a dump the table that they
// read has the name that it has while the gate is shut, and a dump begins by taking
// the table that they read away. The controller opens it when it has compared the
// database with what the cluster remembers. Until a dump is loaded to its end the
// schema has a version that no controller leads.
//
// A backup is two files of a folder, <name>.sql.gz and <name>.json, its [Manifest].
// The manifest is written first and the dump renamed into place last; what is not
// whole is not listed and goes after a while.
package backup
