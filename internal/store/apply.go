// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

// resolveTimeout bounds the search for a lost COMMIT's fate: longer than the
// server lets a transaction without a client live (sessionSettings).
const resolveTimeout = 25 * time.Second

// Apply writes the plan and the states in one transaction and returns the Mark
// that names the result. A plan is written once or not at all, also when the
// connection breaks at COMMIT. An empty plan with no states sends nothing; with
// states it is SaveStates. Errors: ErrDeposed, ErrReplaced, ErrUncertain and
// passing ones.
func (l *Leader) Apply(ctx context.Context, plan inventory.Plan, states []ObjectState) (Mark, error) {
	if plan.Empty() {
		return l.Mark(), l.SaveStates(ctx, states)
	}
	l.writing.Lock()
	defer l.writing.Unlock()
	err := l.write(ctx, "apply", 1, func(t *txn) error {
		if err := t.applyPlan(ctx, &plan); err != nil {
			return err
		}
		return t.putStates(ctx, states)
	})
	return l.Mark(), err
}

// write runs f in a guarded transaction, which adds bump to the sequence. The
// caller holds writing.
func (l *Leader) write(ctx context.Context, operation string, bump int64, f func(*txn) error) error {
	return l.s.operation(ctx, operation, writeLimit, func(ctx context.Context) error {
		return l.s.retry(ctx, func() error {
			if err := l.settleUncertain(ctx); err != nil {
				return err
			}
			sequence := l.Mark().Sequence
			committing, err := l.s.inTx(ctx, false, l.table(), func(t *txn) error {
				n, err := t.exec(ctx, "guard", bump, l.s.now(), l.fencing, l.token, l.mark.Epoch, sequence)
				if err != nil {
					return err
				}
				if n == 0 {
					return l.why(ctx, t)
				}
				return f(t)
			})
			switch {
			case err == nil:
				l.setSequence(sequence + bump)
				l.writes.Add(1)
				return nil
			case !committing || bump == 0:
				// Rolled back; or repeatable, because it says what is to be.
				return err
			}
			l.uncertain.Store(true)
			if settleErr := l.settleUncertain(ctx); settleErr != nil {
				return fmt.Errorf("%w (after %w)", settleErr, err)
			}
			if l.Mark().Sequence == sequence+bump {
				l.s.cfg.Log.Info("the answer to a COMMIT was lost; it took place", "error", err.Error())
				l.writes.Add(1)
				return nil
			}
			return err
		})
	})
}

// settled is settleUncertain for readers, whose plans it would mislead to see the
// database before a COMMIT that is still on its way.
func (l *Leader) settled(ctx context.Context) error {
	if !l.uncertain.Load() {
		return nil
	}
	l.writing.Lock()
	defer l.writing.Unlock()
	return l.settleUncertain(ctx)
}

// settleUncertain finds out whether the last COMMIT took place, if that is not
// known. It waits for the row's lock, which an unfinished transaction still
// holds; so what it reads is the end of it, even where the COMMIT is still on
// its way. The sequence then tells. Another node of a Galera cluster knows
// nothing of that lock: there it is the writing that ends the transaction,
// whose COMMIT, if it comes later, fails its certification.
func (l *Leader) settleUncertain(ctx context.Context) error {
	if !l.uncertain.Load() {
		return nil
	}
	// The caller's end is no reason not to know.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), resolveTimeout)
	defer cancel()
	var sequence int64
	err := l.s.retry(ctx, func() error {
		_, err := l.s.inTx(ctx, false, "", func(t *txn) error {
			row, found, err := t.readEpoch(ctx, "lock-epoch")
			if err != nil {
				return err
			}
			if err := l.compare(row, found); err != nil {
				return err
			}
			if now := l.Mark().Sequence; row.mark.Sequence < now || row.mark.Sequence > now+1 {
				return fmt.Errorf("%w: its sequence is %d, we had %d", ErrReplaced, row.mark.Sequence, now)
			}
			sequence = row.mark.Sequence
			_, err = t.exec(ctx, "touch-epoch", l.s.now(), l.fencing, l.token)
			return err
		})
		return err
	})
	switch {
	case err == nil:
		l.setSequence(sequence)
		l.uncertain.Store(false)
	case errors.Is(err, ErrDeposed), errors.Is(err, ErrReplaced):
	default:
		err = fmt.Errorf("%w: %w", ErrUncertain, classify(err))
	}
	return err
}
