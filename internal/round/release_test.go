// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package round

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/test/openstacksim"
)

func TestObjectsThatAreDeletedTogetherShareOneTransaction(t *testing.T) {
	t.Parallel()
	sim := openstacksim.New(openstacksim.Options{})
	sim.Start()
	t.Cleanup(sim.Close)
	w, tickets := newWriter(t), ticketsOf(sim, sim.SeedScale(9, subnets), 3)
	w.run(t, tickets)
	before, calls := w.Publication.Mark().Sequence, sim.TotalCalls()

	gone := tickets[:2]
	w.releaseTogether(t, gone)
	if n := w.Publication.Mark().Sequence - before; n != 1 {
		t.Errorf("%d objects were released in %d transactions, not in one", len(gone), n)
	}
	if n := sim.TotalCalls() - calls; n != 0 {
		t.Errorf("OpenStack was asked %d times", n)
	}
	for _, ticket := range tickets {
		ports, state := w.published(t, ticket.Object.Key)
		if left := ticket.Object.Name == tickets[2].Object.Name; (ports > 0) != left || state != left {
			t.Errorf("%s has %d ports and a state: %t; it should have: %t", ticket.Object.Name, ports, state, left)
		}
	}
}

func TestAnObjectMadeAnewUnderTheNameOfOneThatGoesKeepsItsRowsAndItsState(t *testing.T) {
	t.Parallel()
	w, c := newWriter(t), newCloud("one", "two")
	w.Cloud = c
	old := naming("o", "one", "two")
	w.run1(t, old)
	successor := naming("o", "one")
	successor.Object.UID = "another"
	w.run1(t, successor)

	for _, tt := range []struct {
		uid   string
		ports int
		state bool
	}{{old.Object.UID, 1, true}, {"a third", 1, true}, {"another", 0, false}} {
		if err := w.Release(t.Context(), old.Object.Key, tt.uid); err != nil {
			t.Fatal(err)
		}
		ports, state := w.published(t, old.Object.Key)
		if _, remembered := w.Publication.States()[old.Object.Key]; ports != tt.ports || state != tt.state || remembered != state {
			t.Errorf("%q has gone: %d ports, a state: %t, and remembered: %t; want %d and %t", tt.uid, ports, state, remembered, tt.ports, tt.state)
		}
	}
}

// releaseTogether deletes objects that come at the same time.
func (w *writer) releaseTogether(t *testing.T, tickets []Ticket) {
	t.Helper()
	seat := w.Coming() // until all of them have joined
	var all sync.WaitGroup
	for _, ticket := range tickets {
		all.Go(func() {
			if err := w.Release(t.Context(), ticket.Object.Key, ticket.Object.UID); err != nil {
				t.Errorf("%s: %v", ticket.Object.Name, err)
			}
		})
	}
	for deadline := time.Now().Add(time.Minute); w.waiting() < len(tickets); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("they don't join")
		}
	}
	seat.Leave()
	all.Wait()
}

// waiting counts those who have joined and whose round has not left.
func (r *Rounds) waiting() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, g := range r.groups {
		if g.open != nil {
			n += len(g.open.tickets)
		}
	}
	return n
}

// published tells what the database has of an object.
func (w *writer) published(t *testing.T, k inventory.Key) (ports int, state bool) {
	t.Helper()
	err := w.Publication.Write(t.Context(), func(l *store.Leader) error {
		applied, err := l.Applied(context.Background(), []inventory.Key{k})
		if err != nil {
			return err
		}
		ports = len(applied)
		states, err := l.States(context.Background())
		_, state = states[k]
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ports, state
}
