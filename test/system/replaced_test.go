// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package system

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/test/openstacksim"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// front is where the controller and the agents look for the database; the
// server behind it can be replaced, as a Service's can.
type front struct {
	listener net.Listener
	// commit, if set, is told of every COMMIT before it is passed on and
	// after the server has answered it.
	commit func(answered bool)

	mu      sync.Mutex
	backend string
	open    map[net.Conn]bool
}

func newFront(t *testing.T, backend string) *front {
	t.Helper()
	l := listen(t)
	f := &front{listener: l, backend: backend, open: map[net.Conn]bool{}}
	go f.serve()
	t.Cleanup(func() { _ = l.Close(); f.turn("") })
	return f
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (f *front) serve() {
	for {
		in, err := f.listener.Accept()
		if err != nil {
			return
		}
		f.mu.Lock()
		out, err := net.Dial("tcp", f.backend)
		if err != nil {
			f.mu.Unlock()
			_ = in.Close()
			continue
		}
		f.open[in], f.open[out] = true, true
		f.mu.Unlock()
		asked := &atomic.Bool{}
		go f.pipe(out, in, func(p []byte) {
			if isCommit(p) {
				asked.Store(true)
				f.commit(false)
			}
		})
		go f.pipe(in, out, func([]byte) {
			if asked.Swap(false) {
				f.commit(true)
			}
		})
	}
}

// pipe copies what comes from one side to the other and shows it first.
func (f *front) pipe(to, from net.Conn, show func([]byte)) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && f.commit != nil {
			show(buffer[:n])
		}
		if n > 0 {
			_, werr := to.Write(buffer[:n])
			err = errors.Join(err, werr)
		}
		if err != nil {
			_, _ = to.Close(), from.Close()
			return
		}
	}
}

// isCommit recognises a packet of the protocol: three bytes of length, a
// number, COM_QUERY (3) and the text. The driver sends it alone.
func isCommit(p []byte) bool {
	return len(p) == 4+1+len("COMMIT") && p[4] == 3 && string(p[5:]) == "COMMIT"
}

// turn leads to another server from now on and ends every connection.
func (f *front) turn(backend string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.backend = backend
	for c := range f.open {
		_ = c.Close()
	}
	clear(f.open)
}

const agentAccount = "agent"

// asRoot is the environment of a controller that may make the agents' account.
func asRoot(f *front, server *testenv.MariaDB, database string) []string {
	return asRootAt(f.listener.Addr().(*net.TCPAddr).Port, server, database)
}

func asRootAt(port int, server *testenv.MariaDB, database string) []string {
	return []string{
		"DB_HOST=127.0.0.1", "DB_PORT=" + strconv.Itoa(port), "DB_USER=root", "DB_PASSWORD=" + server.RootPassword, "DB_NAME=" + database,
		"DB_AGENT_USER=" + agentAccount, "DB_AGENT_PASSWORD=agent-password",
	}
}

// watch polls what agent M sees on the hosts until it is stopped; every
// answer is an SQL error or the whole truth.
func (s *system) watch(f *front, database string, truth map[string]string) (stop func() (answers, failures int)) {
	db := s.agentPool(f.listener.Addr().String(), database)
	agents := &system{t: s.t, sql: db}
	ctx, cancel := context.WithCancel(context.Background())
	var answers, failures int
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer db.Close()
		for ctx.Err() == nil {
			for host, address := range truth {
				nics, err := agents.agentM(host)
				if err != nil {
					failures++
					continue
				}
				answers++
				if !slices.ContainsFunc(nics, func(n nic) bool { return n.Address == address }) {
					s.t.Errorf("agent M on %s was told %+v: it would tear %s down", host, nics, address)
					return
				}
			}
		}
	}()
	stop = func() (int, int) { cancel(); <-done; return answers, failures }
	s.t.Cleanup(func() { stop() })
	return stop
}

// agentPool is a node agent's own access to a database.
func (s *system) agentPool(address, database string) *sql.DB {
	s.t.Helper()
	cfg := mysql.NewConfig()
	cfg.Net, cfg.Addr, cfg.User, cfg.Passwd, cfg.DBName, cfg.ParseTime = "tcp", address, agentAccount, "agent-password", database, true
	cfg.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	return sql.OpenDB(connector)
}

