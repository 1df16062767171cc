// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Planner works out what one transaction is to write for a set of objects
// that were read together. Object and Release are called for each of them, in
// any order, then Finish.
type Planner struct {
	now   time.Time
	nodes *Nodes
	draft *draft
	runs  map[Key]*run

	dropped []droppedClaim
	history []Event
	// final is set for the second passage over blocked ports: what is still
	// taken then is a problem.
	final bool
	// moved are visible ports that another server than their row's has by now.
	moved map[string]string
	// inCloud counts the pending withdrawals of a cloud that need leave,
	// ofCloud what was there before the first of them was missed.
	inCloud, ofCloud map[string]int
}

// run is one object's passage through the planner.
type run struct {
	object Object
	snap   *Snapshot
	subnet Subnet
	out    *Outcome
	// entries of vmNames, each once, and named, the same in the form of IDs;
	// unresolved if one of them led nowhere.
	entries    map[string]bool
	named      map[string]bool
	unresolved bool
	// resolved are the servers that the entries mean, by ID.
	resolved map[string]bool
	// wanted are the ports that the object's VMs have on the subnet.
	wanted map[string]want
	// blocked ports wait for a host name that another server bears, or for a
	// row that is another subnet's.
	blocked []string
	// pendings that this answer calls for and that are not settled yet.
	pendings map[PendingKey]Pending
	noted    map[PendingKey]bool // all that it ever called for
	// mass is how many of the object's interfaces need leave to go.
	mass       int
	overObject bool
}

// want is a port that an object wants published.
type want struct {
	entry     string // of vmNames
	server    Server
	hasNode   bool
	port      Port
	addresses []string // on the subnet, the lowest first
	primary   evidence
}

// evidence is what this answer says of a port's being primary.
type evidence int

const (
	unknown evidence = iota // no Node to ask
	isPrimary
	notPrimary
)

// NewPlanner prepares a planner over what is published; have belongs to it
// from now on. A pending withdrawal first seen before trustedSince counts as
// first seen now: the caller saw the clock jump then, so older times tell
// nothing of what has passed.
func NewPlanner(now time.Time, nodes *Nodes, have *Published, trustedSince time.Time) *Planner {
	p := &Planner{now: now, nodes: nodes, draft: newDraft(have), runs: map[Key]*run{}, moved: map[string]string{}, inCloud: map[string]int{}}
	for k, v := range p.draft.pendings {
		if v.FirstSeen.Before(trustedSince) {
			v.FirstSeen, v.LastSeen, v.Held = now, now, false
			p.draft.pendings[k] = v
		}
	}
	return p
}

// Object takes one object's complete answer. The Outcome is complete after
// Finish. Where the subnet is not exactly one, nothing of the object is
// changed: a wrong or vanished name is no reason to take anything away.
func (p *Planner) Object(o Object, snap *Snapshot) *Outcome {
	o.Limits = o.Limits.withDefaults()
	r := &run{
		object: o, snap: snap, out: &Outcome{Key: o.Key, SubnetMatches: snap.Subnets(o.SubnetName)},
		entries: map[string]bool{}, named: map[string]bool{}, resolved: map[string]bool{}, wanted: map[string]want{}, pendings: map[PendingKey]Pending{}, noted: map[PendingKey]bool{},
	}
	for _, entry := range o.VMNames {
		r.entries[entry], r.named[canonical(entry)] = true, true
	}
	if len(r.out.SubnetMatches) == 1 {
		r.subnet = r.out.SubnetMatches[0]
		r.out.Subnet = &r.subnet
	}
	p.runs[o.Key] = r
	return r.out
}

// Release withdraws everything that an object published which is deleted: its
// own change, so at once. Another object of its name, which came after it, has
// another UID and keeps what it claims; an empty uid means whichever bore the
// name.
func (p *Planner) Release(k Key, uid string) {
	for _, c := range p.draft.claimsOf(k) {
		if uid == "" || c.UID == uid {
			p.dropClaim(c, true, "the object was deleted")
		}
	}
	for _, pk := range p.draft.pendingsOf[k] {
		if _, claimed := p.draft.claims[ClaimKey{pk.PortID, k}]; !claimed {
			delete(p.draft.pendings, pk)
		}
	}
}

