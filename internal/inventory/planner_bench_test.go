// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/inventory/inventorytest"
)

// scale is the contract's: 10,000 VMs and 1,000 objects, in one planner.
const vms, objects = 10000, 1000

// The planner has no loop over objects times rows: each of these takes a
// fraction of a second.
func BenchmarkPlanner(b *testing.B) {
	facts, all := big()
	empty := inventorytest.New()
	full := planned(b, empty, facts, all, start)
	lost := facts
	lost.Servers, lost.Ports = nil, nil
	pending := planned(b, full, lost, all, start.Add(time.Minute))
	renamed := facts
	renamed.Servers = make([]inventory.Server, len(facts.Servers))
	for i, s := range facts.Servers {
		s.Name += "-new"
		renamed.Servers[i] = s
	}
	one := []inventory.Object{object("all")}
	for i := range vms {
		one[0].VMNames = append(one[0].VMNames, fmt.Sprintf("vm-%05d", i))
	}
	for _, bench := range []struct {
		name    string
		db      *inventorytest.Database
		facts   inventory.Facts
		objects []inventory.Object
		at      time.Time
	}{
		{"first", empty, facts, all, start},
		{"unchanged", full, facts, all, start.Add(time.Minute)},
		{"all lost", full, lost, all, start.Add(time.Minute)},
		{"all held", pending, lost, all, start.Add(2 * time.Minute)},
		{"all withdrawn", pending, lost, all, start.Add(time.Minute + 12*time.Minute)},
		{"all renamed", full, renamed, all, start.Add(time.Minute)},
		{"first of one object", empty, facts, one, start},
	} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				facts := bench.facts
				facts.TakenAt = bench.at
				snap := inventory.NewSnapshot(facts)
				have := view(bench.db, bench.objects, snap, bench.at)
				b.StartTimer()
				plan(bench.objects, snap, have, bench.at)
			}
		})
	}
	b.Run("snapshot", func(b *testing.B) {
		for b.Loop() {
			inventory.NewSnapshot(facts)
		}
	})
}

var start = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// big has objects of ten VMs with one port each.
func big() (inventory.Facts, []inventory.Object) {
	facts := inventory.Facts{AllServers: true, Subnets: []inventory.Subnet{
		{ID: "s-data", Name: "data", CIDR: netip.MustParsePrefix("10.0.0.0/8"), NetworkID: "n-data", MTU: 1450},
	}}
	all := make([]inventory.Object, objects)
	for i := range vms {
		id := fmt.Sprintf("7d3c6f2e-7c4e-4c8a-9a52-%012d", i)
		name := fmt.Sprintf("vm-%05d", i)
		facts.Servers = append(facts.Servers, inventory.Server{ID: id, Name: name, Status: "ACTIVE"})
		facts.Ports = append(facts.Ports, inventory.Port{
			ID: fmt.Sprintf("0e9f4d7a-11aa-4f0e-8a52-%012d", i), MAC: "fa:16:3e:00:00:00", DeviceID: id,
			FixedIPs: []inventory.FixedIP{{SubnetID: "s-data", Address: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})}},
		})
		o := &all[i*objects/vms]
		if o.Name == "" {
			*o = object(fmt.Sprintf("o-%04d", i*objects/vms))
		}
		o.VMNames = append(o.VMNames, name)
	}
	return facts, all
}

func plan(objects []inventory.Object, snap *inventory.Snapshot, have *inventory.Published, now time.Time) inventory.Plan {
	planner := inventory.NewPlanner(now, inventory.NewNodes(nil), have, time.Time{})
	for _, o := range objects {
		planner.Object(o, snap)
	}
	return planner.Finish()
}

func view(db *inventorytest.Database, objects []inventory.Object, snap *inventory.Snapshot, now time.Time) *inventory.Published {
	q := inventorytest.Query{Clouds: []string{cloud}, RecentSince: now.Add(-30 * time.Minute)}
	for _, o := range objects {
		q.Objects = append(q.Objects, o.Key)
		q.Concerns.Concern(o, snap, inventory.NewNodes(nil))
	}
	return db.View(q)
}

// planned is the database after a run.
func planned(b *testing.B, db *inventorytest.Database, facts inventory.Facts, objects []inventory.Object, now time.Time) *inventorytest.Database {
	b.Helper()
	facts.TakenAt = now
	snap := inventory.NewSnapshot(facts)
	next := db.Clone()
	if err := next.Apply(plan(objects, snap, view(db, objects, snap, now), now)); err != nil {
		b.Fatal(err)
	}
	return next
}
