// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package dbadmin

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func TestAccountsAreMadeOnceAndThenNothingIsWritten(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.exec("CREATE DATABASE multi_nic", "CREATE DATABASE multixnic", "CREATE USER old@'%' IDENTIFIED BY 'o'", "CREATE USER multinic_probe@127.0.0.1")
	b.exec("GRANT SELECT ON multi_nic.* TO multinic_probe@127.0.0.1")
	a, w := b.connect(), b.wanted()
	w.Former = []string{"old", "never-there", w.User.User}
	want := []string{"user multinic", "rights of multinic", "password of multinic_probe", "rights of multinic_probe", "former user old"}
	if changed := b.ensure(a, w); !slices.Equal(changed, want) {
		t.Errorf("changed %q, want %q", changed, want)
	}

	before := len(b.generalLog())
	if changed := b.ensure(a, w); len(changed) != 0 {
		t.Errorf("the second time changed %q", changed)
	}
	for line := range strings.Lines(b.generalLog()[before:]) {
		_, text, _ := strings.Cut(line, "Query\t")
		if writesAccounts(text) {
			t.Errorf("the second time it wrote: %s", text)
		}
	}

	user := b.pool(w.User, "multi_nic")
	for _, text := range []string{"CREATE TABLE t (i INT)", "INSERT INTO t VALUES (1)", "RENAME TABLE t TO u", "DROP TABLE u"} {
		if _, err := user.ExecContext(t.Context(), text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := user.ExecContext(t.Context(), "CREATE TABLE multixnic.t (i INT)"); err == nil {
		t.Error("the _ in the database's name was taken for any character")
	}
	if grants := b.texts("SHOW GRANTS FOR multinic_probe@127.0.0.1"); len(grants) != 1 || isRight(grants[0]) || !b.takes(w.Probe) {
		t.Errorf("the probe's account has %q", grants)
	}
	errorLog, err := os.ReadFile(b.LogFile())
	if err != nil {
		t.Fatal(err)
	}
	for _, password := range []string{w.User.Password, w.Probe.Password, w.RootPassword} {
		if strings.Contains(b.generalLog()+string(errorLog), "'"+password+"'") {
			t.Errorf("a log of the server has the password %q", password)
		}
	}
}

func TestARotationBreaksNoConnectionAndLeavesNoMomentWithoutALogin(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	first := b.wanted()
	b.ensure(b.connect(), first)
	pooled := b.pool(first.User, "")
	conn, err := pooled.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()

	next := first
	next.RootPassword, next.User.Password, next.AlsoValid = "next of root", "next of user", first.User.Password
	a := b.connect(next.RootPassword, first.RootPassword)
	if changed, want := b.ensure(a, next), []string{"password of multinic", "password of root"}; !slices.Equal(changed, want) {
		t.Errorf("changed %q, want %q", changed, want)
	}
	b.RootPassword = next.RootPassword // by the socket also: root@localhost has it
	b.exec("DO 1")
	if b.takes(Account{"root", first.RootPassword}) {
		t.Error("root's old password is good")
	}
	for _, password := range []string{first.User.Password, next.User.Password} {
		if !b.takes(Account{"multinic", password}) {
			t.Errorf("during the rollout %q is refused", password)
		}
	}
	if b.takes(Account{"multinic", "neither"}) {
		t.Error("any password will do")
	}
	if changed := b.ensure(a, next); len(changed) != 0 {
		t.Errorf("again with both: changed %q", changed)
	}

	next.AlsoValid = ""
	a, which, err := Connect(t.Context(), b.server(), next.RootPassword, first.RootPassword)
	if err != nil || which != 0 {
		t.Fatalf("connecting takes password %d, %v; want the newest", which, err)
	}
	defer a.Close()
	if changed := b.ensure(a, next); !slices.Equal(changed, []string{"password of multinic"}) {
		t.Errorf("changed %q", changed)
	}
	if b.takes(first.User) || !b.takes(next.User) {
		t.Error("after the rotation the old password is good, or the new one is not")
	}
	var one int
	if err := conn.QueryRowContext(t.Context(), "SELECT 1").Scan(&one); err != nil {
		t.Errorf("the connection that was open from before: %v", err)
	}
}

func TestALoginLivesOnWithTheNewPasswordWhenItsConnectionBreaks(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	a, w := b.connect(), b.wanted()
	w.RootPassword = "next of root"
	b.ensure(a, w)
	b.RootPassword = w.RootPassword
	for _, id := range b.texts("SELECT id FROM information_schema.processlist WHERE user = 'root' AND id <> CONNECTION_ID()") {
		b.exec("KILL " + id)
	}
	if _, err := a.Version(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestARotationMayDieAtEveryStatement(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.exec("CREATE USER root@'10.%' IDENTIFIED BY '"+b.RootPassword+"'", "CREATE USER root@'10.0.%' IDENTIFIED BY '"+b.RootPassword+"'")
	w := b.wanted()
	b.ensure(b.connect(), w)
	for _, after := range []bool{false, true} {
		for step := int64(1); ; step++ {
			before := w
			w.RootPassword += "r"
			w.User, w.AlsoValid = Account{"multinic", w.User.Password + "u"}, w.User.Password
			w.Probe.Password += "p"
			w.Former = []string{"former"}
			b.exec("CREATE USER former@'%'", "REVOKE ALL PRIVILEGES ON `multi\\_nic`.* FROM multinic@'%'")
			d := &death{at: step, after: after, counts: writesAccounts}
			server := b.server()
			server.Dial = d.dial
			a, _, err := Connect(t.Context(), server, w.RootPassword, before.RootPassword)
			if err != nil {
				t.Fatal(err)
			}
			changed, err := a.Ensure(t.Context(), w)
			a.Close()
			died := d.counted.Load() >= step
			if died == (err == nil) {
				t.Fatalf("step %d: died %t, and Ensure says %v", step, died, err)
			}
			if !b.takes(before.User) {
				t.Errorf("step %d: the controller that runs can't open a connection; changed %q", step, changed)
			}
			// Another process goes on.
			again, which, err := Connect(t.Context(), b.server(), w.RootPassword, before.RootPassword)
			if err != nil {
				t.Fatalf("step %d, after %q: %v", step, changed, err)
			}
			rest := b.ensure(again, w)
			if died && which == 0 && len(rest) > 0 {
				t.Errorf("step %d: root's own password came before %q", step, rest)
			}
			if left := b.ensure(again, w); len(left) > 0 {
				t.Errorf("step %d: a third time changed %q", step, left)
			}
			again.Close()
			b.RootPassword = w.RootPassword
			if !b.takes(before.User) || !b.takes(w.User) || !b.takes(w.Probe) || b.takes(before.Probe) || !b.takes(Account{"root", w.RootPassword}) {
				t.Errorf("step %d: the passwords are not as wanted", step)
			}
			if !died {
				if step < 7 {
					t.Errorf("only %d steps: the test does not see the statements", step-1)
				}
				break
			}
		}
	}
}

func TestAnAccountThatHasNoPasswordIsLeftAlone(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	hash := " OR mysql_native_password USING '*CD02AC33DE7D3D2AFEDF5F2BAB51B07CDB499E79'"
	b.exec("CREATE USER root@10.0.0.1 IDENTIFIED VIA unix_socket", "CREATE USER root@10.0.0.2 IDENTIFIED VIA mysql_native_password USING 'invalid' OR unix_socket",
		"CREATE USER root@10.0.0.3 IDENTIFIED VIA unix_socket"+hash, "CREATE USER root@10.0.0.4")
	show := func(host string) string { return strings.Join(b.texts("SHOW CREATE USER root@"+host), "") }
	peer, debian := show("10.0.0.1"), show("10.0.0.2")
	w := b.wanted()
	w.RootPassword = "next of root"
	a := b.connect()
	b.ensure(a, w)
	b.RootPassword = w.RootPassword
	if show("10.0.0.1") != peer || show("10.0.0.2") != debian {
		t.Errorf("changed to %s and %s", show("10.0.0.1"), show("10.0.0.2"))
	}
	next := strings.TrimPrefix(identified(native(w.RootPassword)), " IDENTIFIED VIA ")
	if got := show("10.0.0.3"); !strings.HasSuffix(got, "IDENTIFIED VIA unix_socket OR "+next) {
		t.Errorf("an account with a socket and a password: %s", got)
	}
	if got, err := parseProofs(show("10.0.0.4"), "root", "10.0.0.4"); err != nil || !slices.Equal(got, native(w.RootPassword)) {
		t.Errorf("an account that was open to all: %s", show("10.0.0.4"))
	}
	if changed := b.ensure(a, w); len(changed) != 0 {
		t.Errorf("again: changed %q", changed)
	}
}

func TestAFormerUserWithRightsOnTheServerIsNotDropped(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.exec("CREATE USER dba@'%'", "GRANT RELOAD ON *.* TO dba@'%'")
	w := b.wanted()
	w.Former = []string{"dba"}
	if _, err := b.connect().Ensure(t.Context(), w); err == nil || !strings.Contains(err.Error(), "dba") {
		t.Errorf("Ensure: %v", err)
	}
}

func TestAnAccountInFrontOfTheControllersIsTold(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.exec("CREATE USER multinic@127.0.0.1 IDENTIFIED BY 'another'")
	_, err := b.connect().Ensure(t.Context(), b.wanted())
	if err == nil || !strings.Contains(err.Error(), "another of that name") {
		t.Errorf("Ensure: %v", err)
	}
}
