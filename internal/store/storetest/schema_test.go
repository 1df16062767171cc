// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// contract is the table of the contract's section 5: column, type, NULL or not,
// default.
var contract = map[string]string{
	"multi_subnet": `id bigint(20) NO NULL
subnet_id varchar(64) NO NULL
subnet_name varchar(255) NO NULL
cidr varchar(64) NO NULL
network_id varchar(64) NO NULL
mtu int(11) YES NULL
status varchar(16) NO NULL
created_at datetime(6) NO NULL
modified_at datetime(6) NO NULL
deleted_at datetime(6) YES NULL
PRIMARY: id
subnet_id: subnet_id`,
	"multi_interface": `id bigint(20) NO NULL
port_id varchar(64) NO NULL
subnet_id varchar(64) NO NULL
macaddress varchar(64) NO NULL
address varchar(45) YES NULL
mtu int(11) YES NULL
attached_node_id varchar(64) NO NULL
attached_node_name varchar(255) YES NULL
cr_namespace varchar(63) NO NULL
cr_name varchar(253) NO NULL
status varchar(16) NO NULL
netplan_success tinyint(1) NO 0
created_at datetime(6) NO NULL
modified_at datetime(6) NO NULL
deleted_at datetime(6) YES NULL
PRIMARY: id
port_id: port_id
attached_node_id -> node_table.attached_node_id
subnet_id -> multi_subnet.subnet_id`,
	"node_table": `id bigint(20) NO NULL
attached_node_id varchar(64) NO NULL
attached_node_name varchar(255) NO NULL
status varchar(16) NO NULL
created_at datetime(6) NO NULL
modified_at datetime(6) NO NULL
deleted_at datetime(6) YES NULL
PRIMARY: id
attached_node_id: attached_node_id`,
}

