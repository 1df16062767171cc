// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"database/sql"
	"slices"

	"github.com/xormsdhkdwk/multinic/internal/mariadb"
)

// EnsureAgents makes or repairs the account of node agents as Leader.EnsureAgents
// does, for a root who leads nothing, and whether or not the gate is open or the
// database there: what is granted ahead holds as soon as a table has its name. db
// is a pool to the server, by mariadb.Open. It writes nothing where all is right.
//
// complete is false where rights are lacking because the server gives none ahead.
// Then it is to be called again until the gate is open.
func EnsureAgents(ctx context.Context, db *sql.DB, account Agents) (complete bool, err error) {
	a := &agents{Agents: account, s: outside(db), db: db, root: true}
	err = a.s.operation(ctx, "agents", readLimit, func(ctx context.Context) error {
		complete, err = a.ensure(ctx)
		return err
	})
	return complete, err
}

// giveAhead gives rights on tables that aren't there under their names: until the
// gate opens, or the first controller has made them. Rights are kept by names and
// outlive their table, but GRANT looks for it. Not if CREATE is among the rights,
// which agents must not have even for a moment; and columns it always looks for.
// So they are written where the server keeps them, alike in all versions
// (mariadb.com/kb/en/mysqltables_priv-table), and it is told to read that again.
//
// A server that will not have it is no error: GRANT does it when the gate is open.
func (a *agents) giveAhead(ctx context.Context, lacking []right) (complete bool, err error) {
	if err := a.writeAhead(ctx, lacking); err != nil {
		class := classOf(err)
		if mariadb.Number(err) == 0 || class == ErrUnavailable || class == ErrReadOnly || class == ErrFull { //nolint:errorlint // classOf returns the values themselves
			return false, err
		}
		return false, nil
	}
	have, err := a.grants(ctx)
	lacks := func(r right) bool { return !slices.Contains(have, r.grant(a.Database)) }
	return err == nil && !slices.ContainsFunc(lacking, lacks), err
}

// writeAhead writes the columns first: without their table's row they are nothing.
func (a *agents) writeAhead(ctx context.Context, lacking []right) error {
	write := func(text string, args ...any) error {
		a.s.statements.Add(1)
		_, err := a.db.ExecContext(ctx, text, args...)
		return err
	}
	for _, r := range lacking {
		onColumns := ""
		for _, column := range r.columns {
			onColumns = "Update"
			err := write("REPLACE INTO mysql.columns_priv (Host, Db, User, Table_name, Column_name, Column_priv) VALUES (?, ?, ?, ?, ?, ?)",
				anywhere, a.Database, a.User, r.table, column, onColumns)
			if err != nil {
				return err
			}
		}
		err := write("REPLACE INTO mysql.tables_priv (Host, Db, User, Table_name, Grantor, Table_priv, Column_priv) VALUES (?, ?, ?, ?, CURRENT_USER(), 'Select', ?)",
			anywhere, a.Database, a.User, r.table, onColumns)
		if err != nil {
			return err
		}
	}
	return write("FLUSH PRIVILEGES")
}
