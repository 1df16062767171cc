// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

// ObjectState is what is remembered of an object between runs.
type ObjectState struct {
	inventory.Key
	// UID tells an object from an earlier one of its name.
	UID string
	// SpecHash is the keyed hash of what the last successful run acted on.
	SpecHash string
	// Generation and Epoch are the Mark's under which it last succeeded.
	Generation  int64
	Epoch       string
	LastSuccess time.Time
	LastAttempt time.Time
	// LastTick is the tick of the schedule that was last acted on.
	LastTick time.Time
	// HandledRequest is the last request annotation acted on, HandledTrigger
	// the last webhook call.
	HandledRequest string
	HandledTrigger time.Time
	// NextLook is when a pending withdrawal is due for its second look.
	NextLook time.Time
	// RetryAt is when a run that failed for a passing reason is due again.
	RetryAt  time.Time
	Failures int
}

// States reads what is remembered of all objects.
func (l *Leader) States(ctx context.Context) (map[inventory.Key]ObjectState, error) {
	out := map[inventory.Key]ObjectState{}
	err := l.read(ctx, "states", func(t *txn) error {
		clear(out)
		return t.query(ctx, "states", nil, func(r *sql.Rows) error {
			var v ObjectState
			var success, attempt, tick, trigger, look, again sql.NullTime
			err := r.Scan(&v.Namespace, &v.Name, &v.UID, &v.SpecHash, &v.Generation, &v.Epoch, &success, &attempt, &tick,
				&v.HandledRequest, &trigger, &look, &again, &v.Failures)
			v.LastSuccess, v.LastAttempt, v.LastTick = success.Time, attempt.Time, tick.Time
			v.HandledTrigger, v.NextLook, v.RetryAt = trigger.Time, look.Time, again.Time
			out[v.Key] = v
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// SaveStates remembers the states of a whole tick's objects in one statement.
// It leaves the Mark as it is.
func (l *Leader) SaveStates(ctx context.Context, states []ObjectState) error {
	if len(states) == 0 {
		return nil
	}
	l.writing.Lock()
	defer l.writing.Unlock()
	return l.write(ctx, "save_states", 0, func(t *txn) error { return t.putStates(ctx, states) })
}

// DeleteStates forgets objects.
func (l *Leader) DeleteStates(ctx context.Context, keys []inventory.Key) error {
	if len(keys) == 0 {
		return nil
	}
	l.writing.Lock()
	defer l.writing.Unlock()
	return l.write(ctx, "delete_states", 0, func(t *txn) error {
		for _, group := range byNamespace(keys) {
			if _, err := t.execKeys(ctx, "drop-states", []any{group.namespace}, group.names); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *txn) putStates(ctx context.Context, states []ObjectState) error {
	now := timeText(t.s.now())
	list := slices.Clone(states)
	slices.SortFunc(list, func(a, b ObjectState) int { return compareKeys(a.Key, b.Key) })
	r := newRows("put-states", 15, len(list))
	for _, v := range list {
		r.add(v.Namespace, v.Name, v.UID, v.SpecHash, v.Generation, v.Epoch, nullTime(v.LastSuccess), nullTime(v.LastAttempt),
			nullTime(v.LastTick), v.HandledRequest, nullTime(v.HandledTrigger), nullTime(v.NextLook), nullTime(v.RetryAt),
			v.Failures, now)
	}
	return t.put(ctx, r)
}
