// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package publication

import (
	"context"
	"slices"
	"testing"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/internal/store/storetest"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// forgotten is a publication that leads a database with rows of before, whose
// gate is shut, in a cluster whose objects, the first n, have lost their statuses.
func forgotten(t *testing.T, n int) (*bed, testenv.DB) {
	t.Helper()
	db := testenv.Database(t)
	before := newBed(t, db)
	before.objects = []Object{{Key: storetest.Object(0), Mark: store.Mark{Epoch: "lost", Generation: 1}}}
	before.tends()
	before.must(before.apply)
	before.wantsGate("before the statuses were lost", false, 0)

	b := newBed(t, db)
	for i := range n {
		b.objects = append(b.objects, Object{Key: storetest.Object(i)})
	}
	b.tends()
	return b, db
}

// wantsGate says whether the gate is open and which objects hold it.
func (b *bed) wantsGate(when string, open bool, holders ...int) {
	b.t.Helper()
	var want []inventory.Key
	for _, n := range holders {
		want = append(want, storetest.Object(n))
	}
	is, held := b.Gate()
	if is != open || !slices.Equal(held, want) {
		b.t.Errorf("%s: the gate is open: %t, and %v hold it; want %t and %v", when, is, held, open, want)
	}
}

// succeeds publishes the nth object, as a round does.
func (b *bed) succeeds(n int) {
	b.t.Helper()
	b.must(func(ctx context.Context, l *store.Leader) error {
		states := []store.ObjectState{{Key: storetest.Object(n), Epoch: l.Mark().Epoch}}
		err := l.SaveStates(ctx, states)
		b.Remember(states, true)
		return err
	})
}

func TestADatabaseThatNobodyRemembersStaysShutUntilEveryObjectHasSucceeded(t *testing.T) {
	t.Parallel()
	b, _ := forgotten(t, 3)
	b.wantsGate("led", false, 0, 1, 2)
	b.objects[2].Deleting = true
	b.succeeds(1)
	b.tends()
	b.wantsGate("one has succeeded", false, 0)
	b.succeeds(0)
	b.wantsGate("all have", true)
}

func TestADatabaseThatNobodyRemembersStaysShutWhereThereIsNoObject(t *testing.T) {
	t.Parallel()
	b, _ := forgotten(t, 0)
	b.tends()
	b.wantsGate("no object", false)
	b.objects = []Object{{Key: storetest.Object(0), Deleting: true}}
	b.tends()
	b.wantsGate("one that goes", false) // it says nothing of what the database should hold
	b.objects[0].Deleting = false
	b.tends()
	b.wantsGate("one that has not run", false, 0)
	b.succeeds(0)
	b.wantsGate("it has succeeded", true)
}

// The first object that succeeds has a status again; it does not tell of the
// others.
func TestADatabaseThatNobodyRememberedStaysShutOverARestart(t *testing.T) {
	t.Parallel()
	b, db := forgotten(t, 2)
	b.succeeds(1)
	b.objects[1].Mark = b.Mark()

	next := newBed(t, db)
	next.objects = b.objects
	next.tends()
	next.wantsGate("led again", false, 0)
	if next.Mark() != b.Mark() {
		t.Errorf("led again as %+v, it was %+v: what has succeeded would run again", next.Mark(), b.Mark())
	}
	next.succeeds(0)
	next.wantsGate("all have succeeded", true)
}

func TestADatabaseThatNobodyRemembersIsOpenedByHand(t *testing.T) {
	t.Parallel()
	b, _ := forgotten(t, 0)
	b.admitted = b.Mark().Epoch
	b.tends()
	b.wantsGate("by hand", true)
}
