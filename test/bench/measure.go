// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// figures are what a phase cost, or what its floor or the naive way costs.
type figures struct {
	calls      int // to OpenStack, version discovery apart
	discovery  int
	bytes      int64
	statements int64 // SQL, by MariaDB's own count
	rows       int64 // inserted, updated and deleted
	kubeWrites int   // by the controller
	wall       time.Duration
	cpu        time.Duration
	peak       int64 // resident bytes; of the process so far
}

// discoveryOperation is Nova's version document, read once per login.
const discoveryOperation = "GET /v2.1/"

// counters reads all counters as they stand.
func (w *world) counters(ctx context.Context) (figures, error) {
	f := figures{discovery: w.sim.Count("compute", discoveryOperation), bytes: w.sim.Bytes()}
	f.calls = w.sim.TotalCalls() - f.discovery
	if err := w.sampleSQL(ctx, &f); err != nil {
		return f, err
	}
	c := w.controller
	if c == nil {
		return f, nil
	}
	metrics, err := c.metrics(ctx, map[string]string{"rest_client_requests_total": "method"})
	if err != nil {
		return f, fmt.Errorf("reading the controller's metrics: %w", err)
	}
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		f.kubeWrites += int(metrics["rest_client_requests_total/"+method])
	}
	if f.cpu, err = c.cpu(); err != nil {
		return f, err
	}
	f.peak, err = c.peakRSS()
	return f, err
}

// sampleSQL reads MariaDB's counters, of which our reading is one statement
// (mariadb.com/kb: Server Status Variables; InnoDB's own row counters stand
// still unless its monitors are on). An upsert of a row that is there counts as
// a write and an update.
func (w *world) sampleSQL(ctx context.Context, f *figures) error {
	rows, err := w.root.QueryContext(ctx, `SHOW GLOBAL STATUS WHERE Variable_name IN
 ('Questions', 'Handler_write', 'Handler_update', 'Handler_delete')`)
	if err != nil {
		return fmt.Errorf("reading MariaDB's counters: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var n int64
		if err := rows.Scan(&name, &n); err != nil {
			return err
		}
		if name == "Questions" {
			f.statements = n
		} else if strings.HasPrefix(name, "Handler_") {
			f.rows += n
		}
	}
	return rows.Err()
}

// since is what was added to before; the peak stays.
func (f figures) since(before figures) figures {
	f.calls -= before.calls
	f.discovery -= before.discovery
	f.bytes -= before.bytes
	f.statements -= before.statements + 1 // our own
	f.rows -= before.rows
	f.kubeWrites -= before.kubeWrites
	f.cpu -= before.cpu
	return f
}

// plus adds a part that comes after the other.
func (f figures) plus(g figures) figures {
	f.calls += g.calls
	f.discovery += g.discovery
	f.bytes += g.bytes
	f.statements += g.statements
	f.rows += g.rows
	f.kubeWrites += g.kubeWrites
	f.wall += g.wall
	f.cpu += g.cpu
	f.peak = max(f.peak, g.peak)
	return f
}

// times is the same done n times over.
func (f figures) times(n float64) figures {
	scaled := func(v int64) int64 { return int64(float64(v) * n) }
	return figures{
		calls: int(scaled(int64(f.calls))), discovery: int(scaled(int64(f.discovery))), bytes: scaled(f.bytes),
		statements: scaled(f.statements), rows: scaled(f.rows), kubeWrites: int(scaled(int64(f.kubeWrites))),
		wall: time.Duration(scaled(int64(f.wall))), cpu: time.Duration(scaled(int64(f.cpu))), peak: f.peak,
	}
}
