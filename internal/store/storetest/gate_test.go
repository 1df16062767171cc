// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	osexec "os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// wantGate reads as agents do. A gate that is shut must be an SQL error to both,
// 1146: no rows would tear their NICs down.
func wantGate(t testing.TB, pool *sql.DB, open bool, rows int) {
	t.Helper()
	_, errM := readAsM(t, pool, HostName(0))
	_, errG := readAsG(t, pool, HostName(0)+".example.com")
	for who, err := range map[string]error{"M": errM, "G": errG} {
		var sqlErr *mysql.MySQLError
		switch {
		case open && err != nil:
			t.Errorf("the gate is open and agent %s gets %v", who, err)
		case !open && (!errors.As(err, &sqlErr) || sqlErr.Number != 1146):
			t.Errorf("the gate is shut and agent %s gets error %v, want 1146", who, err)
		}
	}
	if !open {
		return
	}
	for i := range rows {
		if got, err := readAsM(t, pool, HostName(i)); err != nil || len(got) != 1 {
			t.Errorf("agent M on %s reads %v, %v; want its row", HostName(i), got, err)
		}
	}
}

// dump and restore are what a person, or a backup, does.
func dump(t testing.TB, db testenv.DB) []byte {
	t.Helper()
	return client(t, db, nil, "mariadb-dump", "--single-transaction", db.Name)
}

func restore(t testing.TB, db testenv.DB, dump []byte) {
	t.Helper()
	client(t, db, dump, "mariadb", db.Name)
}

func client(t testing.TB, db testenv.DB, input []byte, program string, args ...string) []byte {
	t.Helper()
	cmd := osexec.CommandContext(t.Context(), program, append([]string{
		"--no-defaults", "--host=" + db.Host, "--port=" + strconv.Itoa(db.Port), "--protocol=tcp", "--user=" + db.User,
	}, args...)...)
	cmd.Env = append(cmd.Environ(), "MYSQL_PWD="+db.Password)
	cmd.Stdin = bytes.NewReader(input)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, stderr.String())
	}
	return out
}

