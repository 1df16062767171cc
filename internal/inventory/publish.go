// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory

import "strings"

// publish writes a wanted port, or says why it can't be.
func (p *Planner) publish(r *run, w want) {
	row, exists := p.have.Interfaces[w.port.ID]
	if !exists || row.Status == Deleted || !p.claimed(w.port.ID) {
		p.publishNew(r, w, row, exists)
		return
	}
	if row.SubnetID != r.subnet.ID && !p.onlyClaim(w.port.ID, r.object.Key) {
		r.problem(w.vmRef, ClaimedForOtherSubnet, "port %s is published for the subnet %s by %s; one port has one row",
			w.port.ID, row.SubnetID, row.Owner)
		return
	}
	p.putClaim(r, w)
	p.update(r, w, row)
}

// publishNew inserts a row, or revives one with its id.
func (p *Planner) publishNew(r *run, w want, old InterfaceRow, exists bool) {
	node := p.nodeRow(w)
	row := InterfaceRow{
		ID: old.ID, PortID: w.port.ID, SubnetID: r.subnet.ID, MAC: w.port.MAC, Address: w.addresses[0], MTU: r.subnet.MTU,
		ServerID: w.server.ID, HostName: node.HostName, Owner: r.object.Key, Status: Active,
		EverPrimary: w.primary == isPrimary || (w.primary == unknown && old.EverPrimary),
	}
	if row.EverPrimary && !r.object.PublishPrimary {
		row.Status, row.HostName = Primary, ""
	}
	if row.Visible() && p.twin(r, w, row.HostName) {
		return
	}
	p.putNode(p.keepVisibleName(node))
	p.putClaim(r, w)
	p.putRow(row, true)
	kind := "published"
	if exists {
		kind = "revived"
	}
	p.record(r, row.PortID, kind, true, string(row.Status)+" "+row.MAC+" "+row.Address)
}

// update brings a live row up to date. What an agent would answer with a
// teardown is only noted.
func (p *Planner) update(r *run, w want, old InterfaceRow) {
	row := old
	row.SubnetID, row.MAC, row.Address, row.MTU = r.subnet.ID, w.port.MAC, w.addresses[0], r.subnet.MTU
	reset := row != old

	if w.primary == isPrimary && !old.EverPrimary {
		if old.Visible() && !r.object.PublishPrimary {
			p.want(r, w.port.ID, PendingPrimary, "primary", "the node's own Kubernetes address is on this NIC")
		} else {
			row.EverPrimary = true
		}
	}
	if w.primary == notPrimary && old.EverPrimary {
		if old.Status == Primary {
			p.want(r, w.port.ID, PendingUnprimary, "active", "the node's own Kubernetes address is on another NIC")
		} else {
			row.EverPrimary = false
		}
	}
	if row.EverPrimary && row.Owner == r.object.Key { // the field publishPrimary is the object's own change
		if row.Status = Primary; r.object.PublishPrimary {
			row.Status = Active
		}
	}

	node := p.nodeRow(w)
	now := p.have.Nodes[w.server.ID]
	renamed := old.ServerID != w.server.ID || now.Name != node.Name || (old.Status == Active && old.HostName != node.HostName)
	switch {
	case !renamed:
		p.putNode(node)
	case old.Visible():
		if !p.twin(r, w, node.HostName) {
			p.want(r, w.port.ID, PendingRename, node.HostName+" "+node.Name+" "+w.server.ID, "node name "+now.Name+" becomes "+node.Name)
		}
	default:
		row.ServerID = w.server.ID
		p.putNode(p.keepVisibleName(node))
	}
	p.place(&row, w.server.ID)
	if row == old {
		return
	}
	if row.Visible() && !old.Visible() && p.twin(r, w, row.HostName) {
		return
	}
	reset = reset || row.HostName != old.HostName || row.ServerID != old.ServerID
	p.putRow(row, reset)
	p.record(r, row.PortID, "updated", true, string(row.Status)+" "+row.MAC+" "+row.Address)
}

// place sets the host name that a row of a status bears.
func (p *Planner) place(row *InterfaceRow, serverID string) {
	if row.Status != Active {
		row.HostName = ""
	} else if row.HostName == "" {
		row.HostName = p.have.Nodes[serverID].HostName
	}
}

// nodeRow is the server's identity by this answer. A name that came from a
// Node object outlives it.
func (p *Planner) nodeRow(w want) NodeRow {
	old := p.have.Nodes[w.server.ID]
	if !w.hasNode && old.FromKubernetes {
		old.Status = Active
		return old
	}
	name, host := identity(w.server, p.nodes)
	return NodeRow{ServerID: w.server.ID, Name: name, HostName: host, FromKubernetes: w.hasNode, Status: Active}
}

// keepVisibleName returns the node row to write beside a new interface: a
// server with visible interfaces keeps its name until their renaming is
// settled.
func (p *Planner) keepVisibleName(node NodeRow) NodeRow {
	old := p.have.Nodes[node.ServerID]
	if old.Status != Active || (old.Name == node.Name && old.HostName == node.HostName) {
		return node
	}
	for _, row := range p.have.Interfaces {
		if row.ServerID == node.ServerID && row.Visible() {
			return old
		}
	}
	return node
}

// twin says whether another live server holds the short host name, and then
// reports it: an agent could not tell the two apart.
func (p *Planner) twin(r *run, w want, host string) bool {
	holder := p.have.HostNames[strings.ToLower(host)]
	if holder == "" || holder == w.server.ID {
		return false
	}
	if _, presence := r.snap.Server(holder); presence == Absent {
		return false // rebuilt under its old name
	}
	r.problem(w.vmRef, DuplicateHostName, "the live server %s is published under the short host name %q already; an agent can't tell it from %s: rename one of them",
		holder, host, w.server.ID)
	return true
}

func (p *Planner) claimed(portID string) bool { return len(p.byPort[portID]) > 0 }

func (p *Planner) onlyClaim(portID string, k Key) bool {
	return len(p.byPort[portID]) == 1 && p.byPort[portID][0].Object == k
}

func (p *Planner) putClaim(r *run, w want) {
	k := ClaimKey{w.port.ID, r.object.Key}
	old, exists := p.claims[k]
	c := Claim{
		PortID: w.port.ID, Object: r.object.Key, UID: r.object.UID, VMRef: w.vmRef, SubnetRef: r.object.SubnetName,
		SubnetID: r.subnet.ID, ServerID: w.server.ID, Cloud: r.object.Cloud, Since: p.now,
	}
	if exists {
		c.Since = old.Since
		if c == old {
			return
		}
	} else {
		p.byPort[w.port.ID] = append(p.byPort[w.port.ID], k)
		p.byObject[r.object.Key] = append(p.byObject[r.object.Key], k)
		p.have.Clouds[c.Cloud]++
	}
	p.claims[k] = c
	p.plan.PutClaims = append(p.plan.PutClaims, c)
}
