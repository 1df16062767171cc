// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package inventorytest has a database in memory that takes the inventory's
// plans as the store does, for tests that need no MariaDB: views, plans in
// one piece, statuses that follow from the rows, and what the agents' queries
// return.
package inventorytest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

// Database is what the tables hold. Its zero value is not usable; New makes
// one. It is not safe for concurrent use.
type Database struct {
	Subnets    map[string]inventory.SubnetRow
	Nodes      map[string]inventory.NodeRow
	Interfaces map[string]inventory.InterfaceRow
	Claims     map[inventory.ClaimKey]inventory.Claim
	Pendings   map[inventory.PendingKey]inventory.Pending
	History    []inventory.Event
	lastID     int64
}

// New makes an empty database.
func New() *Database {
	return &Database{
		Subnets:    map[string]inventory.SubnetRow{},
		Nodes:      map[string]inventory.NodeRow{},
		Interfaces: map[string]inventory.InterfaceRow{},
		Claims:     map[inventory.ClaimKey]inventory.Claim{},
		Pendings:   map[inventory.PendingKey]inventory.Pending{},
	}
}

// Clone is a copy that shares nothing.
func (d *Database) Clone() *Database {
	return &Database{
		Subnets: maps.Clone(d.Subnets), Nodes: maps.Clone(d.Nodes), Interfaces: maps.Clone(d.Interfaces),
		Claims: maps.Clone(d.Claims), Pendings: maps.Clone(d.Pendings), History: slices.Clone(d.History), lastID: d.lastID,
	}
}

// Query says what a View is to show.
type Query struct {
	Objects  []inventory.Key
	Concerns inventory.Concerns
	Clouds   []string
	// RecentSince is from when on unexplained withdrawals are counted, and
	// claims are newcomers.
	RecentSince time.Time
}

// View shows no more than what the query asks for, as the store's does.
func (d *Database) View(q Query) *inventory.Published {
	out := &inventory.Published{
		Subnets: map[string]inventory.SubnetRow{}, Nodes: map[string]inventory.NodeRow{}, Interfaces: map[string]inventory.InterfaceRow{},
		HostNames: map[string]string{}, Clouds: map[string]int{}, RecentByObject: map[inventory.Key]int{}, RecentByCloud: map[string]int{},
	}
	objects, ports, servers, subnets := set(q.Objects), set(q.Concerns.Ports), set(q.Concerns.Servers), set(q.Concerns.Subnets)
	for k, c := range d.Claims {
		if objects[k.Object] {
			ports[k.PortID], servers[c.ServerID] = true, true
		}
	}
	for id := range ports {
		if row, ok := d.Interfaces[id]; ok {
			servers[row.ServerID] = true
		}
	}
	for id, row := range d.Interfaces {
		if servers[row.ServerID] {
			out.Interfaces[id], ports[id], subnets[row.SubnetID] = row, true, true
		}
	}
	for k, c := range d.Claims {
		if ports[k.PortID] {
			out.Claims = append(out.Claims, c)
			servers[c.ServerID], subnets[c.SubnetID] = true, true
		}
	}
	hosts := slices.Clone(q.Concerns.HostNames)
	for id := range servers {
		if row, ok := d.Nodes[id]; ok {
			out.Nodes[id] = row
			hosts = append(hosts, row.HostName)
		}
	}
	for id := range subnets {
		if row, ok := d.Subnets[id]; ok {
			out.Subnets[id] = row
		}
	}
	d.viewHostNames(out, hosts)
	d.viewCounts(out, q, objects)
	return out
}

func (d *Database) viewHostNames(out *inventory.Published, hosts []string) {
	asked := map[string]bool{}
	for _, h := range hosts {
		asked[strings.ToLower(h)] = true
	}
	for _, row := range d.sorted() {
		if h := strings.ToLower(row.HostName); asked[h] && row.Visible() && out.HostNames[h] == "" {
			out.HostNames[h] = row.ServerID
		}
	}
}

func (d *Database) viewCounts(out *inventory.Published, q Query, objects map[inventory.Key]bool) {
	clouds := set(q.Clouds)
	for _, p := range d.Pendings {
		if clouds[p.Cloud] || objects[p.Object] {
			out.Pendings = append(out.Pendings, p)
		}
	}
	newcomers := map[inventory.Newcomers]int{}
	for _, c := range d.Claims {
		if !clouds[c.Cloud] || d.Interfaces[c.PortID].Status == inventory.Deleted {
			continue
		}
		out.Clouds[c.Cloud]++
		if !q.RecentSince.IsZero() && !c.Since.Before(q.RecentSince) {
			newcomers[inventory.Newcomers{Cloud: c.Cloud, Since: c.Since}]++
		}
	}
	for n, claims := range newcomers {
		n.Claims = claims
		out.Newcomers = append(out.Newcomers, n)
	}
	slices.SortFunc(out.Newcomers, func(a, b inventory.Newcomers) int {
		return cmp.Or(strings.Compare(a.Cloud, b.Cloud), a.Since.Compare(b.Since))
	})
	for _, e := range d.History {
		if e.Explained || e.At.Before(q.RecentSince) || !slices.Contains([]string{"withdrawn", "renamed", "primary", "unprimary"}, e.Kind) {
			continue
		}
		if objects[e.Object] {
			out.RecentByObject[e.Object]++
		}
		if clouds[e.Cloud] {
			out.RecentByCloud[e.Cloud]++
		}
	}
}

