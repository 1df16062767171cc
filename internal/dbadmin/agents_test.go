// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package dbadmin

import (
	"database/sql"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/xormsdhkdwk/multinic/internal/mariadb"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/internal/store/storetest"
)

var agentAccount = Account{"agent", `a'g"e\nt`}

// ensureAgents wants the account to be as it should.
func (b *bed) ensureAgents(a *Admin) {
	b.t.Helper()
	if complete, err := a.EnsureAgents(b.t.Context(), database, agentAccount); err != nil || !complete {
		b.t.Fatalf("EnsureAgents: complete %t, %v", complete, err)
	}
}

// ensureAgentsWritesNothing calls it where all is right.
func (b *bed) ensureAgentsWritesNothing(a *Admin) {
	b.t.Helper()
	before := len(b.generalLog())
	b.ensureAgents(a)
	for line := range strings.Lines(b.generalLog()[before:]) {
		_, text, _ := strings.Cut(line, "Query\t")
		if writesAccounts(text) || strings.HasPrefix(text, "REPLACE ") || strings.HasPrefix(text, "FLUSH ") {
			b.t.Errorf("where all is right it wrote: %s", text)
		}
	}
}

// agents connect as theirs do: mysql_native_password alone, prepared statements.
func (b *bed) agents() *sql.DB {
	b.t.Helper()
	c := mysql.NewConfig()
	c.Net, c.Addr = "tcp", net.JoinHostPort(b.Host, strconv.Itoa(b.Port))
	c.User, c.Passwd, c.DBName, c.ParseTime = agentAccount.User, agentAccount.Password, "", true
	connector, err := mysql.NewConnector(c)
	if err != nil {
		b.t.Fatal(err)
	}
	pool := sql.OpenDB(connector)
	b.t.Cleanup(func() { pool.Close() })
	pool.SetMaxOpenConns(1)
	return pool
}

