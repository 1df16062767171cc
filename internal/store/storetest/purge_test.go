// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

func TestPurgeDropsWhatIsOldAndNothingElse(t *testing.T) {
	t.Parallel()
	db := testenv.Database(t)
	clock := clocktesting.NewFakeClock(Start)
	cfg := config(t, db)
	cfg.Clock, cfg.Retention = clock, 24*time.Hour
	l := lead(t, open(t, cfg), store.Mark{})
	plan := FirstRun(1200, 10)
	apply(t, l, plan)
	deleted := inventory.Plan{}
	for i := range 1100 {
		row, node := Interface(i, i/10), Node(i)
		row.Status, node.Status = inventory.Deleted, inventory.Deleted
		deleted.Interfaces = append(deleted.Interfaces, inventory.InterfaceWrite{Row: row})
		deleted.Nodes = append(deleted.Nodes, node)
		if i != 5 { // still claimed: not to be dropped whatever its age
			deleted.DropClaims = append(deleted.DropClaims, inventory.ClaimKey{PortID: row.PortID, Object: row.Owner})
		}
	}
	deleted.Interfaces[0].Row.EverPrimary = true
	apply(t, l, deleted)

	clock.Step(23 * time.Hour)
	if n, err := l.Purge(t.Context()); err != nil || n != 0 {
		t.Fatalf("before its time Purge dropped %d, %v", n, err)
	}
	late := Interface(1150, 115)
	late.Status = inventory.Deleted
	apply(t, l, write(late, false))
	clock.Step(2 * time.Hour)
	mark := l.Mark()
	n, err := l.Purge(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string]int64{
		"multi_interface": 101, "node_table": 101, "multi_identity": 101, "multi_primary": 0, "multi_subnet": 3, "multi_history": 0,
	} {
		if got := number(t, db, "SELECT COUNT(*) FROM "+what); got != want {
			t.Errorf("%s has %d rows after Purge, want %d", what, got, want)
		}
	}
	if want := 1099*3 + 1 + 120; n != want {
		t.Errorf("Purge tells of %d rows, want %d", n, want)
	}
	if l.Mark() != mark {
		t.Error("Purge moved the mark")
	}
	apply(t, l, FirstRun(10, 1)) // rows that were purged may come again
}

func TestANodeAndASubnetLiveAsLongAsTheirLastRow(t *testing.T) {
	t.Parallel()
	l, db := leader(t)
	apply(t, l, FirstRun(5, 5)) // the ports 0 and 3 are on one subnet
	pool := db.Open(t)
	want := func(when string, nodes, subnets int64) {
		t.Helper()
		for table, n := range map[string]int64{"node_table": nodes, "multi_subnet": subnets} {
			if got := number(t, db, "SELECT COUNT(*) FROM "+table+" WHERE status = 'active' AND deleted_at IS NULL"); got != n {
				t.Errorf("%s: %d rows of %s are active, want %d", when, got, table, n)
			}
		}
	}
	withdrawn := func(n int) inventory.Plan {
		row := port(t, l, n)
		row.Status, row.HostName = inventory.Deleted, ""
		return write(row, false)
	}
	apply(t, l, withdrawn(0))
	want("one of two on the subnet is withdrawn", 4, 3)
	apply(t, l, withdrawn(3))
	want("and the other", 3, 2)
	primary := port(t, l, 1)
	primary.Status, primary.HostName = inventory.Primary, ""
	apply(t, l, write(primary, false))
	want("a primary NIC lives, though hidden", 3, 2)
	moved := port(t, l, 2)
	moved.ServerID, moved.SubnetID = UUID('v', 1), UUID('s', 1)
	apply(t, l, write(moved, true))
	want("a row has moved to another node and subnet", 2, 1)
	back := write(Interface(0, 0), true)
	back.Nodes, back.Subnets = []inventory.NodeRow{Node(0)}, []inventory.SubnetRow{Subnet(0)}
	apply(t, l, back)
	want("the first is back", 3, 2)
	if ports, err := readAsG(t, pool, Node(0).Name); err != nil || len(ports) != 1 {
		t.Errorf("agent G reads %v, %v of the node that is back; want its row", ports, err)
	}
}
