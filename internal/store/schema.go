// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/xormsdhkdwk/multinic/internal/mariadb"
)

const (
	versionTable = "multi_schema_version"
	lockTable    = "multi_schema_lock"
)

// loadingVersion is the least version of a schema into which a dump is being loaded
// (load.sh of internal/backup has two of them): half a database is none to lead.
const loadingVersion = 999_999_999

// The migration lock is a row with a lease (goose's table locker): GET_LOCK and
// LOCK TABLES don't reach the other nodes of a Galera cluster. A migrator that
// dies is replaced after lockLease.
const (
	lockLease     = 15 * time.Second
	lockHeartbeat = 3 * time.Second
	lockRetry     = time.Second
	lockAttempts  = 120
)

// columns are those that each table of ours has after all migrations; a test
// compares them with what the migrations make.
var columns = map[string][]string{
	"multi_subnet": {"id", "subnet_id", "subnet_name", "cidr", "network_id", "mtu", "status", "created_at", "modified_at", "deleted_at"},
	"node_table":   {"id", "attached_node_id", "attached_node_name", "status", "created_at", "modified_at", "deleted_at"},
	"multi_interface": {
		"id", "port_id", "subnet_id", "macaddress", "address", "mtu", "attached_node_id", "attached_node_name",
		"cr_namespace", "cr_name", "status", "netplan_success", "created_at", "modified_at", "deleted_at",
	},
	"multi_claim": {
		"cr_namespace", "cr_name", "port_id", "cr_uid", "vm_ref", "subnet_ref", "subnet_id", "attached_node_id", "cloud", "claimed_at",
	},
	"multi_pending": {
		"cr_namespace", "cr_name", "port_id", "kind", "cloud", "value", "first_seen", "last_seen", "held", "reason",
	},
	"multi_history": {
		"id", "happened_at", "cr_namespace", "cr_name", "cloud", "kind", "explained", "ports", "details",
	},
	"multi_identity": {"attached_node_id", "host_name", "from_kubernetes"},
	"multi_primary":  {"port_id"},
	"cr_state": {
		"cr_namespace", "cr_name", "cr_uid", "spec_hash", "generation", "epoch", "last_success", "last_attempt", "last_tick",
		"handled_request", "handled_trigger", "next_look", "retry_at", "failures", "modified_at",
	},
	"multi_epoch": {
		"id", "owner", "epoch", "generation", "sequence", "fencing", "leader", "gate", "writes", "created_at", "modified_at",
	},
	versionTable: {"id", "version_id", "is_applied", "tstamp"},
	lockTable:    {"lock_id", "locked", "locked_at", "locked_by", "lease_expires_at", "updated_at"},
}

// ensureSchema brings the database to this program's schema, or says why not.
// Nothing is written to a database that is refused.
func (s *Store) ensureSchema(ctx context.Context) error {
	provider, err := s.migrator(Migrations())
	if err != nil {
		return err
	}
	sources := provider.ListSources()
	latest := sources[len(sources)-1].Version
	version, err := s.checkTables(ctx, latest)
	if err != nil {
		return err
	}
	if version >= loadingVersion {
		return ErrLoading
	}
	if version > latest {
		return fmt.Errorf("%w: it has version %d, this program %d", ErrNewerSchema, version, latest)
	}
	if version == latest {
		return nil
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrating the schema from version %d to %d: %w", version, latest, err)
	}
	s.cfg.Log.Info("database schema migrated", "from", version, "to", latest)
	// Again: what has just been made must be what this program expects, and
	// another replica may have been a newer program.
	version, err = s.checkTables(ctx, latest)
	if err == nil && version >= loadingVersion {
		return ErrLoading // it began meanwhile
	}
	if err == nil && version != latest {
		err = fmt.Errorf("%w: it has version %d, this program %d", ErrNewerSchema, version, latest)
	}
	return err
}

