// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package system

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/test/openstacksim"
)

// change is one true change of the cloud, of a Node or of an object.
func (c *lyingCloud) change() {
	i := c.rng.IntN(30)
	server, there := c.byRef(c.ref(i))
	if !there {
		return
	}
	switch c.rng.IntN(9) {
	case 0: // made anew under its name
		if i%3 != 0 {
			c.dropNode(server)
			fresh := c.sim.RebuildServer(server.ID)
			c.note("%s is made anew: %s becomes %s", server.Name, server.ID, fresh.ID)
		}
	case 1: // renamed; only what objects name by ID
		if i%3 == 0 {
			name := fmt.Sprintf("renamed-%d", c.rng.IntN(1_000_000))
			c.hosts[name] = true
			c.sim.RenameServer(server.ID, name)
			c.note("%s is called %s", server.Name, name)
		}
	case 2, 3: // a NIC goes
		if port, ok := c.nicOn(server, "data-subnet"); ok {
			c.sim.DetachPort(server.ID, port.ID)
			c.note("port %s is detached from %s", port.ID, server.Name)
		}
	case 4: // a NIC comes
		if _, ok := c.nicOn(server, "data-subnet"); !ok {
			port := c.sim.AddInterface(server.ID, c.lab.Networks["data-net"].ID)
			c.honest = true
			c.note("port %s is attached to %s", port.ID, server.Name)
		}
	case 5: // another address
		if port, ok := c.nicOn(server, "data-subnet"); ok {
			address := fmt.Sprintf("10.30.0.%d", 10+c.rng.IntN(200))
			if !c.used(address) {
				c.sim.SetFixedIP(port.ID, c.lab.Subnets["data-subnet"].ID, address)
				c.note("port %s has %s", port.ID, address)
			}
		}
	case 6: // a Node comes or goes
		if !c.dropNode(server) {
			c.makeNode(server)
		}
	case 7, 8: // a VM is taken out of an object, or put back
		o := c.objects[c.rng.IntN(len(c.objects))]
		if ref, out := c.taken[o.Name]; out {
			delete(c.taken, o.Name)
			o.VMNames = append(slices.Clone(o.VMNames), ref)
			c.note("%s is put back into %s", ref, o.Name)
		} else {
			c.taken[o.Name] = o.VMNames[0]
			c.letGo(o, o.VMNames[0])
			o.VMNames = slices.Clone(o.VMNames[1:])
			c.note("%s is taken out of %s", c.taken[o.Name], o.Name)
		}
	}
}

// letGo no longer expects to see the NICs of a VM that is taken out of the
// last object that claims them: that is withdrawn at once, also where another
// object names the VM but no answer has shown it to that one yet.
func (c *lyingCloud) letGo(from *inventory.Object, ref string) {
	server, _ := c.byRef(ref)
	for _, port := range c.sim.ServerPorts(server.ID) {
		claimed := false
		for _, o := range c.objects {
			if o != from && slices.Contains(o.VMNames, ref) {
				var n int
				if err := c.agents.sql.QueryRow("SELECT COUNT(*) FROM multi_claim WHERE port_id = ? AND cr_name = ?", port.ID, o.Name).Scan(&n); err != nil {
					c.t.Fatal(err)
				}
				claimed = claimed || n > 0
			}
		}
		if !claimed {
			delete(c.shown, port.ID)
		}
	}
}

func (c *lyingCloud) byRef(ref string) (openstacksim.Server, bool) {
	if server, ok := c.sim.Server(ref); ok {
		return server, true
	}
	return c.byName(ref)
}

func (c *lyingCloud) nicOn(server openstacksim.Server, subnet string) (openstacksim.Port, bool) {
	for _, port := range c.sim.ServerPorts(server.ID) {
		for _, ip := range port.FixedIPs {
			if ip.SubnetID == c.lab.Subnets[subnet].ID {
				return port, true
			}
		}
	}
	return openstacksim.Port{}, false
}

func (c *lyingCloud) used(address string) bool {
	return slices.ContainsFunc(c.sim.Ports(), func(p openstacksim.Port) bool {
		return slices.ContainsFunc(p.FixedIPs, func(ip openstacksim.FixedIP) bool { return ip.Address == address })
	})
}

