// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// write is a plan for one row.
func write(row inventory.InterfaceRow, reset bool) inventory.Plan {
	return inventory.Plan{Interfaces: []inventory.InterfaceWrite{{Row: row, ResetApplied: reset}}}
}

func port(t testing.TB, l *store.Leader, n int) inventory.InterfaceRow {
	t.Helper()
	return view(t, l, store.ViewQuery{Ports: []string{UUID('p', n)}}).Interfaces[UUID('p', n)]
}

func TestAPortKeepsItsIDOverDeletionAndReturn(t *testing.T) {
	t.Parallel()
	l, db := leader(t)
	apply(t, l, FirstRun(3, 3))
	id := port(t, l, 1).ID

	gone := port(t, l, 1)
	gone.Status = inventory.Deleted
	apply(t, l, write(gone, false)) // the store hides the host name itself
	if row := port(t, l, 1); row.ID != id || row.Status != inventory.Deleted || row.HostName != "" || row.Visible() {
		t.Errorf("a withdrawn row is %+v, want id %d and no host name", row, id)
	}
	if n := number(t, db, "SELECT COUNT(*) FROM multi_interface WHERE deleted_at IS NOT NULL AND attached_node_name IS NULL"); n != 1 {
		t.Errorf("%d rows are deleted, want 1", n)
	}

	back := Interface(1, 0)
	back.ID = id
	apply(t, l, write(back, true))
	if row := port(t, l, 1); row.ID != id || !row.Visible() || row.Applied {
		t.Errorf("a row that is back is %+v, want id %d, visible, not applied", row, id)
	}
	if n := number(t, db, "SELECT COUNT(*) FROM multi_interface WHERE deleted_at IS NOT NULL"); n != 0 {
		t.Error("a row that is back is still marked as deleted")
	}
}

func TestADeletedRowKeepsTheTimeOfItsDeletion(t *testing.T) {
	t.Parallel()
	db := testenv.Database(t)
	clock := clocktesting.NewFakeClock(Start)
	cfg := config(t, db)
	cfg.Clock = clock
	l := lead(t, open(t, cfg), store.Mark{})
	apply(t, l, FirstRun(1, 1))
	row := Interface(0, 0)
	row.Status = inventory.Deleted
	for range 3 {
		clock.Step(time.Hour)
		apply(t, l, write(row, false))
	}
	if got := lines(t, db, "SELECT CAST(deleted_at AS CHAR) FROM multi_interface"); got[0] != "2026-01-02 04:04:05.000000" {
		t.Errorf("deleted_at is %s, want that of the first deletion", got[0])
	}
}

func TestWhatAnAgentAppliedStaysUnlessItsRowChanges(t *testing.T) {
	t.Parallel()
	l, db := leader(t)
	apply(t, l, FirstRun(2, 1))
	exec(t, db, AgentMWrite, 1, port(t, l, 0).ID)

	row := port(t, l, 0)
	row.Owner = Object(7)
	apply(t, l, write(row, false))
	if row := port(t, l, 0); !row.Applied || row.Owner != Object(7) {
		t.Errorf("after another owner: %+v, want it applied still", row)
	}
	row.MTU = 9000
	apply(t, l, write(row, true))
	if row := port(t, l, 0); row.Applied || row.MTU != 9000 {
		t.Errorf("after another MTU: %+v, want it to be applied anew", row)
	}
}

func TestAnAgentThatWritesDuringApplyLosesNothing(t *testing.T) {
	t.Parallel()
	db := testenv.Database(t)
	judge, frozen, release := freeze("START TRANSACTION")
	defer release()
	judge, armed := whenArmed(judge)
	l := lead(t, open(t, through(t, db, config(t, db), judge)), store.Mark{})
	apply(t, l, FirstRun(1, 1))
	row := port(t, l, 0) // read as not applied
	armed.Store(true)
	result := make(chan error, 1)
	go func() {
		row.Owner = Object(3)
		_, err := l.Apply(t.Context(), write(row, false), nil)
		result <- err
	}()
	<-frozen
	exec(t, db, AgentGWrite, 1, UUID('p', 0))
	release()
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	if row := port(t, l, 0); !row.Applied || row.Owner != Object(3) {
		t.Errorf("the row is %+v, want what both wrote", row)
	}
}

