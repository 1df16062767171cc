// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// rename is a plan that changes one row that FirstRun published.
func rename(n int, to string) inventory.Plan {
	row := Interface(n, n)
	row.HostName = to
	return inventory.Plan{
		Interfaces: []inventory.InterfaceWrite{{Row: row, ResetApplied: true}},
		History:    []inventory.Event{{At: Start, Object: Object(n), PortID: row.PortID, Cloud: Cloud, Kind: "renamed", Explained: true}},
	}
}

// wantOnce says that plan rename(0, to) took place exactly once.
func wantOnce(t testing.TB, db testenv.DB, to string, sequence int64) {
	t.Helper()
	if n := number(t, db, "SELECT COUNT(*) FROM multi_history WHERE kind = 'renamed'"); n != 1 {
		t.Errorf("the plan was applied %d times, want once", n)
	}
	if n := number(t, db, "SELECT COUNT(*) FROM multi_interface WHERE attached_node_name = ?", to); n != 1 {
		t.Errorf("%d rows bear the new host name, want 1", n)
	}
	if n := number(t, db, "SELECT sequence FROM multi_epoch"); n != sequence {
		t.Errorf("the sequence in the database is %d, want %d", n, sequence)
	}
}

func TestADeadlockIsRetried(t *testing.T) {
	t.Parallel()
	server, db := ownServer(t)
	l := lead(t, open(t, config(t, db)), store.Mark{})
	apply(t, l, FirstRun(50, 1))
	other, err := db.Open(t).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Rollback()
	// InnoDB rolls back the transaction that has written less: let it be ours.
	for _, text := range []string{
		"UPDATE multi_claim SET vm_ref = 'other'", "UPDATE multi_identity SET from_kubernetes = 0",
		"UPDATE multi_interface SET netplan_success = 1",
	} {
		if _, err := other.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	result := make(chan error, 1)
	go func() {
		_, err := l.Apply(t.Context(), rename(0, "renamed"), nil)
		result <- err
	}()
	root, err := server.Root()
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	// Not from information_schema.innodb_trx: InnoDB renews that only where nobody
	// has read it for 100 ms, so that whoever polls may read the old for ever.
	eventually(t, "Apply waits for the other's rows", func(ctx context.Context) bool {
		var name string
		var n int
		err := root.QueryRowContext(ctx, "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'").Scan(&name, &n)
		return err == nil && n == 1
	})
	if _, err := other.ExecContext(t.Context(), "UPDATE multi_epoch SET writes = writes + 1"); err != nil {
		t.Fatalf("the other transaction became the victim: %v", err)
	}
	if err := other.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-result; err != nil {
		t.Fatalf("Apply after a deadlock: %v", err)
	}
	var name string
	var deadlocks int
	if err := root.QueryRowContext(t.Context(), "SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'").Scan(&name, &deadlocks); err != nil || deadlocks == 0 {
		t.Errorf("there was no deadlock to retry: %d, %v", deadlocks, err)
	}
	wantOnce(t, db, "renamed", 2)
}

func TestALockWaitThatTimesOutIsRetried(t *testing.T) {
	t.Parallel()
	db := testenv.Database(t)
	var rolledBack atomic.Bool
	cfg := through(t, db, config(t, db), func(text string) verdict {
		if text == "ROLLBACK" {
			rolledBack.Store(true)
		}
		return pass
	})
	l := lead(t, open(t, cfg), store.Mark{})
	apply(t, l, FirstRun(2, 1))
	other, err := db.Open(t).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Rollback()
	if _, err := other.ExecContext(t.Context(), "UPDATE multi_interface SET netplan_success = 1"); err != nil {
		t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() {
		_, err := l.Apply(t.Context(), rename(0, "renamed"), nil)
		result <- err
	}()
	// 1205 rolls back the statement alone: the rest is ours to roll back.
	eventually(t, "Apply gives up its first attempt", func(context.Context) bool { return rolledBack.Load() })
	if err := other.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-result; err != nil {
		t.Fatalf("Apply after a lock wait timeout: %v", err)
	}
	wantOnce(t, db, "renamed", 2)
}

func TestAConnectionThatBreaksAtAnyStatementDoublesNothing(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]verdict{"before the server sees it": cut, "after the server did it": swallow} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, prefix := range []string{
				"START TRANSACTION", "UPDATE multi_epoch", "INSERT INTO multi_interface", "INSERT INTO multi_history", "COMMIT",
			} {
				db := testenv.Database(t)
				mark := apply(t, lead(t, open(t, config(t, db)), store.Mark{}), FirstRun(2, 1))
				judge, armed := whenArmed(once(prefix, how))
				l := lead(t, open(t, through(t, db, config(t, db), judge)), mark)
				armed.Store(true)
				got, err := l.Apply(t.Context(), rename(0, "renamed"), nil)
				if err != nil {
					t.Errorf("broken at %s: %v", prefix, err)
				}
				if got.Sequence != 2 || l.Mark() != got {
					t.Errorf("broken at %s: the mark is %+v, want sequence 2", prefix, got)
				}
				wantOnce(t, db, "renamed", 2)
				if err := l.Check(t.Context()); err != nil {
					t.Errorf("broken at %s: the next check: %v", prefix, err)
				}
			}
		})
	}
}

