// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack_test

import (
	"context"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/inventory/inventorytest"
	"github.com/xormsdhkdwk/multinic/internal/openstack"
	"github.com/xormsdhkdwk/multinic/test/openstacksim"
)

// looker reads a cloud for one object and plans what follows from it.
type looker struct {
	t      *testing.T
	sim    *openstacksim.Sim
	lab    *openstacksim.Lab
	clock  *clocktesting.FakeClock
	client *openstack.Client
	cred   openstack.Credentials
	db     *inventorytest.Database
	object inventory.Object
}

func newLooker(t *testing.T, servers int, vmNames []string) *looker {
	t.Helper()
	l := &looker{t: t, clock: clocktesting.NewFakeClock(time.Now()), db: inventorytest.New()}
	l.sim, l.lab = start(t, openstacksim.Options{}, servers)
	l.client = newClient(t, openstack.Options{Clock: l.clock})
	l.cred = credentials(l.sim, l.lab)
	l.object = inventory.Object{
		Key: inventory.Key{Namespace: "default", Name: "all"}, UID: "1", Cloud: l.cred.Cloud(),
		VMNames: vmNames, SubnetName: "k8s-subnet", Limits: inventory.DefaultLimits(),
	}
	return l
}

// look is one reading and its plan, after a time.
func (l *looker) look(after time.Duration) *inventory.Outcome {
	l.t.Helper()
	l.clock.Step(after)
	l.object.KnownServers = nil
	known := map[string]bool{}
	for _, c := range l.db.Claims {
		if !known[c.ServerID] {
			known[c.ServerID] = true
			l.object.KnownServers = append(l.object.KnownServers, c.ServerID)
		}
	}
	snap, err := l.client.Snapshot(context.Background(), l.cred, []inventory.Query{{
		Servers: l.object.VMNames, Subnet: l.object.SubnetName, KnownServers: l.object.KnownServers,
	}})
	if err != nil {
		l.t.Fatal(err)
	}
	nodes := inventory.NewNodes(nil)
	q := inventorytest.Query{
		Objects: []inventory.Key{l.object.Key}, Clouds: []string{l.object.Cloud}, RecentSince: l.clock.Now().Add(-30 * time.Minute),
	}
	q.Concerns.Concern(l.object, snap, nodes)
	planner := inventory.NewPlanner(l.clock.Now(), nodes, l.db.View(q), time.Time{})
	out := planner.Object(l.object, snap)
	if err := l.db.Apply(planner.Finish()); err != nil {
		l.t.Fatal(err)
	}
	return out
}

func (l *looker) visible() (n int) {
	for _, row := range l.db.Interfaces {
		if row.Visible() {
			n++
		}
	}
	return n
}

// lose takes a server out of Nova, and leaves its port on it in Neutron.
func (l *looker) lose(server openstacksim.Server) {
	l.t.Helper()
	port := l.sim.ServerPorts(server.ID)[0]
	l.sim.DeleteServer(server.ID)
	l.sim.AddPort(port)
	if got := l.sim.ServerPorts(server.ID); len(got) != 1 || got[0].ID != port.ID {
		l.t.Fatalf("the port is not on the server any more: %+v", got)
	}
}

func TestAServerThatNovaDeniesStaysWhileNeutronShowsItsPort(t *testing.T) {
	t.Parallel()
	for what, tc := range map[string]struct {
		vms  []string
		lost int
	}{
		"one of few":                          {names(1, 3), 1},
		"one of the project":                  {names(1, 300), 1},
		"more than are asked for one by one":  {names(1, 300), 100},
		"few, all of them":                    {names(1, 3), 3},
		"all of the project that is wanted":   {names(1, 300), 300},
		"half a project with few ports asked": {names(1, 100), 50},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			l := newLooker(t, 300, tc.vms)
			l.look(0)
			for _, server := range l.lab.Servers[:tc.lost] {
				l.lose(server)
			}
			for range 3 {
				out := l.look(61 * time.Second)
				if len(out.Pendings) > 0 {
					t.Errorf("%d withdrawals are pending, such as %+v", len(out.Pendings), out.Pendings[0])
				}
			}
			if n := l.visible(); n != len(tc.vms) {
				t.Errorf("agents see %d NICs, want all %d: Neutron shows their ports", n, len(tc.vms))
			}
		})
	}
}

