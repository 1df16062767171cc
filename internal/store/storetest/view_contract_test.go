// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"cmp"
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/inventory/inventorytest"
	"github.com/xormsdhkdwk/multinic/internal/store"
)

// TestTheStoreShowsWhatThePlannersTestsRelyOn lets random worlds happen to the
// database in memory, by which the planner is judged, and to a real one: they
// show the same, ever.
func TestTheStoreShowsWhatThePlannersTestsRelyOn(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for i := range uint64(12) {
		t.Run(fmt.Sprint("world ", i), func(t *testing.T) {
			t.Parallel()
			w := newTwins(t, rand.New(rand.NewPCG(seed, i)))
			for range 25 {
				w.change()
				w.run()
			}
		})
	}
}

func TestAViewOfAServerShowsItsInterfacesOnOtherSubnetsAndWhoBearsItsName(t *testing.T) {
	t.Parallel()
	l, _ := leader(t)
	plan := FirstRun(2, 1)
	other := Interface(1, 1)
	other.ServerID, other.HostName = UUID('v', 0), HostName(0)
	plan.Interfaces[1].Row = other
	apply(t, l, plan)
	got := view(t, l, store.ViewQuery{Objects: []inventory.Key{Object(0)}})
	if row, ok := got.Interfaces[other.PortID]; !ok || got.Subnets[row.SubnetID].SubnetID == "" {
		t.Errorf("the interface of the same server on another subnet is not shown: %+v", got.Interfaces)
	}
	if len(got.Claims) != 2 {
		t.Errorf("%d claims are shown, want also the other object's", len(got.Claims))
	}
	if got.HostNames[HostName(0)] != UUID('v', 0) {
		t.Errorf("nobody bears the node's own name: %v", got.HostNames)
	}
}

// twins are the two databases, and a world that changes.
type twins struct {
	t       *testing.T
	rng     *rand.Rand
	now     time.Time
	memory  *inventorytest.Database
	leader  *store.Leader
	sql     *sql.DB
	servers []inventory.Server
	ports   []inventory.Port
	objects []inventory.Object
	serial  int
}

func newTwins(t *testing.T, rng *rand.Rand) *twins {
	t.Helper()
	l, db := leader(t)
	w := &twins{t: t, rng: rng, now: Start, memory: inventorytest.New(), leader: l, sql: db.Open(t)}
	for range 6 {
		w.makeServer()
	}
	for i := range 4 {
		o := inventory.Object{Key: Object(i), UID: UUID('o', i), Cloud: Cloud, SubnetName: fmt.Sprintf("net-%d", i%3), PublishPrimary: i == 3}
		w.objects = append(w.objects, o)
		w.choose(&w.objects[i])
	}
	return w
}

func (w *twins) next() int { w.serial++; return w.serial }

func (w *twins) makeServer() {
	s := inventory.Server{ID: UUID('v', w.next()), Name: fmt.Sprintf("VM-%d.example.com", w.serial), Status: "ACTIVE"}
	if len(w.servers) > 0 && w.rng.IntN(5) == 0 {
		s.Name = w.servers[w.rng.IntN(len(w.servers))].Name
	}
	w.servers = append(w.servers, s)
	for range 1 + w.rng.IntN(3) {
		n := w.next()
		p := inventory.Port{ID: UUID('p', n), DeviceID: s.ID, MAC: fmt.Sprintf("fa:16:3e:00:00:%02x", n%256)}
		for range 1 + w.rng.IntN(2) {
			subnet := w.rng.IntN(3)
			p.FixedIPs = append(p.FixedIPs, inventory.FixedIP{SubnetID: UUID('s', subnet), Address: netip.AddrFrom4([4]byte{10, byte(subnet), 1, byte(w.next())})})
		}
		w.ports = append(w.ports, p)
	}
}

// choose lets an object name some of the servers.
func (w *twins) choose(o *inventory.Object) {
	o.VMNames = nil
	for _, s := range w.servers {
		if w.rng.IntN(2) == 0 && !slices.Contains(o.VMNames, s.Name) {
			o.VMNames = append(o.VMNames, s.Name)
		}
	}
}

