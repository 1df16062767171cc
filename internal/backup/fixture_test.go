// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package backup_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/xormsdhkdwk/multinic/internal/backup"
	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/internal/store/storetest"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

const cluster = "11111111-2222-4333-8444-555555555555/multinic-system"

func open(t testing.TB, db testenv.DB) *store.Store {
	t.Helper()
	s, err := store.Open(store.Config{
		Host: db.Host, Port: db.Port, User: db.User, Password: db.Password, Database: db.Name, Cluster: cluster,
		Clock: clocktesting.NewFakeClock(storetest.Start),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func lead(t testing.TB, db testenv.DB, remembered store.Mark) *store.Leader {
	t.Helper()
	l, err := open(t, db).Lead(t.Context(), remembered)
	if err != nil {
		t.Fatalf("leading: %v", err)
	}
	return l
}

func apply(t testing.TB, l *store.Leader, plan inventory.Plan) store.Mark {
	t.Helper()
	mark, err := l.Apply(t.Context(), plan, nil)
	if err != nil {
		t.Fatalf("applying: %v", err)
	}
	return mark
}

// published is a database in which n interfaces are.
func published(t testing.TB, n int) (testenv.DB, *store.Leader, store.Mark) {
	t.Helper()
	db := testenv.Database(t)
	l := lead(t, db, store.Mark{})
	return db, l, apply(t, l, storetest.FirstRun(n, 2))
}

// image is what a container has: a shell and the programs that it finds.
type image struct{ shell, path string }

// tools are the programs of an image that the scripts may use beside MariaDB's.
var tools = []string{"sed", "gzip", "cat", "mkdir", "mv", "date", "sleep"}

// debian is an image with the system's shell and tools; the client programs go by
// their new names, or, as in MariaDB 10.3, by the old.
func debian(t testing.TB, oldNames bool) image {
	t.Helper()
	i := image{shell: "/bin/sh", path: t.TempDir()}
	for _, tool := range tools {
		i.link(t, find(t, tool), tool)
	}
	i.clients(t, oldNames)
	return i
}

func (i image) clients(t testing.TB, oldNames bool) {
	t.Helper()
	for name, old := range map[string]string{"mariadb": "mysql", "mariadb-dump": "mysqldump"} {
		target := find(t, name, old)
		if oldNames {
			name = old
		}
		i.link(t, target, name)
	}
}

func (i image) link(t testing.TB, target, name string) {
	t.Helper()
	if err := os.Symlink(target, filepath.Join(i.path, name)); err != nil {
		t.Fatal(err)
	}
}

func find(t testing.TB, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("none of the programs %v is installed", names)
	return ""
}

// images are those that the scripts have to work in, as far as this machine has them.
func images(t testing.TB) map[string]image {
	t.Helper()
	all := map[string]image{"new names": debian(t, false), "old names": debian(t, true), "newer defaults": debian(t, false)}
	// mariadb-dump 11.8 wraps rows in transactions unless it is told otherwise.
	dumper := filepath.Join(all["newer defaults"].path, "mariadb-dump")
	script := fmt.Sprintf("#!/bin/sh\nshift\nexec %s --no-defaults --no-autocommit \"$@\"\n", find(t, "mariadb-dump", "mysqldump"))
	if err := errors.Join(os.Remove(dumper), os.WriteFile(dumper, []byte(script), 0o700)); err != nil {
		t.Fatal(err)
	}
	if busybox, err := exec.LookPath("busybox"); err == nil {
		i := image{path: t.TempDir()}
		i.shell = filepath.Join(i.path, "sh")
		for _, applet := range append(tools, "sh") {
			i.link(t, busybox, applet)
		}
		i.clients(t, false)
		all["busybox"] = i
	}
	return all
}

// run runs a script as a container does, which waits for no server unless env says so.
func (i image) run(t testing.TB, script string, db testenv.DB, file string, env ...string) (output string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), i.shell, "-ec", script)
	if filepath.Base(i.shell) == "sh" && i.shell != "/bin/sh" {
		cmd.Args[0] = "sh" // busybox goes by its name
	}
	cmd.Env = slices.Concat([]string{"PATH=" + i.path, "BACKUP_FILE=" + file, "DB_WAIT=0"}, db.Env(), env)
	var all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &all, &all
	cmd.WaitDelay = 10 * time.Second
	err = cmd.Run()
	if strings.Contains(all.String(), db.Password) {
		t.Errorf("a script shows the password:\n%s", all.String())
	}
	return all.String(), err
}

func dump(t testing.TB, db testenv.DB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), ".unfinished", "dump.sql.gz")
	if output, err := debian(t, false).run(t, backup.DumpScript, db, file); err != nil {
		t.Fatalf("dumping: %v\n%s", err, output)
	}
	return file
}

func load(t testing.TB, db testenv.DB, file string) {
	t.Helper()
	if output, err := debian(t, false).run(t, backup.LoadScript, db, file); err != nil {
		t.Fatalf("loading: %v\n%s", err, output)
	}
}

