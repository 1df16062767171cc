// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package dbadmin

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/xormsdhkdwk/multinic/internal/mariadb"
)

// Errors say what to do; all others are trouble to be told as it is.
var (
	// ErrUnreachable: no connection, one that broke, or a server that takes none
	// now. Later again.
	ErrUnreachable = errors.New("the database server can't be reached")
	// ErrCredentials: none of the passwords is right.
	ErrCredentials = errors.New("the database server takes none of the passwords")
)

// rootUser is the administrator of MariaDB's image.
const rootUser = "root"

// Time limits, whatever the caller's patience: a server that hangs is to be known
// as unreachable.
const (
	loginLimit  = 10 * time.Second
	ensureLimit = 60 * time.Second
	shutLimit   = 60 * time.Second
)

// Server is where to.
type Server struct {
	Host string
	Port int // 0: 3306
	// CA are the authorities, in PEM, one of which vouches for the server under
	// the name Host. nil: a plain connection.
	CA []byte
	// Dial connects, where it is not to be by the network's own means.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// driver is a login in the driver's terms.
func (s Server) driver(account Account, database string) (*mysql.Config, error) {
	login := mariadb.Login{Host: s.Host, Port: cmp.Or(s.Port, 3306), User: account.User, Password: account.Password, Database: database}
	if s.CA != nil {
		if login.TLS = mariadb.VerifiedTLS(s.Host, s.CA); login.TLS == nil {
			return nil, errors.New("the database's certificate authorities hold no PEM certificate")
		}
	}
	d, err := login.Driver()
	if err != nil {
		return nil, err
	}
	d.DialFunc = s.Dial
	d.Logger = &mysql.NopLogger{} // it would only repeat the errors
	return d, nil
}

// Admin is a login as root. It is not for concurrent use.
type Admin struct {
	server   Server
	db       *sql.DB
	password atomic.Pointer[string] // of root; changes under a pool that is open
	version  string
}

// Connect tries root's passwords in order, the newest first, and says which one
// the server takes.
func Connect(ctx context.Context, server Server, rootPasswords ...string) (admin *Admin, which int, err error) {
	for which, password := range rootPasswords {
		admin, err := login(ctx, server, password)
		if err == nil {
			return admin, which, nil
		}
		if !wrongPassword(err) {
			return nil, -1, fmt.Errorf("logging in as %s: %w", rootUser, err)
		}
	}
	return nil, -1, fmt.Errorf("logging in as %s with %d password(s): %w", rootUser, len(rootPasswords), ErrCredentials)
}

func login(ctx context.Context, server Server, password string) (*Admin, error) {
	a := &Admin{server: server}
	a.password.Store(&password)
	var err error
	if a.db, err = a.open(""); err != nil {
		return nil, err
	}
	a.db.SetMaxOpenConns(1)
	err = bounded(ctx, loginLimit, func(ctx context.Context) error {
		return a.db.QueryRowContext(ctx, "SELECT VERSION()").Scan(&a.version)
	})
	if err != nil {
		return nil, errors.Join(err, a.db.Close())
	}
	return a, nil
}

// accountSession are settings beyond those of all sessions: a GRANT makes no
// account, and SHOW quotes names.
const accountSession = "SET sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_CREATE_USER'), sql_quote_show_create = 1"

// open prepares a pool to a database, "" for none, that logs in with the password
// that root has then.
func (a *Admin) open(database string) (*sql.DB, error) {
	d, err := a.server.driver(Account{User: rootUser}, database)
	if err != nil {
		return nil, err
	}
	err = d.Apply(mysql.BeforeConnect(func(_ context.Context, c *mysql.Config) error {
		c.Passwd = *a.password.Load()
		return nil
	}))
	if err != nil {
		return nil, err
	}
	return mariadb.Open(d, accountSession)
}

// Version is the server's, as it says it: "10.11.8-MariaDB-ubu2204".
func (a *Admin) Version(ctx context.Context) (string, error) {
	err := bounded(ctx, loginLimit, func(ctx context.Context) error {
		return a.db.QueryRowContext(ctx, "SELECT VERSION()").Scan(&a.version)
	})
	return a.version, err
}

// Close ends the connection.
func (a *Admin) Close() error { return a.db.Close() }

// severalWays says that an account may have more than one way to prove itself
// (MariaDB 10.4, mariadb.com/kb/en/authentication-from-mariadb-10-4).
func severalWays(version string) bool {
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	m, errMajor := strconv.Atoi(major)
	n, errMinor := strconv.Atoi(minor)
	return errMajor == nil && errMinor == nil && (m > 10 || m == 10 && n >= 4)
}

// bounded bounds f and classifies its error. Whose the end of a context is,
// decides: ours says that the server does not answer, the caller's says nothing
// of the server.
func bounded(ctx context.Context, limit time.Duration, f func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := f(limited)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && mariadb.Number(err) == 0:
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	case mariadb.Away(err):
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	case wrongPassword(err):
		return fmt.Errorf("%w: %w", ErrCredentials, err)
	}
	return err
}

func wrongPassword(err error) bool {
	n := mariadb.Number(err)
	return n == mariadb.ErrAccessDenied || n == mariadb.ErrDeniedNoPassword
}
