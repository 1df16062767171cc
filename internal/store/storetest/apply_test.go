// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/store"
)

func TestWhatWasAppliedIsWhatIsViewed(t *testing.T) {
	t.Parallel()
	l, _ := leader(t)
	plan := FirstRun(7, 3)
	plan.PutPendings = []inventory.Pending{{
		PortID: UUID('p', 1), Object: Object(0), Kind: inventory.PendingWithdraw, Cloud: Cloud, Value: "", FirstSeen: Start,
		LastSeen: Start, Held: true, Reason: "port is gone",
	}}
	mark := apply(t, l, plan)
	if mark.Sequence != 1 || mark.Generation != 1 || mark.Epoch == "" {
		t.Errorf("the first mark is %+v, want generation 1, sequence 1 and an epoch", mark)
	}

	got := view(t, l, store.ViewQuery{
		Objects: []inventory.Key{Object(0), Object(1), Object(2)}, HostNames: []string{"WORKER-00002", "worker-00099"},
		Clouds: []string{Cloud},
	})
	want := &inventory.Published{
		Subnets: map[string]inventory.SubnetRow{}, Nodes: map[string]inventory.NodeRow{}, Interfaces: map[string]inventory.InterfaceRow{},
		Claims: plan.PutClaims, HostNames: map[string]string{}, Pendings: plan.PutPendings,
		Clouds: map[string]int{Cloud: 7}, RecentByObject: map[inventory.Key]int{}, RecentByCloud: map[string]int{},
	}
	for i := range 3 {
		want.Subnets[UUID('s', i)] = Subnet(i)
	}
	for i := range 7 {
		want.Nodes[UUID('v', i)], want.HostNames[HostName(i)] = Node(i), UUID('v', i)
		want.Interfaces[UUID('p', i)] = Interface(i, i/3)
	}
	ignoreID := cmpopts.IgnoreFields(inventory.InterfaceRow{}, "ID")
	sorted := cmpopts.SortSlices(func(a, b inventory.Claim) bool { return a.PortID < b.PortID })
	if diff := cmp.Diff(want, got, ignoreID, sorted); diff != "" {
		t.Errorf("the view differs from what was applied (-applied +viewed):\n%s", diff)
	}
	for id, row := range got.Interfaces {
		if row.ID == 0 {
			t.Errorf("port %s has no id", id)
		}
	}
}
