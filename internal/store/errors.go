// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"fmt"
	"strings"

	"github.com/xormsdhkdwk/multinic/internal/mariadb"
)

// Errors say what to do. All errors of this package that are none of these are
// defects or passing trouble: log and try again later.
var (
	// ErrDeposed: another process leads now. Stop; Lead again only with a new
	// lease.
	ErrDeposed = errors.New("another controller has taken over the database")
	// ErrReplaced: the database is not the one that was led: it is empty or was
	// restored. Lead again.
	ErrReplaced = errors.New("the database was replaced or restored")
	// ErrForeignOwner: the database belongs to another cluster. A person must
	// name another database, or let this one be adopted.
	ErrForeignOwner = errors.New("the database belongs to another cluster")
	// ErrNewerSchema: a newer MultiNic has migrated the database.
	ErrNewerSchema = errors.New("the database has a newer schema than this version of MultiNic knows")
	// ErrLoading: a dump is being loaded, or was until it was cut off. Try again
	// later.
	ErrLoading = errors.New("a backup is being loaded into the database, or was until that was cut off; then load it again, or empty the database")
	// ErrForeignTables: tables of our names are not ours.
	ErrForeignTables = errors.New("the database holds tables of another application")
	// ErrForeignAccount: the agents' account is there and not ours to change.
	ErrForeignAccount = errors.New("the account belongs to someone else: it has rights beyond this database")
	// ErrReadOnly: the server takes no writes.
	ErrReadOnly = errors.New("the database server is read-only")
	// ErrFull: the server has no room left.
	ErrFull = errors.New("the database server has no room left")
	// ErrCredentials: user, password or rights are wrong.
	ErrCredentials = errors.New("the database refuses this user")
	// ErrUnavailable: no connection, or one that broke. Nothing was written,
	// unless ErrUncertain is wrapped too.
	ErrUnavailable = errors.New("the database is not available")
	// ErrUncertain: the answer to a COMMIT was lost and the database could not
	// be asked since. The next use of the Leader finds out by itself; the
	// caller reads again what is published and plans anew.
	ErrUncertain = errors.New("it is not known yet whether the last change was written")
)

// Numbers of the server's errors, beside those of internal/mariadb. mariadb.com/kb/en/mariadb-error-code-reference.
const (
	errTableExists      = 1050
	errUnknownColumn    = 1054
	errDiskFull         = 1021
	errCheckRead        = 1020 // innodb_snapshot_isolation: record has changed since last read
	errErrorOnWrite     = 1026
	errGetErrno         = 1030
	errRecordFileFull   = 1114
	errDuringCommit     = 1180 // also Galera: the node lost its cluster meanwhile
	errLockWaitTimeout  = 1205
	errDeadlock         = 1213
	errOptionPrevents   = 1290 // --read-only
	errQueryInterrupted = 1317
	errCannotUser       = 1396 // CREATE USER: it exists
	errCantReadOnlyTrx  = 1792
	errReadOnlyMode     = 1836 // --innodb-read-only
	errStatementTimeout = 1969 // max_statement_time
)

// classify wraps err with what it means to a caller of ours.
func classify(err error) error {
	if err == nil {
		return nil
	}
	if class := classOf(err); class != nil && !errors.Is(err, class) {
		return fmt.Errorf("%w: %w", class, err)
	}
	return err
}

func classOf(err error) error {
	switch {
	case mariadb.Refused(err):
		return ErrCredentials
	case mariadb.Away(err):
		return ErrUnavailable
	}
	switch mariadb.Number(err) {
	case errOptionPrevents, errCantReadOnlyTrx, errReadOnlyMode:
		return ErrReadOnly
	case errDiskFull, errRecordFileFull:
		return ErrFull
	case errErrorOnWrite, errGetErrno:
		// The operating system's ENOSPC is 28, the storage engine's 28 too.
		if strings.Contains(err.Error(), " 28 ") || strings.Contains(err.Error(), "Errcode: 28") {
			return ErrFull
		}
		return nil
	case mariadb.ErrUnknownDatabase, mariadb.ErrNoSuchTable, errUnknownColumn:
		return ErrReplaced
	}
	return nil
}

// unlocked is an error of a statement that takes no lock of InnoDB's, with what it
// means if it has waited for too long: that is then Galera's wait for what the other
// nodes have committed (causalReads), or another's DDL. A node that has lost its
// cluster says so at once.
func unlocked(err error) error {
	if mariadb.Number(err) == errLockWaitTimeout {
		return fmt.Errorf("%w: a read has waited in vain: %w", ErrUnavailable, err)
	}
	return err
}

// misled says that another server than this one may serve us: this is a Galera
// node outside of its cluster, or takes no writes.
func misled(err error) bool {
	switch mariadb.Number(err) {
	case mariadb.ErrUnknownCommand, errOptionPrevents, errCantReadOnlyTrx, errReadOnlyMode:
		return true
	case errLockWaitTimeout:
		return errors.Is(err, ErrUnavailable)
	}
	return false
}

// passing says that the same transaction may succeed if it is made again now.
// All of these leave it rolled back as a whole; 1205 rolls back its statement
// only, and our own ROLLBACK does the rest; what 1180 left, write finds out.
// What is uncertain has been asked about long enough already.
func passing(err error) bool {
	if errors.Is(err, ErrUncertain) {
		return false
	}
	switch mariadb.Number(err) {
	case errDeadlock, errLockWaitTimeout, mariadb.ErrUnknownCommand, errCheckRead, mariadb.ErrConnectionKilled, mariadb.ErrServerShutdown, errDuringCommit:
		return true
	case 0:
		return mariadb.LostConnection(err)
	}
	return false
}
