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

// ensureAgentAccount makes or repairs the account of node agents: from any
// address, mysql_native_password, no TLS asked for (their drivers know nothing
// newer), SELECT on the three tables and UPDATE of the two columns that are
// theirs. To be called while the gate is open: a right can't be granted on a
// table that isn't there. It stays with the name when the table is renamed.
func (s *Store) ensureAgentAccount(ctx context.Context) error {
	if s.cfg.AgentUser == "" {
		return nil
	}
	if err := s.makeAgentAccount(ctx); err != nil {
		return fmt.Errorf("making the agents' account %s: %w", s.agentAccount(), err)
	}
	return nil
}

func (s *Store) makeAgentAccount(ctx context.Context) error {
	account := s.agentAccount()
	// By its hash, so that the password is in no log of the server's.
	identified := " IDENTIFIED WITH mysql_native_password AS '" + nativeHash(s.cfg.AgentPassword) + "' REQUIRE NONE"
	if err := s.ddl(ctx, "CREATE USER IF NOT EXISTS "+account+identified); err != nil {
		return err
	}
	if err := s.ddl(ctx, "ALTER USER "+account+identified); err != nil {
		return err
	}
	have, err := s.agentsOwnGrants(ctx)
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
		if err := s.ddl(ctx, "REVOKE ALL PRIVILEGES, GRANT OPTION FROM "+account); err != nil {
			return err
		}
		have = nil
		break
	}
	for _, grant := range want {
		if slices.Contains(have, grant) {
			continue
		}
		if err := s.ddl(ctx, grant+" TO "+account); err != nil {
			return err
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
	connector, err := mysql.NewConnector(login)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	defer func() { err = errors.Join(err, db.Close()) }()
	t := &txn{s: s, q: db}
	err = t.run(ctx, "agents-grants", "SHOW GRANTS", nil, func(r *sql.Rows) error {
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
