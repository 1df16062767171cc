// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package dbadmin

import (
	"context"
	"database/sql"
	"errors"

	"github.com/xormsdhkdwk/multinic/internal/store"
)

// Shut makes agents get an error from here on, until a controller has published
// everything again: for a volume that is laid by and may be started much later.
// It is to be called while no controller runs, and until it succeeds; a controller
// that runs all the same is deposed by it and ends, and one that starts afterwards
// leads as ever. It does nothing where it was called before, or where there is
// nothing of ours. See store.Shut.
func (a *Admin) Shut(ctx context.Context, database string) error {
	return a.in(ctx, database, store.Shut)
}

// GateOpen says whether agents can read the database, and whether there is
// anything of ours at all.
func (a *Admin) GateOpen(ctx context.Context, database string) (open, exists bool, err error) {
	state, err := a.look(ctx, database)
	return state.Open, state.Exists, err
}

// Owner is the cluster and namespace that the database belongs to; "" for none.
func (a *Admin) Owner(ctx context.Context, database string) (string, error) {
	state, err := a.look(ctx, database)
	return state.Owner, err
}

func (a *Admin) look(ctx context.Context, database string) (state store.State, err error) {
	err = a.in(ctx, database, func(ctx context.Context, db *sql.DB) error {
		state, err = store.Look(ctx, db)
		return err
	})
	return state, err
}

// in runs f with a pool to the database.
func (a *Admin) in(ctx context.Context, database string, f func(context.Context, *sql.DB) error) error {
	if err := checkDatabase(database); err != nil {
		return err
	}
	db, err := a.open(database)
	if err != nil {
		return err
	}
	return errors.Join(bounded(ctx, shutLimit, func(ctx context.Context) error { return f(ctx, db) }), db.Close())
}
