// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// How often and after what pause a transaction is made again. Deadlocks are over
// in milliseconds; a server that restarts is the caller's to wait for.
const (
	attempts     = 6
	firstBackoff = 20 * time.Millisecond
)

// retry makes attempt again while its error is passing.
func (s *Store) retry(ctx context.Context, attempt func() error) error {
	return s.retryIf(ctx, passing, attempt)
}

// retryIf makes attempt again while its error is one of those.
func (s *Store) retryIf(ctx context.Context, those func(error) bool, attempt func() error) error {
	backoff := firstBackoff
	for i := 1; ; i++ {
		err := attempt()
		s.leave(err)
		if err == nil || i == attempts || !those(err) || ctx.Err() != nil {
			return err
		}
		s.cfg.Log.V(1).Info("database transaction is made again", "attempt", i, "error", err.Error())
		// Real time, whatever clock is configured: the other side of a
		// deadlock is a real server.
		pause := time.NewTimer(backoff + rand.N(backoff)) //nolint:gosec // only so that two don't meet again
		select {
		case <-ctx.Done():
			pause.Stop()
			return err
		case <-pause.C:
		}
		backoff *= 2
	}
}

// leave closes the idle connections if err says that they lead to the wrong
// server: new ones may lead elsewhere, through a balancer or another address of
// the name, while the pool would use these for ever.
func (s *Store) leave(err error) {
	if misled(err) {
		s.db.SetMaxIdleConns(-1)
		s.db.SetMaxIdleConns(s.cfg.MaxIdle)
	}
}

// txn is a transaction, or a connection pool, with our statements.
type txn struct {
	s *Store
	q interface {
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
		QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	}
	// tx is the transaction; nil outside of one.
	tx *sql.Tx
	// interfaces is the present name of multi_interface.
	interfaces string
}

// inTx runs f in one transaction. committing says that COMMIT was sent, so that
// with an error the outcome is open.
func (s *Store) inTx(ctx context.Context, readOnly bool, interfaces string, f func(*txn) error) (committing bool, err error) {
	s.statements.Add(1)
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: readOnly})
	if err != nil {
		return false, unlocked(err)
	}
	if err := f(&txn{s: s, q: tx, tx: tx, interfaces: interfaces}); err != nil {
		s.statements.Add(1)
		// A connection that can't roll back is closed, which does it too.
		_ = tx.Rollback()
		return false, err
	}
	s.statements.Add(1)
	return true, tx.Commit()
}

func (t *txn) exec(ctx context.Context, name string, args ...any) (int64, error) {
	t.s.statements.Add(1)
	result, err := t.q.ExecContext(ctx, statement(name, t.interfaces), args...)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return result.RowsAffected()
}

// execKeys runs a statement with {keys}, in chunks; first are the arguments
// before the keys.
func (t *txn) execKeys(ctx context.Context, name string, first []any, keys []any) (int64, error) {
	var total int64
	for chunk := range chunks(keys, keysPerStatement) {
		t.s.statements.Add(1)
		text := strings.Replace(statement(name, t.interfaces), "{keys}", marks(len(chunk)), 1)
		result, err := t.q.ExecContext(ctx, text, slices.Concat(first, chunk)...)
		if err != nil {
			return total, fmt.Errorf("%s: %w", name, err)
		}
		n, err := result.RowsAffected()
		if err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}

// query runs a statement without {keys}.
func (t *txn) query(ctx context.Context, name string, args []any, scan func(*sql.Rows) error) error {
	return t.run(ctx, name, statement(name, t.interfaces), args, scan)
}

// queryKeys runs a statement with {keys}, in chunks.
func (t *txn) queryKeys(ctx context.Context, name string, first []any, keys []any, scan func(*sql.Rows) error) error {
	text := statement(name, t.interfaces)
	for chunk := range chunks(keys, keysPerStatement) {
		args := slices.Concat(first, chunk)
		if err := t.run(ctx, name, strings.Replace(text, "{keys}", marks(len(chunk)), 1), args, scan); err != nil {
			return err
		}
	}
	return nil
}

func (t *txn) run(ctx context.Context, name, text string, args []any, scan func(*sql.Rows) error) error {
	t.s.statements.Add(1)
	rows, err := t.q.QueryContext(ctx, text, args...)
	if t.tx == nil {
		err = unlocked(err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
