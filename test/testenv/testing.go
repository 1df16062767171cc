// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"context"
	"sync"
	"testing"
)

// sharedMariaDB is the test binary's server, started by the first test that asks.
var sharedMariaDB = sync.OnceValues(func() (*MariaDB, error) {
	return StartMariaDB(context.Background(), MariaDBOptions{})
})

// Database gives the test an empty database of its own on the test binary's shared
// server. It is dropped at the test's end.
func Database(t testing.TB) DB {
	t.Helper()
	server, err := sharedMariaDB()
	if err != nil {
		t.Fatalf("starting MariaDB: %v", err)
	}
	return server.Database(t)
}

// NewMariaDB gives the test a server of its own, to stop, kill and freeze. It and
// its data are removed at the test's end.
func NewMariaDB(t testing.TB, options MariaDBOptions) *MariaDB {
	t.Helper()
	server, err := StartMariaDB(t.Context(), options)
	if err != nil {
		t.Fatalf("starting MariaDB: %v", err)
	}
	t.Cleanup(func() {
		if err := server.Remove(); err != nil {
			t.Errorf("removing the test's MariaDB: %v", err)
		}
	})
	return server
}

// Database gives the test an empty database of its own on this server. It is
// dropped at the test's end, unless the server is stopped or frozen by then.
func (m *MariaDB) Database(t testing.TB) DB {
	t.Helper()
	db, err := m.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !m.answers() {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		if err := db.Drop(ctx); err != nil {
			t.Errorf("cleaning up: %v", err)
		}
	})
	return db
}
