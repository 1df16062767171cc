// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package backup_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/xormsdhkdwk/multinic/internal/backup"
	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/internal/store/storetest"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

func TestADumpRestoresShutInEveryImage(t *testing.T) {
	t.Parallel()
	for name, i := range images(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, _, mark := published(t, 4)
			file := filepath.Join(t.TempDir(), "dump.sql.gz")
			if output, err := i.run(t, backup.DumpScript, db, file); err != nil {
				t.Fatalf("dumping: %v\n%s", err, output)
			}
			if left, _ := filepath.Glob(file + "?*"); left != nil {
				t.Errorf("%v are left beside the dump", left)
			}
			target := testenv.Database(t)
			if output, err := i.run(t, backup.LoadScript, target, file); err != nil {
				t.Fatalf("loading: %v\n%s", err, output)
			}
			want := tablesOf(t, db)
			want[slices.Index(want, "multi_interface")] = "multi_interface_shut_0"
			want = slices.DeleteFunc(want, func(table string) bool { return table == "multi_schema_lock" })
			if got := tablesOf(t, target); !slices.Equal(got, want) {
				t.Errorf("restored tables are %v, want %v", got, want)
			}
			if agents(t, target.Open(t), 4) {
				t.Error("agents can read a database that no controller has looked at")
			}
			if got := constraints(t, target); !slices.Equal(got, []string{"multi_interface_shut_0_ibfk_1", "multi_interface_shut_0_ibfk_2"}) {
				t.Errorf("the foreign keys are called %v: another table's could have these names", got)
			}
			l := lead(t, target, mark)
			if !l.GateOpen() || l.Mark() != mark || !agents(t, target.Open(t), 4) {
				t.Errorf("gate open %t, mark %+v; want the same as in the dump, %+v, and open", l.GateOpen(), l.Mark(), mark)
			}
			apply(t, l, storetest.FirstRun(6, 2)) // auto-increment and foreign keys are whole
		})
	}
}

func constraints(t testing.TB, db testenv.DB) []string {
	t.Helper()
	return lines(t, db, "SELECT constraint_name FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE() ORDER BY constraint_name")
}

// hostile is text that looks like what the scripts look for.
const hostile = "\nDROP TABLE IF EXISTS `multi_interface`;\nCREATE TABLE `multi_interface` (\nINSERT INTO `multi_interface` VALUES (1);" +
	"\n-- MultiNic: all is there but the version\n-- Dump completed\\\n\r\n\x00\x1a'\"`\\' ;\u2603\U0001F600"

func TestNoDataIsTakenForAStatement(t *testing.T) {
	t.Parallel()
	server := testenv.NewMariaDB(t, testenv.MariaDBOptions{Args: []string{"--sql-mode=ANSI,NO_BACKSLASH_ESCAPES", "--default-time-zone=+09:00"}})
	db := server.Database(t)
	l := lead(t, db, store.Mark{})
	plan := storetest.FirstRun(3, 1)
	for i := range plan.Subnets {
		plan.Subnets[i].Name = hostile
	}
	for i := range plan.PutClaims {
		plan.PutClaims[i].VMRef = hostile
	}
	for i := range plan.History {
		plan.History[i].Detail = strings.Repeat(hostile, 2000) // longer than a line of the dump
	}
	plan.Nodes[1].Name = "INSERT INTO `multi_interface` VALUES"
	apply(t, l, plan)
	tables := slices.DeleteFunc(tablesOf(t, db), func(table string) bool {
		return strings.HasPrefix(table, "multi_interface") || table == "multi_schema_lock"
	})
	want := contentsOf(t, db, tables...) + strings.Replace(contentsOf(t, db, "multi_interface"), "multi_interface", "multi_interface_shut_0", 1)

	file := dump(t, db)
	for name, i := range images(t) {
		target := server.Database(t)
		if output, err := i.run(t, backup.LoadScript, target, file); err != nil {
			t.Fatalf("%s: loading: %v\n%s", name, err, output)
		}
		if got := contentsOf(t, target, append(tables, "multi_interface_shut_0")...); got != want {
			t.Errorf("%s: the restored rows differ", name)
		}
	}
	// The premise of the rewriting: what stands at the beginning of a line.
	begins := regexp.MustCompile("^(--( |$)|/\\*M?![0-9]{5,6} |(DROP|CREATE) TABLE |INSERT INTO `[a-z0-9_]+` VALUES|\\(|  [`A-Z]|\\) ENGINE=|SET |PREPARE |EXECUTE |DEALLOCATE |INSERT INTO multi_schema_version |commit;|set autocommit=0;|$)")
	for line := range strings.Lines(text(t, file)) {
		if !begins.MatchString(strings.TrimSuffix(line, "\n")) {
			t.Errorf("a line of the dump begins with %.60q", line)
		}
	}
	if regexp.MustCompile("(?m)^[A-Z ]+`multi_interface`").MatchString(text(t, file)) {
		t.Error("a statement of the dump is about the agents' table")
	}
}

