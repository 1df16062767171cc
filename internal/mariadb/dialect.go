// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package mariadb

import (
	"crypto/sha1" //nolint:gosec // the account's format, mysql_native_password, is of 2004
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// QuoteName makes any text a name in SQL.
func QuoteName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// maxPattern is how long a pattern may be, in characters: no longer than a name.
const maxPattern = 64

// QuotePattern makes a database's name what GRANT ... ON takes in its place: there
// _ and % stand for other signs, and \ takes that from them (mariadb.com/kb/en/grant,
// database privileges). A name that is too long for all of that keeps its _ as they
// are, which stand for themselves also; false if it is too long even so.
func QuotePattern(database string) (pattern string, fits bool) {
	pattern = strings.NewReplacer(`\`, `\\`, `%`, `\%`).Replace(database)
	if all := strings.ReplaceAll(pattern, `_`, `\_`); utf8.RuneCountInString(all) <= maxPattern {
		pattern = all
	}
	return QuoteName(pattern), utf8.RuneCountInString(pattern) <= maxPattern
}

// QuoteText makes any text a string literal in SQL, whatever the mode is set to
// by the session's settings (backslashes are escapes there).
func QuoteText(s string) string {
	return "'" + strings.NewReplacer("\\", "\\\\", "'", "''").Replace(s) + "'"
}

// QuoteAccount makes a user and a host an account in SQL.
func QuoteAccount(user, host string) string { return QuoteText(user) + "@" + QuoteText(host) }

// Spellings are the ways in which servers write an account: versions differ in
// the quotes, and some leave those in a name as they are.
func Spellings(user, host string) []string {
	return []string{
		QuoteName(user) + "@" + QuoteName(host),
		QuoteAccount(user, host),
		"'" + user + "'@'" + host + "'",
	}
}

// NativeHash is what mysql_native_password stores: * and SHA1(SHA1(password)).
func NativeHash(password string) string {
	once := sha1.Sum([]byte(password)) //nolint:gosec // see above
	twice := sha1.Sum(once[:])         //nolint:gosec // see above
	return "*" + strings.ToUpper(hex.EncodeToString(twice[:]))
}