func set[T comparable](values []T) map[T]bool {
	out := make(map[T]bool, len(values))
	for _, v := range values {
		out[v] = true
	}
	return out
}

// Apply writes a plan, or fails where the schema would refuse it and then has
// changed nothing.
func (d *Database) Apply(plan inventory.Plan) error {
	next := d.Clone()
	for _, row := range plan.Subnets {
		next.Subnets[row.SubnetID] = row
	}
	for _, row := range plan.Nodes {
		next.Nodes[row.ServerID] = row
	}
	for _, w := range plan.Interfaces {
		if err := next.putInterface(w); err != nil {
			return err
		}
	}
	for _, k := range plan.DropClaims {
		delete(next.Claims, k)
	}
	for _, c := range plan.PutClaims {
		c.Since = stored(c.Since)
		next.Claims[inventory.ClaimKey{PortID: c.PortID, Object: c.Object}] = c
	}
	for _, k := range plan.DropPendings {
		delete(next.Pendings, k)
	}
	for _, p := range plan.PutPendings {
		p.FirstSeen, p.LastSeen = stored(p.FirstSeen), stored(p.LastSeen)
		next.Pendings[inventory.PendingKey{PortID: p.PortID, Object: p.Object, Kind: p.Kind}] = p
	}
	for _, e := range plan.History {
		e.At = stored(e.At)
		next.History = append(next.History, e)
	}
	next.derive()
	*d = *next
	return nil
}

// stored is what a DATETIME(6) keeps of a time.
func stored(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func (d *Database) putInterface(w inventory.InterfaceWrite) error {
	row := w.Row
	old, exists := d.Interfaces[row.PortID]
	_, subnet := d.Subnets[row.SubnetID]
	_, node := d.Nodes[row.ServerID]
	switch {
	case !subnet || !node:
		return fmt.Errorf("port %s: subnet %s or node %s is no row: foreign key", row.PortID, row.SubnetID, row.ServerID)
	case row.PortID == "" || row.MAC == "" || row.Owner.Name == "" || row.Status == "":
		return fmt.Errorf("port %q: %+v has an empty NOT NULL column", row.PortID, row)
	case row.Status != inventory.Active && row.HostName != "":
		return fmt.Errorf("port %s: a row with the status %s bears the host name %q, which agent M sees", row.PortID, row.Status, row.HostName)
	case exists && row.ID != 0 && row.ID != old.ID, !exists && row.ID != 0:
		return fmt.Errorf("port %s: id %d was to become %d", row.PortID, old.ID, row.ID)
	}
	row.ID = old.ID
	if !exists {
		d.lastID++
		row.ID = d.lastID
	}
	row.Applied = exists && old.Applied && !w.ResetApplied // else it is the agents'
	d.Interfaces[row.PortID] = row
	return nil
}

// derive marks subnets and nodes that no live row refers to.
func (d *Database) derive() {
	subnets, nodes := map[string]bool{}, map[string]bool{}
	for _, row := range d.Interfaces {
		if row.Status != inventory.Deleted {
			subnets[row.SubnetID], nodes[row.ServerID] = true, true
		}
	}
	for id, row := range d.Subnets {
		if !subnets[id] {
			row.Status = inventory.Deleted
			d.Subnets[id] = row
		}
	}
	for id, row := range d.Nodes {
		if !nodes[id] {
			row.Status = inventory.Deleted
			d.Nodes[id] = row
		}
	}
}

func (d *Database) sorted() []inventory.InterfaceRow {
	return slices.SortedFunc(maps.Values(d.Interfaces), byID)
}

func byID(a, b inventory.InterfaceRow) int { return cmp.Compare(a.ID, b.ID) }

// AgentM is what agent M reads on a host, by row ID. It looks at the host
// name alone, without regard to case.
func (d *Database) AgentM(host string) []inventory.InterfaceRow {
	var out []inventory.InterfaceRow
	for _, row := range d.Interfaces {
		if row.HostName != "" && strings.EqualFold(row.HostName, host) {
			out = append(out, row)
		}
	}
	slices.SortFunc(out, byID)
	return out
}

// AgentG is what agent G reads for a node, by row ID.
func (d *Database) AgentG(node string) []inventory.InterfaceRow {
	var out []inventory.InterfaceRow
	for _, row := range d.sorted() {
		n, s := d.Nodes[row.ServerID], d.Subnets[row.SubnetID]
		if n.Name == node && row.Status == inventory.Active && n.Status == inventory.Active && s.Status == inventory.Active {
			out = append(out, row)
		}
	}
	return out
}

// Configured is what an agent does after it has configured a NIC.
func (d *Database) Configured(portID string) {
	row := d.Interfaces[portID]
	row.Applied = true
	d.Interfaces[portID] = row
}