func TestADumpOfAShutGateIsTheSame(t *testing.T) {
	t.Parallel()
	db, _, mark := published(t, 3)
	mark.Sequence += 5
	l := lead(t, db, mark)
	if l.GateOpen() {
		t.Fatal("the gate is open")
	}
	run(t, db, "CREATE TABLE multi_interface_stray_9 (id INT)", "CREATE TABLE multi_interface_shutters (id INT)",
		"CREATE TABLE wordpress (id INT)", "CREATE VIEW multi_view AS SELECT 1", "CREATE TABLE `multi_Odd name` (id INT)")
	target := testenv.Database(t)
	load(t, target, dump(t, db))
	for _, table := range tablesOf(t, target) {
		if regexp.MustCompile("stray|shutters|wordpress|view|Odd").MatchString(table) {
			t.Errorf("the table %s was dumped", table)
		}
	}
	if l := lead(t, target, l.Mark()); l.GateOpen() {
		t.Error("a gate that was shut when it was dumped is open")
	}
}

func TestADumpUnderLoadIsOfOneMoment(t *testing.T) {
	t.Parallel()
	db, l, _ := published(t, 2)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 2; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			plan := inventory.Plan{
				Subnets: []inventory.SubnetRow{storetest.Subnet(i % 3)}, Nodes: []inventory.NodeRow{storetest.Node(i)},
				Interfaces: []inventory.InterfaceWrite{{Row: storetest.Interface(i, i)}}, PutClaims: []inventory.Claim{storetest.Claim(i, i)},
			}
			if _, err := l.Apply(t.Context(), plan, nil); err != nil {
				t.Errorf("applying while it is dumped: %v", err)
				return
			}
		}
	}()
	var files []string
	for range 5 {
		files = append(files, dump(t, db))
	}
	close(stop)
	<-stopped
	for _, file := range files {
		target := testenv.Database(t)
		load(t, target, file)
		counts := lines(t, target, `SELECT CONCAT_WS(' ', (SELECT COUNT(*) FROM multi_interface_shut_0), (SELECT COUNT(*) FROM multi_claim),
			(SELECT COUNT(*) FROM node_table), (SELECT sequence + 1 FROM multi_epoch))`)
		if parts := strings.Fields(counts[0]); parts[0] != parts[1] || parts[0] != parts[2] || parts[0] != parts[3] {
			t.Errorf("interfaces, claims, nodes, sequence + 1: %s; want all the same", counts)
		}
		if orphans := lines(t, target, "SELECT port_id FROM multi_interface_shut_0 WHERE port_id NOT IN (SELECT port_id FROM multi_claim)"); orphans != nil {
			t.Errorf("interfaces without a claim: %v", orphans)
		}
	}
}