func TestTheTimeOfChangeMovesWithRealChangesOnly(t *testing.T) {
	t.Parallel()
	db := testenv.Database(t)
	clock := clocktesting.NewFakeClock(Start)
	cfg := config(t, db)
	cfg.Clock = clock
	l := lead(t, open(t, cfg), store.Mark{})
	plan := FirstRun(2, 2)
	for i := range plan.Interfaces {
		plan.Interfaces[i].ResetApplied = false
	}
	apply(t, l, plan)
	const times = `SELECT CONCAT_WS(' ', port_id, modified_at) FROM multi_interface UNION ALL
		SELECT CONCAT_WS(' ', subnet_id, modified_at) FROM multi_subnet UNION ALL
		SELECT CONCAT_WS(' ', attached_node_id, modified_at) FROM node_table ORDER BY 1`
	before := lines(t, db, times)
	clock.Step(time.Hour)
	apply(t, l, plan)
	if diff := cmp.Diff(before, lines(t, db, times)); diff != "" {
		t.Errorf("the same plan again moved times:\n%s", diff)
	}
	plan.Interfaces[0].Row.HostName = strings.ToUpper(HostName(0)) // equal to the collation, not to us
	plan.Interfaces[1].Row.Address = ""
	plan.Nodes[1].Name = "renamed"
	plan.Subnets[1].MTU = 0
	apply(t, l, plan)
	if after := lines(t, db, times); len(changed(before, after)) != 4 {
		t.Errorf("the times that moved are of %v, want two interfaces, one node, one subnet", changed(before, after))
	}
}

func changed(before, after []string) (out []string) {
	for i := range before {
		if before[i] != after[i] {
			out = append(out, before[i])
		}
	}
	return out
}

func TestNamesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	l, _ := leader(t)
	names := []string{
		`it's "quoted" and \ slashed`, "'; DROP TABLE multi_interface; -- ", "^vm-(a|b)+[0-9]*.$ %_", "vm-😀🫠", "é e\u0301", "漢字",
		"? ?? {rows} {keys} {interfaces}", "tab\tnewline\nnul\x00end", strings.Repeat("x", 255), strings.Repeat("😀", 255),
		"case", "CASE",
	}
	plan := inventory.Plan{Subnets: []inventory.SubnetRow{Subnet(0), Subnet(1), Subnet(2)}}
	for i, name := range names {
		node, row, claim := Node(i), Interface(i, i), Claim(i, i)
		node.Name, node.HostName, claim.VMRef, claim.SubnetRef = name, name, name, name
		row.HostName = name
		if i >= 10 {
			row.HostName = fmt.Sprintf("%s-%d", name, i)
		}
		plan.Nodes, plan.PutClaims = append(plan.Nodes, node), append(plan.PutClaims, claim)
		plan.Interfaces = append(plan.Interfaces, inventory.InterfaceWrite{Row: row, ResetApplied: true})
		plan.PutPendings = append(plan.PutPendings, inventory.Pending{
			PortID: row.PortID, Object: row.Owner, Kind: inventory.PendingRename, Cloud: Cloud, Value: name,
			FirstSeen: Start, LastSeen: Start, Reason: name + strings.Repeat("long ", 1000),
		})
		plan.History = append(plan.History, inventory.Event{At: Start, Object: row.Owner, PortID: row.PortID, Kind: "published", Detail: name})
	}
	apply(t, l, plan)
	query := store.ViewQuery{HostNames: names[:8], Clouds: []string{Cloud}}
	for i := range names {
		query.Objects = append(query.Objects, Object(i))
	}
	got := view(t, l, query)
	for i, name := range names {
		if node := got.Nodes[UUID('v', i)]; node.Name != name || node.HostName != name {
			t.Errorf("node %q came back as %q and %q", name, node.Name, node.HostName)
		}
		if row := got.Interfaces[UUID('p', i)]; row.HostName != plan.Interfaces[i].Row.HostName {
			t.Errorf("host name %q came back as %q", name, row.HostName)
		}
		if i < 8 && got.HostNames[strings.ToLower(name)] != UUID('v', i) {
			t.Errorf("host name %q is held by %q, want %q", name, got.HostNames[strings.ToLower(name)], UUID('v', i))
		}
	}
	if len(got.Claims) != len(names) || len(got.Pendings) != len(names) {
		t.Errorf("%d claims and %d pendings came back, want %d", len(got.Claims), len(got.Pendings), len(names))
	}
	for _, claim := range got.Claims {
		if claim.VMRef != claim.SubnetRef || claim.VMRef != got.Nodes[claim.ServerID].Name {
			t.Errorf("claim came back as %+v", claim)
		}
	}
}

