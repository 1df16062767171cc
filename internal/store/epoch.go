// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"database/sql"
	"fmt"
)

// Mark names the contents of a database at a time. The cluster keeps the
// greatest one in the statuses of its objects. The zero Mark: nothing was ever
// published.
type Mark struct {
	// Epoch is the database's identity: a UUID that changes with Generation.
	Epoch string
	// Generation grows when the database turns out to be new or restored.
	Generation int64
	// Sequence grows with each Apply and starts anew with each Generation.
	Sequence int64
}

// After says whether m is later than other.
func (m Mark) After(other Mark) bool {
	if m.Generation != other.Generation {
		return m.Generation > other.Generation
	}
	return m.Sequence > other.Sequence
}

// Values of multi_epoch.gate.
const (
	gateOpen = "open"
	gateShut = "shut"
	// gateForgotten is shut, and no status tells who had published: written down
	// since the statuses of those that have succeeded since don't tell of the rest.
	gateForgotten = "forgot"
)

// epochRow is the row of multi_epoch.
type epochRow struct {
	owner   string
	mark    Mark
	fencing int64
	leader  string
	gate    string
}

// readEpoch reads the row by the statement read-epoch or lock-epoch; false if
// it is not there.
func (t *txn) readEpoch(ctx context.Context, name string) (row epochRow, found bool, err error) {
	err = t.query(ctx, name, nil, func(r *sql.Rows) error {
		found = true
		return r.Scan(&row.owner, &row.mark.Epoch, &row.mark.Generation, &row.mark.Sequence, &row.fencing, &row.leader, &row.gate)
	})
	return row, found, err
}

// begin is how a leader that finds row in the database goes on: with which mark
// and gate. fresh is an epoch that has not been used.
func begin(row epochRow, remembered Mark, fresh string) (Mark, string) {
	blank := row.mark.Generation == 0
	switch {
	case remembered.Generation == 0 && blank:
		// Nobody has ever relied on anything.
		return Mark{Epoch: fresh, Generation: 1}, gateOpen
	case remembered.Generation == 0 && row.gate != gateOpen:
		// Laid by, or loaded from a dump, in a cluster whose objects have lost
		// their statuses: its rows are of before, and nothing tells how old.
		return Mark{Epoch: fresh, Generation: row.mark.Generation + 1}, gateForgotten
	case remembered.Generation == 0:
		// Nobody is left to wait for.
		return row.mark, gateOpen
	case behind(row.mark, remembered):
		gate := gateShut
		if row.gate == gateForgotten {
			gate = gateForgotten
		}
		return Mark{Epoch: fresh, Generation: max(remembered.Generation, row.mark.Generation) + 1}, gate
	}
	return row.mark, row.gate
}

// behind says that a database with mark is not the one that the cluster
// remembers, or an older state of it.
func behind(mark, remembered Mark) bool {
	switch {
	case mark.Generation != remembered.Generation:
		return mark.Generation < remembered.Generation
	case mark.Epoch != remembered.Epoch:
		return true
	default:
		return mark.Sequence < remembered.Sequence
	}
}

// compare says why a leader can't go on with row, nil if it can. The sequence is
// the caller's to compare.
//
// A later leader never has a smaller generation, nor in the same generation a
// smaller number; a dump of the past always has one of them, or is what we wrote.
func (l *Leader) compare(row epochRow, found bool) error {
	switch {
	case !found || row.mark.Generation == 0:
		return fmt.Errorf("%w: it is empty", ErrReplaced)
	case row.leader == l.token && row.mark.Epoch == l.mark.Epoch:
		return nil
	case row.owner != l.s.cfg.Cluster:
		return fmt.Errorf("%w: it belongs to %q", ErrForeignOwner, row.owner)
	case row.mark.Generation > l.mark.Generation,
		row.mark.Generation == l.mark.Generation && row.fencing >= l.fencing:
		return fmt.Errorf("%w: generation %d with fencing number %d, ours %d and %d",
			ErrDeposed, row.mark.Generation, row.fencing, l.mark.Generation, l.fencing)
	default:
		return fmt.Errorf("%w: generation %d with fencing number %d, we had %d and %d",
			ErrReplaced, row.mark.Generation, row.fencing, l.mark.Generation, l.fencing)
	}
}
