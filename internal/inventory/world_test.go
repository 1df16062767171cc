// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/inventory/inventorytest"
)

// world is a random cloud that changes, the objects and Nodes of a cluster,
// and a database.
type world struct {
	rng     *rand.Rand
	now     time.Time
	db      *inventorytest.Database
	facts   inventory.Facts   // the truth
	past    []inventory.Facts // what was true at the runs before
	nodes   []inventory.Node
	objects map[string]inventory.Object
	serial  int
	verbose bool
	log     []string

	ids     map[string]int64             // of rows, ever
	chains  map[inventory.ClaimKey]chain // what the answers have said of late
	namings map[inventory.ClaimKey]chain // and of the names alone
	last    map[inventory.Key]*inventory.Outcome
}

// chain is an unbroken row of answers that say the same of a claim.
type chain struct {
	verdict verdict
	since   time.Time
}

var subnets = []inventory.Subnet{
	{ID: "s-a", Name: "a", CIDR: netip.MustParsePrefix("10.0.0.0/16"), NetworkID: "n-1", MTU: 1450},
	{ID: "s-b", Name: "b", CIDR: netip.MustParsePrefix("10.1.0.0/16"), NetworkID: "n-1", MTU: 1450},
	{ID: "s-c", Name: "c", CIDR: netip.MustParsePrefix("10.2.0.0/16"), NetworkID: "n-2", MTU: 9000},
}

func newWorld(seed, run uint64, verbose bool) *world {
	w := &world{
		verbose: verbose,
		rng:     rand.New(rand.NewPCG(seed, run)), now: time.Date(2026, 3, 4, 12, 0, 0, 123456789, time.UTC), db: inventorytest.New(),
		facts:   inventory.Facts{AllServers: true, Subnets: subnets},
		objects: map[string]inventory.Object{}, ids: map[string]int64{}, chains: map[inventory.ClaimKey]chain{}, namings: map[inventory.ClaimKey]chain{},
		last: map[inventory.Key]*inventory.Outcome{},
	}
	for range 2 + w.rng.IntN(12) {
		w.makeVM(w.name())
	}
	for range 1 + w.rng.IntN(4) {
		w.makeObject()
	}
	return w
}

func (w *world) note(format string, args ...any) {
	if !w.verbose {
		return
	}
	w.log = append(w.log, w.now.Format("15:04:05 ")+fmt.Sprintf(format, args...))
}

func (w *world) next(prefix string) string {
	w.serial++
	return fmt.Sprintf("%s-%d", prefix, w.serial)
}

// name is mostly new and sometimes another VM's, or that with a domain.
func (w *world) name() string {
	if len(w.facts.Servers) > 0 && w.rng.IntN(12) == 0 {
		return pick(w.rng, w.facts.Servers).Name
	}
	if len(w.facts.Servers) > 0 && w.rng.IntN(20) == 0 {
		return inventory.ShortHostName(pick(w.rng, w.facts.Servers).Name) + ".example.com"
	}
	return w.next("vm")
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }

func (w *world) makeVM(name string) string {
	s := inventory.Server{ID: w.next("id"), Name: name, Status: "ACTIVE"}
	if w.rng.IntN(8) == 0 {
		s.HostName = strings.ToUpper(inventory.ShortHostName(name))
	}
	w.facts.Servers = append(slices.Clone(w.facts.Servers), s)
	for range 1 + w.rng.IntN(5)/4 {
		w.attach(s.ID)
	}
	w.note("VM %s %q is made", s.ID, name)
	return s.ID
}

func (w *world) attach(server string) {
	p := inventory.Port{ID: w.next("p"), DeviceID: server, FixedIPs: w.addresses()}
	p.MAC = "fa:16:3e:" + p.ID
	w.facts.Ports = append(slices.Clone(w.facts.Ports), p)
	w.note("port %s is attached to %s", p.ID, server)
}