func (s *Store) migrator(migrations fs.FS) (*goose.Provider, error) {
	silent := slog.New(slog.NewTextHandler(io.Discard, nil))
	locker, err := lock.NewMySQLTableLocker(
		lock.WithTableName(lockTable),
		lock.WithTableLeaseDuration(lockLease),
		lock.WithTableHeartbeatInterval(lockHeartbeat),
		lock.WithTableLockTimeout(lockRetry, lockAttempts),
		lock.WithTableUnlockTimeout(lockRetry, lockAttempts),
		lock.WithTableLogger(silent),
		lock.WithTableRetryPolicy(func(err error) bool {
			s.leave(err)
			return !refused(err)
		}),
	)
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectMySQL, s.db, migrations,
		goose.WithTableName(versionTable),
		goose.WithLocker(locker),
		goose.WithDisableGlobalRegistry(true),
		goose.WithSlog(silent),
	)
}

// refused says that trying again is of no use.
func refused(err error) bool {
	class := classOf(err)
	return errors.Is(class, ErrReadOnly) || errors.Is(class, ErrCredentials) || errors.Is(class, ErrFull)
}

// checkTables reads the schema's version, 0 for none, and refuses tables of our
// names that are not ours.
func (s *Store) checkTables(ctx context.Context, latest int64) (version int64, err error) {
	found, err := s.foundColumns(ctx)
	if err != nil {
		return 0, err
	}
	if _, versioned := found[versionTable]; versioned {
		if err := compareColumns(found, versionTable); err != nil {
			return 0, err
		}
		if err := s.reader().query(ctx, "schema-version", nil, func(r *sql.Rows) error { return r.Scan(&version) }); err != nil {
			return 0, err
		}
	}
	if version > latest {
		return version, nil // its tables are not for us to judge
	}
	for table := range columns {
		if _, there := found[table]; there {
			if err := compareColumns(found, table); err != nil {
				return 0, err
			}
			continue
		}
		if version == latest && table != lockTable {
			return 0, fmt.Errorf("%w: table %s is missing though the schema's version is %d; restore a dump that is whole, or empty the database", ErrForeignTables, table, version)
		}
	}
	return version, nil
}

// foundColumns are the columns of those tables that bear our names.
// multi_interface stands for the table under any of its names.
func (s *Store) foundColumns(ctx context.Context) (map[string][]string, error) {
	names, err := s.interfaceTables(ctx)
	if err != nil {
		return nil, err
	}
	var keys []any
	for _, name := range names {
		keys = append(keys, name)
	}
	for name := range columns {
		keys = append(keys, name)
	}
	found := map[string][]string{}
	err = s.reader().queryKeys(ctx, "columns", nil, keys, func(r *sql.Rows) error {
		var table, column string
		if err := r.Scan(&table, &column); err != nil {
			return err
		}
		found[table] = append(found[table], column)
		return nil
	})
	for _, name := range names {
		if _, open := found[openName]; !open {
			found[openName] = found[name]
		}
	}
	return found, err
}

// compareColumns wants every column of ours; more do no harm.
func compareColumns(found map[string][]string, table string) error {
	var missing []string
	for _, column := range columns[table] {
		if !slices.Contains(found[table], column) {
			missing = append(missing, column)
		}
	}
	if missing != nil {
		return fmt.Errorf("%w: table %s lacks the column(s) %s; give MultiNic a database of its own (DB_NAME)", ErrForeignTables, table, strings.Join(missing, ", "))
	}
	return nil
}

// ensureDatabase makes the database where the server has none of its name, as a
// server that was replaced by an empty one.
func (s *Store) ensureDatabase(ctx context.Context) error {
	s.statements.Add(1)
	_, err := s.db.ExecContext(ctx, "SELECT 1")
	if mariadb.Number(err) != mariadb.ErrUnknownDatabase {
		return unlocked(err)
	}
	anywhere := s.driver.Clone()
	anywhere.DBName = ""
	connector, err := mysql.NewConnector(anywhere)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	_, err = db.ExecContext(ctx, "CREATE DATABASE IF NOT EXISTS "+mariadb.QuoteName(s.cfg.Database)+" DEFAULT CHARACTER SET utf8mb4")
	return errors.Join(err, db.Close())
}

// reader gives the pool our statements, outside of any transaction.
func (s *Store) reader() *txn { return &txn{s: s, q: s.db} }

// Migrations are the schema's versions, for tests that start from an older one.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sub
}
