// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package backup_test

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/xormsdhkdwk/multinic/internal/backup"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/internal/store/storetest"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

func TestARestoreNeverShowsAgentsLessThanAll(t *testing.T) {
	t.Parallel()
	for name, restore := range map[string]func(testing.TB, testenv.DB, string){"by the script": load, "by hand": loadByHand} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, _, _ := published(t, 6)
			file := dump(t, db)
			// Beside what agents read, tables of former gates.
			run(t, db, "CREATE TABLE multi_interface_shut_7 LIKE multi_interface", "CREATE TABLE multi_interface_shut_0 LIKE multi_interface",
				"CREATE TABLE multi_interface_stray_3 LIKE multi_interface")
			l := lead(t, db, store.Mark{})
			remembered := apply(t, l, storetest.FirstRun(8, 2)) // what the dump doesn't have
			stop := watch(t, db, 6)
			restore(t, db, file)
			if agents(t, db.Open(t), 6) {
				t.Error("agents can read before a controller has looked")
			}
			again := lead(t, db, remembered)
			if again.GateOpen() || again.Mark().Generation != remembered.Generation+1 {
				t.Errorf("a dump of the past: gate open %t, mark %+v after %+v; want shut and a new generation", again.GateOpen(), again.Mark(), remembered)
			}
			apply(t, again, storetest.FirstRun(8, 2))
			if err := again.Admit(t.Context()); err != nil {
				t.Fatal(err)
			}
			if !agents(t, db.Open(t), 8) {
				t.Error("agents can't read what is whole again")
			}
			read, failed := stop()
			if read == 0 || failed == 0 {
				t.Errorf("agents could read %d times and got %d errors: the test saw only a part", read, failed)
			}
		})
	}
}

func TestAnEmptyDatabaseThatIsRestoredKeepsNothingOfItself(t *testing.T) {
	t.Parallel()
	db, _, remembered := published(t, 4)
	file := dump(t, db)
	// The volume is lost; the controller finds an empty database and shuts it.
	lost := testenv.Database(t)
	if l := lead(t, lost, remembered); l.GateOpen() {
		t.Fatal("an empty database is open")
	}
	load(t, lost, file)
	l := lead(t, lost, remembered)
	if !l.GateOpen() || l.Mark() != remembered || !agents(t, lost.Open(t), 4) {
		t.Errorf("gate open %t, mark %+v; want what the cluster remembers, %+v", l.GateOpen(), l.Mark(), remembered)
	}
}

// TestARestoreIsShutAlsoWhereNoStatusRemembersTheDatabase: a cluster that was lost
// with it knows nothing of what was published since.
func TestARestoreIsShutAlsoWhereNoStatusRemembersTheDatabase(t *testing.T) {
	t.Parallel()
	db, _, _ := published(t, 3)
	file := dump(t, db)
	elsewhere := testenv.Database(t)
	restore(t, elsewhere, file)
	if l := lead(t, elsewhere, store.Mark{}); l.GateOpen() || !l.Unremembered() {
		t.Errorf("the gate is open: %t", l.GateOpen())
	}
}

func restore(t testing.TB, db testenv.DB, file string) {
	t.Helper()
	if output, err := debian(t, false).run(t, backup.RestoreScript, db, file); err != nil {
		t.Fatalf("restoring: %v\n%s", err, output)
	}
}

func gate(t testing.TB, db testenv.DB) string {
	t.Helper()
	return strings.Join(lines(t, db, "SELECT gate FROM multi_epoch"), " ")
}

// forget makes a database one that no status remembers. Objects that succeed
// from then on remember the mark.
func forget(t testing.TB, db testenv.DB, mark store.Mark) store.Mark {
	t.Helper()
	mark.Sequence++
	lead(t, db, mark) // shuts the gate
	l := lead(t, db, store.Mark{})
	if l.GateOpen() || !l.Unremembered() {
		t.Fatal("the database is not forgotten")
	}
	return apply(t, l, storetest.FirstRun(1, 1))
}