// Finish decides and returns the plan.
//
// The order matters. What the objects' own changes withdraw goes first, so
// that its host names are free for what is published next. Pending
// withdrawals are settled when all of them are known, because the limits
// count them together. They too free host names and rows, so what was refused
// one is tried once more.
func (p *Planner) Finish() Plan {
	var all, active []*run
	for _, k := range slices.SortedFunc(maps.Keys(p.runs), Key.compare) {
		r := p.runs[k]
		all = append(all, r)
		if r.out.Subnet != nil {
			active = append(active, r)
		}
	}
	for _, step := range []func(*run){p.resolve, p.noteMoved, p.dropExplained, p.publishWanted, p.doubtRest, p.notePendings} {
		for _, r := range active {
			step(r)
		}
	}
	p.weigh(active)
	for _, r := range active {
		p.settle(r)
	}
	p.final = true
	for _, r := range active {
		p.publishBlocked(r)
		p.settle(r)
	}
	plan := p.draft.plan()
	plan.History = p.events()
	written := plan.written()
	for _, r := range all {
		p.report(r)
		r.out.Changed = p.concerned(r.object.Key, written)
	}
	return plan
}

// concerned says whether something is written that an object claims or claimed.
func (p *Planner) concerned(k Key, written map[string]bool) bool {
	return slices.ContainsFunc(p.draft.ports[k], func(port string) bool {
		key := ClaimKey{port, k}
		was, had := p.draft.hadClaims[key]
		is, has := p.draft.claims[key]
		row, _ := p.draft.row(port)
		return was != is || (had || has) && (written[port] || written[row.ServerID] || written[row.SubnetID])
	})
}

// report fills the outcome from the state after the run.
func (p *Planner) report(r *run) {
	for _, c := range p.draft.claimsOf(r.object.Key) {
		row, _ := p.draft.row(c.PortID)
		if row.Status == Deleted {
			continue
		}
		node, _ := p.draft.node(row.ServerID)
		state := InterfaceState{VM: c.VMRef, NodeName: node.Name, Row: row, Addresses: []string{row.Address}}
		if w, ok := r.wanted[c.PortID]; ok {
			state.Addresses = w.addresses
		}
		r.out.Interfaces = append(r.out.Interfaces, state)
	}
	if r.out.Subnet == nil { // nothing was decided: what is pending stays, and is looked at again
		for _, k := range p.draft.pendingsOf[r.object.Key] {
			r.noted[k] = true
			r.look(r.snap.TakenAt().Add(r.object.Limits.HeldLook))
		}
	}
	for k := range r.noted {
		if d, still := p.draft.pendings[k]; still {
			r.out.Pendings = append(r.out.Pendings, d)
		}
	}
	slices.SortFunc(r.out.Interfaces, func(a, b InterfaceState) int {
		return cmp.Or(strings.Compare(a.VM, b.VM), strings.Compare(a.Row.PortID, b.Row.PortID))
	})
	slices.SortStableFunc(r.out.Problems, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.VM, b.VM), strings.Compare(string(a.Reason), string(b.Reason)))
	})
	slices.SortFunc(r.out.Pendings, func(a, b Pending) int { return a.key().compare(b.key()) })
}

// events are what happened, in the order in which it was decided. That a
// claim was dropped is a withdrawal if no other was left.
func (p *Planner) events() []Event {
	last := map[string]int{}
	for i, d := range p.dropped {
		last[d.claim.PortID] = i
	}
	var out []Event
	for i, d := range p.dropped {
		c := d.claim
		e := Event{At: p.now, Object: c.Object, PortID: c.PortID, Cloud: c.Cloud, Kind: "released", Explained: d.explained, Detail: d.reason}
		was, is := p.draft.had.Interfaces[c.PortID], p.draft.interfaces[c.PortID]
		if last[c.PortID] == i && is.Status == Deleted && was.Status != Deleted {
			e.Kind = "withdrawn"
		}
		out = append(out, e)
	}
	return append(out, p.history...)
}

func (p *Planner) record(r *run, portID, kind string, explained bool, detail string) {
	p.history = append(p.history, Event{
		At: p.now, Object: r.object.Key, PortID: portID, Cloud: r.object.Cloud, Kind: kind, Explained: explained, Detail: detail,
	})
}
