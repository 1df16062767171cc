// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package dbadmin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/xormsdhkdwk/multinic/internal/mariadb"
)

const (
	anywhere  = "%"
	probeHost = "127.0.0.1"
)

// Ensure makes the accounts as wanted and says what it changed, in words and
// without values, also where it failed midway. It writes nothing where all is
// right, may die anywhere and be called again. See the package's comment for the
// order.
//
// At last it logs in as the controller does, which tells an account that another
// one of its name goes before.
func (a *Admin) Ensure(ctx context.Context, w Wanted) (changed []string, err error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	e := &ensuring{Admin: a, Wanted: w}
	err = bounded(ctx, ensureLimit, func(ctx context.Context) error {
		for _, step := range []func(context.Context) error{e.controller, e.probe, e.former, e.root} {
			if err := step(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = e.proven(ctx)
	}
	return e.changed, err
}

// ensuring is one call of Ensure.
type ensuring struct {
	*Admin
	Wanted

	changed []string
}

// write runs a statement that changes accounts. Its text holds hashes, so it is
// in no error.
func (e *ensuring) write(ctx context.Context, what, text string) error {
	if _, err := e.db.ExecContext(ctx, text); err != nil {
		return fmt.Errorf("changing the %s: %w", what, err)
	}
	if !slices.Contains(e.changed, what) {
		e.changed = append(e.changed, what)
	}
	return nil
}

func (e *ensuring) controller(ctx context.Context) error {
	passwords := []string{e.User.Password}
	if e.AlsoValid != "" && e.AlsoValid != e.User.Password && severalWays(e.version) {
		passwords = append(passwords, e.AlsoValid)
	}
	if err := e.account(ctx, e.User.User, anywhere, native(passwords...)); err != nil {
		return err
	}
	grants, err := e.grants(ctx, e.User.User, anywhere)
	if err != nil {
		return err
	}
	pattern, _ := mariadb.QuotePattern(e.Database)
	want := "GRANT ALL PRIVILEGES ON " + pattern + ".* TO "
	if slices.ContainsFunc(grants, func(line string) bool { return strings.HasPrefix(line, want) }) {
		return nil
	}
	return e.write(ctx, "rights of "+e.User.User, want+mariadb.QuoteAccount(e.User.User, anywhere))
}

func (e *ensuring) probe(ctx context.Context) error {
	if e.Probe.User == "" {
		return nil
	}
	if err := e.account(ctx, e.Probe.User, probeHost, native(e.Probe.Password)); err != nil {
		return err
	}
	grants, err := e.grants(ctx, e.Probe.User, probeHost)
	if err != nil || !slices.ContainsFunc(grants, isRight) {
		return err
	}
	return e.write(ctx, "rights of "+e.Probe.User, "REVOKE ALL PRIVILEGES, GRANT OPTION FROM "+mariadb.QuoteAccount(e.Probe.User, probeHost))
}

// account makes an account, or makes it prove itself as wanted.
func (e *ensuring) account(ctx context.Context, user, host string, want []proof) error {
	hosts, err := e.hosts(ctx, user)
	if err != nil {
		return err
	}
	if !slices.Contains(hosts, host) {
		return e.write(ctx, "user "+user, "CREATE USER IF NOT EXISTS "+mariadb.QuoteAccount(user, host)+identified(want))
	}
	have, err := e.proofs(ctx, user, host)
	if err != nil || slices.Equal(have, want) {
		return err
	}
	return e.write(ctx, "password of "+user, "ALTER USER IF EXISTS "+mariadb.QuoteAccount(user, host)+identified(want))
}

// former drops the users of earlier controllers. What they have open lives on.
func (e *ensuring) former(ctx context.Context) error {
	for _, user := range e.Former {
		if user == e.User.User {
			continue
		}
		hosts, err := e.hosts(ctx, user)
		if err != nil {
			return err
		}
		if !slices.Contains(hosts, anywhere) {
			continue
		}
		grants, err := e.grants(ctx, user, anywhere)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(grants, func(line string) bool { return isRight(line) && strings.Contains(line, " ON *.* TO ") }) {
			return fmt.Errorf("the user %s is not dropped: it has rights on the whole server, which no controller of ours has", user)
		}
		if err := e.write(ctx, "former user "+user, "DROP USER IF EXISTS "+mariadb.QuoteAccount(user, anywhere)); err != nil {
			return err
		}
	}
	return nil
}

// root changes root's accounts, last the one that this login is by.
func (e *ensuring) root(ctx context.Context) error {
	hosts, err := e.hosts(ctx, rootUser)
	if err != nil {
		return err
	}
	var current string
	if err := e.db.QueryRowContext(ctx, "SELECT CURRENT_USER()").Scan(&current); err != nil {
		return err
	}
	own := strings.TrimPrefix(current, rootUser+"@")
	slices.SortFunc(hosts, func(x, y string) int {
		last := map[bool]int{true: 1}
		return cmp.Or(last[x == own]-last[y == own], strings.Compare(x, y))
	})
	for _, host := range hosts {
		have, err := e.proofs(ctx, rootUser, host)
		if mariadb.Number(err) == mariadb.ErrNoSuchAccount {
			continue // of a host by its name, which --skip-name-resolve makes the server ignore
		}
		if err != nil {
			return err
		}
		want, ours := withPassword(have, e.RootPassword)
		if !ours || slices.Equal(have, want) {
			continue
		}
		if err := e.write(ctx, "password of "+rootUser, "ALTER USER IF EXISTS "+mariadb.QuoteAccount(rootUser, host)+identified(want)); err != nil {
			return err
		}
		if host == own {
			e.password.Store(&e.RootPassword)
		}
	}
	return nil
}

// proven logs in as the controller.
func (e *ensuring) proven(ctx context.Context) error {
	d, err := e.server.driver(e.User, "")
	if err != nil {
		return err
	}
	db, err := mariadb.Open(d)
	if err != nil {
		return err
	}
	err = errors.Join(bounded(ctx, loginLimit, db.PingContext), db.Close())
	if wrongPassword(err) {
		return fmt.Errorf("the account %s is as it should be, and yet the server refuses it from here; is there another of that name, or one without a name? %s",
			mariadb.QuoteAccount(e.User.User, anywhere), err.Error()) // not ErrCredentials: root's are right
	}
	return err
}

// hosts are those of a user's accounts.
func (e *ensuring) hosts(ctx context.Context, user string) ([]string, error) {
	return e.lines(ctx, "SELECT Host FROM mysql.user WHERE User = "+mariadb.QuoteText(user)+" ORDER BY Host")
}

// proofs are how an account proves itself. SHOW CREATE USER is alike in all
// versions, unlike the tables that it is kept in, and an attempt to log in would
// not tell of a second password, nor of accounts for other addresses than ours.
func (e *ensuring) proofs(ctx context.Context, user, host string) ([]proof, error) {
	lines, err := e.lines(ctx, "SHOW CREATE USER "+mariadb.QuoteAccount(user, host))
	if err != nil {
		return nil, err
	}
	return parseProofs(strings.Join(lines, ""), user, host)
}

func (e *ensuring) grants(ctx context.Context, user, host string) ([]string, error) {
	return e.lines(ctx, "SHOW GRANTS FOR "+mariadb.QuoteAccount(user, host))
}

// isRight says that a line of SHOW GRANTS gives something.
func isRight(line string) bool {
	return !strings.HasPrefix(line, "GRANT USAGE ON *.* TO ") || strings.HasSuffix(line, " WITH GRANT OPTION")
}

// lines reads a column of texts.
func (e *ensuring) lines(ctx context.Context, text string) (out []string, err error) {
	rows, err := e.db.QueryContext(ctx, text)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return nil, err
		}
		out = append(out, line)
	}
	return out, rows.Err()
}