// addresses are mostly one, on the subnet a.
func (w *world) addresses() []inventory.FixedIP {
	one := func(subnet int) inventory.FixedIP {
		w.serial++
		return inventory.FixedIP{SubnetID: subnets[subnet].ID, Address: netip.AddrFrom4([4]byte{10, byte(subnet), byte(w.serial >> 8), byte(w.serial)})}
	}
	switch w.rng.IntN(10) {
	case 0:
		return []inventory.FixedIP{one(0), one(1)}
	case 1:
		return []inventory.FixedIP{one(0), one(0)}
	case 2:
		return []inventory.FixedIP{one(2)}
	default:
		return []inventory.FixedIP{one(0)}
	}
}

func (w *world) makeObject() {
	name := w.next("o")
	o := object(name)
	o.SubnetName = "a"
	if w.rng.IntN(6) == 0 {
		o.SubnetName = pick(w.rng, []string{"s-a", "b", "c"})
	}
	o.PublishPrimary = w.rng.IntN(5) == 0
	w.objects[name] = w.choose(o)
	w.note("object %s names %v on %s", name, w.objects[name].VMNames, o.SubnetName)
}

// choose gives the object VMs, by name or by ID.
func (w *world) choose(o inventory.Object) inventory.Object {
	o.VMNames = nil
	share := w.rng.IntN(3)
	for _, s := range w.facts.Servers {
		if w.rng.IntN(3) <= share {
			o.VMNames = append(o.VMNames, w.entry(s))
		}
	}
	if len(o.VMNames) == 0 {
		o.VMNames = []string{"vm-0"}
	}
	slices.Sort(o.VMNames)
	o.VMNames = slices.Compact(o.VMNames)
	return o
}

func (w *world) entry(s inventory.Server) string {
	if w.rng.IntN(4) == 0 {
		return s.ID
	}
	return s.Name
}

// change does one random thing to the cloud, the cluster or the objects.
func (w *world) change() {
	server, port := -1, -1
	if n := len(w.facts.Servers); n > 0 {
		if server = w.rng.IntN(n); w.facts.Servers[server].Status == "DELETED" {
			server = -1
		}
	}
	if n := len(w.facts.Ports); n > 0 {
		port = w.rng.IntN(n)
	}
	switch kind := w.rng.IntN(16); {
	case kind == 0:
		id := w.makeVM(w.name())
		w.nameInSome(id)
	case server >= 0 && kind == 1:
		w.deleteVM(server)
	case server >= 0 && kind == 2: // rebuilt under its name, sometimes with its ports
		w.rebuildVM(server)
	case server >= 0 && kind == 3:
		w.facts.Servers = slices.Clone(w.facts.Servers)
		w.facts.Servers[server].Name = w.name()
		w.note("VM %s is called %q", w.facts.Servers[server].ID, w.facts.Servers[server].Name)
	case server >= 0 && kind == 4:
		w.attach(w.facts.Servers[server].ID)
	case port >= 0 && kind == 5:
		w.note("port %s is deleted", w.facts.Ports[port].ID)
		w.facts.Ports = slices.Delete(slices.Clone(w.facts.Ports), port, port+1)
	case port >= 0 && kind == 6:
		w.facts.Ports = slices.Clone(w.facts.Ports)
		w.facts.Ports[port].FixedIPs = w.addresses()
		w.note("port %s has other addresses", w.facts.Ports[port].ID)
	case port >= 0 && server >= 0 && kind == 7:
		w.facts.Ports = slices.Clone(w.facts.Ports)
		w.facts.Ports[port].DeviceID = w.facts.Servers[server].ID
		w.note("port %s moves to %s", w.facts.Ports[port].ID, w.facts.Servers[server].ID)
	case server >= 0 && (kind == 8 || kind == 9):
		w.makeNode(w.facts.Servers[server])
	case len(w.nodes) > 0 && kind == 10:
		i := w.rng.IntN(len(w.nodes))
		w.note("Node %s vanishes", w.nodes[i].Name)
		w.nodes = slices.Delete(slices.Clone(w.nodes), i, i+1)
	case kind == 11 && len(w.objects) < 6:
		w.makeObject()
	case kind >= 12:
		w.changeObject()
	}
}