// lines reads rows of one text each.
func lines(t testing.TB, db testenv.DB, query string, args ...any) []string {
	t.Helper()
	pool := db.Open(t)
	defer pool.Close()
	rows, err := pool.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		out = append(out, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTheAgentsTablesAreTheContracts(t *testing.T) {
	t.Parallel()
	_, db := leader(t)
	for table, want := range contract {
		got := lines(t, db, `SELECT CONCAT_WS(' ', column_name, column_type, is_nullable, COALESCE(column_default, 'NULL'))
			FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ? ORDER BY ordinal_position`, table)
		got = append(got, lines(t, db, `SELECT CONCAT(index_name, ': ', GROUP_CONCAT(column_name ORDER BY seq_in_index))
			FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = ? AND non_unique = 0
			GROUP BY index_name ORDER BY index_name = 'PRIMARY' DESC, index_name`, table)...)
		got = append(got, lines(t, db, `SELECT CONCAT(column_name, ' -> ', referenced_table_name, '.', referenced_column_name)
			FROM information_schema.key_column_usage WHERE table_schema = DATABASE() AND table_name = ? AND referenced_table_name IS NOT NULL
			ORDER BY column_name`, table)...)
		if diff := cmp.Diff(want, strings.Join(got, "\n")); diff != "" {
			t.Errorf("%s differs from the contract (-contract +database):\n%s", table, diff)
		}
	}
	if n := number(t, db, `SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE()
		AND table_name = 'multi_interface' AND column_name = 'attached_node_name' AND seq_in_index = 1`); n == 0 {
		t.Error("agent M's search by attached_node_name has no index")
	}
}

func TestEveryTableIsInnoDBWithAPrimaryKey(t *testing.T) {
	t.Parallel()
	_, db := leader(t)
	// Galera replicates neither other engines nor tables without a key.
	if bad := lines(t, db, `SELECT table_name FROM information_schema.tables t WHERE table_schema = DATABASE() AND (engine <> 'InnoDB'
		OR NOT EXISTS (SELECT 1 FROM information_schema.statistics s WHERE s.table_schema = t.table_schema
		AND s.table_name = t.table_name AND s.index_name = 'PRIMARY'))`); bad != nil {
		t.Errorf("not InnoDB with a primary key: %v", bad)
	}
}

func TestFourReplicasMigrateAtOnce(t *testing.T) {
	t.Parallel()
	db := testenv.Database(t)
	errs := make([]error, 4)
	var wait sync.WaitGroup
	for i := range errs {
		s := open(t, config(t, db))
		wait.Go(func() { _, errs[i] = s.Lead(t.Context(), store.Mark{}) })
	}
	wait.Wait()
	last := 0
	for _, err := range errs {
		switch {
		case err == nil:
			last++
		case !errors.Is(err, store.ErrDeposed): // one of the others came first
			t.Errorf("a replica could not lead: %v", err)
		}
	}
	if last == 0 {
		t.Error("no replica leads")
	}
	if n := number(t, db, "SELECT COUNT(*) FROM multi_schema_version WHERE version_id > 0"); n != latestVersion {
		t.Errorf("%d migrations are written down, want each of %d once", n, latestVersion)
	}
}

// latestVersion is the newest migration.
const latestVersion = 3

func TestAnOlderSchemaIsUpgradedWithItsRows(t *testing.T) {
	t.Parallel()
	for version := 1; version < latestVersion; version++ {
		db := testenv.Database(t)
		migrateTo(t, db, int64(version))
		exec(t, db, "INSERT INTO multi_subnet VALUES (7, 's', 'net', '10.0.0.0/8', 'n', NULL, 'active', NOW(), NOW(), NULL)")
		l := lead(t, open(t, config(t, db)), store.Mark{})
		apply(t, l, FirstRun(2, 2))
		if n := number(t, db, "SELECT id FROM multi_subnet WHERE subnet_id = 's'"); n != 7 {
			t.Errorf("from version %d: the row's id is %d, want 7", version, n)
		}
	}
}

// migrateTo makes the schema of an earlier version, as that version did.
func migrateTo(t testing.TB, db testenv.DB, version int64) {
	t.Helper()
	provider, err := goose.NewProvider(goose.DialectMySQL, db.Open(t), store.Migrations(), goose.WithTableName("multi_schema_version"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
}

func TestAMigrationThatDiedHalfWayIsFinished(t *testing.T) {
	t.Parallel()
	db := testenv.Database(t)
	migrateTo(t, db, 1)
	// As if killed after the statements and before the version was written.
	exec(t, db, "DELETE FROM multi_schema_version WHERE version_id = 1")
	exec(t, db, "DROP TABLE multi_interface_shut_0")
	lead(t, open(t, config(t, db)), store.Mark{})
}

func TestANewerSchemaIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	_, db := leader(t)
	exec(t, db, "INSERT INTO multi_schema_version (version_id, is_applied) VALUES (99, 1)")
	exec(t, db, "ALTER TABLE multi_claim DROP COLUMN cloud") // whatever that version does
	fencing := number(t, db, "SELECT fencing FROM multi_epoch")
	_, err := open(t, config(t, db)).Lead(t.Context(), store.Mark{})
	if !errors.Is(err, store.ErrNewerSchema) {
		t.Fatalf("leading: %v, want ErrNewerSchema", err)
	}
	if n := number(t, db, "SELECT fencing FROM multi_epoch"); n != fencing {
		t.Error("a refused database was written to")
	}
}

// TestADatabaseThatIsBeingLoadedIsRefused: load.sh has two versions that say so, and
// either is enough.
func TestADatabaseThatIsBeingLoadedIsRefused(t *testing.T) {
	t.Parallel()
	_, db := leader(t)
	s := open(t, config(t, db))
	for _, version := range []string{"999999999", "1000000000"} {
		exec(t, db, "INSERT INTO multi_schema_version (version_id, is_applied) VALUES ("+version+", 1)")
		if _, err := s.Lead(t.Context(), store.Mark{}); !errors.Is(err, store.ErrLoading) {
			t.Errorf("leading version %s: %v, want ErrLoading", version, err)
		}
		exec(t, db, "DELETE FROM multi_schema_version WHERE version_id = "+version)
	}
}

func TestTablesOfAnotherApplicationAreRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"node_table", "multi_interface", "multi_schema_version", "multi_epoch"} {
		db := testenv.Database(t)
		exec(t, db, "CREATE TABLE "+table+" (id INT PRIMARY KEY, theirs INT)")
		_, err := open(t, config(t, db)).Lead(t.Context(), store.Mark{})
		if !errors.Is(err, store.ErrForeignTables) || !strings.Contains(err.Error(), table) {
			t.Errorf("leading: %v, want ErrForeignTables that names %s", err, table)
		}
		if n := number(t, db, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()"); n != 1 {
			t.Errorf("a refused database has %d tables, want theirs alone", n)
		}
	}
}

func TestTablesOfOtherNamesAreNoConflict(t *testing.T) {
	t.Parallel()
	db := testenv.Database(t)
	exec(t, db, "CREATE TABLE wordpress (id INT PRIMARY KEY)")
	exec(t, db, "CREATE TABLE multi_interface_shutters (id INT PRIMARY KEY)")
	apply(t, lead(t, open(t, config(t, db)), store.Mark{}), FirstRun(2, 2))
}

func TestADamagedSchemaIsRefused(t *testing.T) {
	t.Parallel()
	_, db := leader(t)
	exec(t, db, "DROP TABLE multi_claim")
	if _, err := open(t, config(t, db)).Lead(t.Context(), store.Mark{}); !errors.Is(err, store.ErrForeignTables) {
		t.Errorf("leading without multi_claim: %v, want an error that says so", err)
	}
}

func TestAReadOnlyServerIsRefused(t *testing.T) {
	t.Parallel()
	server, db := ownServer(t)
	s := open(t, config(t, db))
	asRoot(t, server, "SET GLOBAL read_only = 1")
	if _, err := s.Lead(t.Context(), store.Mark{}); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("leading an empty one: %v, want ErrReadOnly", err)
	}
	asRoot(t, server, "SET GLOBAL read_only = 0")
	l := lead(t, s, store.Mark{})
	asRoot(t, server, "SET GLOBAL read_only = 1")
	if _, err := s.Lead(t.Context(), store.Mark{}); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("leading a migrated one: %v, want ErrReadOnly", err)
	}
	asRoot(t, server, "SET GLOBAL read_only = 0")
	l = lead(t, s, l.Mark())
	asRoot(t, server, "SET GLOBAL read_only = 1")
	if _, err := l.Apply(t.Context(), FirstRun(1, 1), nil); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("applying: %v, want ErrReadOnly", err)
	}
	asRoot(t, server, "SET GLOBAL read_only = 0")
	apply(t, l, FirstRun(1, 1))
}