func (w *twins) change() {
	w.now = w.now.Add(time.Duration(20+w.rng.IntN(100)) * time.Second)
	for range w.rng.IntN(3) {
		switch i := w.rng.IntN(len(w.servers)); w.rng.IntN(8) {
		case 0:
			w.makeServer()
		case 1: // gone, and sometimes its ports too
			if len(w.servers) > 3 {
				w.servers = slices.Delete(slices.Clone(w.servers), i, i+1)
			}
		case 2:
			w.servers[i].Name = fmt.Sprintf("renamed-%d", w.next())
		case 3: // moves to another server, or back
			if len(w.ports) > 0 {
				w.ports[w.rng.IntN(len(w.ports))].DeviceID = w.servers[i].ID
			}
		case 4:
			if len(w.ports) > 0 {
				w.ports[w.rng.IntN(len(w.ports))].MAC = fmt.Sprintf("fa:16:3e:01:00:%02x", w.next()%256)
			}
		default:
			w.choose(&w.objects[w.rng.IntN(len(w.objects))])
		}
	}
	for id, row := range w.memory.Interfaces {
		if row.Visible() && w.rng.IntN(4) == 0 { // as agents do
			w.memory.Configured(id)
			if _, err := w.sql.ExecContext(w.t.Context(), AgentGWrite, 1, id); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// run lets some objects run, or one of them go, in both databases.
func (w *twins) run() {
	facts := inventory.Facts{TakenAt: w.now, AllServers: true, Servers: w.servers}
	for i := range 3 {
		v := Subnet(i)
		facts.Subnets = append(facts.Subnets, inventory.Subnet{
			ID: v.SubnetID, Name: v.Name, CIDR: netip.MustParsePrefix(v.CIDR), NetworkID: v.NetworkID, MTU: v.MTU,
		})
	}
	for _, p := range w.ports {
		if w.rng.IntN(20) > 0 {
			facts.Ports = append(facts.Ports, p)
		}
	}
	var objects []inventory.Object
	for _, o := range w.objects {
		if w.rng.IntN(3) > 0 {
			for k, c := range w.memory.Claims {
				if k.Object == o.Key {
					o.KnownServers = append(o.KnownServers, c.ServerID)
				}
			}
			if w.rng.IntN(6) == 0 {
				o.ConfirmedAt = w.now
			}
			objects = append(objects, o)
		}
	}
	released := w.rng.IntN(8) == 0
	snap := inventory.NewSnapshot(facts)
	nodes := inventory.NewNodes([]inventory.Node{{
		Name: "node-0", ServerIDs: []string{w.servers[0].ID}, Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 1, 1})},
	}})
	q := inventorytest.Query{RecentSince: w.now.Add(-30 * time.Minute), Clouds: []string{Cloud}}
	for _, o := range objects {
		q.Objects = append(q.Objects, o.Key)
		if !released {
			q.Concerns.Concern(o, snap, nodes)
		}
	}
	shown := w.compare(q)
	plan := func(have *inventory.Published) inventory.Plan {
		planner := inventory.NewPlanner(w.now, nodes, have, time.Time{})
		for _, o := range objects {
			if released {
				planner.Release(o.Key, o.UID)
			} else {
				planner.Object(o, snap)
			}
		}
		return planner.Finish()
	}
	if err := w.memory.Apply(plan(w.memory.View(q))); err != nil {
		w.t.Fatal(err)
	}
	apply(w.t, w.leader, plan(shown))
	w.compare(q)
	w.compare(inventorytest.Query{Concerns: inventory.Concerns{
		Ports: w.some(maps.Keys(w.memory.Interfaces)), Servers: w.some(maps.Keys(w.memory.Nodes)), Subnets: w.some(maps.Keys(w.memory.Subnets)),
	}})
}

func (w *twins) some(all func(func(string) bool)) []string {
	return slices.DeleteFunc(slices.Sorted(all), func(string) bool { return w.rng.IntN(3) > 0 })
}

// compare reads from both and returns what the real one shows.
func (w *twins) compare(q inventorytest.Query) *inventory.Published {
	w.t.Helper()
	shown := view(w.t, w.leader, store.ViewQuery{
		Objects: q.Objects, Ports: q.Concerns.Ports, Servers: q.Concerns.Servers, Subnets: q.Concerns.Subnets,
		HostNames: q.Concerns.HostNames, Clouds: q.Clouds, RecentSince: q.RecentSince,
	})
	if d := diff.Diff(ordered(w.memory.View(q)), ordered(shown), cmpopts.EquateEmpty()); d != "" {
		w.t.Fatalf("asked for %+v, the store (+) shows not what the planner's tests rely on (-):\n%s", q, d)
	}
	return shown
}

// ordered is a copy in which lists have an order, and rows bear their rank
// instead of their id: a real server leaves gaps.
func ordered(v *inventory.Published) *inventory.Published {
	c := *v
	c.Claims, c.Pendings, c.Interfaces = slices.Clone(v.Claims), slices.Clone(v.Pendings), maps.Clone(v.Interfaces)
	slices.SortFunc(c.Claims, func(a, b inventory.Claim) int {
		return cmp.Or(cmp.Compare(a.Object.Name, b.Object.Name), cmp.Compare(a.PortID, b.PortID))
	})
	slices.SortFunc(c.Pendings, func(a, b inventory.Pending) int {
		return cmp.Or(cmp.Compare(a.Object.Name, b.Object.Name), cmp.Compare(a.PortID, b.PortID), cmp.Compare(a.Kind, b.Kind))
	})
	rows := slices.SortedFunc(maps.Values(c.Interfaces), func(a, b inventory.InterfaceRow) int { return cmp.Compare(a.ID, b.ID) })
	for i, row := range rows {
		row.ID = int64(i + 1)
		c.Interfaces[row.PortID] = row
	}
	return &c
}