func TestAGateThatMovesDuringADumpSpoilsNoDump(t *testing.T) {
	t.Parallel()
	for moment, statement := range map[string]string{
		"before the snapshot": "^START TRANSACTION",
		"after the snapshot":  "^show create table `cr_state`",
		"before its columns":  "^(select column_name|show fields).*multi_interface",
		"before its rows":     "^SELECT /.* FROM `multi_interface`",
		"after it was read":   "^show create table `multi_subnet`",
		"before the last":     "^show create table `multi_schema_version`",
	} {
		comes := regexp.MustCompile("(?is)" + statement)
		for name, move := range map[string]func(db testenv.DB, l *store.Leader){
			"shut": func(db testenv.DB, l *store.Leader) {
				ahead := l.Mark()
				ahead.Sequence += 5
				lead(t, db, ahead)
			},
			"shut and opened": func(db testenv.DB, l *store.Leader) {
				ahead := l.Mark()
				ahead.Sequence += 5
				l = lead(t, db, ahead)
				apply(t, l, storetest.FirstRun(3, 2))
				if err := l.Admit(t.Context()); err != nil {
					t.Error(err)
				}
			},
			"renamed by hand": func(db testenv.DB, _ *store.Leader) {
				run(t, db, "RENAME TABLE multi_interface TO multi_interface_shut_1")
			},
			"renamed by hand, there and back": func(db testenv.DB, _ *store.Leader) {
				run(t, db, "RENAME TABLE multi_interface TO multi_interface_shut_1", "RENAME TABLE multi_interface_shut_1 TO multi_interface")
			},
		} {
			t.Run(name+" "+moment, func(t *testing.T) {
				t.Parallel()
				db, l, _ := published(t, 3)
				through := newProxy(t, db)
				defer through.close()
				moved := false
				through.before = func(text string) {
					if !moved && comes.MatchString(text) {
						moved = true
						move(db, l)
					}
					if name == "renamed by hand" && moved && strings.HasPrefix(text, "show create table `multi_pending`") {
						run(t, db, "RENAME TABLE multi_interface_shut_1 TO multi_interface")
					}
				}
				file := filepath.Join(t.TempDir(), "dump.sql.gz")
				output, err := debian(t, false).run(t, backup.DumpScript, through.db(db), file)
				switch {
				case !moved:
					t.Fatalf("there is no statement %s: %v\n%s", statement, err, output)
				case err != nil:
					if _, err := os.Stat(file); err == nil {
						t.Errorf("a dump that failed is there: %s", output)
					}
				case !strings.HasPrefix(name, "renamed by hand"):
					t.Error("the dump succeeded, though the gate moved")
				default:
					target := testenv.Database(t)
					load(t, target, file)
					if n := lines(t, target, "SELECT COUNT(*) FROM multi_interface_shut_0"); n[0] != "3" {
						t.Errorf("a dump that succeeded has %s interfaces, want 3", n[0])
					}
				}
			})
		}
	}
}

func TestADumpThatFailsLeavesNoneAndSaysWhy(t *testing.T) {
	t.Parallel()
	db, _, _ := published(t, 2)
	i := debian(t, false)
	for name, try := range map[string]struct {
		env   []string
		spoil string
		want  string
	}{
		"a wrong password":             {env: []string{"DB_PASSWORD=swordfish"}, want: "Access denied"},
		"no host":                      {env: []string{"DB_HOST="}, want: "DB_HOST is not set"},
		"TLS that the server has not":  {env: []string{"DB_TLS=true"}, want: "SSL"},
		"a word that is neither":       {env: []string{"DB_TLS=perhaps"}, want: "DB_TLS=perhaps: want true or false"},
		"another's database":           {spoil: "DROP TABLE multi_epoch", want: "has no table multi_epoch"},
		"two tables":                   {spoil: "CREATE TABLE multi_interface_shut_7 LIKE multi_interface", want: "2 tables of interfaces"},
		"no table":                     {spoil: "DROP TABLE multi_interface", want: "0 tables of interfaces"},
		"a load that is going on":      {spoil: "INSERT INTO multi_schema_version (version_id, is_applied) VALUES (1000000000, 1)", want: "is being loaded"},
		"a table that cannot be read":  {spoil: "CREATE TABLE multi_broken (id INT) ENGINE=MERGE UNION=(nowhere)", want: "multi_broken"},
		"a folder that can't be made":  {env: []string{"BACKUP_FILE=/dev/null/dump"}, want: "/dev/null"},
		"a program that is not there":  {env: []string{"PATH=/nowhere"}, want: "neither of the programs mariadb mysql"},
		"a database that is not there": {env: []string{"DB_NAME=nowhere"}, want: "nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := db
			if try.spoil != "" {
				db, _, _ = published(t, 2)
				run(t, db, try.spoil)
			}
			file := filepath.Join(t.TempDir(), "dump.sql.gz")
			output, err := i.run(t, backup.DumpScript, db, file, try.env...)
			if err == nil || !strings.Contains(output, try.want) {
				t.Errorf("%v, with %q; want a failure that names %q", err, output, try.want)
			}
			if _, err := os.Stat(file); err == nil {
				t.Error("a dump is there all the same")
			}
		})
	}
}
