// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"maps"
	"slices"
)

// publishWanted writes the object's ports, in a fixed order.
func (p *Planner) publishWanted(r *run) {
	s := r.subnet
	p.draft.putSubnet(SubnetRow{SubnetID: s.ID, Name: s.Name, CIDR: s.CIDR.Masked().String(), NetworkID: s.NetworkID, MTU: s.MTU, Status: Active})
	for _, id := range slices.Sorted(maps.Keys(r.wanted)) {
		p.publish(r, r.wanted[id])
	}
}

// publishBlocked tries again what was refused a host name or a row.
func (p *Planner) publishBlocked(r *run) {
	for _, id := range slices.Compact(slices.Sorted(slices.Values(r.blocked))) {
		p.publish(r, r.wanted[id])
	}
}

// publish writes a wanted port, or says why it can't be.
func (p *Planner) publish(r *run, w want) {
	row, exists := p.draft.row(w.port.ID)
	claimants := p.draft.claimants[w.port.ID]
	if !exists || row.Status == Deleted || len(claimants) == 0 {
		p.publishNew(r, w, row)
		return
	}
	mine := slices.Contains(claimants, r.object.Key)
	if row.SubnetID == r.subnet.ID || (mine && !p.keptBy(claimants, row)) {
		if !mine && p.doomed(r, w, row) {
			return
		}
		p.putClaim(r, w)
		p.update(r, w, row)
		return
	}
	if !p.final {
		r.blocked = append(r.blocked, w.port.ID)
		return
	}
	r.problem(w.entry, ClaimedForOtherSubnet, "port %s is published for the subnet %s by %s; one port has one row",
		w.port.ID, row.SubnetID, row.Owner)
	if mine { // the others keep the row
		p.dropClaim(p.draft.claims[ClaimKey{w.port.ID, r.object.Key}], true, "the object's subnet is another one now")
	}
}

// keptBy says whether one of the claims is for the subnet that a row is on.
// Objects that turn to another one in the same plan take the row along.
func (p *Planner) keptBy(claimants []Key, row InterfaceRow) bool {
	return slices.ContainsFunc(claimants, func(k Key) bool {
		if r := p.runs[k]; r != nil && r.out.Subnet != nil {
			return r.subnet.ID == row.SubnetID
		}
		return p.draft.claims[ClaimKey{row.PortID, k}].SubnetID == row.SubnetID
	})
}

// doomed says whether another object's row is to go because an agent could not
// tell its server by name: whoever joined it now would have it withdrawn as
// well, and if those who claim it joined anew in turn, it would never go.
func (p *Planner) doomed(r *run, w want, row InterfaceRow) bool {
	if !row.Visible() {
		return false
	}
	if row.ServerID != w.server.ID {
		return p.taken(r, w, p.nodeRow(w).HostName)
	}
	twin := p.olderTwin(w.server.ID, row.HostName)
	switch {
	case twin == "":
		return false
	case p.final:
		r.duplicate(w, twin, row.HostName)
	default:
		r.blocked = append(r.blocked, w.port.ID)
	}
	return true
}

// publishNew inserts a row, or revives one with its id.
func (p *Planner) publishNew(r *run, w want, old InterfaceRow) {
	node := p.nodeBeside(w)
	// That it was primary outlives its Node, but not its move to another server.
	wasPrimary := w.primary == unknown && old.EverPrimary && old.ServerID == w.server.ID
	row := InterfaceRow{
		ID: old.ID, PortID: w.port.ID, SubnetID: r.subnet.ID, MAC: w.port.MAC, Address: w.addresses[0], MTU: r.subnet.MTU,
		ServerID: w.server.ID, HostName: node.HostName, Owner: r.object.Key, Status: Active, Applied: old.Applied,
		EverPrimary: w.primary == isPrimary || wasPrimary,
	}
	if row.EverPrimary && !r.object.PublishPrimary {
		row.Status, row.HostName = Primary, ""
	}
	if row.Visible() && p.taken(r, w, row.HostName) {
		return
	}
	p.draft.putNode(node)
	p.putClaim(r, w)
	p.draft.putRow(row)
	was, existed := p.draft.had.Interfaces[row.PortID]
	kind := "published"
	if existed && was.Status == Deleted {
		kind = "revived"
	} else if existed {
		kind = "owner" // another object let go of it in this very plan
	}
	p.record(r, row.PortID, kind, true, string(row.Status)+" "+row.MAC+" "+row.Address)
}

