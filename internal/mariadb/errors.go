// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package mariadb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"

	"github.com/go-sql-driver/mysql"
)

// Numbers of the server's errors that both rooms judge by.
// mariadb.com/kb/en/mariadb-error-code-reference.
const (
	ErrTooManyConns      = 1040
	ErrOutOfResources    = 1041
	ErrDBAccessDenied    = 1044
	ErrAccessDenied      = 1045
	ErrUnknownCommand    = 1047 // also Galera: WSREP has not yet prepared node for application use
	ErrUnknownDatabase   = 1049
	ErrServerShutdown    = 1053
	ErrHostBlocked       = 1129
	ErrNoPrivilegeToHost = 1130
	ErrNoSuchAccount     = 1133
	ErrTableAccess       = 1142
	ErrColumnAccess      = 1143
	ErrNoSuchTable       = 1146
	ErrUnknownVariable   = 1193
	ErrTooManyUserConns  = 1203
	ErrUserLimitReached  = 1226
	ErrSpecificAccess    = 1227
	ErrDeniedNoPassword  = 1698 // access denied to an account that has no password, as unix_socket's
	ErrConnectionKilled  = 1927
)

// Number is the server's error number, 0 if err did not come from the server.
func Number(err error) uint16 {
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return e.Number
	}
	return 0
}

// Refused says that the server does not let this user do it.
func Refused(err error) bool {
	switch Number(err) {
	case ErrDBAccessDenied, ErrAccessDenied, ErrTableAccess, ErrColumnAccess, ErrSpecificAccess, ErrNoPrivilegeToHost, ErrDeniedNoPassword:
		return true
	}
	return false
}

// Away says that there is no connection, one that broke, or a server that takes
// none now.
func Away(err error) bool {
	switch Number(err) {
	case ErrServerShutdown, ErrConnectionKilled, ErrUnknownCommand, ErrTooManyConns, ErrTooManyUserConns,
		ErrUserLimitReached, ErrOutOfResources, ErrHostBlocked:
		return true
	case 0:
		return LostConnection(err)
	}
	return false
}

// LostConnection says that err came from the network or the driver's state and
// not from the server. A deadline is of that kind, also one of a context: whose
// that was, the error does not tell (Go's dial timeout is one of them), and is
// for the caller to say.
func LostConnection(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	var netErr net.Error
	return errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &netErr) ||
		errors.Is(err, mysql.ErrMalformPkt) || errors.Is(err, mysql.ErrPktSync) || errors.Is(err, mysql.ErrBusyBuffer)
}
