// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Concerns names the rows that bear on a set of objects, beyond those that
// they claim already: what a plan must have read before it is made.
type Concerns struct{ Ports, Servers, Subnets, HostNames []string }

// Concern adds what the snapshot shows of an object.
func (c *Concerns) Concern(o Object, snap *Snapshot, nodes *Nodes) {
	subnets := snap.Subnets(o.SubnetName)
	if len(subnets) != 1 {
		return
	}
	c.Subnets = append(c.Subnets, subnets[0].ID)
	for _, ref := range o.VMNames {
		for _, s := range snap.Servers(ref) {
			c.Servers = append(c.Servers, s.ID)
			for _, port := range snap.Ports(s.ID, subnets[0].ID) {
				c.Ports = append(c.Ports, port.ID)
			}
			_, host := identity(s, nodes)
			c.HostNames = append(c.HostNames, host)
		}
	}
}

// identity is the name and the short host name of a server as of now.
func identity(s Server, nodes *Nodes) (name, host string) {
	if node, ok := nodes.of(s); ok {
		return node.Name, ShortHostName(node.Name)
	}
	if s.HostName != "" {
		return s.Name, ShortHostName(s.HostName)
	}
	return s.Name, ShortHostName(s.Name)
}

// resolve finds the ports that the object's VMs have on its subnet.
func (p *Planner) resolve(r *run) {
	for _, ref := range r.object.VMNames {
		server, ok := p.server(r, ref)
		if !ok {
			continue
		}
		switch server.Status {
		case "ERROR":
			r.problem(ref, InError, "server %s is in the state ERROR: look at it in OpenStack; what is published of it stays", server.ID)
		case "BUILD":
			if len(r.snap.Ports(server.ID, r.subnet.ID)) == 0 {
				r.problem(ref, Building, "server %s is still being built", server.ID)
				continue
			}
		}
		ports := r.snap.Ports(server.ID, r.subnet.ID)
		if len(ports) == 0 && server.Status != "ERROR" {
			r.problem(ref, NoPort, "server %s has no port on the subnet %s (%s): attach one", server.ID, r.subnet.Name, r.subnet.ID)
		}
		node, hasNode := p.nodes.of(server)
		for _, port := range ports {
			if _, again := r.wanted[port.ID]; again {
				continue // the VM stands in vmNames by its name and by its ID
			}
			w := want{vmRef: ref, server: server, node: node, hasNode: hasNode, port: port}
			addresses := addressesOn(port, r.subnet.ID)
			for _, a := range addresses {
				w.addresses = append(w.addresses, a.String())
			}
			if hasNode && len(node.Addresses) > 0 {
				w.primary = notPrimary
				if node.carries(addresses) {
					w.primary = isPrimary
				}
			}
			r.wanted[port.ID] = w
		}
	}
}

// server is the one that an entry of vmNames means.
func (p *Planner) server(r *run, ref string) (Server, bool) {
	candidates := slices.DeleteFunc(r.snap.Servers(ref), func(s Server) bool {
		return s.Status == "DELETED" || s.Status == "SOFT_DELETED"
	})
	known := p.knownServers(r.object.Key, ref)
	switch len(candidates) {
	case 1:
		return candidates[0], true
	case 0:
		return p.vanished(r, ref, known)
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
	for _, id := range known { // another VM of this name does not take the published one down
		if i := slices.Index(ids, id); i >= 0 {
			r.problem(ref, Ambiguous, "the name fits the servers %s; %s is published and stays: name it by its ID", list, id)
			return candidates[i], true
		}
	}
	r.problem(ref, Ambiguous, "the name fits the servers %s and no Kubernetes Node names exactly one of them: name one by its ID", list)
	return Server{}, false
}

// vanished handles an entry that no server answers to. A server that is
// published for it and lives on under another name stays published: its
// guest has not changed.
func (p *Planner) vanished(r *run, ref string, known []string) (Server, bool) {
	for _, id := range known {
		if s, presence := r.snap.Server(id); presence == Present && s.Status != "DELETED" && s.Status != "SOFT_DELETED" {
			r.problem(ref, Renamed, "server %s is called %q now; what is published of it stays: put its new name or its ID into vmNames", id, s.Name)
			return s, true
		}
	}
	if len(known) > 0 {
		r.problem(ref, Gone, "server %s no longer exists, and no other bears the name", known[0])
	} else {
		r.problem(ref, NotFound, "no server has this name or ID in the project: check vmNames and projectID")
	}
	return Server{}, false
}

// knownServers are published for the object and this entry of vmNames.
func (p *Planner) knownServers(k Key, ref string) []string {
	var ids []string
	for _, ck := range p.byObject[k] {
		if c := p.claims[ck]; c.VMRef == ref && !slices.Contains(ids, c.ServerID) {
			ids = append(ids, c.ServerID)
		}
	}
	return ids
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
