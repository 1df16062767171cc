// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// row is one phase.
type row struct {
	name               string
	ours, floor, naive figures
	// severalRounds: objects come one after the other for longer than a round
	// gathers, so more readings than one are right.
	severalRounds bool
}

// report collects what is printed at the end.
type report struct {
	settings
	rows  []row
	naive figures
}

func (r *report) add(v row) { r.rows = append(r.rows, v) }

// heading names the run and the machine.
func (r *report) heading(ctx context.Context, w *world) string {
	var mariadb string
	_ = w.root.QueryRowContext(ctx, "SELECT VERSION()").Scan(&mariadb)
	memory, _ := os.ReadFile("/proc/meminfo")
	total, _, _ := strings.Cut(strings.TrimPrefix(string(memory), "MemTotal:"), "kB")
	limit, _ := shippedEnv("GOMEMLIMIT")
	return fmt.Sprintf("%d VMs, %d OpenstackConfigs, %d subnets, %s per call to OpenStack; %d cores, %s kB memory, %s %s/%s, MariaDB %s, kube-apiserver of %s; controller with GOMEMLIMIT=%s\n",
		r.vms, r.objects, r.subnets, r.latency, runtime.NumCPU(), strings.TrimSpace(total), runtime.Version(), runtime.GOOS, runtime.GOARCH, mariadb, w.plane.Config.Host, limit)
}

// table is Markdown that also reads well in a terminal.
func (r *report) table() string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 8, 1, ' ', 0)
	line := func(cells ...string) { fmt.Fprintln(t, "| "+strings.Join(cells, "\t| ")+"\t|") }
	line("", "OpenStack calls", "MB", "SQL statements", "rows written", "Kubernetes writes", "wall s", "CPU s", "peak RSS MiB")
	line("---", "--:", "--:", "--:", "--:", "--:", "--:", "--:", "--:")
	for _, v := range r.rows {
		line(append([]string{"**" + v.name + "**"}, v.ours.cells()...)...)
		if v.floor.wall > 0 {
			line(append([]string{"floor"}, v.floor.cells()...)...)
			line(append([]string{"ours / floor"}, v.ours.ratios(v.floor)...)...)
		}
		if v.naive.wall > 0 {
			line(append([]string{"naive / ours"}, v.naive.ratios(v.ours)...)...)
		}
	}
	line(append([]string{fmt.Sprintf("**the naive way** (%d objects measured, extrapolated)", r.sample)}, r.naive.cells()...)...)
	_ = t.Flush()
	return b.String()
}

func (f figures) cells() []string {
	return []string{
		fmt.Sprint(f.calls), fmt.Sprintf("%.1f", float64(f.bytes)/1e6), fmt.Sprint(f.statements), fmt.Sprint(f.rows),
		fmt.Sprint(f.kubeWrites), seconds(f.wall), seconds(f.cpu), fmt.Sprintf("%.0f", float64(f.peak)/(1<<20)),
	}
}

// ratios are f by g, where both are known.
func (f figures) ratios(g figures) []string {
	ratio := func(a, b float64) string {
		if a == 0 || b == 0 {
			return ""
		}
		return fmt.Sprintf("%.2f", a/b)
	}
	return []string{
		ratio(float64(f.calls), float64(g.calls)), ratio(float64(f.bytes), float64(g.bytes)),
		ratio(float64(f.statements), float64(g.statements)), ratio(float64(f.rows), float64(g.rows)),
		ratio(float64(f.kubeWrites), float64(g.kubeWrites)), ratio(f.wall.Seconds(), g.wall.Seconds()),
		ratio(f.cpu.Seconds(), g.cpu.Seconds()), ratio(float64(f.peak), float64(g.peak)),
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()) }

// verdict fails the run on what does not depend on the machine's speed.
func (r *report) verdict() error {
	var peak int64
	wrong := []string{}
	for _, v := range r.rows {
		peak = max(peak, v.ours.peak)
		if !v.severalRounds && v.ours.calls != v.floor.calls {
			wrong = append(wrong, fmt.Sprintf("%s: %d calls to OpenStack, the floor is %d", v.name, v.ours.calls, v.floor.calls))
		}
	}
	if peak > r.maxRSS {
		wrong = append(wrong, fmt.Sprintf("the controller held %d MiB, the limit is %d", peak>>20, r.maxRSS>>20))
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%s", strings.Join(wrong, "; "))
	}
	fmt.Printf("Calls to OpenStack are at the floor; the controller's peak of %d MiB is below %d MiB.\n", peak>>20, r.maxRSS>>20)
	return nil
}