func TestADatabaseReplacedByAnEmptyOneOrAnOldDumpNeverTellsAgentsLessThanTheTruth(t *testing.T) {
	t.Parallel()
	for _, with := range []string{"an empty one", "an old dump"} {
		t.Run(with, func(t *testing.T) {
			t.Parallel()
			first, second := testenv.NewMariaDB(t, testenv.MariaDBOptions{}), testenv.NewMariaDB(t, testenv.MariaDBOptions{})
			db := first.Database(t)
			f := newFront(t, fmt.Sprintf("127.0.0.1:%d", first.Port))
			s := newSystemOn(t, 4, db)
			s.env = asRoot(f, first, db.Name)
			prepare(t, second, db.Name, first.RootPassword)
			s.start()
			s.config("a", "k8s-subnet", "test-vm-1", "test-vm-2")
			s.waitReady("a", v1alpha1.ReasonSynced)
			dump := dumpOf(t, first, db.Name)
			s.config("b", "k8s-subnet", "test-vm-3", "test-vm-4")
			s.waitReady("b", v1alpha1.ReasonSynced)
			truth := map[string]string{}
			for _, vm := range s.lab.Servers[:4] {
				truth[vm.Name] = s.address(vm)
			}
			stop := s.watch(f, db.Name, truth)
			published := s.get("b").Status.Publication

			// The cloud is away at first, so that the gate has to hold.
			cut := s.sim.Inject(openstacksim.Fault{Service: openstacksim.Network, Status: 503})
			if with == "an old dump" {
				restore(t, second, db.Name, dump)
			}
			f.turn(fmt.Sprintf("127.0.0.1:%d", second.Port))
			s.waitReason("a", v1alpha1.ConditionPublished, v1alpha1.ReasonGateShut)
			cut.Remove()

			s.eventually("the gate opens", func() error {
				for _, name := range []string{"a", "b"} {
					if p := s.get(name).Status.Publication; p == nil || p.Epoch == published.Epoch {
						return fmt.Errorf("%s is not published in the new epoch", name)
					}
				}
				return nil
			})
			s.waitReason("a", v1alpha1.ConditionPublished, v1alpha1.ReasonPublished)
			s.waitReason("b", v1alpha1.ConditionPublished, v1alpha1.ReasonPublished)
			s.eventually("agents read again", func() error {
				root, err := second.Root()
				if err != nil {
					return err
				}
				defer root.Close()
				var n int
				err = root.QueryRow("SELECT COUNT(*) FROM " + db.Name + ".multi_interface WHERE status='active'").Scan(&n)
				if err == nil && n != 4 {
					err = fmt.Errorf("%d rows", n)
				}
				return err
			})
			answers, failures := stop()
			if answers == 0 || failures == 0 {
				t.Errorf("the agents got %d answers and %d errors: the test saw nothing", answers, failures)
			}
			t.Logf("agents: %d whole answers, %d errors, none short", answers, failures)
		})
	}
}

// prepare gives a fresh server the same root password and an empty database.
func prepare(t *testing.T, server *testenv.MariaDB, database, rootPassword string) {
	t.Helper()
	root, err := server.Root()
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, statement := range []string{
		"CREATE DATABASE " + database,
		"CREATE USER IF NOT EXISTS root@'127.0.0.1' IDENTIFIED BY '" + rootPassword + "'",
		"ALTER USER root@'127.0.0.1' IDENTIFIED BY '" + rootPassword + "'",
		"GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION",
	} {
		if _, err := root.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// dumpOf is what mariadb-dump makes of the database.
func dumpOf(t *testing.T, server *testenv.MariaDB, database string) string {
	t.Helper()
	var stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), "mariadb-dump", "--no-defaults", "--user=root", "--socket="+server.Socket, "--single-transaction", database)
	cmd.Env = append(os.Environ(), "MYSQL_PWD="+server.RootPassword)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("mariadb-dump: %v: %s", err, stderr.String())
	}
	return string(out)
}

func restore(t *testing.T, server *testenv.MariaDB, database, dump string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "mariadb", "--no-defaults", "--user=root", "--socket="+server.Socket, database)
	cmd.Env = append(os.Environ(), "MYSQL_PWD="+server.RootPassword)
	cmd.Stdin = strings.NewReader(dump)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("mariadb: %v: %s", err, out)
	}
}
