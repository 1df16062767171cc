// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package mariadb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"
)

// sessionSettings make every connection alike whatever the server's defaults.
//
// A leader that freezes in mid-transaction holds the row that its successor
// needs; idle_transaction_timeout (MariaDB 10.3, mariadb.com/kb) ends its
// connection after ten seconds. MySQL knows only wait_timeout, and calls the
// isolation level by another name. The comments are executed by the named
// servers alone: /*M! by MariaDB, /*!80000 by MySQL
// (MariaDB leaves out 50700 to 99999).
const sessionSettings = `SET time_zone = '+00:00',
 sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',
 innodb_lock_wait_timeout = 15, lock_wait_timeout = 15
 /*M!100300 , tx_isolation = 'REPEATABLE-READ', idle_transaction_timeout = 10 */
 /*!80000 , transaction_isolation = 'REPEATABLE-READ', wait_timeout = 30 */`

// causalReads makes a Galera node answer reads only when it has applied what the
// others committed. Servers built without Galera don't know the variable.
const causalReads = "SET wsrep_sync_wait = 1"

// Open prepares a pool whose sessions are alike on every server; more are
// statements that each of them begins with, after that. It does not connect.
func Open(login *mysql.Config, more ...string) (*sql.DB, error) {
	connector, err := mysql.NewConnector(login)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	return sql.OpenDB(sessionConnector{connector, more}), nil
}

// sessionConnector gives each new connection its settings.
type sessionConnector struct {
	driver.Connector

	more []string
}

func (c sessionConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.settle(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func (c sessionConnector) settle(ctx context.Context, conn driver.Conn) error {
	execer, ok := conn.(driver.ExecerContext)
	if !ok {
		return errors.New("the database driver's connection takes no statements")
	}
	if _, err := execer.ExecContext(ctx, sessionSettings, nil); err != nil {
		return err
	}
	if _, err := execer.ExecContext(ctx, causalReads, nil); err != nil && Number(err) != ErrUnknownVariable {
		return err
	}
	for _, text := range c.more {
		if _, err := execer.ExecContext(ctx, text, nil); err != nil {
			return err
		}
	}
	return nil
}