// TestARestoreForgetsNotThatAllIsForgotten: the statuses of those that have
// succeeded since don't tell of the rest, whatever is loaded.
func TestARestoreForgetsNotThatAllIsForgotten(t *testing.T) {
	t.Parallel()
	good, _, goodMark := published(t, 3)
	goodFile := dump(t, good)
	lost, _, lostMark := published(t, 3)
	lostMark = forget(t, lost, lostMark)
	lostFile := dump(t, lost)
	for name, c := range map[string]struct {
		forgotten bool
		file      string
		load      func(testing.TB, testenv.DB, string)
		want      string
	}{
		"a good one over a forgotten one":      {true, goodFile, restore, "forgot"},
		"a forgotten one over a good one":      {false, lostFile, restore, "forgot"},
		"a forgotten one over a forgotten one": {true, lostFile, restore, "forgot"},
		"a good one over a good one":           {false, goodFile, restore, "shut"},
		// A load moves rows, with what is known of them.
		"a good one loaded over a forgotten one": {true, goodFile, load, "open"},
		"a forgotten one loaded over a good one": {false, lostFile, load, "forgot"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, _, mark := published(t, 2)
			if c.forgotten {
				mark = forget(t, db, mark)
			}
			c.load(t, db, c.file)
			if got := gate(t, db); got != c.want {
				t.Errorf("the gate is %q, want %q", got, c.want)
			}
			for _, remembered := range []store.Mark{mark, goodMark, lostMark} {
				if l := lead(t, db, remembered); c.want == "forgot" && (l.GateOpen() || !l.Unremembered()) {
					t.Errorf("led as %+v, the gate is open: %t, and it is known as remembered by nobody: %t", remembered, l.GateOpen(), l.Unremembered())
				}
			}
		})
	}
}

func TestEveryImageRestoresOverAForgottenDatabase(t *testing.T) {
	t.Parallel()
	db, _, mark := published(t, 3)
	file := dump(t, db)
	forget(t, db, mark)
	for name, i := range images(t) {
		if output, err := i.run(t, backup.RestoreScript, db, file); err != nil || gate(t, db) != "forgot" {
			t.Errorf("%s: %v, the gate is %s\n%s", name, err, gate(t, db), output)
		}
	}
}

func TestARestoreThatDiesAnywhereForgetsNotThatAllIsForgotten(t *testing.T) {
	t.Parallel()
	server := testenv.NewMariaDB(t, testenv.MariaDBOptions{})
	db := server.Database(t)
	mark := apply(t, lead(t, db, store.Mark{}), storetest.FirstRun(4, 2))
	file, i := dump(t, db), debian(t, false)
	mark = forget(t, db, mark)
	// cut restores, but for the nth statement and what comes after it.
	cut := func(n int) (statements []string, err error) {
		through := newProxy(t, db)
		through.cutAt = int64(n)
		through.before = func(text string) { statements = append(statements, text) }
		_, err = i.run(t, backup.RestoreScript, through.db(db), file)
		through.close()
		return statements, err
	}
	statements, err := cut(0)
	if err != nil || gate(t, db) != "forgot" {
		t.Fatalf("restoring: %v, the gate is %s", err, gate(t, db))
	}
	for n, statement := range statements {
		if strings.HasPrefix(statement, "/*") || strings.HasPrefix(statement, "PREPARE") || strings.HasPrefix(statement, "DEALLOCATE") {
			continue // nothing lasts that was between these
		}
		if _, err := cut(n + 1); err == nil {
			t.Fatalf("cut at %.80s: no error", statement)
		}
		// Half loads are loaded over also, and whoever can lead meanwhile knows it.
		if !strings.Contains(statement, "multi_epoch") && !strings.Contains(statement, "multi_schema_version") {
			if l, err := open(t, db).Lead(t.Context(), mark); err == nil && (l.GateOpen() || !l.Unremembered()) {
				t.Fatalf("cut at %.80s: led, the gate is open: %t, and it is known as remembered by nobody: %t", statement, l.GateOpen(), l.Unremembered())
			}
			continue
		}
		restore(t, db, file)
		if got := gate(t, db); got != "forgot" {
			t.Fatalf("cut at %.80s and restored again: the gate is %s, want forgot", statement, got)
		}
	}
	restore(t, db, file)
	if l := lead(t, db, mark); l.GateOpen() || !l.Unremembered() {
		t.Errorf("at last the gate is open: %t, and it is known as remembered by nobody: %t", l.GateOpen(), l.Unremembered())
	}
}

// TestADumpOfAnotherClusterIsLedOnceItsOwnerIsTakenOff: as the guide says.
func TestADumpOfAnotherClusterIsLedOnceItsOwnerIsTakenOff(t *testing.T) {
	t.Parallel()
	db, _, _ := published(t, 3)
	file, elsewhere := dump(t, db), testenv.Database(t)
	restore(t, elsewhere, file)
	other, err := store.Open(store.Config{Host: elsewhere.Host, Port: elsewhere.Port, User: elsewhere.User, Password: elsewhere.Password, Database: elsewhere.Name, Cluster: "another/multinic-system"})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.Lead(t.Context(), store.Mark{}); !errors.Is(err, store.ErrForeignOwner) {
		t.Errorf("leading what another cluster owns: %v", err)
	}
	run(t, elsewhere, "UPDATE multi_epoch SET owner = ''")
	if l, err := other.Lead(t.Context(), store.Mark{}); err != nil || l.GateOpen() {
		t.Errorf("leading what nobody owns: %v; it is to be shut until all is published", err)
	}
}

