// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package storetest holds the conformance suite of internal/store: sentences
// about it, each tried on a real MariaDB. The package itself makes the things
// that the suite, and the benchmark, publish.
package storetest