func TestAMassLossIsCountedInFullAndHeld(t *testing.T) {
	t.Parallel()
	l := newLooker(t, 400, names(1, 400))
	l.look(0)
	for _, server := range l.lab.Servers[:200] {
		l.sim.DeleteServer(server.ID)
	}
	l.look(61 * time.Second)
	l.sim.ResetJournal()
	out := l.look(61 * time.Second)
	held := 0
	for _, p := range out.Pendings {
		if p.Held {
			held++
		}
	}
	if len(out.Pendings) != 200 || held != 200 || l.visible() != 400 {
		t.Errorf("%d withdrawals are pending, %d held, %d NICs shown; want 200, 200 and 400", len(out.Pendings), held, l.visible())
	}
	if n := l.sim.Count(openstacksim.Compute, "GET /v2.1/servers/{id}"); n != 0 {
		t.Errorf("%d servers were asked for one by one, although Neutron knows no port of theirs", n)
	}
}

func TestServersInACellThatIsDownAreMissedAndNotGone(t *testing.T) {
	t.Parallel()
	sim, lab := start(t, openstacksim.Options{}, 120)
	c := newClient(t, openstack.Options{})
	var known []string
	for _, v := range lab.Servers[:90] {
		known = append(known, v.ID)
	}
	// Nova says of the first that there is no such server; the others' cell
	// is down, and Nova's lists say nothing of it.
	for _, id := range known {
		sim.Inject(openstacksim.Fault{Path: "/v2.1/servers/" + id, Status: 404, Data: []byte(`{"itemNotFound": {"code": 404, "message": "Instance could not be found."}}`)})
	}
	sim.SetCellDown(true, known...)
	sim.Inject(openstacksim.Fault{Path: "/v2.1/", Status: 404}) // 2.1: no stubs in lists
	s, err := c.Snapshot(context.Background(), credentials(sim, lab), []inventory.Query{{Servers: names(1, 300), Subnet: "k8s-subnet", KnownServers: known}})
	if err != nil {
		t.Fatal(err)
	}
	subnet := lab.Subnets["k8s-subnet"].ID
	absent := 0
	for _, id := range known {
		if _, p := s.Server(id); p == inventory.Absent {
			absent++
		}
		if len(s.Ports(id, subnet)) != 1 {
			t.Errorf("the snapshot lacks the port of server %s, which alone keeps its row", id)
		}
	}
	if absent == 0 || absent > 64 {
		t.Errorf("%d servers are absent, want those that Nova was asked for, 64 at most", absent)
	}
}

func TestWithoutItsSubnetNeutronSaysNothingOfAServer(t *testing.T) {
	t.Parallel()
	sim, lab := start(t, openstacksim.Options{}, 120)
	c := newClient(t, openstack.Options{})
	var known []string
	for _, v := range lab.Servers[:90] {
		known = append(known, v.ID)
		sim.DeleteServer(v.ID)
	}
	for what, tc := range map[string]struct {
		subnets []string
		all     bool
	}{
		"the subnet is not there":     {[]string{"no-such-subnet"}, false},
		"one of two is not there":     {[]string{"k8s-subnet", "no-such-subnet"}, false},
		"both are there":              {[]string{"k8s-subnet", "data-subnet"}, true},
		"it is there, named by an ID": {[]string{lab.Subnets["k8s-subnet"].ID}, true},
	} {
		var queries []inventory.Query
		for _, ref := range tc.subnets {
			queries = append(queries, inventory.Query{Servers: names(1, 300), Subnet: ref, KnownServers: known})
		}
		s, err := c.Snapshot(context.Background(), credentials(sim, lab), queries)
		if err != nil {
			t.Fatal(err)
		}
		absent := 0
		for _, id := range known {
			if _, p := s.Server(id); p == inventory.Absent {
				absent++
			}
		}
		if all := absent == len(known); all != tc.all {
			t.Errorf("%s: %d of %d servers are absent", what, absent, len(known))
		}
	}
}

func TestAnEmptyListOfServersIsMadeGoodWhileNeutronShowsTheirPorts(t *testing.T) {
	t.Parallel()
	sim, lab := start(t, openstacksim.Options{}, 40)
	c := newClient(t, openstack.Options{})
	var known []string
	for _, v := range lab.Servers[:40] {
		known = append(known, v.ID)
	}
	sim.Inject(openstacksim.Fault{Path: "/v2.1/servers/detail", Body: openstacksim.BodyEmptyList})
	s, err := c.Snapshot(context.Background(), credentials(sim, lab), []inventory.Query{{Servers: names(1, 300), Subnet: "k8s-subnet", KnownServers: known}})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range known {
		if _, p := s.Server(id); p != inventory.Present {
			t.Errorf("server %s is %v, want it present: Nova knows it", id, p)
		}
	}
}
