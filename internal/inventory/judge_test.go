// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory_test

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

// verdict is what an answer says of a claim on a visible row.
type verdict struct {
	what         string // keep, withdraw, rename, primary
	host, server string // of a rename
}

var keep, withdraw, primary = verdict{what: "keep"}, verdict{what: "withdraw"}, verdict{what: "primary"}

// reading is an answer, looked up by the judge, with what is published at the
// time.
type reading struct {
	*world
	subnets bool
	servers map[string]inventory.Server // that live
	ports   map[string]inventory.Port
	byName  map[string][]inventory.Server
	claims  map[inventory.Key][]inventory.Claim // oldest first
	means   map[inventory.Key]map[string]bool
}

func (w *world) read(f inventory.Facts) *reading {
	r := &reading{
		world: w, subnets: len(f.Subnets) > 0, servers: map[string]inventory.Server{}, ports: map[string]inventory.Port{},
		byName: map[string][]inventory.Server{}, claims: map[inventory.Key][]inventory.Claim{}, means: map[inventory.Key]map[string]bool{},
	}
	for _, s := range f.Servers {
		if s.Status != "DELETED" {
			r.servers[s.ID] = s
			r.byName[s.Name] = append(r.byName[s.Name], s)
		}
	}
	for _, p := range f.Ports {
		r.ports[p.ID] = p
	}
	for k, c := range w.db.Claims {
		r.claims[k.Object] = append(r.claims[k.Object], c)
	}
	for _, o := range w.objects {
		claims := r.claims[o.Key]
		slices.SortFunc(claims, func(a, b inventory.Claim) int {
			return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.PortID, b.PortID))
		})
		r.means[o.Key] = map[string]bool{}
		for _, entry := range o.VMNames {
			if id := r.meant(o, entry); id != "" {
				r.means[o.Key][id] = true
			}
		}
	}
	return r
}

// verdict is written without regard to how the planner comes to its own.
func (r *reading) verdict(c inventory.Claim) verdict {
	o, row := r.objects[c.Object.Name], r.db.Interfaces[c.PortID]
	if !r.subnets {
		return keep
	}
	p, server, wanted := r.wanted(o, c.PortID)
	if !wanted {
		onIt := func(ip inventory.FixedIP) bool { return ip.SubnetID == c.SubnetID }
		if _, there := r.servers[c.ServerID]; !there && p.DeviceID == c.ServerID && slices.ContainsFunc(p.FixedIPs, onIt) {
			return keep // Nova's silence alone
		}
		return withdraw
	}
	host := r.host(server)
	mine := row.Owner == o.Key
	for _, other := range r.db.Interfaces {
		_, lives := r.servers[other.ServerID]
		if lives && other.ServerID != row.ServerID && other.Visible() && strings.EqualFold(other.HostName, row.HostName) {
			return withdraw
		}
	}
	switch {
	case mine && !o.PublishPrimary && (row.EverPrimary || r.isPrimary(server, p) == yes):
		return primary
	case server.ID != row.ServerID && r.borne(host, server.ID):
		return withdraw // from the one; the other may not show it
	default:
		return r.naming(c)
	}
}

// naming is what the answer says of the name alone. It says so also of a NIC
// that is to be hidden as the primary one, which publishPrimary may lift.
func (r *reading) naming(c inventory.Claim) verdict {
	row := r.db.Interfaces[c.PortID]
	_, server, wanted := r.wanted(r.objects[c.Object.Name], c.PortID)
	if host := r.host(server); r.subnets && wanted && (server.ID != row.ServerID || host != row.HostName) {
		return verdict{"rename", host, server.ID}
	}
	return keep
}

// wanted says whether the answer shows the port on a VM that the object names.
func (r *reading) wanted(o inventory.Object, portID string) (inventory.Port, inventory.Server, bool) {
	p := r.ports[portID]
	server, there := r.servers[p.DeviceID]
	return p, server, there && r.means[o.Key][server.ID] &&
		slices.ContainsFunc(p.FixedIPs, func(ip inventory.FixedIP) bool { return ip.SubnetID == subnetOf(o) })
}

func subnetOf(o inventory.Object) string {
	for _, s := range subnets {
		if s.ID == o.SubnetName || s.Name == o.SubnetName {
			return s.ID
		}
	}
	return ""
}