func (w *world) deleteVM(i int) {
	s := w.facts.Servers[i]
	w.facts.Servers = slices.Clone(w.facts.Servers)
	if w.rng.IntN(3) == 0 {
		w.facts.Servers[i].Status = "DELETED" // some still see it
	} else {
		w.facts.Servers = slices.Delete(w.facts.Servers, i, i+1)
	}
	w.facts.Ports = slices.DeleteFunc(slices.Clone(w.facts.Ports), func(p inventory.Port) bool { return p.DeviceID == s.ID })
	w.note("VM %s is deleted", s.ID)
}

func (w *world) rebuildVM(i int) {
	old := w.facts.Servers[i]
	var kept []inventory.Port
	for _, p := range w.facts.Ports {
		if p.DeviceID == old.ID && w.rng.IntN(2) == 0 {
			kept = append(kept, p)
		}
	}
	w.deleteVM(i)
	id := w.makeVM(old.Name)
	for _, p := range kept {
		p.DeviceID = id
		w.facts.Ports = append(w.facts.Ports, p)
		w.note("with its port %s", p.ID)
	}
}

func (w *world) makeNode(s inventory.Server) {
	n := inventory.Node{Name: s.Name, ServerIDs: []string{s.ID}}
	switch w.rng.IntN(5) {
	case 0:
		n.Name = w.next("worker")
	case 1:
		n.ServerIDs = nil
	case 2:
		if len(w.nodes) > 0 { // it moves here
			n.Name = pick(w.rng, w.nodes).Name
		}
	}
	for _, p := range w.facts.Ports {
		if p.DeviceID == s.ID && w.rng.IntN(3) == 0 {
			n.Addresses = append(n.Addresses, p.FixedIPs[0].Address)
		}
	}
	w.nodes = slices.DeleteFunc(slices.Clone(w.nodes), func(o inventory.Node) bool { return o.Name == n.Name })
	w.nodes = append(w.nodes, n)
	w.note("Node %s of %v has %v", n.Name, n.ServerIDs, n.Addresses)
}

// nameInSome adds a new VM to some objects.
func (w *world) nameInSome(id string) {
	for _, name := range slices.Sorted(maps.Keys(w.objects)) {
		if o := w.objects[name]; w.rng.IntN(2) == 0 {
			o.VMNames = append(slices.Clone(o.VMNames), id)
			w.objects[name] = o
			w.note("object %s names %v", name, o.VMNames)
		}
	}
}

func (w *world) changeObject() {
	if len(w.objects) == 0 {
		return
	}
	name := pick(w.rng, slices.Sorted(maps.Keys(w.objects)))
	o := w.objects[name]
	o.VMNames = slices.Clone(o.VMNames)
	switch i := w.rng.IntN(len(o.VMNames)); w.rng.IntN(8) {
	case 0:
		if len(o.VMNames) > 1 {
			o.VMNames = slices.Delete(o.VMNames, i, i+1)
		}
	case 1, 2: // the same VM under its other name
		for _, s := range w.facts.Servers {
			if other := map[string]string{s.Name: s.ID, s.ID: s.Name}[o.VMNames[i]]; other != "" && !slices.Contains(o.VMNames, other) {
				o.VMNames[i] = other
				break
			}
		}
	case 3:
		o = w.choose(o)
	case 4:
		o.PublishPrimary = !o.PublishPrimary
	case 5:
		o.SubnetName = map[string]string{"a": "s-a", "s-a": "a", "b": "a"}[o.SubnetName]
		if o.SubnetName == "" {
			o.SubnetName = "b"
		}
	case 6:
		o = w.choose(o)
	case 7:
		if w.rng.IntN(3) == 0 {
			w.note("object %s is deleted", name)
			w.release(o.Key)
			delete(w.objects, name)
			return
		}
	}
	w.objects[name] = o
	w.note("object %s names %v on %s, primary %v", name, o.VMNames, o.SubnetName, o.PublishPrimary)
}

func (w *world) release(k inventory.Key) {
	planner := inventory.NewPlanner(w.now, inventory.NewNodes(nil), w.db.View(inventorytest.Query{Objects: []inventory.Key{k}}), time.Time{})
	planner.Release(k, "uid-"+k.Name)
	if err := w.db.Apply(planner.Finish()); err != nil {
		panic(err)
	}
	released := func(c inventory.ClaimKey, _ chain) bool { return c.Object == k }
	maps.DeleteFunc(w.chains, released)
	maps.DeleteFunc(w.namings, released)
	delete(w.last, k)
}

