// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory_test

import (
	"cmp"
	"slices"
	"strings"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

// verdict is what an answer says of a claim on a visible row.
type verdict struct {
	what         string // keep, withdraw, rename, primary
	host, server string // of a rename
}

var keep, withdraw, primary = verdict{what: "keep"}, verdict{what: "withdraw"}, verdict{what: "primary"}

// reading is an answer, looked up by the judge, with what is published at the
// time.
type reading struct {
	*world
	subnets bool
	servers map[string]inventory.Server // that live
	ports   map[string]inventory.Port
	byName  map[string][]inventory.Server
	claims  map[inventory.Key][]inventory.Claim // oldest first
	means   map[inventory.Key]map[string]bool
}

func (w *world) read(f inventory.Facts) *reading {
	r := &reading{
		world: w, subnets: len(f.Subnets) > 0, servers: map[string]inventory.Server{}, ports: map[string]inventory.Port{},
		byName: map[string][]inventory.Server{}, claims: map[inventory.Key][]inventory.Claim{}, means: map[inventory.Key]map[string]bool{},
	}
	for _, s := range f.Servers {
		if s.Status != "DELETED" {
			r.servers[s.ID] = s
			r.byName[s.Name] = append(r.byName[s.Name], s)
		}
	}
	for _, p := range f.Ports {
		r.ports[p.ID] = p
	}
	for k, c := range w.db.Claims {
		r.claims[k.Object] = append(r.claims[k.Object], c)
	}
	for _, o := range w.objects {
		claims := r.claims[o.Key]
		slices.SortFunc(claims, func(a, b inventory.Claim) int {
			return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.PortID, b.PortID))
		})
		r.means[o.Key] = map[string]bool{}
		for _, entry := range o.VMNames {
			if id := r.meant(o, entry); id != "" {
				r.means[o.Key][id] = true
			}
		}
	}
	return r
}

// verdict is written without regard to how the planner comes to its own.
func (r *reading) verdict(c inventory.Claim) verdict {
	o, row := r.objects[c.Object.Name], r.db.Interfaces[c.PortID]
	if !r.subnets {
		return keep
	}
	p, server, wanted := r.wanted(o, c.PortID)
	if !wanted {
		onIt := func(ip inventory.FixedIP) bool { return ip.SubnetID == c.SubnetID }
		if _, there := r.servers[c.ServerID]; !there && p.DeviceID == c.ServerID && slices.ContainsFunc(p.FixedIPs, onIt) {
			return keep // Nova's silence alone
		}
		return withdraw
	}
	host := r.host(server)
	mine := row.Owner == o.Key
	for _, other := range r.db.Interfaces {
		_, lives := r.servers[other.ServerID]
		if lives && other.ServerID != row.ServerID && other.Visible() && strings.EqualFold(other.HostName, row.HostName) {
			return withdraw
		}
	}
	switch {
	case mine && !o.PublishPrimary && (row.EverPrimary || r.isPrimary(server, p) == yes):
		return primary
	case server.ID != row.ServerID && r.borne(host, server.ID):
		return withdraw // from the one; the other may not show it
	default:
		return r.naming(c)
	}
}

// naming is what the answer says of the name alone. It says so also of a NIC
// that is to be hidden as the primary one, which publishPrimary may lift.
func (r *reading) naming(c inventory.Claim) verdict {
	row := r.db.Interfaces[c.PortID]
	_, server, wanted := r.wanted(r.objects[c.Object.Name], c.PortID)
	if host := r.host(server); r.subnets && wanted && (server.ID != row.ServerID || host != row.HostName) {
		return verdict{"rename", host, server.ID}
	}
	return keep
}

// wanted says whether the answer shows the port on a VM that the object names.
func (r *reading) wanted(o inventory.Object, portID string) (inventory.Port, inventory.Server, bool) {
	p := r.ports[portID]
	server, there := r.servers[p.DeviceID]
	return p, server, there && r.means[o.Key][server.ID] &&
		slices.ContainsFunc(p.FixedIPs, func(ip inventory.FixedIP) bool { return ip.SubnetID == subnetOf(o) })
}

func subnetOf(o inventory.Object) string {
	for _, s := range subnets {
		if s.ID == o.SubnetName || s.Name == o.SubnetName {
			return s.ID
		}
	}
	return ""
}

// meant is the ID of the server that an entry of vmNames means; "" if none.
func (r *reading) meant(o inventory.Object, entry string) string {
	if _, there := r.servers[entry]; there {
		return entry
	}
	var fits, named []string
	for _, s := range r.byName[entry] {
		fits = append(fits, s.ID)
		if node, ok := r.nodeOf(s); ok && len(node.ServerIDs) > 0 {
			named = append(named, s.ID)
		}
	}
	var known, orphaned []string // published by this entry, and by one that is no longer there
	for _, c := range r.claims[o.Key] {
		if c.VMRef == entry {
			known = append(known, c.ServerID)
		} else if !slices.Contains(o.VMNames, c.VMRef) {
			orphaned = append(orphaned, c.ServerID)
		}
	}
	switch {
	case len(fits) == 1:
		return fits[0]
	case len(fits) == 0:
		for _, id := range known {
			if _, there := r.servers[id]; there {
				return id
			}
		}
		return ""
	case len(named) == 1:
		return named[0]
	}
	for _, id := range append(known, orphaned...) {
		if slices.Contains(fits, id) {
			return id
		}
	}
	return ""
}

// nodeOf is the one Node that says it is the server, by ID before by name.
func (w *world) nodeOf(s inventory.Server) (inventory.Node, bool) {
	var byID []inventory.Node
	for _, n := range w.nodes {
		if slices.Contains(n.ServerIDs, s.ID) {
			byID = append(byID, n)
		}
	}
	if len(byID) == 1 {
		return byID[0], true
	}
	for _, n := range w.nodes {
		if len(n.ServerIDs) == 0 && n.Name == s.Name {
			return n, true
		}
	}
	return inventory.Node{}, false
}

// host is the short host name that the server is to be published under.
func (w *world) host(s inventory.Server) string {
	if n, ok := w.nodeOf(s); ok {
		return inventory.ShortHostName(n.Name)
	}
	if old := w.db.Nodes[s.ID]; old.FromKubernetes && !w.moved(old.Name, s.ID) {
		return old.HostName
	}
	if s.HostName != "" {
		return inventory.ShortHostName(s.HostName)
	}
	if old := w.db.Nodes[s.ID]; old.HostName != "" && old.HostName != inventory.ShortHostName(old.Name) {
		return old.HostName // Nova showed it once
	}
	return inventory.ShortHostName(s.Name)
}

// moved says whether a Node of the name says that it is another server.
func (w *world) moved(name, server string) bool {
	return slices.ContainsFunc(w.nodes, func(n inventory.Node) bool {
		return n.Name == name && len(n.ServerIDs) > 0 && !slices.Contains(n.ServerIDs, server)
	})
}

type answerOf int

const (
	unknown answerOf = iota
	yes
	no
)

func (w *world) isPrimary(s inventory.Server, p inventory.Port) answerOf {
	n, ok := w.nodeOf(s)
	if !ok || len(n.Addresses) == 0 {
		return unknown
	}
	for _, ip := range p.FixedIPs {
		if slices.Contains(n.Addresses, ip.Address) {
			return yes
		}
	}
	return no
}