func TestWhatIsLongerThanItsColumnIsAnErrorAndNotCut(t *testing.T) {
	t.Parallel()
	l, db := leader(t)
	plan := FirstRun(2, 2)
	plan.Interfaces[1].Row.HostName = strings.Repeat("x", 256)
	if _, err := l.Apply(t.Context(), plan, nil); err == nil {
		t.Error("a host name was cut silently")
	}
	if n := number(t, db, "SELECT COUNT(*) FROM multi_subnet"); n != 0 {
		t.Error("half a plan was written")
	}
}

func TestAnEmptyPlanWritesNothingAndReadingWritesNothing(t *testing.T) {
	t.Parallel()
	server, db := ownServer(t)
	s := open(t, config(t, db))
	l := lead(t, s, store.Mark{})
	mark := apply(t, l, FirstRun(20, 2))
	counters := func() map[string]int64 {
		root, err := server.Root()
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		rows, err := root.QueryContext(t.Context(), `SHOW GLOBAL STATUS WHERE variable_name IN
			('Innodb_rows_inserted', 'Innodb_rows_updated', 'Innodb_rows_deleted', 'Com_insert', 'Com_update', 'Com_delete', 'Com_replace')`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		out := map[string]int64{}
		for rows.Next() {
			var name string
			var n int64
			if err := rows.Scan(&name, &n); err != nil {
				t.Fatal(err)
			}
			out[name] = n
		}
		return out
	}
	before, statements := counters(), s.Statements()
	if got := apply(t, l, inventory.Plan{}); got != mark {
		t.Errorf("an empty plan moved the mark from %+v to %+v", mark, got)
	}
	if err := l.SaveStates(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if n := s.Statements() - statements; n != 0 {
		t.Errorf("an empty plan and no states sent %d statements", n)
	}
	view(t, l, store.ViewQuery{Objects: []inventory.Key{Object(0)}, Clouds: []string{Cloud}, RecentSince: Start})
	if err := l.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := l.States(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, counters()); diff != "" {
		t.Errorf("rows were written:\n%s", diff)
	}

	states := make([]store.ObjectState, 1000)
	for i := range states {
		states[i] = store.ObjectState{Key: Object(i), LastAttempt: Start}
	}
	if err := l.SaveStates(t.Context(), states); err != nil {
		t.Fatal(err)
	}
	after := counters()
	if n := after["Com_insert"] - before["Com_insert"]; n != 1 {
		t.Errorf("the states of a tick took %d INSERTs, want 1", n)
	}
	if l.Mark() != mark {
		t.Errorf("saving states moved the mark to %+v", l.Mark())
	}
}

func TestStatementsGrowWithChunksAndNotWithRows(t *testing.T) {
	t.Parallel()
	cost := func(n, perObject int) (applied, viewed int64) {
		db := testenv.Database(t)
		s := open(t, config(t, db))
		l := lead(t, s, store.Mark{})
		before := s.Statements()
		apply(t, l, FirstRun(n, perObject))
		applied = s.Statements() - before
		q := store.ViewQuery{Clouds: []string{Cloud}, RecentSince: Start}
		for i := range n / perObject {
			q.Objects = append(q.Objects, Object(i))
		}
		before = s.Statements()
		if got := view(t, l, q); len(got.Interfaces) != n || len(got.Claims) != n {
			t.Errorf("%d interfaces and %d claims are viewed, want %d", len(got.Interfaces), len(got.Claims), n)
		}
		return applied, s.Statements() - before
	}
	small, smallView := cost(3, 1)
	middle, middleView := cost(900, 9)
	large, largeView := cost(10_000, 10)
	if small != middle || smallView != middleView {
		t.Errorf("statements: %d and %d for 3 rows, %d and %d for 900; want the same", small, smallView, middle, middleView)
	}
	if large > 60 || largeView > 60 {
		t.Errorf("10,000 rows of 1,000 objects took %d statements to write and %d to read, want at most 60", large, largeView)
	}
}

func TestUnexplainedWithdrawalsOfLateAreCounted(t *testing.T) {
	t.Parallel()
	l, _ := leader(t)
	event := func(object int, port int, at time.Time, kind string, explained bool) inventory.Event {
		return inventory.Event{At: at, Object: Object(object), PortID: UUID('p', port), Cloud: Cloud, Kind: kind, Explained: explained}
	}
	apply(t, l, inventory.Plan{History: []inventory.Event{
		event(0, 0, Start, "withdrawn", false), event(0, 1, Start, "withdrawn", false), event(0, 2, Start, "renamed", false),
		event(0, 3, Start, "withdrawn", true), event(0, 4, Start, "published", false),
		event(0, 5, Start.Add(-time.Hour), "withdrawn", false),
		event(1, 6, Start, "primary", false),
	}})
	got := view(t, l, store.ViewQuery{Objects: []inventory.Key{Object(0)}, Clouds: []string{Cloud}, RecentSince: Start.Add(-time.Minute)})
	if got.RecentByObject[Object(0)] != 3 || got.RecentByCloud[Cloud] != 4 || len(got.RecentByObject) != 1 {
		t.Errorf("recent: %v and %v, want 3 of the object and 4 of the cloud", got.RecentByObject, got.RecentByCloud)
	}
}

func TestClaimsAndPendingsGoOneByOne(t *testing.T) {
	t.Parallel()
	l, _ := leader(t)
	plan := FirstRun(4, 2)
	plan.PutClaims = append(plan.PutClaims, Claim(0, 1)) // two objects, one port
	for i := range 4 {
		for _, kind := range []inventory.PendingKind{inventory.PendingWithdraw, inventory.PendingRename} {
			plan.PutPendings = append(plan.PutPendings, inventory.Pending{
				PortID: UUID('p', i), Object: Object(i / 2), Kind: kind, Cloud: Cloud, FirstSeen: Start, LastSeen: Start,
			})
		}
	}
	apply(t, l, plan)
	apply(t, l, inventory.Plan{
		DropClaims:   []inventory.ClaimKey{{PortID: UUID('p', 0), Object: Object(0)}, {PortID: UUID('p', 3), Object: Object(1)}},
		DropPendings: []inventory.PendingKey{{PortID: UUID('p', 2), Object: Object(1), Kind: inventory.PendingRename}},
	})
	got := view(t, l, store.ViewQuery{Objects: []inventory.Key{Object(0), Object(1)}, Ports: []string{UUID('p', 3)}, Clouds: []string{Cloud}})
	var claims []string
	for _, c := range got.Claims {
		claims = append(claims, c.Object.Name+" "+c.VMRef)
	}
	if diff := cmp.Diff([]string{"object-0000 worker-00001", "object-0001 worker-00000", "object-0001 worker-00002"}, claims); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	if len(got.Pendings) != 7 {
		t.Errorf("%d pendings are left, want 7", len(got.Pendings))
	}
	if got.Clouds[Cloud] != 3 {
		t.Errorf("the cloud has %d claims, want 3", got.Clouds[Cloud])
	}
	if _, there := got.Interfaces[UUID('p', 3)]; !there {
		t.Error("a row that was asked for by its port is missing because nobody claims it")
	}
}

func TestEverPrimaryIsKeptBesideTheAgentsTable(t *testing.T) {
	t.Parallel()
	l, _ := leader(t)
	plan := FirstRun(2, 2)
	plan.Interfaces[0].Row.Status, plan.Interfaces[0].Row.EverPrimary = inventory.Primary, true
	apply(t, l, plan)
	if row := port(t, l, 0); !row.EverPrimary || row.HostName != "" || row.Status != inventory.Primary {
		t.Errorf("a primary row is %+v, want it hidden and known as primary", row)
	}
	if port(t, l, 1).EverPrimary {
		t.Error("another row became primary")
	}
	row := port(t, l, 0)
	row.EverPrimary, row.Status, row.HostName = false, inventory.Active, HostName(0)
	apply(t, l, write(row, true))
	if port(t, l, 0).EverPrimary {
		t.Error("a row is as it was last written, but this one still is ever primary")
	}
}