// meant is the ID of the server that an entry of vmNames means; "" if none.
func (r *reading) meant(o inventory.Object, entry string) string {
	if _, there := r.servers[entry]; there {
		return entry
	}
	var fits, named []string
	for _, s := range r.byName[entry] {
		fits = append(fits, s.ID)
		if node, ok := r.nodeOf(s); ok && len(node.ServerIDs) > 0 {
			named = append(named, s.ID)
		}
	}
	var known, orphaned []string // published by this entry, and by one that is no longer there
	for _, c := range r.claims[o.Key] {
		if c.VMRef == entry {
			known = append(known, c.ServerID)
		} else if !slices.Contains(o.VMNames, c.VMRef) {
			orphaned = append(orphaned, c.ServerID)
		}
	}
	switch {
	case len(fits) == 1:
		return fits[0]
	case len(fits) == 0:
		for _, id := range known {
			if _, there := r.servers[id]; there {
				return id
			}
		}
		return ""
	case len(named) == 1:
		return named[0]
	}
	for _, id := range append(known, orphaned...) {
		if slices.Contains(fits, id) {
			return id
		}
	}
	return ""
}

// nodeOf is the one Node that says it is the server, by ID before by name.
func (w *world) nodeOf(s inventory.Server) (inventory.Node, bool) {
	var byID []inventory.Node
	for _, n := range w.nodes {
		if slices.Contains(n.ServerIDs, s.ID) {
			byID = append(byID, n)
		}
	}
	if len(byID) == 1 {
		return byID[0], true
	}
	for _, n := range w.nodes {
		if len(n.ServerIDs) == 0 && n.Name == s.Name {
			return n, true
		}
	}
	return inventory.Node{}, false
}

// host is the short host name that the server is to be published under.
func (w *world) host(s inventory.Server) string {
	if n, ok := w.nodeOf(s); ok {
		return inventory.ShortHostName(n.Name)
	}
	if old := w.db.Nodes[s.ID]; old.FromKubernetes && !w.moved(old.Name, s.ID) {
		return old.HostName
	}
	if s.HostName != "" {
		return inventory.ShortHostName(s.HostName)
	}
	if old := w.db.Nodes[s.ID]; old.HostName != "" && old.HostName != inventory.ShortHostName(old.Name) {
		return old.HostName // Nova showed it once
	}
	return inventory.ShortHostName(s.Name)
}

// moved says whether a Node of the name says that it is another server.
func (w *world) moved(name, server string) bool {
	return slices.ContainsFunc(w.nodes, func(n inventory.Node) bool {
		return n.Name == name && len(n.ServerIDs) > 0 && !slices.Contains(n.ServerIDs, server)
	})
}

type answerOf int

const (
	unknown answerOf = iota
	yes
	no
)

func (w *world) isPrimary(s inventory.Server, p inventory.Port) answerOf {
	n, ok := w.nodeOf(s)
	if !ok || len(n.Addresses) == 0 {
		return unknown
	}
	for _, ip := range p.FixedIPs {
		if slices.Contains(n.Addresses, ip.Address) {
			return yes
		}
	}
	return no
}

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

// checkTrue is what must hold for objects after a true answer to all of them.
func (w *world) checkTrue() error {
	truth := w.read(w.facts)
	for _, o := range w.objects {
		for _, p := range w.facts.Ports {
			if _, _, wanted := truth.wanted(o, p.ID); wanted {
				if err := truth.checkWanted(o, p); err != nil {
					return err
				}
			}
		}
	}
	for a, b := range truth.twins() {
		_, one := w.pendingOn(a)
		_, other := w.pendingOn(b)
		if !one && !other {
			return fmt.Errorf("servers %s and %s both live and are seen under one host name, and nothing is pending", a, b)
		}
	}
	return nil
}

// checkWanted says that a port is published, or why it is not.
func (r *reading) checkWanted(o inventory.Object, p inventory.Port) error {
	_, claimed := r.db.Claims[inventory.ClaimKey{PortID: p.ID, Object: o.Key}]
	row, exists := r.db.Interfaces[p.ID]
	s := r.servers[p.DeviceID]
	switch {
	case claimed && row.SubnetID == subnetOf(o) && (row.MAC != p.MAC || row.Address != lowest(p, row.SubnetID)):
		return fmt.Errorf("port %s has the row %+v", p.ID, row)
	case claimed:
		return nil
	case exists && row.Status != inventory.Deleted && row.SubnetID != subnetOf(o):
		return r.reported(o, inventory.ClaimedForOtherSubnet)
	case r.borne(r.host(s), s.ID) || r.borne(r.db.Nodes[s.ID].HostName, s.ID):
		return r.reported(o, inventory.DuplicateHostName)
	default:
		return fmt.Errorf("port %s of %s is not published for %v", p.ID, s.ID, o.Key)
	}
}

