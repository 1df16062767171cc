// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/inventory/inventorytest"
)

const cloud = "https://keystone.example.com:5000/RegionOne"

// bed is a small cloud, a cluster and a database. Times start at noon.
type bed struct {
	*testing.T
	db    *inventorytest.Database
	now   time.Time
	facts inventory.Facts
	nodes []inventory.Node
	// plan is the last run's.
	plan inventory.Plan
}

// newBed has the subnets data (10.0.0.0/24), data6 (2001:db8::/64) on the
// same network, and other (10.9.0.0/24).
func newBed(t *testing.T) *bed {
	t.Helper()
	return &bed{T: t, db: inventorytest.New(), now: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC), facts: inventory.Facts{
		AllServers: true,
		Subnets: []inventory.Subnet{
			{ID: "s-data", Name: "data", CIDR: netip.MustParsePrefix("10.0.0.0/24"), NetworkID: "n-data", MTU: 1450},
			{ID: "s-data6", Name: "data6", CIDR: netip.MustParsePrefix("2001:db8::/64"), NetworkID: "n-data", MTU: 1450},
			{ID: "s-other", Name: "other", CIDR: netip.MustParsePrefix("10.9.0.0/24"), NetworkID: "n-other", MTU: 9000},
		},
	}}
}

// vm adds a server whose ID is its name with "id-" before it.
func (b *bed) vm(name string, ports ...inventory.Port) { b.server("id-"+name, name, ports...) }

func (b *bed) server(id, name string, ports ...inventory.Port) {
	b.facts.Servers = append(b.facts.Servers, inventory.Server{ID: id, Name: name, Status: "ACTIVE"})
	for _, p := range ports {
		p.DeviceID = id
		b.facts.Ports = append(b.facts.Ports, p)
	}
}

// port has its addresses on the bed's subnets.
func port(id string, addresses ...string) inventory.Port {
	p := inventory.Port{ID: id, MAC: "fa:16:3e:00:00:" + id[len(id)-2:], NetworkID: "n-data", DeviceOwner: "compute:nova", Status: "ACTIVE"}
	for _, a := range addresses {
		addr, subnet := netip.MustParseAddr(a), "s-data"
		if addr.Is6() {
			subnet = "s-data6"
		} else if strings.HasPrefix(a, "10.9.") {
			subnet = "s-other"
		}
		p.FixedIPs = append(p.FixedIPs, inventory.FixedIP{SubnetID: subnet, Address: addr})
	}
	return p
}

// node adds a Node that says by ID which server it is.
func (b *bed) node(name, serverID string, addresses ...string) {
	n := inventory.Node{Name: name}
	if serverID != "" {
		n.ServerIDs = []string{serverID}
	}
	for _, a := range addresses {
		n.Addresses = append(n.Addresses, netip.MustParseAddr(a))
	}
	b.nodes = append(b.nodes, n)
}

// object names VMs of the subnet data.
func object(name string, vms ...string) inventory.Object {
	return inventory.Object{
		Key: inventory.Key{Namespace: "default", Name: name}, UID: "uid-" + name, Cloud: cloud,
		VMNames: vms, SubnetName: "data", Limits: inventory.DefaultLimits(),
	}
}

func (b *bed) removeServer(id string) {
	b.facts.Servers = slices.DeleteFunc(slices.Clone(b.facts.Servers), func(s inventory.Server) bool { return s.ID == id })
	b.facts.Ports = slices.DeleteFunc(slices.Clone(b.facts.Ports), func(p inventory.Port) bool { return p.DeviceID == id })
}

func (b *bed) addPort(server string, p inventory.Port) {
	p.DeviceID = server
	b.facts.Ports = append(b.facts.Ports, p)
}

func (b *bed) removePort(id string) {
	b.facts.Ports = slices.DeleteFunc(slices.Clone(b.facts.Ports), func(p inventory.Port) bool { return p.ID == id })
}

func (b *bed) editServer(id string, edit func(*inventory.Server)) {
	b.facts.Servers = slices.Clone(b.facts.Servers)
	for i := range b.facts.Servers {
		if b.facts.Servers[i].ID == id {
			edit(&b.facts.Servers[i])
		}
	}
}

func (b *bed) editPort(id string, edit func(*inventory.Port)) {
	b.facts.Ports = slices.Clone(b.facts.Ports)
	for i := range b.facts.Ports {
		if b.facts.Ports[i].ID == id {
			edit(&b.facts.Ports[i])
		}
	}
}

