// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/internal/store/storetest"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// The size of a first run: section 11 of the contract.
const (
	interfaces = 10_000
	perObject  = 10
)

// BenchmarkApply writes 10,000 interfaces of 1,000 objects, with their nodes,
// claims and history, in one Apply. Beside it, its floor: the same interface rows
// in one bare INSERT, whose parents are there already. The aim is at most twice
// the floor (x-floor); the fastest of each are compared, which other work on the
// machine disturbs least.
func BenchmarkApply(b *testing.B) {
	plan := storetest.FirstRun(interfaces, perObject)
	whole, floor := time.Hour, time.Hour
	var statements int64
	for b.Loop() {
		b.StopTimer()
		floor = min(floor, bareInsert(b, plan))
		s, l := newLeader(b)
		before := s.Statements()
		b.StartTimer()
		start := time.Now()
		if _, err := l.Apply(b.Context(), plan, nil); err != nil {
			b.Fatal(err)
		}
		whole = min(whole, time.Since(start))
		statements += s.Statements() - before
	}
	b.ReportMetric(float64(whole.Milliseconds()), "best-ms")
	b.ReportMetric(float64(floor.Milliseconds()), "floor-ms")
	b.ReportMetric(float64(statements)/float64(b.N), "statements/op")
	b.ReportMetric(float64(whole)/float64(floor), "x-floor")
}

func newLeader(b *testing.B) (*store.Store, *store.Leader) {
	b.Helper()
	db := testenv.Database(b)
	s, err := store.Open(store.Config{Host: db.Host, Port: db.Port, User: db.User, Password: db.Password, Database: db.Name, Cluster: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	l, err := s.Lead(b.Context(), store.Mark{})
	if err != nil {
		b.Fatal(err)
	}
	return s, l
}

// bareInsert is the floor: how long one INSERT of the plan's interfaces takes.
func bareInsert(b *testing.B, plan inventory.Plan) time.Duration {
	b.Helper()
	db := testenv.Database(b)
	s, err := store.Open(store.Config{Host: db.Host, Port: db.Port, User: db.User, Password: db.Password, Database: db.Name, Cluster: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	l, err := s.Lead(b.Context(), store.Mark{})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := l.Apply(b.Context(), inventory.Plan{Subnets: plan.Subnets, Nodes: plan.Nodes}, nil); err != nil {
		b.Fatal(err)
	}
	text := "INSERT INTO multi_interface (port_id, subnet_id, macaddress, address, mtu, attached_node_id, attached_node_name," +
		" cr_namespace, cr_name, status, created_at, modified_at) VALUES " +
		strings.TrimSuffix(strings.Repeat("(?,?,?,?,?,?,?,?,?,?,?,?),", len(plan.Interfaces)), ",")
	var values []any
	for _, w := range plan.Interfaces {
		v := w.Row
		values = append(values, v.PortID, v.SubnetID, v.MAC, v.Address, v.MTU, v.ServerID, v.HostName, v.Owner.Namespace, v.Owner.Name,
			string(v.Status), "2026-01-02 03:04:05", "2026-01-02 03:04:05")
	}
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.Passwd, config.DBName = "unix", db.Socket, db.User, db.Password, db.Name
	config.InterpolateParams = true
	connector, err := mysql.NewConnector(config)
	if err != nil {
		b.Fatal(err)
	}
	pool := sql.OpenDB(connector)
	defer pool.Close()
	if err := pool.PingContext(b.Context()); err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	if _, err := pool.ExecContext(b.Context(), text, values...); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}
