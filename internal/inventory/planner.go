// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Planner works out what one transaction is to write for a set of objects
// that were read together. Object is called for each of them, then Finish.
type Planner struct {
	now   time.Time
	nodes *Nodes
	have  *Published
	// rearm makes every pending withdrawal start anew.
	rearm bool

	claims   map[ClaimKey]Claim
	byPort   map[string][]ClaimKey // oldest first
	byObject map[Key][]ClaimKey
	pendings map[PendingKey]Pending

	runs []*run
	plan Plan
	// what the plan writes so far; each row once, as it ends up.
	subnets    map[string]bool
	nodeWrites map[string]bool
	rowWrites  map[string]bool
	resets     map[string]bool
}

// run is one object's passage through the planner.
type run struct {
	object Object
	snap   *Snapshot
	subnet Subnet
	out    *Outcome
	// wanted are the ports that the object's VMs have on the subnet.
	wanted map[string]want
	// pendings that this answer calls for.
	pendings map[PendingKey]Pending
}

// want is a port that an object wants published.
type want struct {
	vmRef     string
	server    Server
	node      Node
	hasNode   bool
	port      Port
	addresses []string
	primary   evidence
}

// evidence is what this answer says of a port's being primary.
type evidence int

const (
	unknown evidence = iota // no Node to ask
	isPrimary
	notPrimary
)

// NewPlanner prepares a planner over what is published; have is used up.
// With rearm every pending withdrawal counts as first seen now: the caller
// saw the clock jump, so stored times tell nothing of what has passed.
func NewPlanner(now time.Time, nodes *Nodes, have *Published, rearm bool) *Planner {
	p := &Planner{
		now: now, nodes: nodes, have: have, rearm: rearm,
		claims: map[ClaimKey]Claim{}, byPort: map[string][]ClaimKey{}, byObject: map[Key][]ClaimKey{},
		pendings: map[PendingKey]Pending{},
		subnets:  map[string]bool{}, nodeWrites: map[string]bool{}, rowWrites: map[string]bool{}, resets: map[string]bool{},
	}
	slices.SortStableFunc(have.Claims, func(a, b Claim) int {
		return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.Object.String(), b.Object.String()))
	})
	for _, c := range have.Claims {
		k := ClaimKey{c.PortID, c.Object}
		p.claims[k] = c
		p.byPort[c.PortID] = append(p.byPort[c.PortID], k)
		p.byObject[c.Object] = append(p.byObject[c.Object], k)
	}
	for _, d := range have.Pendings {
		p.pendings[PendingKey{d.PortID, d.Object, d.Kind}] = d
	}
	if have.HostNames == nil {
		have.HostNames = map[string]string{}
	}
	return p
}

// Object takes one object's complete answer: what is new or changed is
// published, what the object's own change explains is withdrawn, and what
// else would disappear is noted.
func (p *Planner) Object(o Object, snap *Snapshot) *Outcome {
	r := &run{object: o, snap: snap, out: &Outcome{Key: o.Key}, wanted: map[string]want{}, pendings: map[PendingKey]Pending{}}
	r.out.SubnetMatches = snap.Subnets(o.SubnetName)
	if len(r.out.SubnetMatches) != 1 {
		// A wrong or vanished name is no reason to take anything away.
		for k, d := range p.pendings {
			if k.Object == o.Key {
				r.out.Pendings = append(r.out.Pendings, d)
			}
		}
		return r.out
	}
	r.subnet = r.out.SubnetMatches[0]
	r.out.Subnet = &r.subnet
	p.runs = append(p.runs, r)
	p.resolve(r)
	p.putSubnet(r.subnet)
	for _, id := range sortedKeys(r.wanted) {
		p.publish(r, r.wanted[id])
	}
	p.leftovers(r)
	return r.out
}

// Release withdraws everything of an object that is being deleted: its own
// change, so at once.
func (p *Planner) Release(k Key) {
	for _, ck := range slices.Clone(p.byObject[k]) {
		p.dropClaim(p.claims[ck], true, "the object was deleted")
	}
	for pk := range p.pendings {
		if pk.Object == k {
			p.dropPending(pk)
		}
	}
}

// Finish settles the withdrawals whose second look has come, within the
// limits, and returns the plan. The Outcomes are complete after it.
func (p *Planner) Finish() Plan {
	for _, r := range p.runs {
		p.notePendings(r)
	}
	for _, r := range p.runs {
		p.settle(r)
		p.report(r)
	}
	for _, id := range sortedKeys(p.subnets) {
		p.plan.Subnets = append(p.plan.Subnets, p.have.Subnets[id])
	}
	for _, id := range sortedKeys(p.nodeWrites) {
		p.plan.Nodes = append(p.plan.Nodes, p.have.Nodes[id])
	}
	for _, id := range sortedKeys(p.rowWrites) {
		p.plan.Interfaces = append(p.plan.Interfaces, InterfaceWrite{Row: p.have.Interfaces[id], ResetApplied: p.resets[id]})
	}
	return p.plan
}

// report fills the outcome from the state after the run.
func (p *Planner) report(r *run) {
	for _, ck := range p.byObject[r.object.Key] {
		c, row := p.claims[ck], p.have.Interfaces[ck.PortID]
		if row.Status == Deleted {
			continue
		}
		state := InterfaceState{VM: c.VMRef, NodeName: p.have.Nodes[row.ServerID].Name, Row: row, Addresses: []string{row.Address}}
		if w, ok := r.wanted[ck.PortID]; ok {
			state.Addresses = w.addresses
		}
		r.out.Interfaces = append(r.out.Interfaces, state)
	}
	slices.SortFunc(r.out.Interfaces, func(a, b InterfaceState) int {
		return cmp.Or(strings.Compare(a.VM, b.VM), strings.Compare(a.Row.PortID, b.Row.PortID))
	})
	slices.SortStableFunc(r.out.Problems, func(a, b Problem) int { return strings.Compare(a.VM, b.VM) })
	slices.SortFunc(r.out.Pendings, func(a, b Pending) int {
		return cmp.Or(strings.Compare(a.PortID, b.PortID), strings.Compare(string(a.Kind), string(b.Kind)))
	})
}

func (p *Planner) putSubnet(s Subnet) {
	row := SubnetRow{SubnetID: s.ID, Name: s.Name, CIDR: s.CIDR.Masked().String(), NetworkID: s.NetworkID, MTU: s.MTU, Status: Active}
	if p.have.Subnets[s.ID] != row {
		p.have.Subnets[s.ID] = row
		p.subnets[s.ID] = true
	}
}

func (p *Planner) putNode(row NodeRow) {
	if p.have.Nodes[row.ServerID] != row {
		p.have.Nodes[row.ServerID] = row
		p.nodeWrites[row.ServerID] = true
	}
}

// putRow writes a row; reset makes the agent apply it anew.
func (p *Planner) putRow(row InterfaceRow, reset bool) {
	if reset {
		row.Applied = false
		p.resets[row.PortID] = true
	}
	p.have.Interfaces[row.PortID] = row
	p.rowWrites[row.PortID] = true
	if row.Visible() {
		p.have.HostNames[strings.ToLower(row.HostName)] = row.ServerID
	}
}

func (p *Planner) record(r *run, portID, kind string, explained bool, detail string) {
	p.plan.History = append(p.plan.History, Event{
		At: p.now, Object: r.object.Key, PortID: portID, Cloud: r.object.Cloud, Kind: kind, Explained: explained, Detail: detail,
	})
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