func lowest(p inventory.Port, subnet string) string {
	var out []netip.Addr
	for _, ip := range p.FixedIPs {
		if ip.SubnetID == subnet {
			out = append(out, ip.Address)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return slices.MinFunc(out, netip.Addr.Compare).String()
}

func (w *world) reported(o inventory.Object, reason inventory.ProblemReason) error {
	if slices.ContainsFunc(w.last[o.Key].Problems, func(p inventory.Problem) bool { return p.Reason == reason }) {
		return nil
	}
	return fmt.Errorf("%v does not report %s", o.Key, reason)
}

// borne says whether another server is seen under the host name.
func (w *world) borne(host, server string) bool {
	return slices.ContainsFunc(w.db.AgentM(host), func(r inventory.InterfaceRow) bool { return r.ServerID != server })
}

// twins are pairs of live servers that are seen under one host name.
func (r *reading) twins() map[string]string {
	out, first := map[string]string{}, map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(r.db.Interfaces)) {
		row := r.db.Interfaces[id]
		if _, lives := r.servers[row.ServerID]; !row.Visible() || !lives {
			continue
		}
		host := strings.ToLower(row.HostName)
		if other, seen := first[host]; seen && other != row.ServerID {
			out[other] = row.ServerID
		}
		first[host] = row.ServerID
	}
	return out
}

func (w *world) pendingOn(server string) (inventory.Pending, bool) {
	for k, p := range w.db.Pendings {
		if w.db.Interfaces[k.PortID].ServerID == server {
			return p, true
		}
	}
	return inventory.Pending{}, false
}

// checkSettled is what must hold when nothing changes any more: the rows are
// the truth.
func (w *world) checkSettled() error {
	if err := w.checkTrue(); err != nil {
		return err
	}
	truth := w.read(w.facts)
	for a, b := range truth.twins() {
		return fmt.Errorf("servers %s and %s both live and are seen under one host name", a, b)
	}
	for k := range w.db.Claims {
		if err := truth.checkClaim(k); err != nil {
			return err
		}
	}
	return nil
}

func (r *reading) checkClaim(k inventory.ClaimKey) error {
	o, row := r.objects[k.Object.Name], r.db.Interfaces[k.PortID]
	p, s, wanted := r.wanted(o, k.PortID)
	if !wanted {
		return fmt.Errorf("port %s is published for %v: %+v", k.PortID, k.Object, row)
	}
	owner := r.objects[row.Owner.Name]
	switch evidence := r.isPrimary(s, p); {
	case row.SubnetID != subnetOf(o) || row.MAC != p.MAC || row.Address != lowest(p, row.SubnetID):
		return fmt.Errorf("port %+v has the row %+v", p, row)
	case row.Visible() && !owner.PublishPrimary && evidence == yes:
		return fmt.Errorf("the primary NIC %s is shown", k.PortID)
	case row.Visible() && (row.ServerID != s.ID || row.HostName != r.host(s) && !r.borne(r.host(s), row.ServerID)):
		return fmt.Errorf("port %s of %s is seen under %q, want %q", k.PortID, s.ID, row.HostName, r.host(s))
	case !row.Visible() && (owner.PublishPrimary || evidence == no || !row.EverPrimary) && !r.borne(r.db.Nodes[s.ID].HostName, s.ID):
		return fmt.Errorf("port %s of %s is hidden: %+v", k.PortID, s.ID, row)
	}
	return nil
}

// longest is how many runs a world may take to settle.
const longest = 40

// settle lets the cloud stand still and answers truly.
func (w *world) settle() error {
	names := slices.Sorted(maps.Keys(w.objects))
	for range longest {
		truth := w.read(w.facts)
		before := w.mustStay(truth, truth)
		plan, err := w.run(w.facts, names, false)
		if err = cmp.Or(err, w.check(before)); err != nil {
			return err
		}
		w.note("settling: %d pending", len(w.db.Pendings))
		if plan.Empty() && len(w.db.Pendings) == 0 {
			return w.checkSettled()
		}
		next, looks := w.now.Add(time.Minute), []time.Time(nil)
		for _, out := range w.last {
			if out.NextLook.After(w.now) {
				looks = append(looks, out.NextLook)
			}
		}
		if len(looks) > 0 {
			next = slices.MinFunc(looks, time.Time.Compare)
		}
		w.now = next
	}
	return fmt.Errorf("not settled after %d runs: pending %v", longest, w.db.Pendings)
}
