// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"errors"
	"strings"
	"testing"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// contents is a checksum of every table.
func contents(t testing.TB, db testenv.DB) string {
	t.Helper()
	var out []string
	pool := db.Open(t)
	defer pool.Close()
	for _, table := range lines(t, db, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1") {
		var name, sum string
		if err := pool.QueryRowContext(t.Context(), "CHECKSUM TABLE "+table).Scan(&name, &sum); err != nil {
			t.Fatal(err)
		}
		out = append(out, table+" "+sum)
	}
	return strings.Join(out, "\n")
}

// wantPowerless tries every write of a leader that must not write any more.
func wantPowerless(t testing.TB, db testenv.DB, l *store.Leader, want error) {
	t.Helper()
	before := contents(t, db)
	for name, write := range map[string]func() error{
		"Apply": func() error {
			_, err := l.Apply(t.Context(), FirstRun(9, 3), []store.ObjectState{{Key: Object(0)}})
			return err
		},
		"SaveStates":   func() error { return l.SaveStates(t.Context(), []store.ObjectState{{Key: Object(5)}}) },
		"DeleteStates": func() error { return l.DeleteStates(t.Context(), []inventory.Key{Object(0)}) },
		"Check":        func() error { return l.Check(t.Context()) },
	} {
		if err := write(); !errors.Is(err, want) {
			t.Errorf("%s of a deposed leader: %v, want %v", name, err, want)
		}
	}
	if err := l.Admit(t.Context()); !l.GateOpen() && !errors.Is(err, want) {
		t.Errorf("Admit of a deposed leader: %v, want %v", err, want)
	}
	if after := contents(t, db); after != before {
		t.Errorf("a deposed leader wrote:\nbefore\n%s\nafter\n%s", before, after)
	}
}

func TestADeposedLeaderWritesNothing(t *testing.T) {
	t.Parallel()
	old, db := leader(t)
	mark := apply(t, old, FirstRun(3, 3), store.ObjectState{Key: Object(0)})
	s := open(t, config(t, db))
	lead(t, s, mark)
	wantPowerless(t, db, old, store.ErrDeposed)
}

func TestADeposedLeaderOpensNoGate(t *testing.T) {
	t.Parallel()
	db := testenv.Database(t)
	remembered := store.Mark{Epoch: "lost", Generation: 3, Sequence: 7}
	old := lead(t, open(t, config(t, db)), remembered)
	lead(t, open(t, config(t, db)), remembered)
	wantPowerless(t, db, old, store.ErrDeposed)
}

func TestALeaderThatFreezesInMidTransactionLosesItAndWritesNothing(t *testing.T) {
	t.Parallel()
	db := testenv.Database(t)
	judge, frozen, release := freeze("INSERT INTO multi_claim")
	defer release()
	cfg := through(t, db, config(t, db), judge)
	old := lead(t, open(t, cfg), store.Mark{})
	result := make(chan error, 1)
	go func() {
		_, err := old.Apply(t.Context(), FirstRun(3, 3), nil)
		result <- err
	}()
	<-frozen // it holds the row of multi_epoch and has written interfaces

	l := lead(t, open(t, config(t, db)), store.Mark{})
	apply(t, l, FirstRun(1, 1))
	before := contents(t, db)
	release()
	if err := <-result; !errors.Is(err, store.ErrDeposed) {
		t.Errorf("the thawed leader's Apply: %v, want ErrDeposed", err)
	}
	if after := contents(t, db); after != before {
		t.Errorf("the thawed leader wrote:\nbefore\n%s\nafter\n%s", before, after)
	}
	if err := l.Check(t.Context()); err != nil {
		t.Errorf("the new leader was disturbed: %v", err)
	}
}

func TestALeaderThatFreezesBeforeCommitLosesItAndWritesNothing(t *testing.T) {
	t.Parallel()
	db := testenv.Database(t)
	judge, frozen, release := freeze("COMMIT")
	defer release()
	judge, armed := whenArmed(judge)
	old := lead(t, open(t, through(t, db, config(t, db), judge)), store.Mark{})
	armed.Store(true)
	result := make(chan error, 1)
	go func() {
		_, err := old.Apply(t.Context(), FirstRun(3, 3), nil)
		result <- err
	}()
	<-frozen
	lead(t, open(t, config(t, db)), store.Mark{})
	before := contents(t, db)
	release()
	if err := <-result; !errors.Is(err, store.ErrDeposed) {
		t.Errorf("the thawed leader's Apply: %v, want ErrDeposed", err)
	}
	if after := contents(t, db); after != before || number(t, db, "SELECT COUNT(*) FROM multi_interface") != 0 {
		t.Errorf("the thawed leader wrote:\nbefore\n%s\nafter\n%s", before, after)
	}
}

func TestALeaderThatFreezesWhileItOpensTheGateOpensNoLaterOne(t *testing.T) {
	t.Parallel()
	db := testenv.Database(t)
	remembered := store.Mark{Epoch: "lost", Generation: 3, Sequence: 7}
	judge, frozen, release := freeze("RENAME TABLE `multi_interface_shut_1` TO `multi_interface`")
	defer release()
	cfg := through(t, db, config(t, db), judge)
	old := lead(t, open(t, cfg), remembered)
	result := make(chan error, 1)
	go func() { result <- old.Admit(t.Context()) }()
	<-frozen // it has checked everything it can

	// The database turns out to be behind again: the next leader shuts its gate.
	remembered = store.Mark{Epoch: "also lost", Generation: 9, Sequence: 1}
	l := lead(t, open(t, config(t, db)), remembered)
	release()
	if err := <-result; err == nil {
		t.Error("the thawed leader believes that it opened the gate")
	}
	if n := number(t, db, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'multi_interface'"); n != 0 || l.GateOpen() {
		t.Error("a frozen leader opened its successor's gate")
	}
	apply(t, l, FirstRun(1, 1))
}

func TestANumberThatARestoredDumpBringsBackFencesNobodyIn(t *testing.T) {
	t.Parallel()
	db := testenv.Database(t)
	first := lead(t, open(t, config(t, db)), store.Mark{})
	mark := apply(t, first, FirstRun(2, 2))
	old := dump(t, db)
	deposed := lead(t, open(t, config(t, db)), mark)
	restore(t, db, old)
	// Nothing was written since the dump, so the epoch stays; the number that
	// follows is the one that deposed has.
	lead(t, open(t, config(t, db)), mark)
	wantPowerless(t, db, deposed, store.ErrDeposed)
}

func TestLeadersInTurnHaveGrowingNumbers(t *testing.T) {
	t.Parallel()
	db := testenv.Database(t)
	s := open(t, config(t, db))
	for want := range int64(4) {
		lead(t, s, store.Mark{})
		if n := number(t, db, "SELECT fencing FROM multi_epoch"); n != want+1 {
			t.Errorf("leader %d has number %d", want+1, n)
		}
	}
}
