// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package dbadmin

import (
	"context"
	"database/sql"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/xormsdhkdwk/multinic/internal/mariadb"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// bed is a server of a test's own whose root logs in from anywhere.
type bed struct {
	*testenv.MariaDB
	t   testing.TB
	log string // the server's general log
}

func newBed(t testing.TB, args ...string) *bed {
	t.Helper()
	log := filepath.Join(t.TempDir(), "general.log")
	args = append([]string{"--general-log", "--general-log-file=" + log}, args...)
	b := &bed{testenv.NewMariaDB(t, testenv.MariaDBOptions{Args: args}), t, log}
	hash := mariadb.NativeHash(b.RootPassword)
	b.exec("DROP USER IF EXISTS root@'::1'", "DROP USER root@127.0.0.1", "CREATE USER root@'%' IDENTIFIED BY PASSWORD '"+hash+"'",
		"GRANT ALL PRIVILEGES ON *.* TO root@'%' WITH GRANT OPTION")
	return b
}

// exec runs statements as root by the socket.
func (b *bed) exec(statements ...string) {
	b.t.Helper()
	root, err := b.Root()
	if err != nil {
		b.t.Fatal(err)
	}
	defer root.Close()
	for _, text := range statements {
		if _, err := root.ExecContext(b.t.Context(), text); err != nil {
			b.t.Fatalf("%s: %v", text, err)
		}
	}
}

// texts reads the last column of every row, as root.
func (b *bed) texts(query string) (out []string) {
	b.t.Helper()
	root, err := b.Root()
	if err != nil {
		b.t.Fatal(err)
	}
	defer root.Close()
	rows, err := root.QueryContext(b.t.Context(), query)
	if err != nil {
		b.t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			b.t.Fatal(err)
		}
		out = append(out, line)
	}
	return out
}

func (b *bed) server() Server { return Server{Host: b.Host, Port: b.Port} }

func (b *bed) connect(passwords ...string) *Admin {
	b.t.Helper()
	if len(passwords) == 0 {
		passwords = []string{b.RootPassword}
	}
	a, _, err := Connect(b.t.Context(), b.server(), passwords...)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { a.Close() })
	return a
}

// wanted is what an operator would want at first.
func (b *bed) wanted() Wanted {
	return Wanted{
		RootPassword: b.RootPassword, Database: "multi_nic", User: Account{"multinic", "first of user"},
		Probe: Account{"multinic_probe", "of the probe"}, Agents: "agent",
	}
}

func (b *bed) ensure(a *Admin, w Wanted) []string {
	b.t.Helper()
	changed, err := a.Ensure(b.t.Context(), w)
	if err != nil {
		b.t.Fatalf("Ensure: %v, after %q", err, changed)
	}
	return changed
}

// pool logs in as anybody.
func (b *bed) pool(account Account, database string) *sql.DB {
	b.t.Helper()
	d, err := b.server().driver(account, database)
	if err != nil {
		b.t.Fatal(err)
	}
	db, err := mariadb.Open(d)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { db.Close() })
	return db
}

// takes says whether the server lets an account in.
func (b *bed) takes(account Account) bool {
	b.t.Helper()
	db := b.pool(account, "")
	defer db.Close()
	err := db.PingContext(b.t.Context())
	if err != nil && !wrongPassword(err) {
		b.t.Fatal(err)
	}
	return err == nil
}

func (b *bed) generalLog() string {
	b.t.Helper()
	content, err := os.ReadFile(b.log)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(content)
}

// death ends a connection at a statement.
type death struct {
	at      int64 // the first is 1; 0: never
	after   bool  // the server has executed it, and only the answer is lost
	counts  func(text string) bool
	counted atomic.Int64
}

func (d *death) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &mortal{conn, d}, nil
}

type mortal struct {
	net.Conn

	death *death
}

// Write sees what the driver writes in one piece: three bytes of length, one of
// sequence, which is 0 for a command; COM_QUERY is 3.
func (m *mortal) Write(p []byte) (int, error) {
	if len(p) < 5 || p[3] != 0 || p[4] != 3 || !m.death.counts(string(p[5:])) || m.death.counted.Add(1) != m.death.at {
		return m.Conn.Write(p)
	}
	if m.death.after {
		if _, err := m.Conn.Write(p); err != nil {
			return 0, err
		}
		_, _ = m.Conn.Read(make([]byte, 1)) // the server has answered
	}
	m.Close()
	return len(p), nil
}

// writesAccounts says that a statement changes accounts.
func writesAccounts(text string) bool {
	for _, verb := range []string{"CREATE ", "ALTER ", "DROP ", "GRANT ", "REVOKE ", "SET PASSWORD"} {
		if strings.HasPrefix(text, verb) {
			return true
		}
	}
	return false
}
