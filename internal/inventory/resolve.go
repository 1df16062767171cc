// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Concerns names the rows that bear on a set of objects, beyond those that
// they claim already: what a plan must have read before it is made.
type Concerns struct{ Ports, Servers, Subnets, HostNames []string }

// Concern adds what the snapshot shows of an object: the servers that it
// names and those that are published for it, which may have other names by
// now.
func (c *Concerns) Concern(o Object, snap *Snapshot, nodes *Nodes) {
	subnets := snap.Subnets(o.SubnetName)
	if len(subnets) != 1 {
		return
	}
	c.Subnets = append(c.Subnets, subnets[0].ID)
	for _, entry := range o.VMNames {
		for _, s := range snap.Servers(entry) {
			c.server(s, subnets[0].ID, snap, nodes)
		}
	}
	for _, id := range o.KnownServers {
		c.Servers = append(c.Servers, id)
		if s, presence := snap.Server(id); presence == Present {
			c.server(s, subnets[0].ID, snap, nodes)
		}
	}
}

func (c *Concerns) server(s Server, subnetID string, snap *Snapshot, nodes *Nodes) {
	c.Servers = append(c.Servers, s.ID)
	for _, port := range snap.Ports(s.ID, subnetID) {
		c.Ports = append(c.Ports, port.ID)
	}
	_, host := identity(s, nodes)
	c.HostNames = append(c.HostNames, host)
}

// resolve finds the ports that the object's VMs have on its subnet.
func (p *Planner) resolve(r *run) {
	known := p.knownServers(r)
	for _, entry := range slices.Sorted(maps.Keys(r.entries)) { // their order in the spec has no meaning
		server, ok := p.server(r, entry, known)
		if !ok {
			r.unresolved = true
			continue
		}
		r.resolved[server.ID] = true
		ports := r.snap.Ports(server.ID, r.subnet.ID)
		switch {
		case server.Status == "ERROR":
			r.problem(entry, InError, "server %s is in the state ERROR: look at it in OpenStack; ports that it still has stay published", server.ID)
		case server.Status == "BUILD" && len(ports) == 0:
			r.problem(entry, Building, "server %s is still being built", server.ID)
		case len(ports) == 0:
			r.problem(entry, NoPort, "server %s has no port on the subnet %s (%s): attach one", server.ID, r.subnet.Name, r.subnet.ID)
		}
		for _, port := range ports {
			if _, again := r.wanted[port.ID]; !again { // the VM may stand in vmNames by its name and by its ID
				r.wanted[port.ID] = p.wantOf(entry, server, port, r.subnet.ID)
			}
		}
	}
}

func (p *Planner) wantOf(entry string, server Server, port Port, subnetID string) want {
	w := want{entry: entry, server: server, port: port}
	for _, a := range addressesOn(port, subnetID) {
		w.addresses = append(w.addresses, a.String())
	}
	var node Node
	if node, w.hasNode = p.nodes.of(server); w.hasNode && len(node.Addresses) > 0 {
		w.primary = notPrimary
		// The NIC is primary whichever of the port's subnets the address is on.
		if node.carries(port.FixedIPs) {
			w.primary = isPrimary
		}
	}
	return w
}

// server is the one that an entry of vmNames means.
func (p *Planner) server(r *run, entry string, known map[string][]string) (Server, bool) {
	candidates := r.snap.Servers(entry)
	switch len(candidates) {
	case 1:
		return candidates[0], true
	case 0:
		return p.vanished(r, entry, known[entry])
	}
	named := slices.DeleteFunc(slices.Clone(candidates), func(s Server) bool { return !p.nodes.named(s.ID) })
	if len(named) == 1 {
		return named[0], true
	}
	ids := make([]string, len(candidates))
	for i, s := range candidates {
		ids[i] = s.ID
	}
	list := strings.Join(ids, ", ")
	// Another VM of this name does not take the published one down, also if
	// that was published for another entry, which this one now stands for.
	for _, id := range append(slices.Clone(known[entry]), known[""]...) {
		if i := slices.Index(ids, id); i >= 0 {
			r.problem(entry, Ambiguous, "the name fits the servers %s; %s is published and stays: name it by its ID", list, id)
			return candidates[i], true
		}
	}
	r.problem(entry, Ambiguous, "the name fits the servers %s and no Kubernetes Node names exactly one of them: name one by its ID", list)
	return Server{}, false
}

// vanished handles an entry that no server answers to. A server that is
// published for it and lives on under another name stays published: its
// guest has not changed.
func (p *Planner) vanished(r *run, entry string, known []string) (Server, bool) {
	for _, id := range known {
		if s, presence := r.snap.Server(id); presence == Present {
			r.problem(entry, Renamed, "server %s is called %q now; it stays published: put its new name or its ID into vmNames", id, s.Name)
			return s, true
		}
	}
	if len(known) > 0 {
		r.problem(entry, Gone, "server %s no longer exists, and no other bears the name", known[0])
	} else {
		r.problem(entry, NotFound, "no server has this name or ID in the project: check vmNames and projectID")
	}
	return Server{}, false
}

// knownServers are published for the object, by the entry of vmNames that led
// to them, oldest first; under "" those whose entry is no longer there.
func (p *Planner) knownServers(r *run) map[string][]string {
	known := map[string][]string{}
	for _, c := range p.draft.claimsOf(r.object.Key) {
		entry := c.VMRef
		if !r.entries[entry] {
			entry = ""
		}
		if !slices.Contains(known[entry], c.ServerID) {
			known[entry] = append(known[entry], c.ServerID)
		}
	}
	return known
}

// addressesOn are a port's addresses on a subnet, the lowest first.
func addressesOn(port Port, subnetID string) []netip.Addr {
	var out []netip.Addr
	for _, ip := range port.FixedIPs {
		if ip.SubnetID == subnetID {
			out = append(out, ip.Address)
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return out
}

func (r *run) problem(vm string, reason ProblemReason, format string, args ...any) {
	r.out.Problems = append(r.out.Problems, Problem{VM: vm, Reason: reason, Message: fmt.Sprintf(format, args...)})
}
