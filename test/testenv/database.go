// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"strconv"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// DB is an empty database of a test and the account that owns it. The account may
// do anything in its database and nothing elsewhere, like the one that MariaDB's
// image makes; what needs an administrator goes through Server.Root.
type DB struct {
	Host     string
	Port     int
	Socket   string
	User     string
	Password string
	Name     string

	Server *MariaDB
}

// CreateDatabase makes a database of a random name and an account for it.
func (m *MariaDB) CreateDatabase(ctx context.Context) (DB, error) {
	name := "t_" + randomHex(8)
	db := DB{Host: m.Host, Port: m.Port, Socket: m.Socket, User: name, Password: randomHex(12), Name: name, Server: m}
	root, err := m.Root()
	if err != nil {
		return DB{}, err
	}
	defer root.Close()
	for _, statement := range []string{
		"CREATE DATABASE " + name,
		fmt.Sprintf("CREATE USER %s@'%%' IDENTIFIED BY '%s'", name, db.Password),
		fmt.Sprintf("GRANT ALL PRIVILEGES ON %s.* TO %s@'%%'", name, name),
	} {
		if _, err := root.ExecContext(ctx, statement); err != nil {
			return DB{}, fmt.Errorf("making a database: %w", err)
		}
	}
	return db, nil
}

// Drop removes the database and its account.
func (db DB) Drop(ctx context.Context) error {
	root, err := db.Server.Root()
	if err != nil {
		return err
	}
	defer root.Close()
	if _, err := root.ExecContext(ctx, "DROP DATABASE IF EXISTS "+db.Name); err != nil {
		return fmt.Errorf("dropping the database: %w", err)
	}
	if _, err := root.ExecContext(ctx, "DROP USER IF EXISTS "+db.User+"@'%'"); err != nil {
		return fmt.Errorf("dropping the database's account: %w", err)
	}
	return nil
}

// Connect gives a pool to the database over TCP, with times parsed as UTC. The
// caller closes it.
func (db DB) Connect() (*sql.DB, error) {
	config := mysql.NewConfig()
	config.Net, config.Addr = "tcp", net.JoinHostPort(db.Host, strconv.Itoa(db.Port))
	config.User, config.Passwd, config.DBName = db.User, db.Password, db.Name
	config.ParseTime = true
	config.Logger = &mysql.NopLogger{} // tests break connections on purpose; errors are returned
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// Open is Connect for a test: it fails the test on an error and closes the pool at
// the test's end.
func (db DB) Open(t testing.TB) *sql.DB {
	t.Helper()
	pool, err := db.Connect()
	if err != nil {
		t.Fatalf("opening the test's database: %v", err)
	}
	t.Cleanup(func() { pool.Close() })
	return pool
}

// Env is the database as MultiNic's environment variables name it.
func (db DB) Env() []string {
	return []string{
		"DB_HOST=" + db.Host,
		"DB_PORT=" + strconv.Itoa(db.Port),
		"DB_USER=" + db.User,
		"DB_PASSWORD=" + db.Password,
		"DB_NAME=" + db.Name,
	}
}
