// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package system tests the running controller from outside: a real
// kube-apiserver, a real MariaDB and the OpenStack simulator, judged by what
// the agents' own SQL statements return.
package system
