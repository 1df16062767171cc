// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// leftovers looks at what the object has published and no longer wants.
func (p *Planner) leftovers(r *run) {
	for _, k := range slices.Clone(p.byObject[r.object.Key]) {
		c := p.claims[k]
		if _, wanted := r.wanted[c.PortID]; wanted {
			continue
		}
		switch {
		case !slices.Contains(r.object.VMNames, c.VMRef):
			p.dropClaim(c, true, "the VM was taken out of vmNames")
		case c.SubnetRef != r.object.SubnetName:
			p.dropClaim(c, true, "the object names another subnet")
		default:
			p.doubt(r, c)
		}
	}
}

// doubt notes a withdrawal that only the answer explains. Nova's silence
// alone never does: as long as Neutron shows the port on the server, it stays.
func (p *Planner) doubt(r *run, c Claim) {
	_, presence := r.snap.Server(c.ServerID)
	attached := slices.ContainsFunc(r.snap.Ports(c.ServerID, c.SubnetID), func(port Port) bool { return port.ID == c.PortID })
	if presence == NotAsked || (presence == Absent && attached) {
		return
	}
	reason := "its port " + c.PortID + " is no longer on the server " + c.ServerID
	if attached {
		reason = "the name means another server than " + c.ServerID + " now"
	} else if presence == Present {
		r.problem(c.VMRef, Detached, "%s", reason)
	}
	p.want(r, c.PortID, PendingWithdraw, "", reason)
}

// want notes that this answer calls for a withdrawal.
func (p *Planner) want(r *run, portID string, kind PendingKind, value, reason string) {
	taken := r.snap.TakenAt()
	d := Pending{PortID: portID, Object: r.object.Key, Kind: kind, Cloud: r.object.Cloud, Value: value, FirstSeen: taken, LastSeen: taken, Reason: reason}
	k := PendingKey{portID, r.object.Key, kind}
	if old, ok := p.pendings[k]; ok && old.Value == value && !p.rearm && !old.FirstSeen.After(taken) {
		d.FirstSeen = old.FirstSeen
		d.Held = old.Held
	}
	r.pendings[k] = d
}

// notePendings replaces what was pending for the object by what this answer
// calls for: a withdrawal that it does not call for has been contradicted.
func (p *Planner) notePendings(r *run) {
	for k := range p.pendings {
		if _, still := r.pendings[k]; k.Object == r.object.Key && !still {
			p.dropPending(k)
		}
	}
	for k, d := range r.pendings {
		p.pendings[k] = d
	}
}

// settle does the object's withdrawals whose time has come.
func (p *Planner) settle(r *run) {
	o, limits, taken := r.object, r.object.Limits, r.snap.TakenAt()
	mass := len(r.pendings) + p.have.RecentByObject[o.Key]
	inCloud := p.have.RecentByCloud[o.Cloud]
	for _, d := range p.pendings {
		if d.Cloud == o.Cloud {
			inCloud++
		}
	}
	overObject := exceeds(mass, len(p.byObject[o.Key])+p.have.RecentByObject[o.Key], limits.PercentOfObject, limits.OfObject)
	overCloud := exceeds(inCloud, p.have.Clouds[o.Cloud]+p.have.RecentByCloud[o.Cloud], limits.PercentOfCloud, limits.OfCloud)
	for _, k := range sortedPendings(r.pendings) {
		d := r.pendings[k]
		age := taken.Sub(d.FirstSeen)
		confirmed := !d.FirstSeen.After(o.ConfirmedAt)
		over := overObject || overCloud
		switch {
		case age < limits.SecondLook:
			d.Held = false
			r.look(d.FirstSeen.Add(limits.SecondLook))
		case over && !confirmed && age < limits.Hold:
			d.Held = true
			d.Reason = heldReason(d.Reason, overObject, mass, inCloud)
			r.look(earlier(taken.Add(limits.HeldLook), d.FirstSeen.Add(limits.Hold)))
		default:
			p.withdraw(r, d, confirmed || over)
			p.dropPending(k)
			continue
		}
		p.putPending(k, d)
		r.out.Pendings = append(r.out.Pendings, d)
	}
}

// withdraw does what was pending. By a person's word, or after the hold, it
// no longer counts against the limits: settled.
func (p *Planner) withdraw(r *run, d Pending, settled bool) {
	row := p.have.Interfaces[d.PortID]
	switch d.Kind {
	case PendingWithdraw:
		if c, ok := p.claims[ClaimKey{d.PortID, d.Object}]; ok {
			p.dropClaim(c, settled, d.Reason)
		}
		return
	case PendingRename:
		w := r.wanted[d.PortID]
		p.putNode(p.nodeRow(w))
		row.ServerID, row.HostName = w.server.ID, p.have.Nodes[w.server.ID].HostName
		p.putRow(row, true)
		p.record(r, d.PortID, "renamed", settled, d.Reason)
	case PendingPrimary:
		row.Status, row.HostName, row.EverPrimary = Primary, "", true
		p.putRow(row, false)
		p.record(r, d.PortID, "primary", settled, d.Reason)
	case PendingUnprimary:
		row.Status, row.EverPrimary = Active, false
		p.place(&row, row.ServerID)
		p.putRow(row, true)
		p.record(r, d.PortID, "unprimary", settled, d.Reason)
	}
}

// dropClaim takes an object's claim away and hides the row with the last one.
func (p *Planner) dropClaim(c Claim, explained bool, reason string) {
	k := ClaimKey{c.PortID, c.Object}
	delete(p.claims, k)
	p.byPort[c.PortID] = slices.DeleteFunc(p.byPort[c.PortID], func(x ClaimKey) bool { return x == k })
	p.byObject[c.Object] = slices.DeleteFunc(p.byObject[c.Object], func(x ClaimKey) bool { return x == k })
	p.plan.DropClaims = append(p.plan.DropClaims, k)
	row, exists := p.have.Interfaces[c.PortID]
	event := Event{At: p.now, Object: c.Object, PortID: c.PortID, Cloud: c.Cloud, Explained: explained, Kind: "released", Detail: reason}
	if left := p.byPort[c.PortID]; exists && len(left) > 0 {
		if row.Owner == c.Object {
			row.Owner = left[0].Object
			p.putRow(row, false)
		}
	} else if exists && row.Status != Deleted {
		row.Status, row.HostName = Deleted, ""
		p.putRow(row, false)
		event.Kind = "withdrawn"
	}
	p.plan.History = append(p.plan.History, event)
}

func (p *Planner) putPending(k PendingKey, d Pending) {
	p.pendings[k] = d
	p.plan.PutPendings = append(p.plan.PutPendings, d)
}

func (p *Planner) dropPending(k PendingKey) {
	delete(p.pendings, k)
	p.plan.DropPendings = append(p.plan.DropPendings, k)
}

// look asks for a run at t, or earlier.
func (r *run) look(t time.Time) {
	if r.out.NextLook.IsZero() || t.Before(r.out.NextLook) {
		r.out.NextLook = t
	}
}

func heldReason(reason string, overObject bool, ofObject, ofCloud int) string {
	if overObject {
		return fmt.Sprintf("%s; %d interfaces of this object would disappear at once", reason, ofObject)
	}
	return fmt.Sprintf("%s; %d interfaces of this cloud would disappear at once", reason, ofCloud)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func sortedPendings(m map[PendingKey]Pending) []PendingKey {
	keys := make([]PendingKey, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b PendingKey) int {
		if c := strings.Compare(a.PortID, b.PortID); c != 0 {
			return c
		}
		return strings.Compare(string(a.Kind), string(b.Kind))
	})
	return keys
}