// run makes one planner for the objects, with a snapshot of now, applies the
// plan and checks what holds after every run.
func (b *bed) run(objects ...inventory.Object) []*inventory.Outcome {
	b.Helper()
	return b.runIn(b.facts, time.Time{}, objects...)
}

func (b *bed) run1(o inventory.Object) *inventory.Outcome {
	b.Helper()
	return b.run(o)[0]
}

func (b *bed) runIn(facts inventory.Facts, trustedSince time.Time, objects ...inventory.Object) []*inventory.Outcome {
	b.Helper()
	facts.TakenAt = b.now
	snap := inventory.NewSnapshot(facts)
	planner := inventory.NewPlanner(b.now, inventory.NewNodes(b.nodes), b.view(snap, objects), trustedSince)
	out := make([]*inventory.Outcome, len(objects))
	for i, o := range objects {
		out[i] = planner.Object(o, snap)
	}
	b.plan = planner.Finish()
	b.apply(b.plan)
	return out
}

func (b *bed) view(snap *inventory.Snapshot, objects []inventory.Object) *inventory.Published {
	q := inventorytest.Query{RecentSince: b.now.Add(-30 * time.Minute)}
	for _, o := range objects {
		for k, c := range b.db.Claims {
			if k.Object == o.Key {
				o.KnownServers = append(o.KnownServers, c.ServerID)
			}
		}
		q.Objects, q.Clouds = append(q.Objects, o.Key), append(q.Clouds, o.Cloud)
		q.Concerns.Concern(o, snap, inventory.NewNodes(b.nodes))
	}
	return b.db.View(q)
}

func (b *bed) apply(plan inventory.Plan) {
	b.Helper()
	if err := b.db.Apply(plan); err != nil {
		b.Fatalf("the database refuses the plan: %v", err)
	}
}

// release deletes an object.
func (b *bed) release(o inventory.Object) {
	b.Helper()
	planner := inventory.NewPlanner(b.now, inventory.NewNodes(nil), b.db.View(inventorytest.Query{Objects: []inventory.Key{o.Key}}), time.Time{})
	planner.Release(o.Key, o.UID)
	b.plan = planner.Finish()
	b.apply(b.plan)
}

// later runs the objects once more after the time.
func (b *bed) later(d time.Duration, objects ...inventory.Object) []*inventory.Outcome {
	b.Helper()
	b.now = b.now.Add(d)
	return b.run(objects...)
}

// secondLook runs now and after a minute.
func (b *bed) secondLook(objects ...inventory.Object) []*inventory.Outcome {
	b.Helper()
	b.run(objects...)
	return b.later(time.Minute, objects...)
}

// wantSeen compares what agent M reads on a host: "port address" each.
func (b *bed) wantSeen(host string, want ...string) {
	b.Helper()
	var got []string
	for _, row := range b.db.AgentM(host) {
		got = append(got, row.PortID+" "+row.Address)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		b.Errorf("agent M on %q reads %q, want %q", host, got, want)
	}
}

// wantProblems compares "VM Reason" each.
func (b *bed) wantProblems(out *inventory.Outcome, want ...string) {
	b.Helper()
	var got []string
	for _, p := range out.Problems {
		got = append(got, p.VM+" "+string(p.Reason))
		if p.Message == "" {
			b.Errorf("the problem %s of %s has no message", p.Reason, p.VM)
		}
	}
	if !slices.Equal(got, want) {
		b.Errorf("problems are %q, want %q", got, want)
	}
}

// wantPending compares "port kind" each.
func (b *bed) wantPending(out *inventory.Outcome, want ...string) {
	b.Helper()
	var got []string
	for _, p := range out.Pendings {
		got = append(got, p.PortID+" "+string(p.Kind))
	}
	if !slices.Equal(got, want) {
		b.Errorf("pending are %q, want %q", got, want)
	}
	if out.NextLook.IsZero() != (len(want) == 0) {
		b.Errorf("the next look is %v with %d pending", out.NextLook, len(want))
	}
}

// wantEmpty says that the last run wrote nothing.
func (b *bed) wantEmpty() {
	b.Helper()
	if !b.plan.Empty() {
		b.Errorf("the plan is %+v, want none: every pass would make agents apply their network again", b.plan)
	}
}

// many adds n VMs vm-00, vm-01, … with one port each (p-00, …) and returns
// their names.
func (b *bed) many(n int) []string {
	names := make([]string, n)
	for i := range n {
		names[i] = fmt.Sprintf("vm-%02d", i)
		b.vm(names[i], port(fmt.Sprintf("p-%02d", i), fmt.Sprintf("10.0.0.%d", i+1)))
	}
	return names
}