// makeNode makes the Node of a server: of its first name, with its address on
// k8s-subnet, which makes that NIC the primary one.
func (c *lyingCloud) makeNode(server openstacksim.Server) {
	port, ok := c.nicOn(server, "k8s-subnet")
	if !ok {
		return
	}
	c.primary[port.ID] = true
	n := inventory.Node{Name: server.Name, ServerIDs: []string{server.ID}, Addresses: []netip.Addr{netip.MustParseAddr(port.FixedIPs[0].Address)}}
	c.nodes[n.Name] = n
	c.hosts[n.Name] = true
	c.note("Node %s comes", n.Name)
}

// dropNode ends the Node of a server; false if there is none.
func (c *lyingCloud) dropNode(server openstacksim.Server) bool {
	for name, n := range c.nodes {
		if slices.Contains(n.ServerIDs, server.ID) {
			delete(c.nodes, name)
			c.note("Node %s goes", name)
			return true
		}
	}
	return false
}

// lie decides how the cloud answers this run. One that looks whole and is not
// true ends before the second look would believe it.
func (c *lyingCloud) lie() {
	c.cached = maps.Clone(c.nodes)
	now := c.clock.Now()
	limit := 55 * time.Second
	if c.big {
		limit = 25 * time.Minute
	}
	mayLie := !c.honest && (c.lying.IsZero() || now.Sub(c.lying) < limit)
	kind := c.rng.IntN(10)
	if c.big && mayLie {
		kind = 9
	}
	switch {
	case kind < 3 || !mayLie && kind > 5:
		c.lying, c.big = time.Time{}, false
		c.note("the answer is true")
		return
	case kind == 3: // an error is no answer: it neither agrees nor contradicts
		c.error()
		return
	case kind == 4:
		clear(c.cached)
		c.note("the cache has no Nodes")
		return
	case kind == 5:
		if server, there := c.byRef(c.ref(c.rng.IntN(30))); there {
			c.down = server.ID
			c.sim.SetCellDown(true, c.down)
		}
		c.note("a cell is down")
		return
	}
	c.wrong++
	if c.lying.IsZero() {
		c.lying = now
	}
	c.falsehood(kind)
}

// error makes one of the calls fail, or come to an end before its time.
func (c *lyingCloud) error() {
	f := openstacksim.Fault{Service: []openstacksim.Service{openstacksim.Network, openstacksim.Compute}[c.rng.IntN(2)], Skip: c.rng.IntN(3), Count: 1}
	switch c.rng.IntN(5) {
	case 0:
		f.Status = []int{500, 503, 403, 404, 429}[c.rng.IntN(5)]
	case 1:
		f.Body = openstacksim.BodyCut
	case 2:
		f.Body = openstacksim.BodyBrokenJSON
	case 3:
		f.Body = openstacksim.BodyHTML
	case 4:
		f.Body = openstacksim.BodyReset
	}
	c.note("a call fails: %+v", f)
	c.faults = append(c.faults, c.sim.Inject(f))
	c.wrong++
}

// falsehood makes the cloud answer what is not so, with status 200.
func (c *lyingCloud) falsehood(kind int) {
	switch kind {
	case 6, 7: // as of an earlier time, Nova or Neutron or both
		then := c.past[max(0, len(c.past)-2-c.rng.IntN(20))]
		which := c.rng.IntN(3)
		if which != 0 {
			c.faults = append(c.faults, c.sim.Inject(openstacksim.Fault{Service: openstacksim.Network, Method: "GET", Stale: then}))
		}
		if which != 1 {
			c.faults = append(c.faults, c.sim.Inject(openstacksim.Fault{Service: openstacksim.Compute, Method: "GET", Stale: then}))
		}
		c.note("the answer is of an earlier time")
	case 8: // half of a list
		path := []string{"/v2.0/ports", "/v2.1/servers/detail"}[c.rng.IntN(2)]
		c.faults = append(c.faults, c.sim.Inject(openstacksim.Fault{Path: path, Body: openstacksim.BodyShortPage}))
		c.note("half of %s is missing", path)
	case 9: // nothing at all: what the limits are for
		c.big = true
		path := []string{"/v2.0/ports", "/v2.1/servers/detail", "/v2.0/subnets"}[c.rng.IntN(3)]
		c.faults = append(c.faults, c.sim.Inject(openstacksim.Fault{Path: path, Body: openstacksim.BodyEmptyList}))
		c.note("%s is empty", path)
	}
}

// truth ends all faults.
func (c *lyingCloud) truth() {
	for _, f := range c.faults {
		f.Remove()
	}
	c.faults = nil
	if c.down != "" {
		c.sim.SetCellDown(false, c.down)
		c.down = ""
	}
}
