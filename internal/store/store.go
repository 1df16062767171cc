// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/xormsdhkdwk/multinic/internal/mariadb"
)

// Store is a pool of connections to one database. It is safe for concurrent use.
type Store struct {
	cfg        Config
	driver     *mysql.Config
	db         *sql.DB
	statements atomic.Int64
	metrics    *metrics
}

// Open prepares a pool. It does not connect: a server that is down shows in the
// first use. It fails on a configuration that can't work.
func Open(cfg Config) (*Store, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg}
	if s.driver, err = cfg.driverConfig(); err != nil {
		return nil, err
	}
	if s.db, err = mariadb.Open(s.driver); err != nil {
		return nil, err
	}
	s.db.SetMaxOpenConns(cfg.MaxOpen)
	s.db.SetMaxIdleConns(cfg.MaxIdle)
	// Below the 30 s after which the session's settings let MySQL close an idle one.
	s.db.SetConnMaxIdleTime(20 * time.Second)
	s.metrics = newMetrics(s, cfg.Registerer)
	return s, nil
}

// Close ends all connections.
func (s *Store) Close() error { return s.db.Close() }

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	return s.operation(ctx, "ping", checkLimit, func(ctx context.Context) error {
		var one int
		s.statements.Add(1)
		return unlocked(s.db.QueryRowContext(ctx, "SELECT 1").Scan(&one))
	})
}

// Statements counts the SQL statements sent so far, BEGIN and COMMIT included;
// those of a migration are not.
func (s *Store) Statements() int64 { return s.statements.Load() }

// How long an operation may take, whatever its caller's patience: a server that
// hangs is to be known as away, and not to keep its callers.
const (
	checkLimit = 10 * time.Second
	readLimit  = 20 * time.Second
	writeLimit = 45 * time.Second
	// unlimited operations are made of limited ones.
	unlimited = time.Hour
)

// operation measures f, bounds it and classifies its error. Whose the end of a
// context is, decides: ours says that the database does not answer, the caller's
// says nothing of the database.
func (s *Store) operation(ctx context.Context, name string, limit time.Duration, f func(context.Context) error) error {
	start := s.cfg.Clock.Now()
	limited, cancel := context.WithTimeout(ctx, limit)
	err := f(limited)
	cancel()
	s.leave(err)
	if err != nil && ctx.Err() != nil && mariadb.Number(err) == 0 {
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	} else {
		err = classify(err)
	}
	s.metrics.observe(name, start, s.cfg.Clock.Now(), err)
	if err != nil {
		return fmt.Errorf("database, %s: %w", name, err)
	}
	return nil
}

// within bounds a part of an operation.
func within(ctx context.Context, limit time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return f(ctx)
}

// now is the time as the database keeps it.
func (s *Store) now() time.Time { return s.cfg.Clock.Now().UTC().Truncate(time.Microsecond) }
