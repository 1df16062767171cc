// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

func TestThePrimaryNICIsStoredAndHidden(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1"), port("p-02", "10.0.0.2"))
	b.node("web", "id-web", "10.0.0.1")
	o := object("o", "web")
	out := b.run1(o)
	b.wantSeen("web", "p-02 10.0.0.2")
	if got := b.db.Interfaces["p-01"]; got.Status != inventory.Primary || got.HostName != "" {
		t.Errorf("the primary NIC's row is %+v", got)
	}
	if len(out.Interfaces) != 2 {
		t.Errorf("%d interfaces are reported, want the primary one too", len(out.Interfaces))
	}
	if got := b.db.AgentG("web"); len(got) != 1 || got[0].PortID != "p-02" {
		t.Errorf("agent G reads %+v", got)
	}
	b.run(o)
	b.wantEmpty()

	o.PublishPrimary = true
	b.run(o)
	b.wantSeen("web", "p-01 10.0.0.1", "p-02 10.0.0.2")
	o.PublishPrimary = false
	b.wantPending(b.run1(o)) // the object's own change
	b.wantSeen("web", "p-02 10.0.0.2")
}

func TestANICIsPrimaryWhicheverOfItsSubnetsTheAddressIsOn(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1", "2001:db8::1"))
	b.node("web", "id-web", "10.0.0.1")
	o := object("six", "web")
	o.SubnetName = "data6"
	b.run(o)
	b.wantSeen("web")
}

func TestThatANICIsPrimaryWaitsForASecondLookWhenItIsSeenLate(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1"), port("p-02", "10.0.0.2"))
	o := object("o", "web")
	b.run(o)
	b.node("web", "id-web", "10.0.0.1")
	b.wantPending(b.run1(o), "p-01 primary")
	b.wantSeen("web", "p-01 10.0.0.1", "p-02 10.0.0.2")
	b.later(time.Minute, o)
	b.wantSeen("web", "p-02 10.0.0.2")
	b.run(o)
	b.wantEmpty()

	t.Run("and so when the Node's address moves to the other NIC", func(t *testing.T) {
		b.nodes[0].Addresses = []netip.Addr{netip.MustParseAddr("10.0.0.2")}
		b.wantPending(b.run1(o), "p-01 unprimary", "p-02 primary")
		b.wantSeen("web", "p-02 10.0.0.2")
		b.later(time.Minute, o)
		b.wantSeen("web", "p-01 10.0.0.1")
	})
}

func TestANICThatIsRenamedAndPrimaryAtOnceIsHidden(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1"))
	o := object("o", "web")
	b.run(o)
	b.node("worker", "id-web", "10.0.0.1")
	b.wantPending(b.run1(o), "p-01 primary", "p-01 rename")
	b.later(time.Minute, o)
	b.wantSeen("web")
	b.wantSeen("worker")
	b.later(time.Minute, o)
	b.run(o)
	b.wantEmpty()
}

func TestANodeWithoutAddressesTellsNothingOfThePrimaryNIC(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1"))
	b.node("web", "id-web", "10.0.0.1")
	o := object("o", "web")
	b.run(o)
	b.nodes[0].Addresses = nil
	b.secondLook(o)
	b.wantSeen("web")
	b.wantEmpty()
}

func TestAPortThatMovesToAnotherVMIsNoLongerPrimary(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("one", port("p-01", "10.0.0.1"))
	b.vm("two", port("p-02", "10.0.0.2"))
	b.node("one", "id-one", "10.0.0.1")
	o := object("o", "one", "two")
	b.run(o)
	b.editPort("p-01", func(p *inventory.Port) { p.DeviceID = "id-two" })
	b.secondLook(o)
	b.later(time.Minute, o)
	b.wantSeen("two", "p-01 10.0.0.1", "p-02 10.0.0.2")
}

func TestOnlyTheOwnerOfASharedRowSaysWhetherThePrimaryNICIsPublished(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1"))
	owner, other := object("a", "web"), object("b", "web")
	owner.PublishPrimary = true
	b.run(owner)
	b.later(time.Minute, owner, other)
	b.node("web", "id-web", "10.0.0.1")
	for range 3 {
		b.later(time.Minute, other)
		b.wantSeen("web", "p-01 10.0.0.1")
		b.later(time.Minute, owner, other)
		b.wantSeen("web", "p-01 10.0.0.1")
	}
	b.release(owner)
	b.run(other)
	b.wantSeen("web")
}
