// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/go-logr/logr"
	"github.com/google/uuid"
	"k8s.io/utils/clock"

	"github.com/xormsdhkdwk/multinic/internal/mariadb"
)

// State is what an administrator, who leads nothing, sees of a database.
type State struct {
	// Owner is the cluster that it belongs to; "" for none.
	Owner string
	// Exists says that there is a table for agents, under any of its names.
	Exists bool
	// Open says that agents can read it, whatever multi_epoch says.
	Open bool
}

// shutLeader begins the token of who shut a database from outside: nobody leads
// it. What is left of a UUID fits the column.
const shutLeader = "shut-"

// outside is a store without a configuration, for whoever leads nothing. db is a
// pool to the database itself, by mariadb.Open.
func outside(db *sql.DB) *Store {
	s := &Store{db: db, cfg: Config{Clock: clock.RealClock{}, Log: logr.Discard()}}
	s.metrics = newMetrics(s, nil)
	return s
}

// Look reads a database's State; one that is not there, or holds nothing of ours,
// is the zero State.
func Look(ctx context.Context, db *sql.DB) (state State, err error) {
	s := outside(db)
	err = s.operation(ctx, "look", checkLimit, func(ctx context.Context) error {
		state, _, _, err = s.look(ctx)
		return err
	})
	return state, err
}

func (s *Store) look(ctx context.Context) (state State, row epochRow, names []string, err error) {
	names, err = s.interfaceTables(ctx)
	if err == nil {
		state.Exists, state.Open = len(names) > 0, len(names) > 0 && names[0] == openName
		row, _, err = s.reader().readEpoch(ctx, "read-epoch")
	}
	if n := mariadb.Number(err); n == mariadb.ErrUnknownDatabase || n == mariadb.ErrNoSuchTable {
		err = nil
	}
	state.Owner = row.owner
	return state, row, names, err
}

// Shut makes agents get an error from here on until a later leader admits, which
// it does when everything that was published has been published again: for a
// database that is laid by and may be started much later, when its rows are of
// another time.
//
// It does as a leader does who finds its database restored: takes the next
// fencing number, a new epoch and the table's open name. So a controller that
// still runs is deposed and ends; one that starts afterwards leads as ever. The
// owner stays. It may die at any step: gate and name are then as a dead leader
// leaves them, which the next Shut or leader ends. It writes nothing where it has
// been called before, nor where nothing was ever published.
func Shut(ctx context.Context, db *sql.DB) error {
	s := outside(db)
	return s.operation(ctx, "shut", writeLimit, func(ctx context.Context) error {
		_, row, names, err := s.look(ctx)
		if err != nil || row.mark.Generation == 0 {
			return err
		}
		laidBy := row.gate != gateOpen && strings.HasPrefix(row.leader, shutLeader)
		if laidBy && len(names) == 1 && names[0] == numbered(shutPrefix, row.fencing) {
			return nil
		}
		s.cfg.Cluster = row.owner
		l := &Leader{s: s, token: shutLeader + strings.ReplaceAll(uuid.NewString(), "-", "")[:31]}
		if row, err = l.seize(ctx); err != nil {
			return err
		}
		// Any mark with another epoch is ahead of a database of its generation.
		if err := l.beginEpoch(ctx, row, Mark{Generation: row.mark.Generation}); err != nil {
			return err
		}
		if l.GateOpen() {
			return errors.New("the gate is open")
		}
		return nil
	})
}
