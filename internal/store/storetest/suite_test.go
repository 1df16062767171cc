// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

const cluster = "11111111-2222-4333-8444-555555555555/multinic-system"

// config is a store's configuration for a test's database.
func config(t testing.TB, db testenv.DB) store.Config {
	t.Helper()
	return store.Config{
		Host: db.Host, Port: db.Port, User: db.User, Password: db.Password, Database: db.Name, Cluster: cluster,
		Clock: clocktesting.NewFakeClock(Start), Log: testr.NewWithInterface(quiet{t}, testr.Options{}),
	}
}

// quiet keeps the log of what still runs at a test's end out of a finished test.
type quiet struct{ testing.TB }

func (q quiet) Log(args ...any) {
	if q.Context().Err() == nil {
		q.TB.Log(args...)
	}
}

func open(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(cfg)
	if err != nil {
		t.Fatalf("opening the store: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func lead(t testing.TB, s *store.Store, remembered store.Mark) *store.Leader {
	t.Helper()
	l, err := s.Lead(t.Context(), remembered)
	if err != nil {
		t.Fatalf("leading: %v", err)
	}
	if l.GateOpen() {
		agents(t, l)
	}
	return l
}

// agents makes the agents' account, where one is configured.
func agents(t testing.TB, l *store.Leader) {
	t.Helper()
	if err := l.EnsureAgents(t.Context()); err != nil {
		t.Fatalf("making the agents' account: %v", err)
	}
}

// leader leads a new database of the test's own.
func leader(t testing.TB) (*store.Leader, testenv.DB) {
	t.Helper()
	db := testenv.Database(t)
	return lead(t, open(t, config(t, db)), store.Mark{}), db
}

func apply(t testing.TB, l *store.Leader, plan inventory.Plan, states ...store.ObjectState) store.Mark {
	t.Helper()
	mark, err := l.Apply(t.Context(), plan, states)
	if err != nil {
		t.Fatalf("applying: %v", err)
	}
	return mark
}

func view(t testing.TB, l *store.Leader, q store.ViewQuery) *inventory.Published {
	t.Helper()
	out, err := l.View(t.Context(), q)
	if err != nil {
		t.Fatalf("viewing: %v", err)
	}
	return out
}

// exec runs a statement as the test's own account.
func exec(t testing.TB, db testenv.DB, text string, args ...any) {
	t.Helper()
	if _, err := db.Open(t).ExecContext(t.Context(), text, args...); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// number reads one number.
func number(t testing.TB, db testenv.DB, text string, args ...any) int64 {
	t.Helper()
	pool := db.Open(t)
	defer pool.Close()
	var n int64
	if err := pool.QueryRowContext(t.Context(), text, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return n
}

// eventually polls until it holds.
func eventually(t testing.TB, what string, holds func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds(ctx) {
		select {
		case <-ctx.Done():
			t.Fatalf("not within a minute: %s", what)
		case <-tick.C:
		}
	}
}
