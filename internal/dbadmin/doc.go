// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package dbadmin administers a MariaDB server that is ours alone, as root: its
// accounts, and the gate of a database that is laid by.
//
// # Changing passwords
//
// The caller keeps the passwords, and may die anywhere:
//
//  1. It writes the next passwords down, beside the ones in use.
//  2. [Connect] with both of root, then [Admin.Ensure] with the next ones.
//     [Wanted.AlsoValid] is the controller's in use: the controller that runs
//     opens new connections with it, the one that is rolled out with the next.
//  3. It makes the next passwords the ones in use, and rolls the controller out.
//  4. Ensure without AlsoValid ends the old one.
//
// Ensure changes the account that it is logged in by last of all. Before that
// statement everything can be done again with the old password of root, after it
// nothing is left to be done, and the next password is written down already; so
// there is no point at which a caller that tries both can't go on. Connections
// that are open live on through all of it: a server asks for the password once.
//
// The old and the new password are both valid where the server can have several
// ways for an account to prove itself (MariaDB 10.4). There are at most two: the
// driver follows one change of the plugin in a login. MariaDB 10.3 has one way
// only: there a controller that was not rolled out yet opens no new connections,
// waits as in an outage, and goes on when it is.
//
// Passwords go to the server as hashes, so that none is in any log of its. A
// server that insists on judging them (strict_password_validation with a plugin
// for it) refuses that.
//
// # The agents' account
//
// [Admin.EnsureAgents] makes it at any time, also before there is a database: then
// its rights are there ahead of the tables. A controller beside it needs no right
// to make accounts, and is to be given none to make (DB_AGENT_USER).
package dbadmin
