// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
)

// startTimeout is how long a server may take until it answers. Generous: machines
// that run tests are loaded, and a server that fails says so by exiting.
const startTimeout = 120 * time.Second

// stopTimeout is how long a server may take to end after SIGTERM.
const stopTimeout = 60 * time.Second

// MariaDBOptions is what a test may want different in its own server.
type MariaDBOptions struct {
	// Args are added to mariadbd's command line, after ours, so they win:
	// "--read-only", "--max-connections=5", "--default-time-zone=+09:00".
	Args []string
}

// MariaDB is a mariadbd of this process on 127.0.0.1 and a private socket. It can
// be stopped, killed, frozen and started again on the same port with the same data.
// A committed transaction survives Kill (not a power cut: nothing is synced).
type MariaDB struct {
	Host         string // 127.0.0.1
	Port         int
	Socket       string // path of the Unix socket
	RootPassword string // of root, from 127.0.0.1 and by the socket

	dir      string
	args     []string
	env      []string // beside this process's own
	reserved *port

	mu     sync.Mutex
	cmd    *exec.Cmd // nil while stopped
	frozen bool
	exited chan struct{} // closed when cmd has ended
}

// StartMariaDB starts a mariadbd with fresh data and returns when it answers. Its
// error says what to install when there is no MariaDB on this machine.
func StartMariaDB(ctx context.Context, options MariaDBOptions) (*MariaDB, error) {
	binaries, err := findMariaDB()
	if err != nil {
		return nil, err
	}
	template, err := mariadbTemplate(ctx, binaries, os.Stderr)
	if err != nil {
		return nil, err
	}
	server, err := newServer("mariadb", randomHex(12))
	if err != nil {
		return nil, err
	}
	if err := server.prepare(binaries, template, options); err != nil {
		return nil, errors.Join(err, server.Remove())
	}
	if err := server.Start(ctx); err != nil {
		return nil, errors.Join(err, server.Remove())
	}
	return server, nil
}

// newServer gives a server its place and its port, and nothing else yet.
func newServer(prefix, rootPassword string) (*MariaDB, error) {
	dir, err := TempDir(prefix)
	if err != nil {
		return nil, err
	}
	reserved, err := reservePort()
	if err != nil {
		return nil, err
	}
	return &MariaDB{
		Host:         "127.0.0.1",
		Port:         reserved.number,
		Socket:       filepath.Join(dir, "sock"),
		RootPassword: rootPassword,
		dir:          dir,
		reserved:     reserved,
	}, nil
}

// prepare writes the data directory and composes the command line.
func (m *MariaDB) prepare(binaries mariadbBinaries, template string, options MariaDBOptions) error {
	// sockaddr_un holds 108 bytes; mariadbd cuts a longer path silently.
	if len(m.Socket) > 107 {
		return fmt.Errorf("the socket's path %s is too long for a Unix socket: set TMPDIR to a shorter directory", m.Socket)
	}
	if err := os.CopyFS(m.dataDir(), os.DirFS(template)); err != nil {
		return fmt.Errorf("copying the MariaDB template: %w", err)
	}
	if err := os.Mkdir(filepath.Join(m.dir, "tmp"), 0o700); err != nil {
		return err
	}
	accounts := fmt.Sprintf(`ALTER USER root@localhost IDENTIFIED BY '%[1]s';
CREATE OR REPLACE USER root@127.0.0.1 IDENTIFIED BY '%[1]s';
GRANT ALL PRIVILEGES ON *.* TO root@127.0.0.1 WITH GRANT OPTION;
DROP USER IF EXISTS ''@localhost;
`, m.RootPassword)
	if err := os.WriteFile(filepath.Join(m.dir, "accounts.sql"), []byte(accounts), 0o600); err != nil {
		return err
	}
	m.args = append([]string{
		binaries.server,
		"--no-defaults",
		"--datadir=" + m.dataDir(),
		"--tmpdir=" + filepath.Join(m.dir, "tmp"),
		"--socket=" + m.Socket,
		"--pid-file=" + filepath.Join(m.dir, "pid"),
		"--init-file=" + filepath.Join(m.dir, "accounts.sql"),
		"--bind-address=" + m.Host,
		"--port=" + strconv.Itoa(m.Port),
		"--skip-name-resolve",
		"--character-set-server=utf8mb4",
		// Fast, and small beside others on the machine. 2, not 0: a commit reaches
		// the system's cache, so that it survives Kill.
		"--innodb-flush-log-at-trx-commit=2",
		"--innodb-flush-method=nosync",
		"--innodb-doublewrite=0",
		innodbLogSize,
		"--innodb-buffer-pool-size=64M",
		"--key-buffer-size=1M",
		"--aria-pagecache-buffer-size=4M",
	}, asRoot()...)
	m.args = append(m.args, options.Args...)
	return nil
}

// asRoot is the argument without which mariadbd refuses to run as root.
func asRoot() []string {
	if os.Geteuid() == 0 {
		return []string{"--user=root"}
	}
	return nil
}

