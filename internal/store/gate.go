// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/xormsdhkdwk/multinic/internal/mariadb"
)

// openName is what agents read.
const openName = "multi_interface"

// The other names of the table end in the fencing number of the leader that
// gave them. shutPrefix: the gate is shut. strayPrefix: about to be dropped.
const (
	shutPrefix  = "multi_interface_shut_"
	strayPrefix = "multi_interface_stray_"
)

func numbered(prefix string, fencing int64) string { return prefix + strconv.FormatInt(fencing, 10) }

// interfaceTables are the names under which the table is there: one, unless a
// dump was restored beside it. The open one first, then the shut ones, the
// latest first, then strays.
func (s *Store) interfaceTables(ctx context.Context) ([]string, error) {
	var names []string
	err := s.reader().query(ctx, "interface-tables", nil, func(r *sql.Rows) error {
		var name string
		if err := r.Scan(&name); err != nil {
			return err
		}
		if _, _, ours := rank(name); ours {
			names = append(names, name)
		}
		return nil
	})
	slices.SortFunc(names, func(a, b string) int {
		kindA, numberA, _ := rank(a)
		kindB, numberB, _ := rank(b)
		return cmp.Or(cmp.Compare(kindA, kindB), cmp.Compare(numberB, numberA))
	})
	return names, err
}

// rank tells the table's names apart.
func rank(name string) (kind int, fencing int64, ours bool) {
	if name == openName {
		return 0, 0, true
	}
	for i, prefix := range []string{shutPrefix, strayPrefix} {
		if digits, ok := strings.CutPrefix(name, prefix); ok {
			n, err := strconv.ParseInt(digits, 10, 64)
			return i + 1, n, err == nil
		}
	}
	return 0, 0, false
}

// dropStrays leaves one table of several. was is the gate as the database says:
// it tells the table that goes with it from one that was there before a dump was
// restored, or came with it.
func (l *Leader) dropStrays(ctx context.Context, was string) error {
	names, err := l.s.interfaceTables(ctx)
	if err != nil || len(names) < 2 {
		return err
	}
	keep := names[0]
	if kind, _, _ := rank(names[1]); was != gateOpen && kind == 1 {
		keep = names[1]
	}
	for _, name := range names {
		if name == keep {
			continue
		}
		l.s.cfg.Log.Info("dropping a second interface table, left by a restored dump", "table", name, "kept", keep)
		if err := l.dropStray(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// dropStray drops a table. A numbered name means the same for ever, the open one
// doesn't: it is taken away first and given back if a later leader, which may
// have opened its gate since, has put its own table there.
func (l *Leader) dropStray(ctx context.Context, name string) error {
	if err := l.stillLeads(ctx); err != nil {
		return err
	}
	if name == openName {
		aside := numbered(strayPrefix, l.fencing)
		if err := l.s.renameTable(ctx, name, aside); err != nil {
			return err
		}
		if err := l.stillLeads(ctx); err != nil {
			return errors.Join(err, l.s.renameTable(ctx, aside, name))
		}
		name = aside
	}
	return l.s.ddl(ctx, "DROP TABLE "+mariadb.QuoteName(name))
}

// nameGate makes the table's name say what the gate is.
func (l *Leader) nameGate(ctx context.Context, gate string) error {
	names, err := l.s.interfaceTables(ctx)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return fmt.Errorf("%w: it has no table %s", ErrReplaced, openName)
	}
	want := openName
	if gate != gateOpen {
		want = numbered(shutPrefix, l.fencing)
	}
	from := names[0]
	if mine := l.table(); slices.Contains(names, mine) {
		from = mine // another may have come beside it
	}
	if from != want {
		if err := l.rename(ctx, from, want); err != nil {
			return err
		}
	}
	l.setGate(want, gate == gateOpen)
	return nil
}

// rename is repeatable: a lost answer shows as a table that has moved already.
func (l *Leader) rename(ctx context.Context, from, to string) error {
	err := l.s.retry(ctx, func() error {
		if err := l.stillLeads(ctx); err != nil {
			return err
		}
		return l.s.renameTable(ctx, from, to)
	})
	if err == nil {
		return nil
	}
	names, readErr := l.s.interfaceTables(ctx)
	if readErr == nil && slices.Contains(names, to) && !slices.Contains(names, from) {
		return nil
	}
	return err
}

// stillLeads narrows the window in which a leader that froze could change a
// name after its successor; what is left of it is closed by the numbers in the
// names.
func (l *Leader) stillLeads(ctx context.Context) error {
	row, found, err := l.s.reader().readEpoch(ctx, "read-epoch")
	if err != nil {
		return err
	}
	if found && row.leader == l.token {
		return nil
	}
	return fmt.Errorf("%w: its number is %d, ours %d", ErrDeposed, row.fencing, l.fencing)
}

func (s *Store) renameTable(ctx context.Context, from, to string) error {
	return s.ddl(ctx, "RENAME TABLE "+mariadb.QuoteName(from)+" TO "+mariadb.QuoteName(to))
}

func (s *Store) ddl(ctx context.Context, text string) error {
	s.statements.Add(1)
	_, err := s.db.ExecContext(ctx, text)
	return err
}

// Admit opens the gate: from here on agents read what is published. The caller
// knows that publication is whole. It is repeatable and may die at any step: the
// next leader ends what it began. A table that a dump has brought meanwhile is
// not opened in place of ours: ErrReplaced.
func (l *Leader) Admit(ctx context.Context) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	return l.s.operation(ctx, "admit", writeLimit, func(ctx context.Context) error {
		if err := l.settleUncertain(ctx); err != nil || l.GateOpen() {
			return err
		}
		if err := l.noSecondTable(ctx); err != nil {
			return err
		}
		if err := l.writeGate(ctx, gateOpen); err != nil {
			return err
		}
		if err := l.nameGate(ctx, gateOpen); err != nil {
			// A table that came since: the row tells the next leader which one
			// is to be kept.
			if mariadb.Number(err) == errTableExists {
				err = errors.Join(err, l.noSecondTable(ctx), l.writeGate(ctx, l.shut()))
			}
			return err
		}
		l.s.cfg.Log.Info("gate opened: agents may read", "epoch", l.mark.Epoch, "generation", l.mark.Generation)
		return nil
	})
}

// shut is what multi_epoch says while this leader's gate is not open.
func (l *Leader) shut() string {
	if l.unremembered {
		return gateForgotten
	}
	return gateShut
}

// noSecondTable says that agents' table is there beside ours, which is shut.
func (l *Leader) noSecondTable(ctx context.Context) error {
	names, err := l.s.interfaceTables(ctx)
	if err != nil || len(names) < 2 || names[0] != openName || !slices.Contains(names, l.table()) {
		return err
	}
	return fmt.Errorf("%w: the gate is shut and yet there is a table %s", ErrReplaced, openName)
}

// writeGate writes down what the gate is to be. Doing so twice is no harm.
func (l *Leader) writeGate(ctx context.Context, gate string) error {
	return l.s.retry(ctx, func() error {
		_, err := l.s.inTx(ctx, false, "", func(t *txn) error {
			n, err := t.exec(ctx, "write-gate", gate, l.s.now(), l.fencing, l.token, l.mark.Epoch)
			if err != nil || n == 1 {
				return err
			}
			return l.why(ctx, t)
		})
		return err
	})
}
