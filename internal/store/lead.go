// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
)

// Leader is the right to write, as long as no other process takes it. It is
// safe for concurrent use; writes happen one after the other.
type Leader struct {
	s       *Store
	fencing int64
	token   string

	// writing is held by whatever writes.
	writing sync.Mutex
	// uncertain, changed under writing: the last COMMIT's fate is not known.
	uncertain atomic.Bool
	writes    atomic.Int64

	// unremembered: see Unremembered. It never changes.
	unremembered bool

	// mu guards what follows. mark.Epoch and mark.Generation never change.
	mu         sync.RWMutex
	mark       Mark
	interfaces string
	open       bool
}

// Lead makes this process the writer of the database; every earlier Leader,
// here or elsewhere, is deposed by it. remembered is the greatest Mark in the
// statuses of the cluster's objects.
//
// It makes or migrates the schema, and refuses a database of another cluster
// (ErrForeignOwner), of a newer MultiNic (ErrNewerSchema), with another
// application's tables (ErrForeignTables) or that takes no writes (ErrReadOnly).
// If the database is behind what is remembered, it is new or restored: it gets
// a new epoch and its gate is shut until Admit. It may be called again after any
// error and after ErrReplaced.
func (s *Store) Lead(ctx context.Context, remembered Mark) (*Leader, error) {
	l := &Leader{s: s, token: uuid.NewString()}
	err := s.operation(ctx, "lead", unlimited, func(ctx context.Context) error {
		if err := within(ctx, checkLimit, s.ensureDatabase); err != nil {
			return err
		}
		if err := s.ensureSchema(ctx); err != nil { // which waits for another's migration
			return err
		}
		return within(ctx, writeLimit, func(ctx context.Context) error {
			row, err := l.seize(ctx)
			if err != nil {
				return err
			}
			return l.beginEpoch(ctx, row, remembered)
		})
	})
	if err != nil {
		return nil, err
	}
	s.cfg.Log.Info("database is ours to write", "fencing", l.fencing, "epoch", l.mark.Epoch,
		"generation", l.mark.Generation, "sequence", l.mark.Sequence, "gateOpen", l.open)
	return l, nil
}

// seize takes the next fencing number and returns the row as it was before.
func (l *Leader) seize(ctx context.Context) (before epochRow, err error) {
	err = l.s.retry(ctx, func() error {
		_, err := l.s.inTx(ctx, false, "", func(t *txn) error {
			row, found, err := t.readEpoch(ctx, "lock-epoch")
			if err != nil {
				return err
			}
			if !found {
				if _, err := t.exec(ctx, "add-epoch", l.s.now(), l.s.now()); err != nil {
					return err
				}
				row = epochRow{gate: gateShut}
			}
			if row.owner != "" && row.owner != l.s.cfg.Cluster && !l.s.cfg.AdoptDatabase {
				return fmt.Errorf("%w: it belongs to %q, we are %q; name another database or let this one be adopted",
					ErrForeignOwner, row.owner, l.s.cfg.Cluster)
			}
			before = row
			l.fencing = row.fencing + 1
			_, err = t.exec(ctx, "seize", l.s.cfg.Cluster, l.fencing, l.token, l.s.now())
			return err
		})
		// A COMMIT whose answer was lost needs no care: seizing again takes
		// the number after it.
		return err
	})
	return before, err
}

// beginEpoch decides which epoch this is and makes the gate so.
func (l *Leader) beginEpoch(ctx context.Context, row epochRow, remembered Mark) error {
	// First the table's name as the database has it, so that a stray table is
	// gone before what tells it from the real one is overwritten.
	was := row.gate
	if row.mark.Generation == 0 {
		was = gateOpen // of two, the open one is older than our migration's
	}
	mark, gate := begin(row, remembered, uuid.NewString())
	if err := l.dropStrays(ctx, was); err != nil {
		return err
	}
	err := l.s.retry(ctx, func() error {
		_, err := l.s.inTx(ctx, false, "", func(t *txn) error {
			n, err := t.exec(ctx, "settle", mark.Epoch, mark.Generation, mark.Sequence, gate, l.s.now(), l.fencing, l.token)
			if err == nil && n == 0 {
				err = fmt.Errorf("%w while we took it", ErrDeposed)
			}
			return err
		})
		return err
	})
	if err != nil {
		return err
	}
	l.mark, l.unremembered = mark, gate == gateForgotten
	if gate != gateOpen && mark != row.mark {
		l.s.cfg.Log.Info("the database is new or restored: its gate is shut until all that was published is there again",
			"remembered", remembered, "found", row.mark, "now", mark)
	}
	return l.nameGate(ctx, gate)
}

// Mark names the contents after the last Apply.
func (l *Leader) Mark() Mark {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.mark
}

// Unremembered says that the database was found shut and with rows, and that no
// object's status remembered it, now or when an earlier leader found it so:
// nothing tells who had published.
func (l *Leader) Unremembered() bool { return l.unremembered }

// GateOpen says whether agents may read.
func (l *Leader) GateOpen() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.open
}

// table is the present name of multi_interface.
func (l *Leader) table() string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.interfaces
}

func (l *Leader) setGate(name string, open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.interfaces, l.open = name, open
}

func (l *Leader) setSequence(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mark.Sequence = n
}

// Check asks, by one small read, whether this is still the database that is led
// and this still its leader: ErrDeposed, ErrReplaced or passing trouble if not.
func (l *Leader) Check(ctx context.Context) error {
	return l.s.operation(ctx, "check", checkLimit, func(ctx context.Context) error {
		// Ours first: an Apply that ends in between puts the row ahead.
		sequence := l.Mark().Sequence
		row, found, err := l.s.reader().readEpoch(ctx, "read-epoch")
		if err != nil {
			return err
		}
		if err := l.compare(row, found); err != nil {
			return err
		}
		if row.mark.Sequence < sequence {
			return fmt.Errorf("%w: its sequence went back from %d to %d", ErrReplaced, sequence, row.mark.Sequence)
		}
		return l.checkShut(ctx)
	})
}

// Probe tries whether the database takes a write, by one that changes nothing
// but a counter: Check, which reads, can't tell.
func (l *Leader) Probe(ctx context.Context) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	return l.write(ctx, "probe", 0, func(*txn) error { return nil })
}

// Writes counts the transactions that wrote and succeeded.
func (l *Leader) Writes() int64 { return l.writes.Load() }

// checkShut finds a table that agents can read while the gate is shut: a dump
// that is restored while we lead brings its own.
func (l *Leader) checkShut(ctx context.Context) error {
	if !l.writing.TryLock() {
		return nil // it may be opening the gate; the next check comes soon
	}
	defer l.writing.Unlock()
	if l.GateOpen() {
		return nil
	}
	names, err := l.s.interfaceTables(ctx)
	if err != nil || len(names) == 0 || names[0] != openName {
		return err
	}
	return fmt.Errorf("%w: the gate is shut and yet there is a table %s", ErrReplaced, openName)
}

// why explains inside of a transaction why a guard failed.
func (l *Leader) why(ctx context.Context, t *txn) error {
	row, found, err := t.readEpoch(ctx, "lock-epoch")
	if err != nil {
		return err
	}
	if err := l.compare(row, found); err != nil {
		return err
	}
	return fmt.Errorf("%w: its sequence is %d, we had %d", ErrReplaced, row.mark.Sequence, l.Mark().Sequence)
}