// loadByHand is what a person does.
func loadByHand(t testing.TB, db testenv.DB, file string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), find(t, "mariadb", "mysql"), "--no-defaults", "--protocol=tcp", "--host="+db.Host,
		fmt.Sprintf("--port=%d", db.Port), "--user="+db.User, db.Name)
	cmd.Env = append(cmd.Environ(), "MYSQL_PWD="+db.Password)
	cmd.Stdin = strings.NewReader(text(t, file))
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("loading by hand: %v\n%s", err, output)
	}
}

// text is what is in a compressed file.
func text(t testing.TB, file string) string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(unzipped)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

// zipped is a compressed file with that text.
func zipped(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "made.sql.gz")
	var all bytes.Buffer
	zipper := gzip.NewWriter(&all)
	_, _ = zipper.Write([]byte(text))
	_ = zipper.Close()
	if err := os.WriteFile(file, all.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// lines reads rows of one text each.
func lines(t testing.TB, db testenv.DB, query string, args ...any) []string {
	t.Helper()
	pool, err := db.Connect()
	if err != nil {
		t.Fatal(err)
	}
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

func run(t testing.TB, db testenv.DB, statements ...string) {
	t.Helper()
	pool := db.Open(t)
	for _, statement := range statements {
		if _, err := pool.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func tablesOf(t testing.TB, db testenv.DB) []string {
	t.Helper()
	return lines(t, db, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name")
}

// contentsOf are the rows of some tables, as text.
func contentsOf(t testing.TB, db testenv.DB, tables ...string) string {
	t.Helper()
	var all strings.Builder
	for _, table := range tables {
		columns := lines(t, db, "SELECT CONCAT('COALESCE(HEX(', column_name, '), ''-'')') FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ? ORDER BY ordinal_position", table)
		fmt.Fprintln(&all, table)
		for _, row := range lines(t, db, "SELECT CONCAT_WS(' ', "+strings.Join(columns, ", ")+") AS line FROM "+table+" ORDER BY line") {
			fmt.Fprintln(&all, row)
		}
	}
	return all.String()
}

// The statements of the two public node agents, word for word.
const (
	agentM = `SELECT mi.id, mi.macaddress, mi.attached_node_name, mi.netplan_success, mi.address, mi.mtu, ms.cidr FROM multi_interface mi
 LEFT JOIN multi_subnet ms ON mi.subnet_id = ms.subnet_id WHERE mi.attached_node_name = ?;`
	agentG = `SELECT mi.id, mi.port_id, n.attached_node_id, n.attached_node_name, mi.macaddress, ms.subnet_id, ms.subnet_name, ms.cidr, ms.network_id,
 mi.cr_namespace, mi.cr_name, mi.netplan_success, mi.status, mi.created_at, mi.modified_at FROM multi_interface mi
 JOIN node_table n ON mi.attached_node_id = n.attached_node_id JOIN multi_subnet ms ON mi.subnet_id = ms.subnet_id
 WHERE n.attached_node_name = ? AND mi.status='active' AND n.status='active' AND ms.status='active' ORDER BY ms.subnet_name;`
)

// agents reads as both agents do on the first n nodes: false if they get an error,
// which changes nothing for them. What would make them tear down is a failure.
func agents(t testing.TB, pool *sql.DB, n int) bool {
	t.Helper()
	for i := range n {
		for statement, host := range map[string]string{agentM: storetest.HostName(i), agentG: storetest.HostName(i) + ".example.com"} {
			rows, err := count(t.Context(), pool, statement, host)
			if errors.Is(err, errHalf) {
				t.Errorf("an agent on %s: %v", host, err)
			}
			if err != nil {
				return false
			}
			if rows != 1 {
				t.Errorf("an agent on %s reads %d rows without an error, want its one", host, rows)
			}
		}
	}
	return true
}

func count(ctx context.Context, pool *sql.DB, statement, host string) (n int, err error) {
	rows, err := pool.QueryContext(ctx, statement, host)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return 0, err
	}
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(sql.NullString)
		}
		if err := rows.Scan(values...); err != nil {
			return 0, err
		}
		if cidr, ok := values[6].(*sql.NullString); ok && statement == agentM && !cidr.Valid {
			return 0, errHalf
		}
		n++
	}
	return n, rows.Err()
}

var errHalf = errors.New("a row without its subnet")

// watch reads as agents do until the returned function is called, which says how
// often they could read and how often they got an error.
func watch(t testing.TB, db testenv.DB, n int) (stop func() (read, failed int64)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	pool := db.Open(t)
	done := make(chan struct{})
	var read, failed atomic.Int64
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i = (i + 1) % n {
			for statement, host := range map[string]string{agentM: storetest.HostName(i), agentG: storetest.HostName(i) + ".example.com"} {
				rows, err := count(ctx, pool, statement, host)
				var refused *mysql.MySQLError
				switch {
				case ctx.Err() != nil:
					return
				case errors.As(err, &refused):
					failed.Add(1)
				case err != nil:
					t.Errorf("an agent on %s: %v", host, err)
				case rows != 1:
					t.Errorf("an agent on %s reads %d rows without an error, want its one", host, rows)
				default:
					read.Add(1)
				}
			}
		}
	}()
	return func() (int64, int64) {
		cancel()
		<-done
		return read.Load(), failed.Load()
	}
}