// Start starts a stopped server and returns when it answers. It does nothing when
// the server runs.
func (m *MariaDB) Start(ctx context.Context) error { return m.start(ctx) }

// start is Start with arguments for this once.
func (m *MariaDB) start(ctx context.Context, once ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cmd != nil {
		return nil
	}
	log, err := os.OpenFile(m.LogFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := m.command(once...)
	cmd.Stdout, cmd.Stderr = log, log
	// Ctrl-C goes to the terminal's process group; we decide when the server ends.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting mariadbd: %w", err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(exited)
	}()
	m.cmd, m.exited = cmd, exited
	if err := m.waitReady(ctx); err != nil {
		m.signalAndWait(syscall.SIGKILL)
		return err
	}
	return nil
}

// command is mariadbd with the server's arguments and some more.
func (m *MariaDB) command(more ...string) *exec.Cmd {
	cmd := exec.Command(m.args[0], append(slices.Clone(m.args[1:]), more...)...)
	cmd.Dir = m.dir
	cmd.Env = append(os.Environ(), m.env...)
	return cmd
}

func (m *MariaDB) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	db, err := m.Root()
	if err != nil {
		return err
	}
	defer db.Close()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		pingErr := db.PingContext(ctx)
		if pingErr == nil {
			return nil
		}
		select {
		case <-m.exited:
			return fmt.Errorf("mariadbd ended while starting; the end of its log:\n%s", tail(m.LogFile()))
		case <-ctx.Done():
			return fmt.Errorf("mariadbd does not answer after %s (%w); the end of its log:\n%s", startTimeout, pingErr, tail(m.LogFile()))
		case <-tick.C:
		}
	}
}

// Stop ends the server in order. It does nothing when the server is stopped.
func (m *MariaDB) Stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.signalAndWait(syscall.SIGTERM)
}

// Kill ends the server as a crash would. It does nothing when the server is stopped.
func (m *MariaDB) Kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.signalAndWait(syscall.SIGKILL)
}

// signalAndWait ends the server with that signal. The caller holds mu.
func (m *MariaDB) signalAndWait(signal syscall.Signal) {
	if m.cmd == nil {
		return
	}
	_ = m.cmd.Process.Signal(signal)
	_ = m.cmd.Process.Signal(syscall.SIGCONT) // a frozen one would never see SIGTERM
	select {
	case <-m.exited:
	case <-time.After(stopTimeout):
		_ = m.cmd.Process.Kill()
		<-m.exited
	}
	m.cmd, m.frozen = nil, false
}

// Freeze stops the server in its tracks: connections stay open, new ones are taken
// by the system, and nothing answers. It returns when no thread runs any more.
func (m *MariaDB) Freeze() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cmd == nil {
		return errors.New("mariadbd is stopped")
	}
	m.frozen = true
	if err := m.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	return waitFrozen(m.cmd.Process.Pid)
}

// Thaw lets a frozen server go on.
func (m *MariaDB) Thaw() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cmd == nil {
		return errors.New("mariadbd is stopped")
	}
	m.frozen = false
	return m.cmd.Process.Signal(syscall.SIGCONT)
}

// answers says whether the server was neither stopped nor frozen.
func (m *MariaDB) answers() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cmd != nil && !m.frozen
}

// waitFrozen waits until SIGSTOP has reached every thread of a process: kill(2)
// returns before that, and a thread still awake would answer one more query.
func waitFrozen(pid int) error {
	deadline := time.Now().Add(stopTimeout)
	for time.Now().Before(deadline) {
		// proc(5): after the command's name in brackets comes the state, T when
		// stopped. Without /proc nothing matches, and there is nothing to wait by.
		stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil {
			return err
		}
		awake := 0
		for _, stat := range stats {
			content, err := os.ReadFile(stat)
			if err == nil && !strings.HasPrefix(string(content[bytes.LastIndexByte(content, ')')+1:]), " T") {
				awake++
			}
		}
		if awake == 0 {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("process %d does not stop", pid)
}

// Remove kills the server and removes its data.
func (m *MariaDB) Remove() error {
	m.Kill()
	m.reserved.release()
	return os.RemoveAll(m.dir)
}

func (m *MariaDB) dataDir() string { return filepath.Join(m.dir, "data") }

// LogFile is the path of the server's error log.
func (m *MariaDB) LogFile() string { return filepath.Join(m.dir, "error.log") }

// tail gives the last lines of a log, or why it cannot.
func tail(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}

// Root connects as root by the socket, to no database, for what only an
// administrator may: SET GLOBAL, KILL, accounts. The caller closes it.
func (m *MariaDB) Root() (*sql.DB, error) {
	config := mysql.NewConfig()
	config.Net, config.Addr = "unix", m.Socket
	config.User, config.Passwd = "root", m.RootPassword
	config.ParseTime = true
	config.Logger = &mysql.NopLogger{} // it would print every attempt of waitReady
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // crypto/rand: it never returns an error
	return hex.EncodeToString(b)
}