func TestAnEmptyDatabaseInPlaceOfAKnownOneShutsTheGateUntilAdmitted(t *testing.T) {
	t.Parallel()
	server, db := ownServer(t)
	s := open(t, withAgent(config(t, db)))
	old := lead(t, s, store.Mark{})
	remembered := apply(t, old, FirstRun(4, 2))
	pool := agent(t, db)
	wantGate(t, pool, true, 4)

	asRoot(t, server, "DROP DATABASE "+db.Name, "CREATE DATABASE "+db.Name)
	for name, try := range map[string]func() error{
		"Check": func() error { return old.Check(t.Context()) },
		"View":  func() error { _, err := old.View(t.Context(), store.ViewQuery{}); return err },
		"Apply": func() error { _, err := old.Apply(t.Context(), FirstRun(1, 1), nil); return err },
		"SaveStates": func() error {
			return old.SaveStates(t.Context(), []store.ObjectState{{Key: Object(0)}})
		},
		"Admit": func() error { return old.Admit(t.Context()) },
	} {
		if err := try(); name != "Admit" && !errors.Is(err, store.ErrReplaced) {
			t.Errorf("%s on an emptied database: %v, want ErrReplaced", name, err)
		}
	}

	l := lead(t, s, remembered)
	if mark := l.Mark(); l.GateOpen() || mark.Generation != remembered.Generation+1 || mark.Epoch == remembered.Epoch {
		t.Fatalf("gate open %t, mark %+v; want a shut gate and a new epoch after %+v", l.GateOpen(), mark, remembered)
	}
	wantGate(t, pool, false, 0)
	apply(t, l, FirstRun(2, 2))
	wantGate(t, pool, false, 0)
	apply(t, l, FirstRun(4, 2))
	wantGate(t, pool, false, 0)
	if err := l.Admit(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantGate(t, pool, true, 4)
	if got := view(t, l, store.ViewQuery{Ports: []string{UUID('p', 3)}}); len(got.Interfaces) != 1 {
		t.Error("after Admit the leader does not find its own table")
	}
}

func TestADatabaseRestoredFromAnOldDumpShutsTheGateAndKeepsItsIDs(t *testing.T) {
	t.Parallel()
	_, db := ownServer(t)
	s := open(t, withAgent(config(t, db)))
	l := lead(t, s, store.Mark{})
	apply(t, l, FirstRun(2, 2))
	id := number(t, db, "SELECT id FROM multi_interface WHERE port_id = ?", UUID('p', 1))
	old := dump(t, db)
	remembered := apply(t, l, FirstRun(5, 2))
	pool := agent(t, db)

	restore(t, db, old)
	if err := l.Check(t.Context()); !errors.Is(err, store.ErrReplaced) {
		t.Errorf("the leader's check: %v, want ErrReplaced", err)
	}
	if _, err := l.Apply(t.Context(), FirstRun(1, 1), nil); !errors.Is(err, store.ErrReplaced) {
		t.Errorf("the leader's Apply: %v, want ErrReplaced", err)
	}
	again := lead(t, s, remembered)
	if again.GateOpen() || again.Mark().Generation != remembered.Generation+1 {
		t.Fatalf("gate open %t, mark %+v; want shut, a new generation", again.GateOpen(), again.Mark())
	}
	wantGate(t, pool, false, 0)

	// The controller dies here and starts again: the gate stays shut.
	again = lead(t, s, remembered)
	if again.GateOpen() {
		t.Fatal("a restart opened the gate")
	}
	wantGate(t, pool, false, 0)
	apply(t, again, FirstRun(5, 2))
	if err := again.Admit(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantGate(t, pool, true, 5)
	if n := number(t, db, "SELECT id FROM multi_interface WHERE port_id = ?", UUID('p', 1)); n != id {
		t.Errorf("the id of a restored row is %d, was %d", n, id)
	}
}

func TestADumpRestoredOverTheTableUnderItsOtherNameLeavesOneTable(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a dump of the open gate over a shut one", "a dump of the shut gate over an open one"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, db := ownServer(t)
			s := open(t, withAgent(config(t, db)))
			l := lead(t, s, store.Mark{})
			first := apply(t, l, FirstRun(3, 3))
			openDump := dump(t, db)
			ahead := first
			ahead.Sequence += 5
			l = lead(t, s, ahead) // shuts
			apply(t, l, FirstRun(2, 2))
			shutDump := dump(t, db)
			if strings.HasPrefix(name, "a dump of the open") {
				restore(t, db, openDump)
			} else {
				if err := l.Admit(t.Context()); err != nil {
					t.Fatal(err)
				}
				restore(t, db, shutDump)
			}
			remembered := l.Mark()
			remembered.Sequence += 3
			l = lead(t, s, remembered)
			tables := lines(t, db, `SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name LIKE 'multi\_interface%'`)
			if len(tables) != 1 || l.GateOpen() {
				t.Fatalf("gate open %t with tables %v, want a shut gate and one table", l.GateOpen(), tables)
			}
			apply(t, l, FirstRun(3, 3))
			if err := l.Admit(t.Context()); err != nil {
				t.Fatal(err)
			}
			wantGate(t, agent(t, db), true, 3)
		})
	}
}

func TestATableThatAppearsWhileTheGateIsShutIsNoticedAndTakenAway(t *testing.T) {
	t.Parallel()
	_, db := ownServer(t)
	s := open(t, withAgent(config(t, db)))
	remembered := store.Mark{Epoch: "lost", Generation: 3, Sequence: 7}
	l := lead(t, s, remembered)
	apply(t, l, FirstRun(2, 2))
	if err := l.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	exec(t, db, "CREATE TABLE multi_interface LIKE multi_interface_shut_1") // as the tail of a dump does
	if err := l.Check(t.Context()); !errors.Is(err, store.ErrReplaced) {
		t.Fatalf("Check: %v, want ErrReplaced", err)
	}
	l = lead(t, s, remembered)
	if rows := view(t, l, store.ViewQuery{Objects: []inventory.Key{Object(0)}}).Interfaces; len(rows) != 2 || l.GateOpen() {
		t.Errorf("the gate is open: %t, with %d rows; want shut with what was written before", l.GateOpen(), len(rows))
	}
	if n := number(t, db, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'multi_interface'"); n != 0 {
		t.Error("agents can read while the gate is shut")
	}
}

