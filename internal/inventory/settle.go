// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// confirms says whether a person let the withdrawal go. A confirmation from
// the future waits for its time: it must not cover what nobody has seen yet.
func (r *run) confirms(d Pending, now time.Time) bool {
	at := r.object.ConfirmedAt
	return !at.After(now) && !d.FirstSeen.After(at)
}

// weigh counts what would disappear, per object and per cloud, before
// anything does, and what was there before the first of it was missed: where
// other VMs have taken the place of all that there were, as those of another
// project do, they don't make the loss a small one. What a person has
// confirmed does not count, nor what its object has stopped looking at, as a
// suspended one does.
func (p *Planner) weigh(active []*run) {
	missed := map[string]time.Time{}
	for _, d := range p.draft.pendings {
		if r := p.runs[d.Object]; r != nil && r.confirms(d, p.now) {
			continue
		}
		if p.now.Sub(d.LastSeen) <= DefaultLimits().longestGap() {
			p.inCloud[d.Cloud]++
			missed[d.Cloud] = first(missed[d.Cloud], d.FirstSeen)
		}
	}
	for _, r := range active {
		p.weighObject(r)
	}
	for cloud, n := range p.draft.had.RecentByCloud {
		p.inCloud[cloud] += n
	}
	p.ofCloud = maps.Clone(p.draft.had.Clouds)
	for _, n := range p.draft.had.Newcomers {
		if at := missed[n.Cloud]; !at.IsZero() && !n.Since.Before(at) {
			p.ofCloud[n.Cloud] -= n.Claims
		}
	}
}

func (p *Planner) weighObject(r *run) {
	ports, missed := map[string]bool{}, time.Time{}
	for _, d := range r.pendings {
		if !r.confirms(d, p.now) {
			ports[d.PortID], missed = true, first(missed, d.FirstSeen)
		}
	}
	total := 0
	for _, c := range p.draft.claimsOf(r.object.Key) {
		if c.Since.Before(missed) {
			total++
		}
	}
	limits, recent := r.object.Limits, p.draft.had.RecentByObject[r.object.Key]
	r.mass = len(ports) + recent
	r.overObject = exceeds(r.mass, total+recent, limits.PercentOfObject, limits.OfObject)
}

// first is the earlier of two times, of which one may be unknown yet.
func first(known, t time.Time) time.Time {
	if known.IsZero() || t.Before(known) {
		return t
	}
	return known
}

func (p *Planner) overCloud(r *run, cloud string) bool {
	total := p.ofCloud[cloud] + p.draft.had.RecentByCloud[cloud]
	return exceeds(p.inCloud[cloud], total, r.object.Limits.PercentOfCloud, r.object.Limits.OfCloud)
}

// settle does the object's withdrawals whose time has come.
func (p *Planner) settle(r *run) {
	limits, taken := r.object.Limits, r.snap.TakenAt()
	for _, k := range slices.SortedFunc(maps.Keys(r.pendings), PendingKey.compare) {
		d := r.pendings[k]
		delete(r.pendings, k)
		delete(p.draft.pendings, k)
		age := taken.Sub(d.FirstSeen)
		confirmed := r.confirms(d, p.now)
		over := r.overObject || p.overCloud(r, d.Cloud)
		switch {
		case age < limits.SecondLook:
			d.Held = false
			r.look(d.FirstSeen.Add(limits.SecondLook))
		case over && !confirmed && age < limits.Hold:
			d.Held = true
			d.Reason = p.heldReason(r, d)
			r.look(earlier(taken.Add(limits.HeldLook), d.FirstSeen.Add(limits.Hold)))
		default:
			p.withdraw(r, d, confirmed || over)
			continue
		}
		p.draft.pendings[k] = d
	}
}

// withdraw does what was pending. By a person's word, or after the hold, it
// no longer counts against the limits: explained.
func (p *Planner) withdraw(r *run, d Pending, explained bool) {
	row, _ := p.draft.row(d.PortID)
	w, wanted := r.wanted[d.PortID]
	switch d.Kind {
	case PendingWithdraw:
		if wanted { // but for its host name, which may be free by the end of the plan
			r.blocked = append(r.blocked, d.PortID)
		}
		if c, ok := p.draft.claims[ClaimKey{d.PortID, d.Object}]; ok {
			p.dropClaim(c, explained, d.Reason)
		}
		return
	case PendingRename:
		node := p.nodeRow(w)
		if row.Visible() && p.taken(r, w, node.HostName) {
			return // another row got the name first
		}
		p.draft.putNode(node)
		row.ServerID = w.server.ID
	case PendingPrimary:
		row.Status, row.EverPrimary = Primary, true
	case PendingUnprimary:
		node, _ := p.draft.node(row.ServerID)
		if p.taken(r, w, node.HostName) {
			return
		}
		row.Status, row.EverPrimary = Active, false
	}
	p.place(&row)
	p.draft.putRow(row)
	kinds := map[PendingKind]string{PendingRename: "renamed", PendingPrimary: "primary", PendingUnprimary: "unprimary"}
	p.record(r, d.PortID, kinds[d.Kind], explained, d.Reason)
}

// look asks for a run at t, or earlier.
func (r *run) look(t time.Time) {
	r.out.NextLook = first(r.out.NextLook, t)
}

func (p *Planner) heldReason(r *run, d Pending) string {
	if r.overObject {
		return fmt.Sprintf("%s; %d interfaces of this object would disappear at once", d.Reason, r.mass)
	}
	return fmt.Sprintf("%s; %d interfaces of this cloud would disappear at once", d.Reason, p.inCloud[d.Cloud])
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
