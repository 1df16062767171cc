// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"database/sql"
)

// purges are the kinds of rows that are dropped, children before parents: how
// the old ones are found, and dropped. An aged one has the cutoff as its first
// argument.
var purges = []struct {
	find, drop string
	aged       bool
}{
	{"old-interfaces", "purge-interfaces", true},
	{"old-nodes", "purge-nodes", true},
	{"old-subnets", "purge-subnets", true},
	{"old-history", "purge-history", true},
	{"orphaned-identities", "purge-identities", false},
	{"orphaned-primaries", "purge-primaries", false},
}

// Purge drops what was deleted longer ago than the retention, and history of
// that age, a few hundred rows per transaction. It returns how many rows went.
func (l *Leader) Purge(ctx context.Context) (n int, err error) {
	cutoff := l.s.now().Add(-l.s.cfg.Retention)
	for _, purge := range purges {
		var first []any
		if purge.aged {
			first = []any{cutoff}
		}
		for {
			var found []any
			err := l.read(ctx, "purge", func(t *txn) error {
				found = found[:0]
				return t.query(ctx, purge.find, first, func(r *sql.Rows) error {
					var key string
					err := r.Scan(&key)
					found = append(found, key)
					return err
				})
			})
			if err != nil {
				return n, err
			}
			if len(found) == 0 {
				break
			}
			dropped, err := l.purgeKeys(ctx, purge.drop, first, found)
			n += dropped
			if err != nil {
				return n, err
			}
			if dropped == 0 {
				break // all of them are back
			}
		}
	}
	return n, nil
}

func (l *Leader) purgeKeys(ctx context.Context, name string, first, keys []any) (int, error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	var dropped int64
	err := l.write(ctx, "purge", 0, func(t *txn) error {
		n, err := t.execKeys(ctx, name, first, keys)
		dropped = n
		return err
	})
	if err != nil {
		return 0, err
	}
	return int(dropped), nil
}