func TestALeaderNoticesThatADumpWasLoaded(t *testing.T) {
	t.Parallel()
	db, l, mark := published(t, 3)
	file := dump(t, db)
	for _, name := range []string{"its own, of now", "an older one"} { // in this order: the dump gets older
		if name == "an older one" {
			mark = apply(t, l, storetest.FirstRun(5, 2))
		}
		load(t, db, file)
		// What the controller does every few seconds.
		_, err := l.AppliedByObject(t.Context())
		if err = errors.Join(err, l.Check(t.Context())); !errors.Is(err, store.ErrReplaced) {
			t.Errorf("%s: the leader is told %v, want ErrReplaced", name, err)
		}
		if _, err := l.Apply(t.Context(), storetest.FirstRun(2, 2), nil); err == nil {
			t.Errorf("%s: the leader goes on writing", name)
		}
		l = lead(t, db, mark)
		if l.GateOpen() != (name == "its own, of now") {
			t.Errorf("%s: led anew, the gate is open: %t", name, l.GateOpen())
		}
		if !l.GateOpen() {
			mark = apply(t, l, storetest.FirstRun(5, 2))
			if err := l.Admit(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		agents(t, db.Open(t), 3)
	}
}

func TestAFileThatIsNoWholeBackupChangesNothing(t *testing.T) {
	t.Parallel()
	db, l, mark := published(t, 3)
	whole := dump(t, db)
	packed, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	sql := text(t, whole)
	files := map[string]string{
		"without its end":           zipped(t, sql[:len(sql)-60]),
		"half of it":                zipped(t, sql[:len(sql)/2]),
		"another program's":         zipped(t, "-- MySQL dump\nDROP TABLE IF EXISTS multi_interface;\n-- Dump completed\n"),
		"with the table open":       zipped(t, strings.ReplaceAll(sql, "multi_interface_shut_0`", "multi_interface`")),
		"with two tables":           zipped(t, strings.Replace(sql, "CREATE TABLE `multi_claim` (", "CREATE TABLE `multi_interface_shut_0` (", 1)),
		"without a table":           zipped(t, strings.Replace(sql, "CREATE TABLE `multi_claim` (", "CREATE TABLE `multi_other` (", 1)),
		"of another format":         zipped(t, strings.Replace(sql, "format 1", "format 2", 1)),
		"with something at its end": zipped(t, sql+"DROP TABLE multi_claim;\n"),
	}
	for name, raw := range map[string][]byte{
		"cut off": packed[:len(packed)-9], "damaged": append(slices.Clone(packed[:len(packed)/2]), append([]byte("ouch"), packed[len(packed)/2+4:]...)...),
		"empty": {}, "not compressed": []byte(sql), "with junk after it": append(slices.Clone(packed), "junk"...),
	} {
		files[name] = zipped(t, "")
		if err := os.WriteFile(files[name], raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files["missing"] = whole + ".not"
	files["with damaged rows"] = zipped(t, sql)
	if err := os.WriteFile(files["with damaged rows"]+backup.RowsSuffix, []byte("multi_claim 1;DROP\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := contentsOf(t, db, tablesOf(t, db)...)
	for name, i := range images(t) {
		for what, file := range files {
			if what == "with junk after it" && name == "busybox" {
				continue // its gzip doesn't mind: what comes after the end isn't read
			}
			if output, err := i.run(t, backup.LoadScript, db, file); err == nil || !strings.Contains(output, "multinic: ") {
				t.Errorf("%s: a file %s: %v with %q, want a failure that says why", name, what, err, output)
			}
		}
	}
	if contentsOf(t, db, tablesOf(t, db)...) != before || l.Check(t.Context()) != nil || l.Mark() != mark {
		t.Error("the database was changed")
	}
}

func TestTablesOfAnotherApplicationAreLeftAlone(t *testing.T) {
	t.Parallel()
	db, _, _ := published(t, 1)
	file, target := dump(t, db), testenv.Database(t)
	run(t, target, "CREATE TABLE node_table (id INT PRIMARY KEY)", "INSERT INTO node_table VALUES (7)")
	output, err := debian(t, false).run(t, backup.LoadScript, target, file)
	if err == nil || !strings.Contains(output, "table node_table and no multi_schema_version") {
		t.Errorf("%v with %q, want a refusal that names the table", err, output)
	}
	if got := lines(t, target, "SELECT id FROM node_table"); !slices.Equal(got, []string{"7"}) || len(tablesOf(t, target)) != 1 {
		t.Errorf("their table has %v", got)
	}
	run(t, target, "DROP TABLE node_table", "CREATE TABLE wordpress (id INT)")
	load(t, target, file)
	if !slices.Contains(tablesOf(t, target), "wordpress") {
		t.Error("a table of another name is gone")
	}
}

func TestRowsThatAreMissingAreNoticedBeforeAnyoneLeads(t *testing.T) {
	t.Parallel()
	db, _, mark := published(t, 3)
	file := dump(t, db)
	for name, i := range images(t) {
		target := testenv.Database(t)
		for rows, want := range map[string]bool{"multi_claim 3\nmulti_interface_shut_0 3\n": true, "multi_claim 3\nmulti_interface_shut_0 4\n": false} {
			if err := os.WriteFile(file+backup.RowsSuffix, []byte(rows), 0o600); err != nil {
				t.Fatal(err)
			}
			output, err := i.run(t, backup.LoadScript, target, file)
			if (err == nil) != want {
				t.Errorf("%s: loading with %q: %v\n%s", name, rows, err, output)
			}
			if want {
				lead(t, target, mark)
				continue
			}
			if !strings.Contains(output, "table multi_interface_shut_0 holds 3 rows instead of 4") {
				t.Errorf("%s: the output does not say what is missing:\n%s", name, output)
			}
			if _, err := open(t, target).Lead(t.Context(), mark); !errors.Is(err, store.ErrLoading) {
				t.Errorf("%s: leading: %v, want ErrLoading", name, err)
			}
		}
	}
}

func TestALoadThatDiesAtAnyStatementIsMadeWholeByTheNext(t *testing.T) {
	t.Parallel()
	server := testenv.NewMariaDB(t, testenv.MariaDBOptions{})
	db := server.Database(t)
	mark := apply(t, lead(t, db, store.Mark{}), storetest.FirstRun(4, 2))
	file, pool, i := dump(t, db), db.Open(t), debian(t, false)
	if err := os.WriteFile(file+backup.RowsSuffix, []byte("multi_interface_shut_0 4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for step := int64(1); ; step++ {
		through := newProxy(t, db)
		through.cutAt = step
		output, err := i.run(t, backup.LoadScript, through.db(db), file)
		through.close()
		if (err != nil) != (through.seen.Load() >= step) {
			t.Fatalf("cut at statement %d of %d: %v\n%s", step, through.seen.Load(), err, output)
		}
		// Whoever leads now must not show agents less than all.
		agents(t, pool, 4)
		if l, leadErr := open(t, db).Lead(t.Context(), mark); leadErr != nil {
			refused++
		} else if l.GateOpen() && !agents(t, pool, 4) {
			t.Fatalf("cut at statement %d: led, and the gate is open without a table", step)
		}
		if err == nil {
			break
		}
		if step%5 == 0 { // not at each: half loads are loaded over also
			load(t, db, file)
			if l := lead(t, db, mark); !l.GateOpen() || l.Mark() != mark || !agents(t, pool, 4) {
				t.Fatalf("cut at statement %d and loaded again: gate open %t, mark %+v; want open and %+v", step, l.GateOpen(), l.Mark(), mark)
			}
		}
	}
	if refused < 40 {
		t.Errorf("in %d states nobody could lead; most of a load's should be so", refused)
	}
	if l := lead(t, db, mark); !l.GateOpen() || !agents(t, pool, 4) {
		t.Error("the last load left the gate shut")
	}
}

func TestSecretsAreInNoCommandLine(t *testing.T) {
	t.Parallel()
	server := testenv.NewMariaDB(t, testenv.MariaDBOptions{})
	db := server.Database(t)
	plan := storetest.FirstRun(400, 100)
	for i := range plan.History {
		plan.History[i].Detail = strings.Repeat("x", 2000) // so that it takes a while
	}
	apply(t, lead(t, db, store.Mark{}), plan)
	stop := make(chan struct{})
	found := make(chan int)
	go func() {
		looks := 0
		for {
			select {
			case <-stop:
				found <- looks
				return
			default:
			}
			processes, err := os.ReadDir("/proc")
			if err != nil {
				found <- -1
				return
			}
			for _, p := range processes {
				line, err := os.ReadFile("/proc/" + p.Name() + "/cmdline")
				if err != nil {
					continue
				}
				if bytes.Contains(line, []byte(db.Password)) {
					t.Errorf("the password is in a command line: %q", bytes.ReplaceAll(line, []byte{0}, []byte{' '}))
				}
				if bytes.Contains(line, []byte("--user="+db.User)) {
					looks++
				}
			}
		}
	}()
	file := dump(t, db)
	load(t, db, file)
	close(stop)
	switch looks := <-found; {
	case looks < 0:
		t.Skip("this system has no /proc")
	case looks == 0:
		t.Error("no client was seen: the test looks in the wrong place")
	}
}