func TestAdmitDoesNotOpenATableThatADumpBrought(t *testing.T) {
	t.Parallel()
	create := "CREATE TABLE multi_interface LIKE multi_interface_shut_2"
	remembered := store.Mark{Epoch: "lost", Generation: 3, Sequence: 7}
	for _, c := range []struct {
		name, when string
		remembered store.Mark // when it is led the second time
	}{
		{"before", "", remembered},
		{"after its first look", "UPDATE multi_epoch SET gate", remembered},
		{"after its last", "RENAME TABLE", remembered},
		{"after its last, remembered by nobody", "RENAME TABLE", store.Mark{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db := testenv.Database(t)
			judge, armed := whenArmed(func(text string) verdict {
				if c.when != "" && strings.HasPrefix(text, c.when) {
					_, _ = db.Open(t).ExecContext(t.Context(), create) // fails the second time
				}
				return pass
			})
			s := open(t, through(t, db, config(t, db), judge))
			lead(t, s, remembered)
			l := lead(t, s, c.remembered)
			apply(t, l, FirstRun(2, 2))
			armed.Store(true)
			if c.when == "" {
				exec(t, db, create)
			}
			if err := l.Admit(t.Context()); !errors.Is(err, store.ErrReplaced) || l.GateOpen() {
				t.Fatalf("Admit: %v, gate open %t; want ErrReplaced and a shut gate", err, l.GateOpen())
			}
			armed.Store(false)
			l = lead(t, s, l.Mark())
			if rows := view(t, l, store.ViewQuery{Objects: []inventory.Key{Object(0)}}).Interfaces; len(rows) != 2 || l.GateOpen() {
				t.Errorf("led anew, the gate is open: %t, with %d rows; want shut with ours", l.GateOpen(), len(rows))
			}
			if forgotten := c.remembered == (store.Mark{}); l.Unremembered() != forgotten {
				t.Errorf("it is known as remembered by nobody: %t, want %t", l.Unremembered(), forgotten)
			}
			if err := l.Admit(t.Context()); err != nil || !l.GateOpen() {
				t.Errorf("once the other table is gone: %v", err)
			}
		})
	}
}

