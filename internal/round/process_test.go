// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package round

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/openstack"
	"github.com/xormsdhkdwk/multinic/internal/store"
)

// cloud answers with its facts, read just now.
type cloud struct{ inventory.Facts }

func (c *cloud) Snapshot(context.Context, openstack.Credentials, []inventory.Query) (*inventory.Snapshot, error) {
	f := c.Facts
	f.TakenAt = time.Now()
	return inventory.NewSnapshot(f), nil
}

// newCloud has the subnet net and, on it, a port of each of the VMs.
func newCloud(vms ...string) *cloud {
	c := &cloud{inventory.Facts{AllServers: true, Subnets: []inventory.Subnet{
		{ID: "s-1", Name: "net", CIDR: netip.MustParsePrefix("10.0.0.0/24"), NetworkID: "n-1", MTU: 1450},
	}}}
	for i, name := range vms {
		c.Servers = append(c.Servers, inventory.Server{ID: "id-" + name, Name: name, Status: "ACTIVE"})
		c.Ports = append(c.Ports, inventory.Port{
			ID: "p-" + name, MAC: "fa:16:3e:00:00:0" + string(rune('0'+i)), NetworkID: "n-1", DeviceID: "id-" + name,
			FixedIPs: []inventory.FixedIP{{SubnetID: "s-1", Address: netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)})}},
		})
	}
	return c
}

// naming is a ticket of an object that names VMs on the subnet net.
func naming(name string, vms ...string) Ticket {
	t := Ticket{Object: inventory.Object{
		Key: inventory.Key{Namespace: "default", Name: name}, UID: "uid-" + name, Cloud: "cloud", VMNames: vms, SubnetName: "net",
		Limits: inventory.DefaultLimits(),
	}}
	t.State.SpecHash = "hash of " + name
	return t
}

func (w *writer) run1(t *testing.T, ticket Ticket) Result {
	t.Helper()
	result, err := w.Run(t.Context(), ticket)
	if err != nil {
		t.Fatalf("%s: %v", ticket.Object.Name, err)
	}
	return result
}

func TestWhatIsPendingIsLookedAtAlsoWhereTheSubnetIsNotFound(t *testing.T) {
	t.Parallel()
	w, c := newWriter(t), newCloud("one", "two")
	w.Cloud = c
	o := naming("o", "one", "two")
	w.run1(t, o)
	c.Ports = c.Ports[1:]
	before := w.run1(t, o).State
	if before.NextLook.IsZero() {
		t.Fatal("nothing is pending")
	}
	subnets := c.Subnets
	c.Subnets = nil
	o.State.SpecHash = "another"
	got := w.run1(t, o)
	if got.Outcome.Subnet != nil || !got.State.NextLook.After(before.NextLook) {
		t.Errorf("the next look is %v, want one after %v", got.State.NextLook, before.NextLook)
	}
	want := before
	want.NextLook = got.State.NextLook
	if got.State != want || w.Publication.States()[o.Object.Key] != want || !w.saved(t, o.Object.Key).NextLook.Equal(want.NextLook.Truncate(time.Microsecond)) {
		t.Errorf("the state is %+v and stored is %+v, want %+v: the run did not succeed", got.State, w.saved(t, o.Object.Key), want)
	}
	c.Subnets = subnets
	if got := w.run1(t, naming("new", "nothing")).State.NextLook; !got.IsZero() {
		t.Errorf("nothing is pending, but the next look is %v", got)
	}
}

// saved is what the database remembers of an object.
func (w *writer) saved(t *testing.T, k inventory.Key) (state store.ObjectState) {
	t.Helper()
	err := w.Publication.Write(t.Context(), func(l *store.Leader) error {
		states, err := l.States(t.Context())
		state = states[k]
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func TestWhoBearsTheNewNameOfARenamedVMIsLookedUp(t *testing.T) {
	t.Parallel()
	w, c := newWriter(t), newCloud("one", "two")
	w.Cloud = c
	w.run1(t, naming("a", "one"))
	w.run1(t, naming("b", "two"))

	c.Servers[0].Name = "two"
	got := w.run1(t, naming("a", "one")).Outcome
	if !slices.ContainsFunc(got.Problems, func(p inventory.Problem) bool { return p.Reason == inventory.DuplicateHostName }) || len(got.Pendings) > 0 {
		t.Errorf("an agent can't tell the two apart, but the problems are %+v and pending is %+v", got.Problems, got.Pendings)
	}
}
