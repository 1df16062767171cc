// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
)

// keysPerStatement bounds IN lists. MariaDB turns lists of 1,000 and more into
// subqueries (in_predicate_conversion_threshold), which is slower here.
const keysPerStatement = 900

// bytesPerStatement bounds a multi-row statement, far below the 16 MB of
// max_allowed_packet that MariaDB has had by default since 10.2.
const bytesPerStatement = 3 << 20

// rows are values for one multi-row statement.
type rows struct {
	name    string // of the statement, which has {rows}
	columns int
	values  []any
}

func newRows(name string, columns, n int) *rows {
	return &rows{name: name, columns: columns, values: make([]any, 0, n*columns)}
}

func (r *rows) add(values ...any) { r.values = append(r.values, values...) }

// rowsPerPrepared is the size of a prepared multi-row statement. The server
// spends half of the time for a multi-row INSERT on reading its text; executing
// one that is parsed already costs a third less, from a thousand rows on.
// Placeholders are limited to 65,535.
const rowsPerPrepared = 1000

// put sends the rows in as few statements as their size allows.
func (t *txn) put(ctx context.Context, r *rows) error {
	if len(r.values)%r.columns != 0 {
		return fmt.Errorf("%s: %d values don't make rows of %d", r.name, len(r.values), r.columns)
	}
	rest, err := t.putPrepared(ctx, r)
	if err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	for chunk := range bySize(rest, r.columns, bytesPerStatement) {
		t.s.statements.Add(1)
		if _, err := t.tx.ExecContext(ctx, t.rowsText(r, len(chunk)/r.columns), chunk...); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	return nil
}

// putPrepared sends whole thousands of rows if there are several, and returns
// the values that are left.
func (t *txn) putPrepared(ctx context.Context, r *rows) (rest []any, err error) {
	const least = 2
	step := rowsPerPrepared * r.columns
	if len(r.values) < least*step {
		return r.values, nil
	}
	t.s.statements.Add(1)
	prepared, err := t.tx.PrepareContext(ctx, t.rowsText(r, rowsPerPrepared))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, prepared.Close()) }()
	for rest = r.values; len(rest) >= step; rest = rest[step:] {
		t.s.statements.Add(1)
		if _, err := prepared.ExecContext(ctx, rest[:step]...); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

func (t *txn) rowsText(r *rows, n int) string {
	return strings.Replace(statement(r.name, t.interfaces), "{rows}", tuples(n, r.columns), 1)
}

// bySize cuts the values into whole rows that fit into limit bytes of SQL, at
// least one row each.
func bySize(values []any, columns, limit int) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		start, size := 0, 0
		for i := 0; i < len(values); i += columns {
			row := 3
			for _, v := range values[i : i+columns] {
				row += sqlSize(v)
			}
			if size+row > limit && i > start {
				if !yield(values[start:i]) {
					return
				}
				start, size = i, 0
			}
			size += row
		}
		if start < len(values) {
			yield(values[start:])
		}
	}
}

// sqlSize is at least the length of v's literal and its comma.
func sqlSize(v any) int {
	if s, ok := v.(string); ok {
		return 2*len(s) + 3 // every byte may need a backslash
	}
	return 30
}

// chunks cuts values into parts of at most n.
func chunks(values []any, n int) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		for len(values) > 0 {
			m := min(n, len(values))
			if !yield(values[:m:m]) {
				return
			}
			values = values[m:]
		}
	}
}

// nullString, nullInt and nullTime are how Go's zero values are stored.
func nullString(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func nullInt(n int) any {
	if n == 0 {
		return nil
	}
	return n
}

func nullTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC()
}

// cut shortens a text for people to what its column holds, in characters.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most])
	}
	return s
}

// timeText is a time as DATETIME(6) reads it. Rendered once here, not once per
// row by the driver.
func timeText(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000000") }
