// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv_test

import (
	"context"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/test/testenv"
)

func TestEachTestHasADatabaseThatOthersCannotSee(t *testing.T) {
	t.Parallel()
	mine, theirs := testenv.Database(t), testenv.Database(t)
	if mine.Name == theirs.Name {
		t.Fatalf("two databases of one name: %s", mine.Name)
	}
	pool := mine.Open(t)
	if _, err := pool.ExecContext(t.Context(), "CREATE TABLE a (id INT PRIMARY KEY)"); err != nil {
		t.Fatalf("the account cannot use its own database: %v", err)
	}
	if _, err := pool.ExecContext(t.Context(), "CREATE TABLE "+theirs.Name+".a (id INT PRIMARY KEY)"); err == nil {
		t.Fatal("the account wrote into another test's database")
	}
}

func TestADatabaseIsDroppedAtTheEndOfItsTest(t *testing.T) {
	t.Parallel()
	server := testenv.NewMariaDB(t, testenv.MariaDBOptions{})
	var left testenv.DB
	t.Run("a test", func(t *testing.T) { left = server.Database(t) })
	root, err := server.Root()
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	var databases, accounts int
	row := root.QueryRowContext(t.Context(), `SELECT (SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = ?),
		(SELECT COUNT(*) FROM mysql.user WHERE user = ?)`, left.Name, left.User)
	if err := row.Scan(&databases, &accounts); err != nil {
		t.Fatal(err)
	}
	if databases != 0 || accounts != 0 {
		t.Fatalf("left behind: %d databases, %d accounts", databases, accounts)
	}
}

func TestAServerComesBackWithItsDataOnItsPort(t *testing.T) {
	t.Parallel()
	ends := map[string]func(*testenv.MariaDB){
		"stopped": (*testenv.MariaDB).Stop,
		"killed":  (*testenv.MariaDB).Kill,
		"killed while frozen": func(m *testenv.MariaDB) {
			if err := m.Freeze(); err != nil {
				panic(err)
			}
			m.Kill()
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := testenv.NewMariaDB(t, testenv.MariaDBOptions{})
			pool := server.Database(t).Open(t)
			mustExec(t, pool.ExecContext, "CREATE TABLE a (id INT PRIMARY KEY)")
			mustExec(t, pool.ExecContext, "INSERT INTO a VALUES (7)")

			end(server)
			if err := pool.PingContext(t.Context()); err == nil {
				t.Fatal("the server still answers")
			}
			if err := server.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			var id int
			if err := pool.QueryRowContext(t.Context(), "SELECT id FROM a").Scan(&id); err != nil || id != 7 {
				t.Fatalf("the committed row is lost: id %d, %v", id, err)
			}
		})
	}
}

func TestAFrozenServerAnswersNothingUntilThawed(t *testing.T) {
	t.Parallel()
	server := testenv.NewMariaDB(t, testenv.MariaDBOptions{})
	pool := server.Database(t).Open(t)
	if err := pool.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := server.Freeze(); err != nil {
		t.Fatal(err)
	}
	brief, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := pool.PingContext(brief); err == nil {
		t.Fatal("a frozen server answered")
	}
	if err := server.Thaw(); err != nil {
		t.Fatal(err)
	}
	if err := pool.PingContext(t.Context()); err != nil {
		t.Fatalf("a thawed server does not answer: %v", err)
	}
}

func TestAServerThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	_, err := testenv.StartMariaDB(t.Context(), testenv.MariaDBOptions{Args: []string{"--no-such-option"}})
	if err == nil {
		t.Fatal("no error")
	}
	if !contains(err.Error(), "no-such-option") {
		t.Fatalf("the error hides what mariadbd said: %v", err)
	}
}
