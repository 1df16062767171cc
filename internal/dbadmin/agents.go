// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package dbadmin

import (
	"context"
	"errors"

	"github.com/xormsdhkdwk/multinic/internal/store"
)

// ErrForeignAccount says that the agents' account is there and not ours to change. A person
// must name another.
var ErrForeignAccount = store.ErrForeignAccount

// EnsureAgents makes or repairs the account of node agents for a database of ours,
// which the controller can't: to make an account takes a right that amounts to
// root's. The database need not be there yet, nor its gate be open: the rights are
// given ahead, stay with the names of the tables, and hold in the moment in which a
// controller opens the gate, whoever else is dead then. It writes nothing where all
// is right, may die anywhere and be called again.
//
// complete is false where the server gives no rights ahead; then it is to be called
// again until the gate is open. No server of today's is known to be so.
func (a *Admin) EnsureAgents(ctx context.Context, database string, agents Account) (complete bool, err error) {
	errs := []error{checkDatabase(database), checkUser("the agents' user", agents.User)}
	if agents.Password == "" {
		errs = append(errs, errors.New("the agents' user has no password"))
	}
	if err := errors.Join(errs...); err != nil {
		return false, err
	}
	err = bounded(ctx, ensureLimit, func(ctx context.Context) error {
		complete, err = store.EnsureAgents(ctx, a.db, store.Agents{User: agents.User, Password: agents.Password, Database: database})
		return err
	})
	return complete, err
}