// agentsDo runs the agents' own statements, and what they must not do.
func (p *published) agentsDo(agents *sql.DB) {
	p.t.Helper()
	if _, err := agents.ExecContext(p.t.Context(), "USE "+database); err != nil {
		p.t.Fatal(err)
	}
	for _, read := range []struct{ text, node string }{
		{storetest.AgentMRead, storetest.HostName(1)}, {storetest.AgentGRead, storetest.Node(1).Name},
	} {
		rows, err := agents.QueryContext(p.t.Context(), read.text, read.node)
		if err != nil {
			p.t.Fatalf("%s: %v", read.text, err)
		}
		n := 0
		for rows.Next() {
			n++
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil || n != 1 {
			p.t.Fatalf("%s: %d rows, %v", read.text, n, err)
		}
	}
	id := p.texts("SELECT id FROM " + database + ".multi_interface ORDER BY id")[0]
	for text, key := range map[string]any{storetest.AgentMWrite: id, storetest.AgentGWrite: storetest.UUID('p', 1)} {
		if _, err := agents.ExecContext(p.t.Context(), text, 1, key); err != nil {
			p.t.Fatalf("%s: %v", text, err)
		}
	}
	for _, text := range storetest.NotForAgents {
		if _, err := agents.ExecContext(p.t.Context(), text); !mariadb.Refused(err) {
			p.t.Errorf("agents, who must not, %s: %v", text, err)
		}
	}
}

func (p *published) admit(l *store.Leader) {
	p.t.Helper()
	p.mark = p.apply(l)
	if err := l.Admit(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

var wantAgents = []string{
	"GRANT SELECT ON `multi_nic`.`multi_subnet` TO `agent`@`%`",
	"GRANT SELECT ON `multi_nic`.`node_table` TO `agent`@`%`",
	"GRANT SELECT, UPDATE (`modified_at`, `netplan_success`) ON `multi_nic`.`multi_interface` TO `agent`@`%`",
}

// agentsHave is all that the server says of the account.
func (b *bed) agentsHave() []string {
	b.t.Helper()
	var out []string
	for _, line := range b.texts("SHOW GRANTS FOR agent@'%'") {
		line = strings.Replace(line, "(`netplan_success`, `modified_at`)", "(`modified_at`, `netplan_success`)", 1)
		if isRight(line) {
			out = append(out, line)
		}
	}
	slices.Sort(out)
	return out
}

func TestTheAgentsAccountOfAFreshDatabaseHoldsAsSoonAsItIsPublished(t *testing.T) {
	t.Parallel()
	p := newPublished(t)
	p.ensureAgents(p.admin) // there is no database yet
	p.ensureAgentsWritesNothing(p.admin)
	if have := p.agentsHave(); !slices.Equal(have, wantAgents) {
		t.Errorf("ahead of all tables the account has %q", have)
	}
	agents := p.agents() // connected from before
	if _, err := agents.ExecContext(t.Context(), "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	if _, err := agents.ExecContext(t.Context(), "CREATE TABLE "+database+".multi_interface (id INT)"); !mariadb.Refused(err) {
		t.Errorf("agents make the table: %v", err)
	}
	p.mark = p.apply(p.lead(store.Mark{}))
	p.agentsDo(agents)
	p.agentsDo(p.agents())
	p.ensureAgentsWritesNothing(p.admin)
	log := p.generalLog()
	if strings.Contains(log, agentAccount.Password) || strings.Contains(log, mariadb.QuoteText(agentAccount.Password)) {
		t.Error("a log of the server has the agents' password")
	}
	for line := range strings.Lines(log) {
		if strings.Contains(line, "GRANT") && strings.Contains(line, "CREATE") && strings.Contains(line, "agent") {
			t.Errorf("agents might make tables for a moment: %s", line)
		}
	}
}

func TestTheAgentsAccountOfAShutGateHoldsAsSoonAsItOpens(t *testing.T) {
	t.Parallel()
	p := publish(t)
	if err := p.admin.Shut(t.Context(), database); err != nil {
		t.Fatal(err)
	}
	p.ensureAgents(p.admin)
	p.wantShut("with an account for agents")
	agents := p.agents()
	for _, table := range []string{"multi_interface", "multi_interface_shut_2"} {
		if _, err := agents.ExecContext(t.Context(), "SELECT * FROM "+database+"."+table); err == nil {
			t.Errorf("agents read %s while the gate is shut", table)
		}
	}
	p.ensureAgentsWritesNothing(p.admin)
	p.Stop()
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if have := p.agentsHave(); !slices.Equal(have, wantAgents) {
		t.Errorf("started again the account has %q", have)
	}
	l := p.lead(p.mark)
	p.wantShut("led again")
	p.admit(l)
	p.agentsDo(p.agents())
	p.ensureAgentsWritesNothing(p.admin)
}

func TestTheAgentsAccountOutlivesItsTables(t *testing.T) {
	t.Parallel()
	p := publish(t)
	p.ensureAgents(p.admin) // by GRANT: the gate is open
	p.agentsDo(p.agents())
	kept := func() []string {
		return p.texts("SELECT CONCAT_WS(' ', Db, Table_name, Table_priv, Column_priv) FROM mysql.tables_priv WHERE User = 'agent' UNION ALL " +
			"SELECT CONCAT_WS(' ', Db, Table_name, Column_name, Column_priv) FROM mysql.columns_priv WHERE User = 'agent' ORDER BY 1")
	}
	before := kept()
	if len(before) != 5 {
		t.Fatalf("the server keeps %q", before)
	}
	for _, restored := range [][]string{
		// As a restored dump: its table in the place of ours.
		{"CREATE TABLE multi_nic.x LIKE multi_nic.multi_interface", "INSERT INTO multi_nic.x SELECT * FROM multi_nic.multi_interface",
			"DROP TABLE multi_nic.multi_interface", "RENAME TABLE multi_nic.x TO multi_nic.multi_interface"},
		{"DROP DATABASE multi_nic", "CREATE DATABASE multi_nic"},
	} {
		p.exec(restored...)
		if after := kept(); !slices.Equal(after, before) {
			t.Errorf("after %q the server keeps %q, before %q", restored, after, before)
		}
		p.ensureAgentsWritesNothing(p.admin)
		p.admit(p.lead(p.mark))
		p.agentsDo(p.agents())
	}
	// What root gave ahead is what GRANT gives.
	p.exec("DROP USER agent@'%'")
	if err := p.admin.Shut(t.Context(), database); err != nil {
		t.Fatal(err)
	}
	p.ensureAgents(p.admin)
	if ahead := kept(); !slices.Equal(ahead, before) {
		t.Errorf("ahead the server keeps %q, by GRANT %q", ahead, before)
	}
}

func TestTheAgentsAccountIsRepairedWhateverTheGateIs(t *testing.T) {
	t.Parallel()
	p := publish(t)
	for _, shut := range []bool{false, true} {
		p.ensureAgents(p.admin)
		if shut {
			if err := p.admin.Shut(t.Context(), database); err != nil {
				t.Fatal(err)
			}
		}
		for _, damage := range []string{
			"DROP USER agent@'%'",
			"ALTER USER agent@'%' IDENTIFIED BY 'other'",
			"ALTER USER agent@'%' IDENTIFIED VIA unix_socket",
			"ALTER USER agent@'%' REQUIRE SSL",
			"REVOKE SELECT ON multi_nic.multi_interface FROM agent@'%'",
			"REVOKE SELECT ON multi_nic.node_table FROM agent@'%'",
			"REVOKE ALL PRIVILEGES, GRANT OPTION FROM agent@'%'",
			"GRANT DELETE ON multi_nic.cr_state TO agent@'%'",
			"GRANT CREATE ON multi_nic.multi_interface TO agent@'%'",
			"GRANT CREATE ON `multi\\_nic`.* TO agent@'%' WITH GRANT OPTION",
		} {
			p.exec(damage)
			p.ensureAgents(p.admin)
			p.ensureAgentsWritesNothing(p.admin)
			if have := p.agentsHave(); !slices.Equal(have, wantAgents) || !p.takes(agentAccount) {
				t.Errorf("shut %t, after %s it has %q", shut, damage, have)
			}
		}
	}
	p.admit(p.lead(p.mark))
	p.agentsDo(p.agents())
}

func TestAnAccountOfSomeoneElseIsNoAccountForAgents(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	a := b.connect()
	b.exec("CREATE DATABASE other", "CREATE DATABASE multixnic", "CREATE ROLE boss")
	for name, right := range map[string]string{
		"an administrator":             "GRANT ALL ON *.* TO agent@'%' WITH GRANT OPTION",
		"the user of another database": "GRANT SELECT ON other.* TO agent@'%'",
		"of one that looks like ours":  "GRANT SELECT ON multixnic.* TO agent@'%'",
		"one with a role":              "GRANT boss TO agent@'%'",
		"who may see who is there":     "GRANT PROCESS ON *.* TO agent@'%'",
	} {
		for _, password := range []string{"other", agentAccount.Password} {
			b.exec("CREATE USER agent@'%' IDENTIFIED BY PASSWORD '"+mariadb.NativeHash(password)+"'", right)
			before := append(b.agentsHave(), b.texts("SHOW CREATE USER agent@'%'")...)
			complete, err := a.EnsureAgents(t.Context(), database, agentAccount)
			if !errors.Is(err, ErrForeignAccount) || complete {
				t.Errorf("%s: complete %t, %v, want ErrForeignAccount", name, complete, err)
			}
			if after := append(b.agentsHave(), b.texts("SHOW CREATE USER agent@'%'")...); !slices.Equal(after, before) {
				t.Errorf("%s was changed: %q, before %q", name, after, before)
			}
			b.exec("DROP USER agent@'%'")
		}
	}
}

func TestAServerThatGivesNoRightsAheadIsAskedAgain(t *testing.T) {
	t.Parallel()
	p := publish(t)
	// So root may not write where rights are kept.
	p.exec("REVOKE INSERT ON *.* FROM root@'%'", "GRANT ALL ON multi_nic.* TO root@'%' WITH GRANT OPTION")
	p.admin = p.connect()
	if err := p.admin.Shut(t.Context(), database); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if complete, err := p.admin.EnsureAgents(t.Context(), database, agentAccount); err != nil || complete {
			t.Fatalf("while the gate is shut: complete %t, %v", complete, err)
		}
		if have := p.agentsHave(); !slices.Equal(have, wantAgents[:2]) {
			t.Errorf("while the gate is shut it has %q", have)
		}
	}
	p.admit(p.lead(p.mark))
	p.ensureAgents(p.admin)
	p.agentsDo(p.agents())
}

func TestMakingTheAgentsAccountMayDieAtEveryStatement(t *testing.T) {
	t.Parallel()
	p := publish(t)
	counts := func(text string) bool { return len(text) < 4 || text[:4] != "SET " }
	for _, shut := range []bool{false, true} {
		if shut {
			if err := p.admin.Shut(t.Context(), database); err != nil {
				t.Fatal(err)
			}
		}
		for _, after := range []bool{false, true} {
			for step := int64(1); ; step++ {
				p.exec("CREATE OR REPLACE USER agent@'%' IDENTIFIED BY 'other'", "GRANT DELETE ON multi_nic.cr_state TO agent@'%'")
				d := &death{at: step, after: after, counts: counts}
				server := p.server()
				server.Dial = d.dial
				a, _, err := Connect(t.Context(), server, p.RootPassword)
				if err == nil {
					_, err = a.EnsureAgents(t.Context(), database, agentAccount)
					a.Close()
				}
				done := d.counted.Load() < step
				if done && err != nil || !done && err != nil && !errors.Is(err, ErrUnreachable) {
					t.Fatalf("step %d: %v", step, err)
				}
				if step%2 == 0 {
					p.exec("FLUSH PRIVILEGES") // as a server that starts again
				}
				p.ensureAgents(p.admin)
				p.ensureAgentsWritesNothing(p.admin)
				if have := p.agentsHave(); !slices.Equal(have, wantAgents) || !p.takes(agentAccount) {
					t.Fatalf("shut %t, step %d: the account has %q", shut, step, have)
				}
				if done {
					if step < 8 {
						t.Errorf("only %d steps: the test does not see the statements", step-1)
					}
					break
				}
			}
		}
	}
	p.admit(p.lead(p.mark))
	p.agentsDo(p.agents())
}

func TestOddNamesOfAgentsArePassedOnAsTheyAre(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	a := b.connect()
	odd := "it's \"a\" `b\\c` %_\\_ @한글; -- -"
	for _, c := range []struct{ user, database string }{
		{odd, odd + "x"},
		{odd + strings.Repeat("é", 80-len([]rune(odd))), odd + strings.Repeat("é", 64-len([]rune(odd)))},
		{"a TO b", "x TO `a TO b`@`%`"},
		{" IDENTIFIED BY PASSWORD '", "50%_of\\_all"},
	} {
		account, table := Account{c.user, "p'\\\"💥 "}, mariadb.QuoteName(c.database)+".multi_interface"
		b.exec("DROP DATABASE IF EXISTS " + mariadb.QuoteName(c.database))
		for _, there := range []bool{false, true} { // ahead, and by GRANT
			if there {
				b.exec("DROP USER "+mariadb.QuoteAccount(c.user, "%"), "CREATE DATABASE "+mariadb.QuoteName(c.database))
				for _, name := range []string{"multi_interface", "multi_subnet", "node_table"} {
					b.exec("CREATE TABLE " + mariadb.QuoteName(c.database) + "." + name + " (netplan_success INT, modified_at INT, id INT)")
				}
			}
			for range 2 {
				if complete, err := a.EnsureAgents(t.Context(), c.database, account); err != nil || !complete {
					t.Fatalf("%q in %q: complete %t, %v", c.user, c.database, complete, err)
				}
			}
		}
		pool := b.pool(account, "")
		for text, may := range map[string]bool{
			"SELECT id FROM " + table: true, "UPDATE " + table + " SET netplan_success = 1, modified_at = 1": true, "UPDATE " + table + " SET id = 1": false,
		} {
			if _, err := pool.ExecContext(t.Context(), text); (err == nil) != may {
				t.Errorf("%q: %s: %v", c.user, text, err)
			}
		}
		before := len(b.generalLog())
		if _, err := a.EnsureAgents(t.Context(), c.database, account); err != nil {
			t.Error(err)
		}
		if log := b.generalLog()[before:]; strings.Contains(log, "\tCREATE USER") || strings.Contains(log, "GRANT SELECT") || strings.Contains(log, "REVOKE") {
			t.Errorf("%q in %q: where all is right it wrote:\n%s", c.user, c.database, log)
		}
	}
	for _, c := range []struct {
		database string
		account  Account
		says     string
	}{
		{"mysql", agentAccount, "server's own"},
		{database, Account{"root", "x"}, "server's own"},
		{database, Account{"", "x"}, "no name"},
		{database, Account{"agent", ""}, "no password"},
	} {
		if complete, err := a.EnsureAgents(t.Context(), c.database, c.account); complete || err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: complete %t, %v", c, complete, err)
		}
	}
}