func TestAMissingDatabaseIsMade(t *testing.T) {
	t.Parallel()
	server, db := ownServer(t)
	asRoot(t, server, "DROP DATABASE "+db.Name)
	l := lead(t, open(t, config(t, db)), store.Mark{Epoch: "e", Generation: 4, Sequence: 9})
	if l.GateOpen() || l.Mark().Generation != 5 {
		t.Errorf("a database that replaces a lost one: gate open %t, mark %+v; want shut, generation 5", l.GateOpen(), l.Mark())
	}
}

func TestAWrongPasswordIsAClearErrorThatDoesNotShowIt(t *testing.T) {
	t.Parallel()
	cfg := config(t, testenv.Database(t))
	cfg.Password = "swordfish"
	s := open(t, cfg)
	for name, try := range map[string]func(context.Context) error{
		"Ping": s.Ping,
		"Lead": func(ctx context.Context) error { _, err := s.Lead(ctx, store.Mark{}); return err },
	} {
		err := try(t.Context())
		if !errors.Is(err, store.ErrCredentials) || strings.Contains(err.Error(), "swordfish") {
			t.Errorf("%s: %v, want ErrCredentials without the password", name, err)
		}
	}
}

func TestADatabaseOfAnotherClusterIsRefusedUnlessAdopted(t *testing.T) {
	t.Parallel()
	l, db := leader(t)
	apply(t, l, FirstRun(1, 1))
	cfg := config(t, db)
	cfg.Cluster = "another/multinic-system"
	_, err := open(t, cfg).Lead(t.Context(), store.Mark{})
	if !errors.Is(err, store.ErrForeignOwner) || !strings.Contains(err.Error(), cluster) {
		t.Fatalf("leading: %v, want ErrForeignOwner that names the owner", err)
	}
	if err := l.Check(t.Context()); err != nil {
		t.Errorf("the owner was disturbed: %v", err)
	}
	cfg.AdoptDatabase = true
	lead(t, open(t, cfg), store.Mark{})
	if err := l.Check(t.Context()); !errors.Is(err, store.ErrForeignOwner) {
		t.Errorf("the former owner's check: %v, want ErrForeignOwner", err)
	}
}

func TestASessionIsTheSameWhateverTheServersDefaults(t *testing.T) {
	t.Parallel()
	_, db := ownServer(t, "--default-time-zone=+09:00", "--sql-mode=ANSI,NO_BACKSLASH_ESCAPES", "--transaction-isolation=READ-UNCOMMITTED",
		"--collation-server=utf8mb4_unicode_ci")
	s := open(t, withAgent(config(t, db)))
	l := lead(t, s, store.Mark{})
	plan := FirstRun(1, 1)
	plan.Interfaces[0].Row.Owner.Name = `back\slash'quote`
	apply(t, l, plan)
	got := view(t, l, store.ViewQuery{Ports: []string{UUID('p', 0)}})
	if name := got.Interfaces[UUID('p', 0)].Owner.Name; name != `back\slash'quote` {
		t.Errorf("the name came back as %q", name)
	}
	if since := got.Claims[0].Since; !since.Equal(Start) {
		t.Errorf("a time came back as %v, want %v", since, Start)
	}
	var created sql.NullTime
	pool := db.Open(t)
	if err := pool.QueryRowContext(t.Context(), "SELECT created_at FROM multi_interface").Scan(&created); err != nil || !created.Time.Equal(Start) {
		t.Errorf("created_at is %v, %v; want %v in UTC", created.Time, err, Start)
	}
}
