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
