// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// draft is what is published, as the plan so far would leave it. What was
// read stays beside it: the plan is the difference, so what is changed and
// changed back costs nothing.
type draft struct {
	had         *Published
	hadClaims   map[ClaimKey]Claim
	hadPendings map[PendingKey]Pending

	subnets    map[string]SubnetRow    // changed or new
	nodes      map[string]NodeRow      // changed or new
	interfaces map[string]InterfaceRow // changed or new
	claims     map[ClaimKey]Claim
	pendings   map[PendingKey]Pending

	claimants map[string][]Key // by port, oldest first
	// ports that an object claims or claimed, oldest first; claims decides.
	ports      map[Key][]string
	claimed    map[Key]int          // how many an object claims
	publishers map[string][]Key     // objects that claimed ports of a server, as read
	visible    map[string]int       // visible rows of a server
	bearers    map[string][]bearer  // by host name in lower case
	pendingsOf map[Key][]PendingKey // as read
}

// bearer is a server with visible rows under a host name.
type bearer struct {
	server string
	rows   int
}

func newDraft(had *Published) *draft {
	d := &draft{
		had: had, hadClaims: make(map[ClaimKey]Claim, len(had.Claims)), hadPendings: make(map[PendingKey]Pending, len(had.Pendings)),
		subnets: map[string]SubnetRow{}, nodes: map[string]NodeRow{}, interfaces: map[string]InterfaceRow{},
		claimants: make(map[string][]Key, len(had.Claims)), ports: map[Key][]string{}, claimed: map[Key]int{},
		publishers: map[string][]Key{}, visible: map[string]int{}, bearers: map[string][]bearer{}, pendingsOf: map[Key][]PendingKey{},
	}
	for _, c := range slices.SortedFunc(slices.Values(had.Claims), olderClaim) {
		k := ClaimKey{c.PortID, c.Object}
		d.hadClaims[k] = c
		d.claimants[c.PortID] = append(d.claimants[c.PortID], c.Object)
		d.ports[c.Object] = append(d.ports[c.Object], c.PortID)
		d.claimed[c.Object]++
		d.publishes(c.ServerID, c.Object)
		d.publishes(had.Interfaces[c.PortID].ServerID, c.Object) // a port that moved has a row that did not yet
	}
	d.claims = maps.Clone(d.hadClaims)
	for _, pending := range had.Pendings {
		k := PendingKey{pending.PortID, pending.Object, pending.Kind}
		d.hadPendings[k] = pending
		d.pendingsOf[pending.Object] = append(d.pendingsOf[pending.Object], k)
	}
	d.pendings = maps.Clone(d.hadPendings)
	d.indexNames()
	return d
}

