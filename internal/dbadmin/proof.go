// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package dbadmin

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/xormsdhkdwk/multinic/internal/mariadb"
)

// nativePlugin is what every driver, MariaDB's image and all versions know.
const nativePlugin = "mysql_native_password"

// passwordPlugins are those by which an account proves itself with a password.
var passwordPlugins = []string{nativePlugin, "mysql_old_password", "ed25519", "parsec", "caching_sha2_password", "sha256_password"}

// proof is one way in which an account proves itself: a plugin and what it is
// given to judge by.
type proof struct{ plugin, data string }

// native are proofs by passwords.
func native(passwords ...string) []proof {
	var out []proof
	for _, password := range passwords {
		out = append(out, proof{nativePlugin, mariadb.NativeHash(password)})
	}
	return out
}

// isPassword says whether there is a password to be known. mariadb-install-db
// gives root, beside unix_socket, one that nobody can know: "invalid".
func (p proof) isPassword() bool {
	return slices.Contains(passwordPlugins, p.plugin) && p.data != "invalid"
}

// identified is the clause of CREATE USER and ALTER USER. One proof is said in the
// way that MariaDB 10.3 knows too.
func identified(proofs []proof) string {
	var ways []string
	for _, p := range proofs {
		way := p.plugin
		if p.data != "" {
			way += " USING " + mariadb.QuoteText(p.data)
		}
		ways = append(ways, way)
	}
	return " IDENTIFIED VIA " + strings.Join(ways, " OR ")
}

// withPassword puts a password in the place of those that an account has. false:
// it has none to be replaced.
func withPassword(have []proof, password string) ([]proof, bool) {
	if len(have) == 0 { // anybody may log in
		return native(password), true
	}
	var want []proof
	replaced := false
	for _, p := range have {
		switch {
		case !p.isPassword():
			want = append(want, p)
		case !replaced:
			want = append(want, native(password)...)
			replaced = true
		}
	}
	return want, replaced
}

// onePlugin is a plugin with its data, as SHOW CREATE USER writes it.
var onePlugin = regexp.MustCompile(`^([A-Za-z0-9_]+)(?: USING '((?:[^']|'')*)')?`)

// parseProofs reads what SHOW CREATE USER says of an account. The user's name is
// free text and so is known before; versions differ in how they quote it.
func parseProofs(text, user, host string) ([]proof, error) {
	rest, ok := "", false
	for _, account := range mariadb.Spellings(user, host) {
		if rest, ok = strings.CutPrefix(text, "CREATE USER "+account); ok {
			break
		}
	}
	if !ok {
		return nil, fmt.Errorf("what the server says of %s is not understood", mariadb.QuoteAccount(user, host))
	}
	if hash, ok := strings.CutPrefix(rest, " IDENTIFIED BY PASSWORD '"); ok {
		hash, _, _ = strings.Cut(hash, "'")
		return []proof{{nativePlugin, hash}}, nil
	}
	rest, ok = strings.CutPrefix(rest, " IDENTIFIED VIA ")
	var out []proof
	for ok {
		found := onePlugin.FindStringSubmatch(rest)
		if found == nil {
			return nil, fmt.Errorf("how %s proves itself is not understood", mariadb.QuoteAccount(user, host))
		}
		out = append(out, proof{found[1], strings.ReplaceAll(found[2], "''", "'")})
		rest, ok = strings.CutPrefix(rest[len(found[0]):], " OR ")
	}
	return out, nil
}
