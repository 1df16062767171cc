// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package mariadb is how MultiNic speaks with a MariaDB server, whatever it says:
// sessions that are alike on every server, time limits, quoting, the form of an
// account's password, and what an error means. What is said is in internal/store
// and internal/dbadmin.
package mariadb