func TestAnOutcomeThatCannotBeAskedForIsUncertainAndFoundOutLater(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]verdict{"not committed": cut, "committed": swallow} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testenv.Database(t)
			mark := apply(t, lead(t, open(t, config(t, db)), store.Mark{}), FirstRun(2, 1))
			var armed atomic.Bool
			p := newProxy(t, db)
			p.judge = func(text string) verdict {
				if text == "COMMIT" && armed.CompareAndSwap(true, false) {
					p.refuse.Store(true) // and nothing gets through after it
					return how
				}
				if p.refuse.Load() {
					return cut
				}
				return pass
			}
			l := lead(t, open(t, p.serve(config(t, db))), mark)
			armed.Store(true)
			_, err := l.Apply(t.Context(), rename(0, "renamed"), nil)
			if !errors.Is(err, store.ErrUncertain) || !errors.Is(err, store.ErrUnavailable) {
				t.Fatalf("Apply with its answer lost and the database gone: %v, want ErrUncertain", err)
			}
			p.refuse.Store(false)
			if err := l.SaveStates(t.Context(), []store.ObjectState{{Key: Object(0)}}); err != nil {
				t.Fatalf("the next write: %v", err)
			}
			want := int64(1)
			if how == swallow {
				want = 2
			}
			if got := l.Mark().Sequence; got != want {
				t.Errorf("the sequence is %d, want %d", got, want)
			}
			if how == cut {
				apply(t, l, rename(0, "renamed"))
			}
			wantOnce(t, db, "renamed", 2)
		})
	}
}

func TestAViewAfterALostCommitShowsHowItEnded(t *testing.T) {
	t.Parallel()
	db := testenv.Database(t)
	mark := apply(t, lead(t, open(t, config(t, db)), store.Mark{}), FirstRun(2, 1))
	var armed, looked atomic.Bool
	p := newProxy(t, db)
	p.judge = func(text string) verdict {
		if text == "COMMIT" && armed.CompareAndSwap(true, false) {
			p.refuse.Store(true)
			return swallow
		}
		if p.refuse.Load() {
			return cut
		}
		if strings.HasSuffix(strings.TrimSpace(text), "FOR UPDATE") {
			looked.Store(true)
		}
		return pass
	}
	l := lead(t, open(t, p.serve(config(t, db))), mark)
	armed.Store(true)
	if _, err := l.Apply(t.Context(), rename(0, "renamed"), nil); !errors.Is(err, store.ErrUncertain) {
		t.Fatalf("Apply with its answer lost and the database gone: %v, want ErrUncertain", err)
	}
	if _, err := l.View(t.Context(), store.ViewQuery{}); !errors.Is(err, store.ErrUncertain) {
		t.Errorf("a view while that can't be found out: %v, want ErrUncertain", err)
	}
	p.refuse.Store(false)
	looked.Store(false)
	row := view(t, l, store.ViewQuery{Objects: []inventory.Key{Object(0)}}).Interfaces[UUID('p', 0)]
	if row.HostName != "renamed" || l.Mark().Sequence != 2 || !looked.Load() {
		t.Errorf("the view shows %q at sequence %d, having asked for the end of the COMMIT: %t", row.HostName, l.Mark().Sequence, looked.Load())
	}
}

func TestAServerKilledInMidTransactionLosesItAlone(t *testing.T) {
	t.Parallel()
	server := testenv.NewMariaDB(t, testenv.MariaDBOptions{})
	db := server.Database(t)
	judge, frozen, release := freeze("INSERT INTO multi_history")
	defer release()
	judge, armed := whenArmed(judge)
	l := lead(t, open(t, through(t, db, config(t, db), judge)), store.Mark{})
	apply(t, l, FirstRun(5, 1))
	before := contents(t, db)
	armed.Store(true)
	result := make(chan error, 1)
	go func() {
		_, err := l.Apply(t.Context(), rename(0, "renamed"), nil)
		result <- err
	}()
	<-frozen
	server.Kill()
	release()
	if err := <-result; !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrUncertain) {
		t.Errorf("Apply: %v, want ErrUnavailable and a certain outcome", err)
	}
	if err := l.Check(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Check of a dead server: %v, want ErrUnavailable", err)
	}
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := contents(t, db); after != before {
		t.Errorf("half a transaction survived:\nbefore\n%s\nafter\n%s", before, after)
	}
	apply(t, l, rename(0, "renamed"))
	wantOnce(t, db, "renamed", 2)
}

func TestAFrozenServerDoesNotHoldACallerBeyondItsDeadline(t *testing.T) {
	t.Parallel()
	server := testenv.NewMariaDB(t, testenv.MariaDBOptions{})
	s := open(t, config(t, server.Database(t)))
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := server.Freeze(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := s.Ping(ctx); err == nil {
		t.Error("a frozen server answers a ping")
	}
	if err := server.Thaw(); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("after the thaw: %v", err)
	}
}

func TestAFullDiskIsSaidSoAndChangesNothing(t *testing.T) {
	t.Parallel()
	// All tables in one file that may not grow beyond 24 MB.
	_, db := ownServer(t, "--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M:autoextend:max:24M")
	l := lead(t, open(t, config(t, db)), store.Mark{})
	apply(t, l, FirstRun(3, 3))
	plan := FirstRun(3, 3)
	for range 40_000 {
		plan.History = append(plan.History, inventory.Event{At: Start, Object: Object(len(plan.History)), Kind: "updated", Detail: strings.Repeat("x", 500)})
	}
	plan.Interfaces[0].Row.HostName = "half"
	_, err := l.Apply(t.Context(), plan, nil)
	if !errors.Is(err, store.ErrFull) {
		t.Fatalf("Apply: %v, want ErrFull", err)
	}
	if n := number(t, db, "SELECT COUNT(*) FROM multi_interface WHERE attached_node_name = 'half'"); n != 0 {
		t.Error("half a plan was written")
	}
	if err := l.SaveStates(t.Context(), []store.ObjectState{{Key: Object(0)}}); err != nil && !errors.Is(err, store.ErrFull) {
		t.Errorf("the next write: %v", err)
	}
}
