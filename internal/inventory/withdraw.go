// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
)

// droppedClaim is a claim that the plan drops.
type droppedClaim struct {
	claim     Claim
	explained bool
	reason    string
}

// dropExplained withdraws at once what the object's own change explains.
func (p *Planner) dropExplained(r *run) {
	for _, c := range p.draft.claimsOf(r.object.Key) {
		if _, wanted := r.wanted[c.PortID]; wanted {
			continue
		}
		if p.takenOut(r, c) {
			p.dropClaim(c, true, "the VM was taken out of vmNames")
		} else if c.SubnetRef != r.object.SubnetName && c.SubnetID != r.subnet.ID {
			p.dropClaim(c, true, "the object names another subnet")
		}
	}
}

// takenOut says whether the VM of a claim is no longer in vmNames. An entry
// that was replaced may still mean the same VM, now by its ID or by its name:
// then only the answer lacks its port. The same may be true of a server that
// the answer lacks, as long as another entry leads nowhere.
func (p *Planner) takenOut(r *run, c Claim) bool {
	if r.named[canonical(c.VMRef)] || r.named[c.ServerID] || r.resolved[c.ServerID] {
		return false
	}
	_, presence := r.snap.Server(c.ServerID)
	return presence == Present || !r.unresolved
}

// doubtRest notes what else the object has published and no longer wants.
func (p *Planner) doubtRest(r *run) {
	for _, c := range p.draft.claimsOf(r.object.Key) {
		if _, wanted := r.wanted[c.PortID]; !wanted {
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
	reason := "port " + c.PortID + " is no longer on the server " + c.ServerID
	if attached {
		reason = "the name means another server than " + c.ServerID + " now"
	} else if r.resolved[c.ServerID] && len(r.snap.Ports(c.ServerID, r.subnet.ID)) > 0 { // else NoPort says it
		r.problem(c.VMRef, Detached, "%s", reason)
	}
	p.want(r, c.PortID, PendingWithdraw, "", c.Cloud, reason)
}

// want notes that this answer calls for a withdrawal. It is first seen now
// unless the answers since it was first seen form an unbroken row. A reading
// may take long, and what is missing may have been asked for last: it was seen
// when the reading ended, and the next one must begin so much later.
func (p *Planner) want(r *run, portID string, kind PendingKind, value, cloud, reason string) {
	taken, ended := r.snap.TakenAt(), r.snap.EndedAt()
	d := Pending{
		PortID: portID, Object: r.object.Key, Kind: kind, Cloud: cloud, Value: value,
		FirstSeen: ended, LastSeen: ended, Reason: reason,
	}
	old, noted := p.draft.pendings[d.key()]
	if noted && old.Value == value && !old.FirstSeen.After(taken) &&
		(taken.Sub(old.LastSeen) <= r.object.Limits.longestGap() || r.confirms(old, p.now)) {
		d.FirstSeen, d.Held = old.FirstSeen, old.Held
	}
	r.pendings[d.key()], r.noted[d.key()] = d, true
}

// bounded is a value that two answers can be compared by and that the database
// can hold, whatever names it is made of.
func bounded(value string) string {
	if len(value) <= 200 {
		return value
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(value)))
}

// notePendings replaces what was pending for the object by what this answer
// calls for: a withdrawal that it does not call for has been contradicted.
func (p *Planner) notePendings(r *run) {
	for _, k := range p.draft.pendingsOf[r.object.Key] {
		delete(p.draft.pendings, k)
	}
	maps.Copy(p.draft.pendings, r.pendings)
}

// dropClaim takes an object's claim away. The row passes to the oldest claim
// that is left, and is hidden with the last one.
func (p *Planner) dropClaim(c Claim, explained bool, reason string) {
	left := p.draft.dropClaim(c)
	p.dropped = append(p.dropped, droppedClaim{c, explained, reason})
	row, exists := p.draft.row(c.PortID)
	switch {
	case !exists || row.Status == Deleted:
	case len(left) == 0:
		row.Status, row.HostName = Deleted, ""
		p.draft.putRow(row)
	case row.Owner == c.Object:
		row.Owner = left[0]
		p.draft.putRow(row)
		p.history = append(p.history, Event{
			At: p.now, Object: row.Owner, PortID: c.PortID, Cloud: c.Cloud, Kind: "owner", Explained: true, Detail: "was " + c.Object.String() + "'s",
		})
	}
}