// update brings a live row up to date. What an agent would answer with a
// teardown is only noted.
func (p *Planner) update(r *run, w want, old InterfaceRow) {
	row := old
	row.SubnetID, row.MAC, row.Address, row.MTU = r.subnet.ID, w.port.MAC, w.addresses[0], r.subnet.MTU
	if row.Owner == r.object.Key { // publishPrimary is the owner's to say
		p.judgePrimary(r, w, &row)
	}
	if old.Visible() {
		p.judgeName(r, w, old)
	} else {
		row.ServerID = w.server.ID
		p.draft.putNode(p.nodeBeside(w))
		p.place(&row)
		if row.Visible() && p.taken(r, w, row.HostName) {
			row.Status, row.HostName = old.Status, old.HostName
		}
	}
	if row.Status != Active {
		row.HostName = ""
	}
	if row != old {
		p.draft.putRow(row)
		p.record(r, row.PortID, "updated", true, string(row.Status)+" "+row.MAC+" "+row.Address)
	}
}

// judgePrimary settles whether the row is the node's primary NIC. A change of
// publishPrimary is the object's own and shows at once.
func (p *Planner) judgePrimary(r *run, w want, row *InterfaceRow) {
	evidence := w.primary
	if evidence == unknown && row.ServerID != w.server.ID {
		evidence = notPrimary // it was the primary NIC of another server
	}
	if row.ServerID != w.server.ID && !row.Visible() {
		row.EverPrimary = evidence == isPrimary // new to the agent there
		evidence = unknown
	}
	hidden := row.Status == Primary && !r.object.PublishPrimary
	switch {
	case evidence == isPrimary && !row.EverPrimary:
		if row.Visible() && !r.object.PublishPrimary {
			p.want(r, w.port.ID, PendingPrimary, "primary", r.object.Cloud, "the node's own Kubernetes address is on this NIC")
		} else {
			row.EverPrimary = true
		}
	case evidence == notPrimary && row.EverPrimary:
		if hidden && p.taken(r, w, p.nodeBeside(w).HostName) {
			break
		}
		if hidden {
			p.want(r, w.port.ID, PendingUnprimary, "active", r.object.Cloud, "the node's own Kubernetes address is not on this NIC")
		} else {
			row.EverPrimary = false
		}
	}
	row.Status = Active
	if row.EverPrimary && !r.object.PublishPrimary {
		row.Status = Primary
	}
}

// judgeName notes that a visible row's node has another name by now, or that
// its name belongs to another server.
func (p *Planner) judgeName(r *run, w want, row InterfaceRow) {
	node := p.nodeRow(w)
	now, _ := p.draft.node(w.server.ID)
	renamed := row.ServerID != w.server.ID || now.Name != node.Name || row.HostName != node.HostName
	switch {
	case !renamed:
		p.draft.putNode(node)
	case !p.taken(r, w, node.HostName):
		p.want(r, w.port.ID, PendingRename, bounded(node.HostName+" "+node.Name+" "+w.server.ID), r.object.Cloud,
			"node name "+now.Name+" ("+row.HostName+") becomes "+node.Name+" ("+node.HostName+")")
		return
	case row.ServerID != w.server.ID: // it can't be seen on the new server, but must not be on the old
		p.want(r, w.port.ID, PendingWithdraw, "", r.object.Cloud, "port "+row.PortID+" is no longer on the server "+row.ServerID)
		return
	}
	if twin := p.olderTwin(w.server.ID, row.HostName); twin != "" {
		r.duplicate(w, twin, row.HostName)
		p.want(r, w.port.ID, PendingWithdraw, "", r.object.Cloud, "server "+twin+" bears the short host name "+row.HostName+" and was first")
	}
}

// place sets the host name that a row of its status and server bears.
func (p *Planner) place(row *InterfaceRow) {
	row.HostName = ""
	if row.Status == Active {
		node, _ := p.draft.node(row.ServerID)
		row.HostName = node.HostName
	}
}

func (p *Planner) putClaim(r *run, w want) {
	c := Claim{
		PortID: w.port.ID, Object: r.object.Key, UID: r.object.UID, VMRef: w.entry, SubnetRef: r.object.SubnetName,
		SubnetID: r.subnet.ID, ServerID: w.server.ID, Cloud: r.object.Cloud, Since: p.now,
	}
	if old, exists := p.draft.claims[ClaimKey{c.PortID, c.Object}]; exists {
		c.Since = old.Since
	}
	p.draft.putClaim(c)
}