func TestWhatADeadLeaderBeganWithTheGateIsEndedByTheNext(t *testing.T) {
	t.Parallel()
	l, db := leader(t)
	mark := apply(t, l, FirstRun(1, 1))
	s := open(t, config(t, db))
	for _, died := range []struct {
		statement string
		open      bool
	}{
		// In Lead, between writing that the gate is shut and the rename.
		{"UPDATE multi_epoch SET gate = 'shut'", false},
		// In Admit, between writing that it is open and the rename.
		{"UPDATE multi_epoch SET gate = 'open'", true},
		// In the removal of a second table.
		{"RENAME TABLE multi_interface TO multi_interface_stray_7", true},
	} {
		exec(t, db, died.statement)
		l := lead(t, s, mark)
		if l.GateOpen() != died.open {
			t.Errorf("after %q the gate is open: %t", died.statement, l.GateOpen())
		}
		n := number(t, db, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'multi_interface'")
		if (n == 1) != died.open {
			t.Errorf("after %q and the next Lead there are %d tables multi_interface", died.statement, n)
		}
	}
}

func TestNothingRememberedMeansNobodyToWaitFor(t *testing.T) {
	t.Parallel()
	l, db := leader(t)
	if !l.GateOpen() {
		t.Error("a brand-new database starts with its gate shut")
	}
	mark := apply(t, l, FirstRun(1, 1))
	s := open(t, config(t, db))
	ahead := mark
	ahead.Sequence++
	if l := lead(t, s, ahead); l.GateOpen() {
		t.Error("a database that is behind starts with its gate open")
	}
}

// TestAShutDatabaseThatNobodyRemembersStaysShut: its rows are of before, and no
// status tells how old they are. Whoever publishes decides when they are whole.
func TestAShutDatabaseThatNobodyRemembersStaysShut(t *testing.T) {
	t.Parallel()
	l, db := leader(t)
	mark := apply(t, l, FirstRun(1, 1))
	s := open(t, config(t, db))
	ahead := mark
	ahead.Sequence++
	lead(t, s, ahead) // shuts the gate
	forgotten := lead(t, s, store.Mark{})
	if forgotten.GateOpen() || !forgotten.Unremembered() {
		t.Errorf("the gate is open: %t, and it is known as remembered by nobody: %t", forgotten.GateOpen(), forgotten.Unremembered())
	}
	if now := forgotten.Mark(); now.Epoch == mark.Epoch || now.Generation <= mark.Generation {
		t.Errorf("it goes on in the epoch of before: %+v after %+v", now, mark)
	}
	// Some have succeeded since and have statuses; the others' still tell nothing.
	if again := lead(t, s, forgotten.Mark()); again.GateOpen() || !again.Unremembered() || again.Mark() != forgotten.Mark() {
		t.Errorf("led again as %+v, the gate is open: %t, and it is known as remembered by nobody: %t", again.Mark(), again.GateOpen(), again.Unremembered())
	} else {
		forgotten = again
	}
	if err := forgotten.Admit(t.Context()); err != nil || !forgotten.GateOpen() {
		t.Errorf("it can't be opened: %v", err)
	}
	if again := lead(t, s, forgotten.Mark()); !again.GateOpen() || again.Unremembered() {
		t.Error("once admitted it is shut again")
	}
}

// TestWhatWasRestoredOverAForgottenDatabaseIsForgotten: whatever the statuses remember,
// which is what has succeeded since, and not what had before.
func TestWhatWasRestoredOverAForgottenDatabaseIsForgotten(t *testing.T) {
	t.Parallel()
	l, db := leader(t)
	mark := apply(t, l, FirstRun(1, 1))
	s := open(t, config(t, db))
	for name, remembered := range map[string]store.Mark{
		"nothing":           {},
		"the very state":    mark,
		"a later state":     {Epoch: mark.Epoch, Generation: mark.Generation, Sequence: mark.Sequence + 1},
		"another, since":    {Epoch: "another", Generation: mark.Generation + 1, Sequence: 1},
		"one that is older": {Epoch: "another", Generation: mark.Generation - 1, Sequence: 9},
	} {
		exec(t, db, fmt.Sprintf("UPDATE multi_epoch SET gate = 'forgot', epoch = '%s', generation = %d, sequence = %d", mark.Epoch, mark.Generation, mark.Sequence))
		if l := lead(t, s, remembered); l.GateOpen() || !l.Unremembered() {
			t.Errorf("where the statuses remember %s the gate is open: %t, and it is known as remembered by nobody: %t", name, l.GateOpen(), l.Unremembered())
		}
	}
}

func TestTheSameDatabaseKeepsItsEpochAndItsGate(t *testing.T) {
	t.Parallel()
	l, db := leader(t)
	mark := apply(t, l, FirstRun(1, 1))
	s := open(t, config(t, db))
	older := mark
	older.Sequence--
	for _, remembered := range []store.Mark{mark, older, {Epoch: "of a lost generation", Generation: mark.Generation - 1, Sequence: 99}} {
		l := lead(t, s, remembered)
		if l.Mark() != mark || !l.GateOpen() {
			t.Errorf("remembering %+v: mark %+v, gate open %t; want %+v and open", remembered, l.Mark(), l.GateOpen(), mark)
		}
	}
	if l := lead(t, s, store.Mark{Epoch: "other", Generation: mark.Generation, Sequence: mark.Sequence}); l.Mark().Generation != mark.Generation+1 || l.GateOpen() {
		t.Errorf("another epoch of the same generation is another database, but the mark is %+v", l.Mark())
	}
}

func TestLeadingAndAdmittingMayDieAtEveryStatement(t *testing.T) {
	t.Parallel()
	_, db := ownServer(t)
	pool := agent(t, db)
	direct := withAgent(config(t, db))
	remembered := apply(t, lead(t, open(t, direct), store.Mark{}), FirstRun(3, 3))
	for _, how := range []verdict{cut, swallow} {
		for step := int64(1); ; step++ {
			// A restored database: behind what is remembered.
			remembered.Sequence += 2
			var count atomic.Int64
			cfg := through(t, db, direct, func(text string) verdict {
				if !strings.HasPrefix(text, "SET ") && count.Add(1) == step {
					return how
				}
				return pass
			})
			err := publishThrough(t, open(t, cfg), remembered)
			// Whatever happened, agents read all or an error.
			if rows, readErr := readAsM(t, pool, HostName(2)); readErr == nil && len(rows) != 1 {
				t.Fatalf("step %d: agent M reads %d rows without an error", step, len(rows))
			}
			l := lead(t, open(t, direct), remembered)
			apply(t, l, FirstRun(3, 3))
			if admitErr := l.Admit(t.Context()); admitErr != nil {
				t.Fatalf("step %d: admitting after the crash: %v", step, admitErr)
			}
			wantGate(t, pool, true, 3)
			remembered = l.Mark()
			if count.Load() < step { // there was no such step
				if err != nil {
					t.Errorf("undisturbed it failed: %v", err)
				}
				break
			}
		}
	}
}

func publishThrough(t testing.TB, s *store.Store, remembered store.Mark) error {
	t.Helper()
	defer s.Close()
	l, err := s.Lead(t.Context(), remembered)
	if err != nil {
		return err
	}
	if _, err := l.Apply(t.Context(), FirstRun(3, 3), nil); err != nil {
		return err
	}
	return l.Admit(t.Context())
}
