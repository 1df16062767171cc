// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"crypto/sha1" //nolint:gosec // the account's format, mysql_native_password, is of 2004
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// EnsureAgents makes or repairs the account of node agents: from any address,
// mysql_native_password, no TLS asked for (their drivers know nothing newer),
// SELECT on the three tables and UPDATE of the two columns that are theirs. To be
// called while the gate is open: a right can't be granted on a table that isn't
// there. It stays with the name when the table is renamed.
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
		db, err := openWith(s.driver)
		if err != nil {
			return err
		}
		if err := errors.Join(s.makeAgentAccount(ctx, db), db.Close()); err != nil {
			return fmt.Errorf("making the agents' account %s: %w", s.agentAccount(), err)
		}
		return nil
	})
}

func (s *Store) makeAgentAccount(ctx context.Context, db *sql.DB) error {
	ddl := func(text string) error {
		s.statements.Add(1)
		_, err := db.ExecContext(ctx, text)
		return err
	}
	account := s.agentAccount()
	// By its hash, so that the password is in no log of the server's.
	identified := " IDENTIFIED WITH mysql_native_password AS '" + nativeHash(s.cfg.AgentPassword) + "' REQUIRE NONE"
	err := ddl("CREATE USER " + account + identified)
	if number(err) == errCannotUser { // it is there
		if err = s.mayTakeAccount(ctx, db); err == nil {
			err = ddl("ALTER USER " + account + identified)
		}
	}
	if err != nil {
		return err
	}
	var have []string
	err = s.retryIf(ctx, refusedLogin, func() (err error) {
		have, err = s.agentsOwnGrants(ctx)
		return err
	})
	if err != nil {
		return err
	}
	want := s.agentGrants()
	for _, grant := range have {
		if slices.Contains(want, grant) {
			continue
		}
		// Something more, or something else: from nothing again. Agents
		// answer the errors of the moment by changing nothing.
		if err := ddl("REVOKE ALL PRIVILEGES, GRANT OPTION FROM " + account); err != nil {
			return err
		}
		have = nil
		break
	}
	for _, grant := range want {
		if slices.Contains(have, grant) {
			continue
		}
		if err := ddl(grant + " TO " + account); err != nil {
			return err
		}
	}
	return nil
}

// refusedLogin says that an account is not known, or not with its password; for a
// moment also on a Galera node that has yet to apply what another was told.
func refusedLogin(err error) bool { return number(err) == errAccessDenied }

// mayTakeAccount says whether an account that exists is one of ours: it has no
// right beyond our database. Only an administrator may see another's rights;
// without that, the account must know its password.
func (s *Store) mayTakeAccount(ctx context.Context, db *sql.DB) error {
	grants, err := s.showGrants(ctx, db, "SHOW GRANTS FOR "+s.agentAccount())
	if err != nil {
		grants, err = s.agentsOwnGrants(ctx)
	}
	if classOf(err) == ErrCredentials { //nolint:errorlint // classOf returns the values themselves
		return fmt.Errorf("%w: it does not have the password that is configured, and its rights can't be seen; drop it, or name another (DB_AGENT_USER)", ErrForeignAccount)
	}
	if err != nil {
		return err
	}
	ours := " ON " + quoteName(s.cfg.Database) + "."
	for _, grant := range grants {
		// A database's name is a pattern where it stands alone.
		plain := strings.ReplaceAll(grant, `\_`, "_")
		if !strings.Contains(plain, ours) && grant != usageWithGrant {
			return fmt.Errorf("%w: %q; name another (DB_AGENT_USER)", ErrForeignAccount, grant)
		}
	}
	return nil
}

// agentGrants are what SHOW GRANTS says of a right account, without the account.
func (s *Store) agentGrants() []string {
	database := quoteName(s.cfg.Database)
	return []string{
		"GRANT SELECT, UPDATE (`modified_at`, `netplan_success`) ON " + database + ".`multi_interface`",
		"GRANT SELECT ON " + database + ".`multi_subnet`",
		"GRANT SELECT ON " + database + ".`node_table`",
	}
}

// agentsOwnGrants logs in as the agents do, which proves that they can, and asks
// for the account's rights: those of others only an administrator may see. They
// come in a common form, without USAGE, which every account has.
func (s *Store) agentsOwnGrants(ctx context.Context) (out []string, err error) {
	login := s.driver.Clone()
	login.User, login.Passwd, login.DBName = s.cfg.AgentUser, s.cfg.AgentPassword, ""
	db, err := openWith(login)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return s.showGrants(ctx, db, "SHOW GRANTS")
}

// openWith opens a pool beside the store's.
func openWith(login *mysql.Config) (*sql.DB, error) {
	connector, err := mysql.NewConnector(login)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(sessionConnector{connector}), nil
}

// usageWithGrant is no right but that to pass on rights.
const usageWithGrant = "GRANT USAGE ON *.* WITH GRANT OPTION"

func (s *Store) showGrants(ctx context.Context, db *sql.DB, text string) (out []string, err error) {
	t := &txn{s: s, q: db}
	err = t.run(ctx, "agents-grants", text, nil, func(r *sql.Rows) error {
		var line string
		if err := r.Scan(&line); err != nil {
			return err
		}
		if grant := normalGrant(line); grant != "" {
			out = append(out, grant)
		}
		return nil
	})
	return out, err
}

// normalGrant is a line of SHOW GRANTS without its account; "" for USAGE. Servers
// differ in the order of columns and in their quotes.
func normalGrant(line string) string {
	grant, rest, _ := strings.Cut(line, " TO ")
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

func (s *Store) agentAccount() string { return quoteText(s.cfg.AgentUser) + "@'%'" }

// quoteText makes any text a string literal in SQL, whatever the mode is set to
// by sessionSettings (backslashes are escapes there).
func quoteText(s string) string {
	return "'" + strings.NewReplacer("\\", "\\\\", "'", "''").Replace(s) + "'"
}

// nativeHash is what mysql_native_password stores: * and SHA1(SHA1(password)).
func nativeHash(password string) string {
	once := sha1.Sum([]byte(password)) //nolint:gosec // see above
	twice := sha1.Sum(once[:])         //nolint:gosec // see above
	return "*" + strings.ToUpper(hex.EncodeToString(twice[:]))
}
