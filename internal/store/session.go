// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"database/sql/driver"
	"errors"

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

const errUnknownVariable = 1193

// sessionConnector gives each new connection its settings.
type sessionConnector struct{ driver.Connector }

func (c sessionConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := settle(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func settle(ctx context.Context, conn driver.Conn) error {
	execer, ok := conn.(driver.ExecerContext)
	if !ok {
		return errors.New("store: the driver's connection takes no statements")
	}
	if _, err := execer.ExecContext(ctx, sessionSettings, nil); err != nil {
		return err
	}
	_, err := execer.ExecContext(ctx, causalReads, nil)
	var e *mysql.MySQLError
	if errors.As(err, &e) && e.Number == errUnknownVariable {
		return nil
	}
	return err
}