// indexNames puts the servers whose rows were read first, the oldest row's
// before; servers of which only the name was read come last.
func (d *draft) indexNames() {
	var rows []InterfaceRow
	for _, row := range d.had.Interfaces {
		if row.Visible() {
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(a, b InterfaceRow) int { return cmp.Compare(a.ID, b.ID) })
	for _, row := range rows {
		d.count(row, 1)
	}
	for host, server := range d.had.HostNames {
		host = strings.ToLower(host)
		if !slices.ContainsFunc(d.bearers[host], func(b bearer) bool { return b.server == server }) {
			d.bearers[host] = append(d.bearers[host], bearer{server, 1})
		}
	}
}

func (d *draft) publishes(server string, object Key) {
	if !slices.Contains(d.publishers[server], object) {
		d.publishers[server] = append(d.publishers[server], object)
	}
}

func olderClaim(a, b Claim) int {
	return cmp.Or(a.Since.Compare(b.Since), a.Object.compare(b.Object), strings.Compare(a.PortID, b.PortID))
}

func (d *draft) subnet(id string) (SubnetRow, bool) { return overlaid(d.subnets, d.had.Subnets, id) }
func (d *draft) node(id string) (NodeRow, bool)     { return overlaid(d.nodes, d.had.Nodes, id) }
func (d *draft) row(port string) (InterfaceRow, bool) {
	return overlaid(d.interfaces, d.had.Interfaces, port)
}

func overlaid[V any](over, under map[string]V, key string) (V, bool) {
	v, ok := over[key]
	if !ok {
		v, ok = under[key]
	}
	return v, ok
}

// putSubnet writes what a subnet is; whether it is in use is another matter.
func (d *draft) putSubnet(row SubnetRow) {
	if old, exists := d.subnet(row.SubnetID); exists {
		row.Status = old.Status
	}
	d.subnets[row.SubnetID] = row
}

// putNode writes what a server is; whether it is in use is another matter.
func (d *draft) putNode(row NodeRow) {
	if old, exists := d.node(row.ServerID); exists {
		row.Status = old.Status
	}
	d.nodes[row.ServerID] = row
}

// putRow writes a row. Its subnet and its node are there already; a row that
// lives makes both active again.
func (d *draft) putRow(row InterfaceRow) {
	old, _ := d.row(row.PortID)
	d.count(old, -1)
	d.interfaces[row.PortID] = row
	d.count(row, 1)
	if row.Status == Deleted {
		return
	}
	if s, ok := d.subnet(row.SubnetID); ok && s.Status != Active {
		s.Status = Active
		d.subnets[s.SubnetID] = s
	}
	if n, ok := d.node(row.ServerID); ok && n.Status != Active {
		n.Status = Active
		d.nodes[n.ServerID] = n
	}
}

// count keeps the indexes of what is visible.
func (d *draft) count(row InterfaceRow, n int) {
	if !row.Visible() {
		return
	}
	d.visible[row.ServerID] += n
	host := strings.ToLower(row.HostName)
	for i := range d.bearers[host] {
		if d.bearers[host][i].server == row.ServerID {
			d.bearers[host][i].rows += n
			return
		}
	}
	d.bearers[host] = append(d.bearers[host], bearer{row.ServerID, n})
}

func (d *draft) putClaim(c Claim) {
	k := ClaimKey{c.PortID, c.Object}
	if _, exists := d.claims[k]; !exists {
		d.claimants[c.PortID] = append(d.claimants[c.PortID], c.Object)
		d.ports[c.Object] = append(d.ports[c.Object], c.PortID)
		d.claimed[c.Object]++
	}
	d.claims[k] = c
}

// dropClaim returns who still claims the port.
func (d *draft) dropClaim(c Claim) []Key {
	delete(d.claims, ClaimKey{c.PortID, c.Object})
	d.claimed[c.Object]--
	d.claimants[c.PortID] = slices.DeleteFunc(d.claimants[c.PortID], func(k Key) bool { return k == c.Object })
	return d.claimants[c.PortID]
}

// claimsOf are the object's claims, oldest first.
func (d *draft) claimsOf(k Key) []Claim {
	out := make([]Claim, 0, d.claimed[k])
	for _, port := range d.ports[k] {
		if c, ok := d.claims[ClaimKey{port, k}]; ok {
			out = append(out, c)
		}
	}
	return out
}

// plan is the difference to what was read, each list in a fixed order.
func (d *draft) plan() Plan {
	var p Plan
	for _, id := range slices.Sorted(maps.Keys(d.subnets)) {
		if was, existed := d.had.Subnets[id]; !existed || was != d.subnets[id] {
			p.Subnets = append(p.Subnets, d.subnets[id])
		}
	}
	for _, id := range slices.Sorted(maps.Keys(d.nodes)) {
		if was, existed := d.had.Nodes[id]; !existed || was != d.nodes[id] {
			p.Nodes = append(p.Nodes, d.nodes[id])
		}
	}
	for _, id := range slices.Sorted(maps.Keys(d.interfaces)) {
		was, existed := d.had.Interfaces[id]
		is := d.interfaces[id]
		if existed && was == is {
			continue
		}
		reset := !existed || mustApplyAnew(was, is)
		if reset {
			is.Applied = false
			d.interfaces[id] = is
		}
		p.Interfaces = append(p.Interfaces, InterfaceWrite{Row: is, ResetApplied: reset})
	}
	d.planMemory(&p)
	return p
}

// planMemory adds what agents do not read.
func (d *draft) planMemory(p *Plan) {
	for k, c := range d.claims {
		if was, existed := d.hadClaims[k]; !existed || was != c {
			p.PutClaims = append(p.PutClaims, c)
		}
	}
	for k := range d.hadClaims {
		if _, still := d.claims[k]; !still {
			p.DropClaims = append(p.DropClaims, k)
		}
	}
	for k, v := range d.pendings {
		if was, existed := d.hadPendings[k]; !existed || was != v {
			p.PutPendings = append(p.PutPendings, v)
		}
	}
	for k := range d.hadPendings {
		if _, still := d.pendings[k]; !still {
			p.DropPendings = append(p.DropPendings, k)
		}
	}
	slices.SortFunc(p.PutClaims, func(a, b Claim) int { return cmp.Or(a.Object.compare(b.Object), cmp.Compare(a.PortID, b.PortID)) })
	slices.SortFunc(p.DropClaims, func(a, b ClaimKey) int { return cmp.Or(a.Object.compare(b.Object), cmp.Compare(a.PortID, b.PortID)) })
	slices.SortFunc(p.PutPendings, func(a, b Pending) int { return a.key().compare(b.key()) })
	slices.SortFunc(p.DropPendings, PendingKey.compare)
}

// mustApplyAnew says whether the agent has to configure the NIC again.
func mustApplyAnew(was, is InterfaceRow) bool {
	if is.Status == Deleted {
		return false
	}
	return was.Status == Deleted || was.MAC != is.MAC || was.Address != is.Address || was.MTU != is.MTU ||
		was.SubnetID != is.SubnetID || was.ServerID != is.ServerID || (is.Visible() && was.HostName != is.HostName)
}
