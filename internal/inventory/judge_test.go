// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

// allowed says whether the contract promises to survive an answer.
func (w *world) allowed(r, truth *reading, names []string) bool {
	limits := inventory.DefaultLimits()
	recent := 0
	recentOf := map[inventory.Key]int{}
	for _, e := range w.db.History {
		if !e.Explained && w.now.Sub(e.At) <= limits.Hold && e.Kind != "released" {
			recent++
			recentOf[e.Object]++
		}
	}
	total, denied := 0, 0
	deniedOf := map[inventory.Key]int{}
	for k, c := range w.db.Claims {
		total++
		o := w.objects[k.Object.Name]
		unexplained := slices.Contains(o.VMNames, c.VMRef) && c.SubnetID == subnetOf(o)
		_, _, wanted := r.wanted(o, k.PortID)
		if slices.Contains(names, k.Object.Name) && unexplained && !wanted && r.verdict(c) != keep { // the planner counts these, if not more
			denied++
			deniedOf[k.Object]++
		}
	}
	over := func(n, of, percent, number int) bool { return n > number && n*100 > of*percent }
	overCloud := over(denied+recent, total+recent, limits.PercentOfCloud, limits.OfCloud)
	for k, c := range w.db.Claims {
		if !slices.Contains(names, k.Object.Name) || !w.db.Interfaces[k.PortID].Visible() {
			continue
		}
		said := r.verdict(c)
		if said == keep || said == truth.verdict(c) {
			continue
		}
		since := w.now
		for _, chains := range []map[inventory.ClaimKey]chain{w.chains, w.namings} {
			if ch, ok := chains[k]; ok && ch.verdict == said {
				since = ch.since
			}
		}
		o := w.objects[k.Object.Name]
		overObject := over(deniedOf[k.Object]+recentOf[k.Object], len(r.claims[o.Key])+recentOf[k.Object], limits.PercentOfObject, limits.OfObject)
		age := w.now.Sub(since)
		if age >= limits.SecondLook && !overObject && !overCloud || age >= limits.Hold {
			return false
		}
	}
	return true
}

// remember notes what the answer says of each claim that it concerns.
func (w *world) remember(r *reading, names []string) {
	if !r.subnets {
		return
	}
	for k, c := range w.db.Claims {
		if !slices.Contains(names, k.Object.Name) {
			continue
		}
		said, named := keep, keep
		if w.db.Interfaces[k.PortID].Visible() {
			said, named = r.verdict(c), r.naming(c)
		}
		w.link(w.chains, k, said)
		w.link(w.namings, k, named)
	}
	gone := func(k inventory.ClaimKey, _ chain) bool { _, still := w.db.Claims[k]; return !still }
	maps.DeleteFunc(w.chains, gone)
	maps.DeleteFunc(w.namings, gone)
}

func (w *world) link(chains map[inventory.ClaimKey]chain, k inventory.ClaimKey, said verdict) {
	switch old, ok := chains[k]; {
	case said == keep:
		delete(chains, k)
	case !ok || old.verdict != said:
		chains[k] = chain{said, w.now}
	}
}

// due is a row that agent M must go on seeing.
type due struct {
	row   inventory.InterfaceRow
	hosts []string // under one of these names
	moved verdict  // a rename to the server that the port has moved to, if it has
}

// mustStay are the rows that agents see and whose ports are truly attached to
// a VM that an object names. Excepted are rows that stand for the second of
// two live VMs of one host name, primary NICs, and what the object's own
// change explains: another subnet, and an entry that went while its VM shared
// its name with another (or so the answer said), was said to have another name,
// or lost the port.
func (w *world) mustStay(truth, said *reading) []due {
	var out []due
	claims := map[string][]inventory.Claim{}
	for k, c := range w.db.Claims {
		claims[k.PortID] = append(claims[k.PortID], c)
	}
	for id, row := range w.db.Interfaces {
		if !row.Visible() {
			continue
		}
		d, stays, hidden := due{row: row, hosts: []string{row.HostName}}, false, false
		owner := w.db.Claims[inventory.ClaimKey{PortID: id, Object: row.Owner}]
		passes := truth.verdict(owner) == withdraw || truth.entryLost(w.objects[row.Owner.Name], owner, said)
		for _, c := range claims[id] {
			o := w.objects[c.Object.Name]
			v := truth.verdict(c)
			// The next owner may want its primary NIC hidden.
			hidden = hidden || v == primary || passes && row.EverPrimary && !o.PublishPrimary
			if c.SubnetID != subnetOf(o) || truth.entryLost(o, c, said) {
				continue
			}
			stays = stays || v == keep || v.what == "rename"
			d.hosts = append(d.hosts, v.host)
			if v.what == "rename" && v.server != row.ServerID {
				d.moved = v
			}
		}
		if stays && !hidden {
			out = append(out, d)
		}
	}
	return out
}

func (r *reading) entryLost(o inventory.Object, c inventory.Claim, said *reading) bool {
	if slices.Contains(o.VMNames, c.VMRef) || slices.Contains(o.VMNames, c.ServerID) {
		return false
	}
	now, then := r.servers[c.ServerID], said.servers[c.ServerID]
	shared := len(r.byName[now.Name]) > 1 || len(said.byName[now.Name]) > 1 || then.Name == "" && len(said.byName[now.Name]) > 0
	return shared || then.Name != "" && then.Name != now.Name || r.ports[c.PortID].DeviceID != c.ServerID
}

// check is what must hold after a run, whatever the answer was. A port that is
// on another server by now must not be seen on the one that it left; where the
// run gave the name of the other to a third server, which shares it, it is not
// seen there either: the second of two live VMs of one host name is not
// published. That is what verdict says of such a port from the next run on.
func (w *world) check(before []due) error {
	for _, d := range before {
		if d.moved.what != "" && w.borne(d.moved.host, d.moved.server) {
			continue
		}
		if !slices.ContainsFunc(d.hosts, func(host string) bool {
			return slices.ContainsFunc(w.db.AgentM(host), func(r inventory.InterfaceRow) bool { return r.MAC == d.row.MAC || r.PortID == d.row.PortID })
		}) {
			return fmt.Errorf("agent M on %q no longer reads port %s, which is attached to %s; the row is %+v",
				d.hosts, d.row.PortID, d.row.ServerID, w.db.Interfaces[d.row.PortID])
		}
	}
	claims := map[string]bool{}
	for k := range w.db.Claims {
		claims[k.PortID] = true
	}
	for id, row := range w.db.Interfaces {
		if old, known := w.ids[id]; known && old != row.ID {
			return fmt.Errorf("the id of port %s was %d and is %d", id, old, row.ID)
		}
		w.ids[id] = row.ID
		claimed := claims[id]
		if claimed != (row.Status != inventory.Deleted) {
			return fmt.Errorf("port %s has the status %s, claimed: %v", id, row.Status, claimed)
		}
		if claimed {
			if _, ok := w.db.Claims[inventory.ClaimKey{PortID: id, Object: row.Owner}]; !ok {
				return fmt.Errorf("port %s is owned by %v, which does not claim it", id, row.Owner)
			}
		}
	}
	return nil
}
