// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package dbadmin

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/xormsdhkdwk/multinic/internal/mariadb"
)

func TestOddNamesArePassedOnAsTheyAre(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	a := b.connect()
	odd := "it's \"a\" `b\\c` %_\\_ @한글; -- -"
	// A database is a folder, whose name has 255 bytes, five for each odd sign.
	long := func(n int) string { return odd + strings.Repeat("é", n-len([]rune(odd))) }
	for _, w := range []struct{ user, database, password string }{
		{odd, odd + "x", "p'\\\"💥 "},
		{long(80), strings.NewReplacer("%", "x", `\`, "x").Replace(long(64)), strings.Repeat("long ", 60)},
		{"a_b", "50%_of\\_all", "x"},
		{" IDENTIFIED VIA ed25519 OR unix_socket", "a TO b", "x"},
	} {
		b.exec("CREATE DATABASE "+mariadb.QuoteName(w.database), "CREATE DATABASE IF NOT EXISTS `50xyofz_all`")
		want := b.wanted()
		want.User, want.Database, want.AlsoValid = Account{w.user, w.password}, w.database, w.password+"'"
		b.ensure(a, want)
		if changed := b.ensure(a, want); len(changed) != 0 {
			t.Errorf("%q: the second time changed %q", w.user, changed)
		}
		if !b.takes(Account{w.user, want.AlsoValid}) {
			t.Errorf("%q: the second password is refused", w.user)
		}
		if _, err := b.pool(want.User, w.database).ExecContext(t.Context(), "CREATE TABLE t (i INT)"); err != nil {
			t.Errorf("%q in %q: %v", w.user, w.database, err)
		}
		if _, err := b.pool(want.User, "50xyofz_all").ExecContext(t.Context(), "SELECT 1"); err == nil {
			t.Errorf("%q has a right in a database that only looks like %q", w.user, w.database)
		}
		if _, exists, err := a.GateOpen(t.Context(), w.database); err != nil || exists {
			t.Errorf("looking at %q: %t, %v", w.database, exists, err)
		}
		if changed := b.ensure(a, func() Wanted { n := b.wanted(); n.Former = []string{w.user}; return n }()); !slices.Contains(changed, "former user "+w.user) {
			t.Errorf("%q is not dropped: %q", w.user, changed)
		}
	}
}

func TestNamesOfOthersAndNamesThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	a := b.connect()
	type change = func(*Wanted)
	for _, c := range []struct {
		change change
		says   string
	}{
		{func(w *Wanted) { w.User.User = "root" }, "server's own"},
		{func(w *Wanted) { w.User.User = "mariadb.sys" }, "server's own"},
		{func(w *Wanted) { w.User.User = "MySQL" }, "server's own"},
		{func(w *Wanted) { w.User.User = "agent" }, "another account"},
		{func(w *Wanted) { w.User.User = w.Probe.User }, "another account"},
		{func(w *Wanted) { w.Probe.User = "agent" }, "another account"},
		{func(w *Wanted) { w.Former = []string{"root"} }, "server's own"},
		{func(w *Wanted) { w.Former = []string{"agent"} }, "another account"},
		{func(w *Wanted) { w.User.User = "" }, "no name"},
		{func(w *Wanted) { w.User.User = strings.Repeat("x", 81) }, "80"},
		{func(w *Wanted) { w.User.User = "💥" }, "characters"},
		{func(w *Wanted) { w.User.User = "multinic " }, "space"},
		{func(w *Wanted) { w.User.User = "a\x00b" }, "characters"},
		{func(w *Wanted) { w.Database = "mysql" }, "server's own"},
		{func(w *Wanted) { w.Database = "d💥" }, "characters"},
		{func(w *Wanted) { w.Database = "d " }, "space"},
		{func(w *Wanted) { w.Database = strings.Repeat("x", 63) + "%" }, "no room"},
		{func(w *Wanted) { w.Database = strings.Repeat("é", 65) }, "64"},
		{func(w *Wanted) { w.User.Password = "" }, "no password"},
		{func(w *Wanted) { w.RootPassword = "" }, "no password"},
	} {
		w := b.wanted()
		c.change(&w)
		changed, err := a.Ensure(t.Context(), w)
		if err == nil || !strings.Contains(err.Error(), c.says) || changed != nil {
			t.Errorf("%+v: changed %q, %v; want an error that says %q", w, changed, err, c.says)
		}
	}
}

func TestEveryVersionsWayToWriteAnAccountIsRead(t *testing.T) {
	t.Parallel()
	hash := mariadb.NativeHash("p")
	for text, want := range map[string][]proof{
		"CREATE USER 'it's'@'%'":                                                                               nil,
		"CREATE USER `it's`@`%` REQUIRE SSL":                                                                   nil,
		"CREATE USER 'it''s'@'%' IDENTIFIED BY PASSWORD '" + hash + "'":                                        {{nativePlugin, hash}},
		"CREATE USER 'it's'@'%' IDENTIFIED BY PASSWORD '" + hash + "'":                                         {{nativePlugin, hash}},
		"CREATE USER `it's`@`%` IDENTIFIED BY PASSWORD '" + hash + "' REQUIRE SSL WITH MAX_USER_CONNECTIONS 3": {{nativePlugin, hash}},
		"CREATE USER `it's`@`%` IDENTIFIED VIA mysql_native_password USING 'invalid' OR unix_socket":           {{nativePlugin, "invalid"}, {"unix_socket", ""}},
		"CREATE USER `it's`@`%` IDENTIFIED VIA pam USING 'a''b' REQUIRE NONE":                                  {{"pam", "a'b"}},
	} {
		if got, err := parseProofs(text, "it's", "%"); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s is read as %v, %v", text, got, err)
		}
	}
	if got, err := parseProofs("CREATE USER `someone`@`%`", "it's", "%"); err == nil {
		t.Errorf("another account is read as %v", got)
	}
}

func TestVersionsAreToldApart(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"10.3.39-MariaDB-log": false, "10.4.0-MariaDB": true, "10.11.8-MariaDB-ubu2204": true, "11.4.2-MariaDB": true, "5.5.68-MariaDB": false, "odd": false,
	} {
		if severalWays(version) != want {
			t.Error(fmt.Sprint(version, " is taken for ", !want))
		}
	}
}
