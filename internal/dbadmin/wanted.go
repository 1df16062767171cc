// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package dbadmin

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/xormsdhkdwk/multinic/internal/mariadb"
)

// Account is a user and its password.
type Account struct{ User, Password string }

// Wanted is what must be true of a server's accounts.
type Wanted struct {
	// RootPassword is that of every account of root that has a password;
	// accounts that prove themselves in another way (unix_socket) are left alone.
	RootPassword string
	// Database is the controller's. It need not be there yet.
	Database string
	// User is the controller's account, from any address: every right on
	// Database. More rights than that are left to who gave them.
	User Account
	// AlsoValid is an earlier password of User's that is good as well, "" for
	// none. MariaDB 10.3 knows no such thing and takes User's own alone.
	AlsoValid string
	// Probe is the account of the server's own probes, from 127.0.0.1 and
	// without any right; none if User is empty.
	Probe Account
	// Agents is the user of node agents, whose account EnsureAgents makes. It is
	// named so that no other account takes its name.
	Agents string
	// Former are users of earlier controllers, from any address, to be dropped;
	// User itself is not.
	Former []string
}

const (
	maxUser     = 80 // mariadb.com/kb/en/identifier-names, in characters
	maxDatabase = 64
)

// reserved are accounts of the server's own, and a word that means everybody.
var reserved = []string{rootUser, "mariadb.sys", "mysql", "mysql.sys", "mysql.session", "mysql.infoschema", "PUBLIC"}

// systemDatabases hold what the server itself goes by: a right on them is one on
// everything.
var systemDatabases = []string{"mysql", "information_schema", "performance_schema", "sys"}

// Check says everything that is wrong with what is wanted, before a server is asked.
func (w Wanted) Check() error {
	errs := []error{checkDatabase(w.Database)}
	if _, fits := mariadb.QuotePattern(w.Database); !fits && errs[0] == nil {
		errs[0] = fmt.Errorf("the database must not be %q: GRANT has no room for so long a name with %% or \\ in it", w.Database)
	}
	account := func(what string, a Account, others ...string) {
		errs = append(errs, checkUser(what, a.User, others...))
		if a.Password == "" {
			errs = append(errs, fmt.Errorf("%s has no password", what))
		}
	}
	if w.RootPassword == "" {
		errs = append(errs, fmt.Errorf("%s has no password", rootUser))
	}
	account("the controller's user", w.User, w.Agents, w.Probe.User)
	if w.Probe.User != "" {
		account("the probes' user", w.Probe, w.Agents)
	}
	for _, former := range w.Former {
		errs = append(errs, checkUser("a former user", former, w.Agents, w.Probe.User))
	}
	return errors.Join(errs...)
}

// checkUser refuses a name that is no user's, or someone else's. That the
// server tells names apart by case is no reason for two so alike.
func checkUser(what, name string, others ...string) error {
	if err := checkName(what, name, maxUser); err != nil {
		return err
	}
	same := func(other string) bool { return other != "" && strings.EqualFold(name, other) }
	if slices.ContainsFunc(reserved, same) {
		return fmt.Errorf("%s must not be %q: that is one of the server's own", what, name)
	}
	if slices.ContainsFunc(others, same) {
		return fmt.Errorf("%s must not be %q: that is another account of MultiNic's", what, name)
	}
	return nil
}

func checkDatabase(name string) error {
	if err := checkName("the database", name, maxDatabase); err != nil {
		return err
	}
	if slices.ContainsFunc(systemDatabases, func(other string) bool { return strings.EqualFold(name, other) }) {
		return fmt.Errorf("the database must not be %q: that is one of the server's own", name)
	}
	return nil
}

// checkName refuses what MariaDB can't write down. Its names are of Unicode's
// first 65,536 characters; of others it makes question marks, the same for all
// (mariadb.com/kb/en/identifier-names).
func checkName(what, name string, longest int) error {
	switch {
	case name == "":
		return fmt.Errorf("%s has no name", what)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r == 0 || r > 0xFFFF }):
		return fmt.Errorf("%s must not be %q: MariaDB has no such characters in names", what, name)
	case strings.HasSuffix(name, " "):
		return fmt.Errorf("%s must not be %q: MariaDB keeps no name that ends in a space", what, name) // nor a user's, once it is started again
	case utf8.RuneCountInString(name) > longest:
		return fmt.Errorf("%s has a name of more than %d characters", what, longest)
	}
	return nil
}
