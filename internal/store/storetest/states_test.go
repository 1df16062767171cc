// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/store"
)

func TestStatesComeBackAsTheyWereSaved(t *testing.T) {
	t.Parallel()
	l, db := leader(t)
	full := store.ObjectState{
		Key: Object(0), UID: "u", SpecHash: "h", Generation: 3, Epoch: "e", LastSuccess: Start, LastAttempt: Start.Add(time.Microsecond),
		LastTick: Start.Add(time.Hour), HandledRequest: "r'q", HandledTrigger: Start, NextLook: Start, RetryAt: Start, Failures: 4,
	}
	blank := store.ObjectState{Key: Object(1)}
	apply(t, l, FirstRun(1, 1), full)
	if err := l.SaveStates(t.Context(), []store.ObjectState{blank}); err != nil {
		t.Fatal(err)
	}
	got, err := lead(t, open(t, config(t, db)), l.Mark()).States(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[inventory.Key]store.ObjectState{Object(0): full, Object(1): blank}, got); diff != "" {
		t.Errorf("states (-saved +read):\n%s", diff)
	}
}

func TestStatesAreForgottenByKey(t *testing.T) {
	t.Parallel()
	l, _ := leader(t)
	elsewhere := store.ObjectState{Key: inventory.Key{Namespace: "other", Name: Object(0).Name}}
	if err := l.SaveStates(t.Context(), []store.ObjectState{{Key: Object(0)}, {Key: Object(1)}, elsewhere}); err != nil {
		t.Fatal(err)
	}
	if err := l.DeleteStates(t.Context(), []inventory.Key{Object(0)}); err != nil {
		t.Fatal(err)
	}
	got, err := l.States(t.Context())
	if err != nil || len(got) != 2 {
		t.Fatalf("%d states are left, %v; want 2", len(got), err)
	}
	if _, there := got[elsewhere.Key]; !there {
		t.Error("an object of that name in another namespace was forgotten too")
	}
}
