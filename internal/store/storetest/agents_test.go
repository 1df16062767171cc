// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"database/sql"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

const agentPassword = `a'g"e\nt`

// ownServer is a database on a server of its own, with an account that may make
// accounts.
func ownServer(t testing.TB, args ...string) (*testenv.MariaDB, testenv.DB) {
	t.Helper()
	server := testenv.NewMariaDB(t, testenv.MariaDBOptions{Args: args})
	db := server.Database(t)
	asRoot(t, server, "GRANT CREATE USER ON *.* TO "+db.User+"@'%'", "GRANT GRANT OPTION ON "+db.Name+".* TO "+db.User+"@'%'")
	return server, db
}

func asRoot(t testing.TB, server *testenv.MariaDB, statements ...string) {
	t.Helper()
	root, err := server.Root()
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, text := range statements {
		if _, err := root.ExecContext(t.Context(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

// agent connects like the agents' drivers: TCP, mysql_native_password alone,
// prepared statements.
func agent(t testing.TB, db testenv.DB) *sql.DB {
	t.Helper()
	c := mysql.NewConfig()
	c.Net, c.Addr = "tcp", net.JoinHostPort(db.Host, strconv.Itoa(db.Port))
	c.User, c.Passwd, c.DBName = "agent", agentPassword, db.Name
	c.ParseTime = true
	c.AllowNativePasswords = true
	connector, err := mysql.NewConnector(c)
	if err != nil {
		t.Fatal(err)
	}
	pool := sql.OpenDB(connector)
	t.Cleanup(func() { pool.Close() })
	return pool
}

// mRow is what agent M scans.
type mRow struct {
	id      int
	mac     string
	node    string
	netplan int
	address sql.NullString
	mtu     sql.NullInt64
	cidr    sql.NullString
}

func readAsM(t testing.TB, pool *sql.DB, host string) ([]mRow, error) {
	t.Helper()
	rows, err := pool.QueryContext(t.Context(), AgentMRead, host)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []mRow
	for rows.Next() {
		var r mRow
		if err := rows.Scan(&r.id, &r.mac, &r.node, &r.netplan, &r.address, &r.mtu, &r.cidr); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// readAsG scans into plain types, as agent G does: a NULL is an error.
func readAsG(t testing.TB, pool *sql.DB, node string) (ports []string, err error) {
	t.Helper()
	rows, err := pool.QueryContext(t.Context(), AgentGRead, node)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id, netplan int
		var port, server, name, mac, subnet, subnetName, cidr, network, namespace, object, status string
		var created, modified time.Time
		if err := rows.Scan(&id, &port, &server, &name, &mac, &subnet, &subnetName, &cidr, &network, &namespace, &object,
			&netplan, &status, &created, &modified); err != nil {
			return nil, err
		}
		ports = append(ports, port)
	}
	return ports, rows.Err()
}

func withAgent(cfg store.Config) store.Config {
	cfg.AgentUser, cfg.AgentPassword = "agent", agentPassword
	return cfg
}

func TestBothAgentsReadAndWriteWithTheirOwnStatements(t *testing.T) {
	t.Parallel()
	_, db := ownServer(t)
	l := lead(t, open(t, withAgent(config(t, db))), store.Mark{})
	plan := FirstRun(3, 3)
	plan.Interfaces[2].Row.Address, plan.Interfaces[2].Row.MTU = "", 0 // stored as NULL
	apply(t, l, plan)
	pool := agent(t, db)

	rows, err := readAsM(t, pool, "worker-00001")
	if err != nil || len(rows) != 1 {
		t.Fatalf("agent M reads %v, %v; want one row", rows, err)
	}
	if r := rows[0]; r.mac != "fa:16:3e:00:00:01" || r.address.String != "10.1.0.1" || r.mtu.Int64 != 1450 || r.cidr.String != "10.1.0.0/16" || r.netplan != 0 {
		t.Errorf("agent M reads %+v", r)
	}
	if rows, err := readAsM(t, pool, "Worker-00001"); err != nil || len(rows) != 1 {
		t.Errorf("a guest that spells its host name in capitals reads %v, %v; want its row", rows, err)
	}
	if rows, err := readAsM(t, pool, "worker-00002"); err != nil || len(rows) != 1 || rows[0].address.Valid || rows[0].mtu.Valid {
		t.Errorf("agent M reads %v, %v; want one row with neither address nor MTU", rows, err)
	}
	if ports, err := readAsG(t, pool, "worker-00002.example.com"); err != nil || len(ports) != 1 || ports[0] != UUID('p', 2) {
		t.Errorf("agent G reads %v, %v; want the port of its node", ports, err)
	}

	// To agent M "0 rows changed" is an error, so the time must move too.
	for _, write := range []struct {
		text string
		key  any
	}{{AgentMWrite, rows[0].id}, {AgentGWrite, UUID('p', 2)}} {
		result, err := pool.ExecContext(t.Context(), write.text, 1, write.key)
		if err != nil {
			t.Fatalf("%s: %v", write.text, err)
		}
		if n, _ := result.RowsAffected(); n != 1 {
			t.Errorf("%s changed %d rows, want 1", write.text, n)
		}
	}
	applied, err := l.Applied(t.Context(), []inventory.Key{Object(0)})
	if err != nil {
		t.Fatal(err)
	}
	if applied[UUID('p', 0)] || !applied[UUID('p', 1)] || !applied[UUID('p', 2)] || len(applied) != 3 {
		t.Errorf("applied is %v, want all but the first", applied)
	}
	published, done, err := l.Counts(t.Context())
	if err != nil || published != 3 || done != 2 {
		t.Errorf("counts are %d, %d, %v; want 3 published, 2 applied", published, done, err)
	}
}

func TestAgentsCanDoNothingElse(t *testing.T) {
	t.Parallel()
	_, db := ownServer(t)
	l := lead(t, open(t, withAgent(config(t, db))), store.Mark{})
	apply(t, l, FirstRun(1, 1))
	pool := agent(t, db)
	for _, text := range NotForAgents {
		if _, err := pool.ExecContext(t.Context(), text); err == nil {
			t.Errorf("the agents' account may %s", text)
		}
	}
}

func TestTheAgentsAccountIsRepaired(t *testing.T) {
	t.Parallel()
	server, db := ownServer(t)
	asRoot(t, server, "GRANT SELECT ON mysql.* TO "+db.User+"@'%'") // sees others' rights
	s := open(t, withAgent(config(t, db)))
	lead(t, s, store.Mark{})
	for _, damage := range [][]string{
		{"DROP USER agent@'%'"},
		{"ALTER USER agent@'%' IDENTIFIED BY 'other'"},
		{"ALTER USER agent@'%' REQUIRE SSL"},
		{"REVOKE UPDATE (modified_at) ON " + db.Name + ".multi_interface FROM agent@'%'"},
		{"REVOKE ALL PRIVILEGES, GRANT OPTION FROM agent@'%'"},
		{"GRANT DELETE ON " + db.Name + ".cr_state TO agent@'%'"},
		{"GRANT CREATE ON " + db.Name + ".* TO agent@'%' WITH GRANT OPTION"},
	} {
		asRoot(t, server, damage...)
		l := lead(t, s, store.Mark{})
		pool := agent(t, db)
		if _, err := readAsM(t, pool, "worker-00001"); err != nil {
			t.Errorf("after %v the account is not repaired: %v", damage, err)
		}
		if _, err := pool.ExecContext(t.Context(), AgentMWrite, 1, 1); err != nil {
			t.Errorf("after %v the account is not repaired: %v", damage, err)
		}
		if _, err := pool.ExecContext(t.Context(), "DELETE FROM cr_state"); err == nil {
			t.Errorf("after %v the account may still delete", damage)
		}
		if err := l.Admit(t.Context()); err != nil {
			t.Errorf("admitting twice: %v", err)
		}
	}
}

func TestAnAccountOfSomeoneElseIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, administrator := range []bool{true, false} {
		server, db := ownServer(t)
		if administrator {
			asRoot(t, server, "GRANT SELECT ON mysql.* TO "+db.User+"@'%'") // sees others' rights
		}
		asRoot(t, server, "CREATE DATABASE other", "CREATE ROLE boss")
		l, err := open(t, withAgent(config(t, db))).Lead(t.Context(), store.Mark{})
		if err != nil {
			t.Fatal(err)
		}
		for name, someone := range map[string][]string{
			"an administrator":             {"CREATE USER agent@'%' IDENTIFIED BY 'other'", "GRANT ALL ON *.* TO agent@'%' WITH GRANT OPTION"},
			"the user of another database": {"CREATE USER agent@'%' IDENTIFIED BY 'other'", "GRANT SELECT ON other.* TO agent@'%'"},
			"one with a role":              {"CREATE USER agent@'%' IDENTIFIED BY 'other'", "GRANT boss TO agent@'%'"},
			"one with our password":        {`CREATE USER agent@'%' IDENTIFIED BY 'a''g"e\\nt'`, "GRANT PROCESS ON *.* TO agent@'%'"},
		} {
			asRoot(t, server, someone...)
			before := grants(t, server)
			if err := l.EnsureAgents(t.Context()); !errors.Is(err, store.ErrForeignAccount) {
				t.Errorf("%s, while we see rights %t: %v, want ErrForeignAccount", name, administrator, err)
			}
			if after := grants(t, server); after != before {
				t.Errorf("%s was changed:\n%s\n%s", name, before, after)
			}
			asRoot(t, server, "DROP USER agent@'%'")
		}
	}
}

// grants are the rights of the account agent, and its password's hash.
func grants(t testing.TB, server *testenv.MariaDB) string {
	t.Helper()
	root, err := server.Root()
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	rows, err := root.QueryContext(t.Context(), "SHOW GRANTS FOR agent@'%'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		all.WriteString(line + "\n")
	}
	return all.String()
}

func TestAnAccountThatCannotBeMadeIsAnErrorWithoutItsPasswordAndHoldsNothingUp(t *testing.T) {
	t.Parallel()
	l, err := open(t, withAgent(config(t, testenv.Database(t)))).Lead(t.Context(), store.Mark{})
	if err != nil {
		t.Fatalf("leading without the right to make accounts: %v", err)
	}
	apply(t, l, FirstRun(1, 1))
	if err = l.EnsureAgents(t.Context()); !errors.Is(err, store.ErrCredentials) {
		t.Fatalf("making an account without the right to: %v, want ErrCredentials", err)
	}
	if !strings.Contains(err.Error(), "'agent'") || strings.Contains(err.Error(), agentPassword) {
		t.Errorf("the error is to name the account and not its password: %v", err)
	}
}
