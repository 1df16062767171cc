// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/xormsdhkdwk/multinic/internal/mariadb"
)

// EnsureAgents makes or repairs the account of node agents: from any address,
// mysql_native_password, no TLS asked for (their drivers know nothing newer),
// SELECT on the three tables and UPDATE of the two columns that are theirs. To be
// called while the gate is open: a right can't be granted on a table that isn't
// there. It stays with the name when the table is renamed. A root can also before:
// the function of the same name.
//
// An account that has rights elsewhere is someone's, and refused (ErrForeignAccount).
func (l *Leader) EnsureAgents(ctx context.Context) error {
	s := l.s
	if s.cfg.AgentUser == "" {
		return nil
	}
	return s.operation(ctx, "agents", readLimit, func(ctx context.Context) error {
		// A connection of its own: one that is open keeps the rights that our
		// account had when it was opened.
		db, err := mariadb.Open(s.driver)
		if err != nil {
			return err
		}
		a := &agents{Agents: Agents{s.cfg.AgentUser, s.cfg.AgentPassword, s.cfg.Database}, s: s, db: db}
		_, err = a.ensure(ctx)
		return errors.Join(err, db.Close())
	})
}

// Agents is the account of node agents, and the database that they read.
type Agents struct{ User, Password, Database string }

// agents makes the account.
type agents struct {
	Agents

	s *Store
	// db logs in as who makes it, to any database or none.
	db *sql.DB
	// root says that this is an administrator: sees the rights of others, and may
	// give some on tables that aren't there.
	root bool
}

// anywhere is the host of an account that may come from any address.
const anywhere = "%"

func (a *agents) account() string { return mariadb.QuoteAccount(a.User, anywhere) }

// ensure is repeatable and may die anywhere. complete: nothing is lacking.
func (a *agents) ensure(ctx context.Context) (complete bool, err error) {
	if err = a.identify(ctx); err == nil {
		complete, err = a.give(ctx)
	}
	if err != nil {
		return false, fmt.Errorf("making the agents' account %s: %w", a.account(), err)
	}
	return complete, nil
}

// identify makes the account, or makes it prove itself as it should.
func (a *agents) identify(ctx context.Context) error {
	proven, err := a.identified(ctx)
	if err != nil {
		return err
	}
	// By its hash, so that the password is in no log of the server's.
	how := " IDENTIFIED WITH mysql_native_password AS '" + mariadb.NativeHash(a.Password) + "' REQUIRE NONE"
	if !proven {
		err = a.ddl(ctx, "CREATE USER "+a.account()+how)
		if mariadb.Number(err) != errCannotUser { // else it is there
			return err
		}
	}
	if err := a.mayTake(ctx); err != nil || proven {
		return err
	}
	return a.ddl(ctx, "ALTER USER "+a.account()+how)
}

// identified says that the account is there and proves itself as it should;
// false where we may not see that.
func (a *agents) identified(ctx context.Context) (proven bool, err error) {
	t := &txn{s: a.s, q: a.db}
	err = t.run(ctx, "agents-identified", "SHOW CREATE USER "+a.account(), nil, func(r *sql.Rows) error {
		var text string
		if err := r.Scan(&text); err != nil {
			return err
		}
		for _, account := range mariadb.Spellings(a.User, anywhere) {
			rest, ok := strings.CutPrefix(text, "CREATE USER "+account+" IDENTIFIED BY PASSWORD '"+mariadb.NativeHash(a.Password)+"'")
			proven = proven || ok && !strings.HasPrefix(rest, " REQUIRE ")
		}
		return nil
	})
	if n := mariadb.Number(err); n == mariadb.ErrNoSuchAccount || n == errCannotUser || mariadb.Refused(err) {
		err = nil
	}
	return proven, err
}

// give makes the account's rights what they should be.
func (a *agents) give(ctx context.Context) (complete bool, err error) {
	var have []string
	err = a.s.retryIf(ctx, refusedLogin, func() (err error) {
		have, err = a.grants(ctx)
		return err
	})
	if err != nil {
		return false, err
	}
	more := func(grant string) bool {
		return !slices.ContainsFunc(agentsMay, func(r right) bool { return r.grant(a.Database) == grant })
	}
	if slices.ContainsFunc(have, more) {
		// Something more, or something else: from nothing again. Agents
		// answer the errors of the moment by changing nothing.
		if err := a.ddl(ctx, "REVOKE ALL PRIVILEGES, GRANT OPTION FROM "+a.account()); err != nil {
			return false, err
		}
		have = nil
	}
	var lacking []right
	for _, r := range agentsMay {
		grant := r.grant(a.Database)
		if slices.Contains(have, grant) {
			continue
		}
		err := a.ddl(ctx, grant+" TO "+a.account())
		if n := mariadb.Number(err); a.root && (n == mariadb.ErrNoSuchTable || n == mariadb.ErrUnknownDatabase) {
			lacking = append(lacking, r)
			continue
		}
		if err != nil {
			return false, err
		}
	}
	if lacking == nil {
		return true, nil
	}
	return a.giveAhead(ctx, lacking)
}