// answer is what OpenStack says when it is asked; now and then it does not show
// the host names.
func (w *world) answer() (inventory.Facts, string) {
	f, how := w.list()
	if w.rng.IntN(12) == 0 {
		f.Servers = slices.Clone(f.Servers)
		for i := range f.Servers {
			f.Servers[i].HostName = ""
		}
		how = "without host names, else " + how
	}
	return f, how
}

// list is the truth, an earlier one, or one that has lost things.
func (w *world) list() (inventory.Facts, string) {
	f := w.facts
	kind := w.rng.IntN(10)
	if kind >= 5 && len(w.past) > 0 && w.rng.IntN(2) == 0 {
		back := w.rng.IntN(min(len(w.past), 6))
		return w.past[len(w.past)-1-back], fmt.Sprint("stale by ", back+1)
	}
	lose := func() bool { return true }
	switch kind {
	case 5:
		f.Servers, f.Ports = nil, nil
		return f, "empty"
	case 6:
		f.Ports = nil
		return f, "without ports"
	case 7:
		f.Servers = nil
		return f, "without servers"
	case 8:
		share := w.rng.Float64()
		lose = func() bool { return w.rng.Float64() < share }
	case 9:
		lose = func() bool { return w.rng.IntN(8) == 0 }
	default:
		return f, "true"
	}
	f.Servers = slices.DeleteFunc(slices.Clone(f.Servers), func(inventory.Server) bool { return lose() })
	f.Ports = slices.DeleteFunc(slices.Clone(f.Ports), func(inventory.Port) bool { return lose() })
	if w.rng.IntN(10) == 0 {
		f.Subnets = nil
	}
	return f, fmt.Sprintf("with %d of %d servers, %d of %d ports", len(f.Servers), len(w.facts.Servers), len(f.Ports), len(w.facts.Ports))
}

// run plans and writes for some objects.
func (w *world) run(facts inventory.Facts, names []string, narrow bool) (inventory.Plan, error) {
	known := map[inventory.Key][]string{}
	for k, c := range w.db.Claims {
		known[k.Object] = append(known[k.Object], c.ServerID)
	}
	q := inventorytest.Query{Clouds: []string{cloud}, RecentSince: w.now.Add(-30 * time.Minute)}
	var objects []inventory.Object
	for _, name := range names {
		o := w.objects[name]
		o.KnownServers = known[o.Key]
		objects = append(objects, o)
	}
	if narrow {
		facts = narrowed(facts, objects)
	}
	facts.TakenAt = w.now
	snap, nodes := inventory.NewSnapshot(facts), inventory.NewNodes(w.nodes)
	for _, o := range objects {
		q.Objects = append(q.Objects, o.Key)
		q.Concerns.Concern(o, snap, nodes)
	}
	planner := inventory.NewPlanner(w.now, nodes, w.db.View(q), time.Time{})
	for _, o := range objects {
		w.last[o.Key] = planner.Object(o, snap)
	}
	plan := planner.Finish()
	return plan, w.db.Apply(plan)
}

// narrowed is the answer to a question for the objects' own servers alone.
func narrowed(f inventory.Facts, objects []inventory.Object) inventory.Facts {
	out := inventory.Facts{Subnets: f.Subnets}
	asked := map[string]bool{}
	for _, o := range objects {
		for _, v := range append(slices.Clone(o.VMNames), o.KnownServers...) {
			asked[v] = true
		}
	}
	there := map[string]bool{}
	for _, s := range f.Servers {
		if asked[s.ID] || asked[s.Name] {
			out.Servers = append(out.Servers, s)
			there[s.ID] = true
		}
	}
	for _, o := range objects {
		for _, id := range o.KnownServers {
			if !there[id] {
				out.AbsentServers = append(out.AbsentServers, id)
				there[id] = true
			}
		}
	}
	for _, p := range f.Ports {
		if there[p.DeviceID] {
			out.Ports = append(out.Ports, p)
		}
	}
	return out
}
