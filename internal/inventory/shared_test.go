// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

func TestARowLivesUntilItsLastClaimGoes(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1"))
	first, second := object("z-first", "web"), object("second", "web")
	b.run(first)
	b.later(time.Minute, second, first)
	if got := b.db.Interfaces["p-01"].Owner; got != first.Key {
		t.Errorf("the owner is %v, want the first", got)
	}
	b.db.Configured("p-01")
	b.release(first)
	b.wantSeen("web", "p-01 10.0.0.1")
	if row := b.db.Interfaces["p-01"]; row.Owner != second.Key || !row.Applied {
		t.Errorf("the row is %+v, want it to be the second's and nothing else changed", row)
	}
	b.release(second)
	b.wantSeen("web")
	if e := b.db.History[len(b.db.History)-1]; e.Kind != "withdrawn" || !e.Explained {
		t.Errorf("the last event is %+v", e)
	}
	if len(b.db.Claims) != 0 {
		t.Errorf("claims are left: %v", b.db.Claims)
	}
	b.release(second)
	b.wantEmpty()
}

func TestAVMThatPassesFromOneObjectToAnotherIsNotTouched(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	names := b.many(2)
	b.run(object("a", names...), object("b", names[1]))
	b.db.Configured("p-00")
	b.run(object("a", names[1]), object("b", names...))
	if row := b.db.Interfaces["p-00"]; !row.Applied || row.Owner.Name != "b" || !row.Visible() {
		t.Errorf("the row is %+v", row)
	}
}

func TestADualStackPortHasTheRowOfItsFirstClaim(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1", "2001:db8::1"))
	four, six := object("a", "web"), object("b", "web")
	six.SubnetName = "data6"
	for range 3 {
		out := b.later(time.Minute, six, four)
		b.wantProblems(out[0], "web ClaimedForOtherSubnet")
		b.wantProblems(out[1])
	}
	b.wantEmpty()
	b.wantSeen("web", "p-01 10.0.0.1")
	b.release(four)
	b.wantProblems(b.run1(six))
	b.wantSeen("web", "p-01 2001:db8::1")
}

func TestAnObjectThatTurnsToTheOtherSubnetLeavesASharedRowAlone(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1", "2001:db8::1"))
	first, second := object("a", "web"), object("b", "web")
	b.run(first, second)
	first.SubnetName = "data6"
	b.wantProblems(b.run1(first), "web ClaimedForOtherSubnet")
	b.wantSeen("web", "p-01 10.0.0.1")
	if got := b.db.Interfaces["p-01"].Owner; got != second.Key {
		t.Errorf("the owner is %v", got)
	}
	second.SubnetName = "data6"
	b.run(first, second)
	b.run(first, second)
	b.wantSeen("web", "p-01 2001:db8::1")
}

func TestObjectsThatTurnToTheOtherSubnetTogetherTakeTheirRowAlong(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1", "2001:db8::1"))
	first, second := object("a", "web"), object("b", "web")
	b.run(first, second)
	first.SubnetName, second.SubnetName = "data6", "data6"
	for _, out := range b.run(first, second) {
		b.wantProblems(out)
	}
	b.wantSeen("web", "p-01 2001:db8::1")
	if got := b.db.Interfaces["p-01"].Owner; len(b.db.Claims) != 2 || got != first.Key {
		t.Errorf("%d claims are left, and the owner is %v", len(b.db.Claims), got)
	}
}

func TestAPortWhoseNewServerCantBeSeenGoesAlthoughTwoObjectsWantIt(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("one", port("p-01", "10.0.0.1"))
	b.server("id-2", "web")
	b.server("id-3", "web", port("p-03", "10.0.0.3"))
	a, c := object("a", "one", "id-2"), object("c", "one", "id-2")
	b.run(a, c, object("third", "id-3"))
	b.editPort("p-01", func(p *inventory.Port) { p.DeviceID = "id-2" })
	for range 3 { // they never run at one time
		b.later(30*time.Second, a)
		b.wantProblems(b.later(30*time.Second, c)[0], "id-2 DuplicateHostName", "one NoPort")
	}
	b.wantSeen("one")
	b.wantPending(b.run1(a))
	b.wantPending(b.run1(c))
}

func TestADeletedObjectsSuccessorKeepsWhatItHasPublished(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	names := b.many(3)
	old := object("o", names...)
	b.run(old)
	b.removePort("p-00")
	b.removePort("p-01")
	b.run(old)
	successor := object("o", names[1:]...)
	successor.UID = "another"
	b.addPort("id-vm-01", port("p-01", "10.0.0.2"))
	b.run(successor)
	b.removePort("p-01")
	b.wantPending(b.run1(successor), "p-01 withdraw")
	b.release(old) // it was written down while the database was away
	b.wantSeen("vm-01", "p-01 10.0.0.2")
	b.wantSeen("vm-02", "p-02 10.0.0.3")
	b.wantPending(b.later(time.Second, successor)[0], "p-01 withdraw")
	successor.UID = "" // whichever bore the name
	b.release(successor)
	if len(b.db.Claims) != 0 || len(b.db.Pendings) != 0 {
		t.Errorf("claims %v and pendings %v are left", b.db.Claims, b.db.Pendings)
	}
}

func TestADeletedObjectsPendingsGoWithIt(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1"))
	b.run(object("o", "web"))
	b.removePort("p-01")
	b.run(object("o", "web"))
	b.release(object("o", "web"))
	if len(b.db.Pendings) != 0 {
		t.Errorf("pendings are left: %v", b.db.Pendings)
	}
	b.wantSeen("web")
}

func TestASubnetRecreatedUnderItsNameTakesItsPortsAlong(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1"))
	objects := []inventory.Object{object("a", "web"), object("b", "web")}
	b.run(objects...)
	b.facts.Subnets = []inventory.Subnet{{ID: "s-new", Name: "data", CIDR: netip.MustParsePrefix("10.0.0.0/24"), NetworkID: "n-data", MTU: 1450}}
	b.editPort("p-01", func(p *inventory.Port) {
		p.FixedIPs = []inventory.FixedIP{{SubnetID: "s-new", Address: netip.MustParseAddr("10.0.0.5")}}
	})
	for range 3 {
		b.run(objects...)
		b.wantSeen("web", "p-01 "+b.db.Interfaces["p-01"].Address)
	}
	b.wantEmpty()
	b.wantSeen("web", "p-01 10.0.0.5")
	if len(b.db.Claims) != 2 || b.db.Interfaces["p-01"].SubnetID != "s-new" {
		t.Errorf("claims %v, row %+v", b.db.Claims, b.db.Interfaces["p-01"])
	}
}