// refusedLogin says that an account is not known, or not with its password; for a
// moment also on a Galera node that has yet to apply what another was told.
func refusedLogin(err error) bool { return mariadb.Number(err) == mariadb.ErrAccessDenied }

func (a *agents) ddl(ctx context.Context, text string) error {
	a.s.statements.Add(1)
	_, err := a.db.ExecContext(ctx, text)
	return err
}

// mayTake says whether an account that exists is one of ours: it has no right
// beyond our database. Only an administrator may see another's rights; without
// that, the account must know its password.
func (a *agents) mayTake(ctx context.Context) error {
	grants, err := a.grantsSeen(ctx)
	if err != nil && !a.root {
		grants, err = a.ownGrants(ctx)
		if classOf(err) == ErrCredentials { //nolint:errorlint // classOf returns the values themselves
			return fmt.Errorf("%w: it does not have the password that is configured, and its rights can't be seen; drop it, or name another (DB_AGENT_USER)", ErrForeignAccount)
		}
	}
	if err != nil {
		return err
	}
	// A database's name is a pattern where it stands alone, which not everybody
	// quotes in full.
	pattern, _ := mariadb.QuotePattern(a.Database)
	on := func(grant, database string) bool { return strings.Contains(grant, " ON "+database+".") }
	for _, grant := range grants {
		name := mariadb.QuoteName(a.Database)
		ours := on(grant, name) || on(grant, pattern) || on(strings.ReplaceAll(grant, `\_`, "_"), name)
		if !ours && grant != usageWithGrant {
			return fmt.Errorf("%w: %q; name another (DB_AGENT_USER)", ErrForeignAccount, grant)
		}
	}
	return nil
}

// right is what agents may do with a table: read it, and write these columns.
type right struct {
	table   string
	columns []string
}

// agentsMay is all that they may. Read-only.
var agentsMay = []right{
	{openName, []string{"modified_at", "netplan_success"}},
	{"multi_subnet", nil},
	{"node_table", nil},
}

// grant is what SHOW GRANTS says of a right, without the account.
func (r right) grant(database string) string {
	what := "SELECT"
	if r.columns != nil {
		what += ", UPDATE (`" + strings.Join(r.columns, "`, `") + "`)"
	}
	return "GRANT " + what + " ON " + mariadb.QuoteName(database) + "." + mariadb.QuoteName(r.table)
}

// grants are the account's rights.
func (a *agents) grants(ctx context.Context) ([]string, error) {
	if a.root {
		return a.grantsSeen(ctx)
	}
	return a.ownGrants(ctx)
}

// grantsSeen are the account's rights, for those who may see them.
func (a *agents) grantsSeen(ctx context.Context) ([]string, error) {
	return a.showGrants(ctx, a.db, "SHOW GRANTS FOR "+a.account())
}

// ownGrants logs in as the agents do, which proves that they can, and asks for
// the account's rights: those of others only an administrator may see. They come
// in a common form, without USAGE, which every account has.
func (a *agents) ownGrants(ctx context.Context) (out []string, err error) {
	login := a.s.driver.Clone()
	login.User, login.Passwd, login.DBName = a.User, a.Password, ""
	db, err := mariadb.Open(login)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return a.showGrants(ctx, db, "SHOW GRANTS")
}

// usageWithGrant is no right but that to pass on rights.
const usageWithGrant = "GRANT USAGE ON *.* WITH GRANT OPTION"

func (a *agents) showGrants(ctx context.Context, db *sql.DB, text string) (out []string, err error) {
	t := &txn{s: a.s, q: db}
	err = t.run(ctx, "agents-grants", text, nil, func(r *sql.Rows) error {
		var line string
		if err := r.Scan(&line); err != nil {
			return err
		}
		if grant := a.normalGrant(line); grant != "" {
			out = append(out, grant)
		}
		return nil
	})
	return out, err
}

// normalGrant is a line of SHOW GRANTS without its account; "" for USAGE. Servers
// differ in the order of columns and in their quotes.
func (a *agents) normalGrant(line string) string {
	grant, rest, _ := strings.Cut(line, " TO ")
	for _, account := range mariadb.Spellings(a.User, anywhere) { // " TO " may be in a name
		if i := strings.LastIndex(line, " TO "+account); i >= 0 {
			grant, rest = line[:i], line[i+len(" TO "+account):]
			break
		}
	}
	if strings.HasPrefix(grant, "GRANT USAGE ON *.*") && !strings.Contains(rest, "WITH GRANT OPTION") {
		return ""
	}
	for _, columns := range []string{"(netplan_success, modified_at)", "(modified_at, netplan_success)", "(`netplan_success`, `modified_at`)"} {
		grant = strings.Replace(grant, columns, "(`modified_at`, `netplan_success`)", 1)
	}
	if strings.Contains(rest, "WITH GRANT OPTION") {
		grant += " WITH GRANT OPTION"
	}
	return grant
}
