// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

// changedCount is how many addresses change in changedAddresses.
const changedCount = 100

// tickEvery is the interval while a run is wanted. Between the phases the mode
// is manual, so that nothing is measured that was not asked for.
const tickEvery = 30 * time.Second

// tickLead is how long before a tick the interval is set: time for the controller
// to look at every object and let it be.
const tickLead = 5 * time.Second

// measureFloors warms the simulator up, so that the first floor is not dear.
func measureFloors(ctx context.Context, w *world, _ *report) error {
	_, _, err := w.listingFloor(ctx)
	return err
}

// measureNaive does a sample of the objects the naive way.
func measureNaive(ctx context.Context, w *world, r *report) error {
	progress("the naive way, %d objects of %d", w.sample, w.objects)
	db, err := w.server.CreateDatabase(ctx)
	if err != nil {
		return err
	}
	s, l, err := lead(ctx, db, "naive")
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := l.Apply(ctx, inventory.Plan{Subnets: w.subnetRows()}, nil); err != nil {
		return err
	}
	j := job{Kind: "naive", DB: db}
	j.DB.Server = nil
	for i := range w.sample {
		o := w.object(objectNamespace, i)
		j.Objects = append(j.Objects, naiveObject{Name: o.Name, Subnet: o.Spec.SubnetName, VMs: o.Spec.VMNames})
	}
	before, err := w.counters(ctx)
	if err != nil {
		return err
	}
	naive, _, err := w.part(ctx, j)
	if err != nil {
		return err
	}
	after, err := w.counters(ctx)
	if err != nil {
		return err
	}
	spent := after.since(before)
	naive.bytes, naive.rows = spent.bytes, spent.rows
	r.naive = naive.times(float64(w.objects) / float64(w.sample))
	return db.Drop(ctx)
}

// createdBesideController: the controller runs and has nothing to do; then
// every object is created.
func createdBesideController(ctx context.Context, w *world, r *report) error {
	progress("%d objects are created beside a running controller", w.objects)
	f, err := w.fullFloor(ctx)
	if err != nil {
		return err
	}
	if err := w.trigger(ctx, v1alpha1.ReconcileTriggerSpec{Mode: v1alpha1.TriggerManual}); err != nil {
		return err
	}
	if err := w.watchObjects(ctx); err != nil {
		return err
	}
	if err := w.startController(); err != nil {
		return err
	}
	if _, err := w.controller.wait(ctx, lineLeading, 1); err != nil {
		return err
	}
	before, err := w.counters(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := w.create(ctx, objectNamespace, w.objects); err != nil {
		return err
	}
	return w.firstRun(ctx, r, start, before, row{
		name: fmt.Sprintf("first run, from the first of %d creations", w.objects), floor: f.listing.plus(f.insert).plus(f.kube(true, true)),
		naive: r.naive, severalRounds: true,
	}, row{})
}

// existingObjects: a first run over objects that exist, into an empty database.
func existingObjects(ctx context.Context, w *world, r *report) error {
	progress("%d objects exist, the database is empty, the controller starts", w.objects)
	if err := w.controller.stop(); err != nil {
		return err
	}
	w.controller = nil
	f, err := w.fullFloor(ctx)
	if err != nil {
		return err
	}
	if err := w.freshDatabase(ctx); err != nil {
		return err
	}
	if err := w.create(ctx, objectNamespace, w.objects, v1alpha1.Finalizer); err != nil {
		return err
	}
	before, err := w.counters(ctx)
	if err != nil {
		return err
	}
	if err := w.startController(); err != nil {
		return err
	}
	start, err := w.controller.wait(ctx, lineLeading, 1)
	if err != nil {
		return err
	}
	return w.firstRun(ctx, r, start, before,
		row{name: fmt.Sprintf("first run, %d objects exist: until every status is written", w.objects),
			floor: f.listing.plus(f.insert).plus(f.kube(false, false)), naive: r.naive},
		row{name: fmt.Sprintf("first run, %d objects exist: until every row is in MariaDB", w.objects),
			floor: f.listing.plus(f.insert), naive: r.naive})
}

// firstRun waits for its end and adds its rows: until the statuses, and, where
// one is wanted, until the rows.
func (w *world) firstRun(ctx context.Context, r *report, start time.Time, before figures, statuses, rows row) error {
	written, err := w.controller.wait(ctx, lineCompleted, w.objects)
	if err != nil {
		return err
	}
	told, err := w.watch.until(ctx, "every object is Ready", w.names(), synced)
	if err != nil {
		return err
	}
	after, err := w.counters(ctx)
	if err != nil {
		return err
	}
	if rows.name != "" {
		rows.ours = after.since(before)
		rows.ours.wall, rows.ours.kubeWrites = written.Sub(start), 0
		r.add(rows)
	}
	statuses.ours = after.since(before)
	statuses.ours.wall = told.Sub(start)
	r.add(statuses)
	return w.checkRows(ctx)
}

// checkRows makes sure that the fast way did the job.
func (w *world) checkRows(ctx context.Context) error {
	var n int
	if err := w.root.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+w.db.Name+".multi_interface WHERE status = 'active'").Scan(&n); err != nil {
		return err
	}
	if n != w.vms {
		return fmt.Errorf("agents see %d interfaces, there are %d", n, w.vms)
	}
	return nil
}

// unchangedRun: a tick finds everything as it was.
func unchangedRun(ctx context.Context, w *world, r *report) error {
	progress("a second run finds everything as it was")
	_, again, err := w.listingFloor(ctx)
	if err != nil {
		return err
	}
	ours, err := w.tick(ctx, nil)
	if err != nil {
		return err
	}
	r.add(row{name: "second run, nothing has changed", ours: ours, floor: again, naive: r.naive})
	return nil
}

// changedAddresses: a tick finds some ports with another address.
func changedAddresses(ctx context.Context, w *world, r *report) error {
	progress("%d addresses change", changedCount)
	_, again, err := w.listingFloor(ctx)
	if err != nil {
		return err
	}
	count := min(changedCount, w.objects)
	insert, err := w.insertFloor(ctx, count)
	if err != nil {
		return err
	}
	insert.statements, insert.rows = 1, int64(count) // no node changes
	bare, err := w.kubeFloor(ctx, count)
	if err != nil {
		return err
	}
	addresses := map[string]string{} // by object
	for k := range count {
		i := k * w.objects / count
		v := w.byVM[w.shares[i][0]]
		prefix := netip.MustParsePrefix(w.scale.Subnets[v.subnet].CIDR)
		a := prefix.Addr().As4()
		a[2], a[3] = 255, byte(1+k)
		addresses[objectName(i)] = netip.AddrFrom4(a).String()
		w.sim.SetFixedIP(v.portID, w.scale.Subnets[v.subnet].ID, addresses[objectName(i)])
	}
	names := make([]string, 0, count)
	for name := range addresses {
		names = append(names, name)
	}
	ours, err := w.tick(ctx, func() (time.Time, error) {
		return w.watch.until(ctx, "the changed addresses are in the statuses", names, func(o *v1alpha1.OpenstackConfig) bool {
			return o != nil && slices.ContainsFunc(o.Status.Interfaces, func(i v1alpha1.InterfaceStatus) bool {
				return slices.Contains(i.Addresses, addresses[o.Name])
			})
		})
	})
	if err != nil {
		return err
	}
	r.add(row{name: fmt.Sprintf("a run that finds %d changed addresses", count), ours: ours,
		floor: again.plus(insert).plus(figures{kubeWrites: count, wall: bare.status}), naive: r.naive})
	return nil
}

// tick lets every object run once and measures it: from the moment that the
// mode changes and the tick is due to the last object's end, or to end's.
func (w *world) tick(ctx context.Context, end func() (time.Time, error)) (figures, error) {
	// A schedule's first tick is the first after it was put in force: do that
	// shortly before one, so that the next is far.
	pause := time.NewTimer(time.Until(time.Now().Add(tickLead).Truncate(tickEvery).Add(tickEvery - tickLead)))
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
		return figures{}, ctx.Err()
	}
	done := len(w.controller.seen(lineCompleted))
	before, err := w.counters(ctx)
	if err != nil {
		return figures{}, err
	}
	proceeded := len(w.controller.seen(lineProceeding))
	if err := w.trigger(ctx, v1alpha1.ReconcileTriggerSpec{Mode: v1alpha1.TriggerImmediate, Interval: tickEvery.String()}); err != nil {
		return figures{}, err
	}
	start, err := w.controller.wait(ctx, lineProceeding, proceeded+1)
	if err != nil {
		return figures{}, err
	}
	last, err := w.controller.wait(ctx, lineCompleted, done+w.objects)
	if err != nil {
		return figures{}, err
	}
	if end != nil {
		if last, err = end(); err != nil {
			return figures{}, err
		}
	}
	after, err := w.counters(ctx)
	if err != nil {
		return figures{}, err
	}
	ours := after.since(before)
	ours.wall = last.Sub(start)
	return ours, w.trigger(ctx, v1alpha1.ReconcileTriggerSpec{Mode: v1alpha1.TriggerManual})
}

// restartWithNothingDue: a new process looks at every object and lets it be.
func restartWithNothingDue(ctx context.Context, w *world, r *report) error {
	progress("the controller restarts, nothing is due")
	if err := w.controller.stop(); err != nil {
		return err
	}
	w.controller = nil
	before, err := w.counters(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := w.startController(); err != nil {
		return err
	}
	if _, err := w.controller.wait(ctx, lineLeading, 1); err != nil {
		return err
	}
	if err := w.waitMetric(ctx, "multinic_reconcile_total/skipped", float64(w.objects)); err != nil {
		return err
	}
	wall := time.Since(start)
	after, err := w.counters(ctx)
	if err != nil {
		return err
	}
	ours := after.since(before)
	ours.wall = wall
	r.add(row{name: "restart, nothing is due (from the start of the process)", ours: ours, naive: r.naive})
	return nil
}

// waitMetric waits until a counter has reached a value.
func (w *world) waitMetric(ctx context.Context, name string, value float64) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		m, err := w.controller.metrics(ctx, map[string]string{"multinic_reconcile_total": "result"})
		if err == nil && m[name] >= value {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting until %s is %v, it is %v: %w", name, value, m[name], ctx.Err())
		}
	}
}

// everythingDeleted: all objects are deleted at once.
func everythingDeleted(ctx context.Context, w *world, r *report) error {
	progress("every object is deleted")
	before, err := w.counters(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := w.kube.DeleteAllOf(ctx, &v1alpha1.OpenstackConfig{}, client.InNamespace(objectNamespace)); err != nil {
		return err
	}
	last, err := w.watch.until(ctx, "every object is gone", w.names(), func(o *v1alpha1.OpenstackConfig) bool { return o == nil })
	if err != nil {
		return err
	}
	after, err := w.counters(ctx)
	if err != nil {
		return err
	}
	ours := after.since(before)
	ours.wall = last.Sub(start)
	r.add(row{name: fmt.Sprintf("%d objects are deleted", w.objects), ours: ours})
	return nil
}

// fullFloor measures the parts of a first run's floor, now.
func (w *world) fullFloor(ctx context.Context) (floor, error) {
	f, err := w.kubeFloor(ctx, w.objects)
	if err != nil {
		return f, err
	}
	if f.listing, f.relisting, err = w.listingFloor(ctx); err != nil {
		return f, err
	}
	f.insert, err = w.insertFloor(ctx, w.vms)
	f.objects = w.objects
	return f, err
}

// kube is the Kubernetes part of a floor.
func (f floor) kube(creation, finalizers bool) figures {
	g := figures{kubeWrites: f.objects, wall: f.status}
	if creation {
		g.wall += f.create // the creations are the user's writes, not the controller's
	}
	if finalizers {
		g.kubeWrites += f.objects
		g.wall += f.finalizers
	}
	return g
}

func progress(format string, args ...any) { fmt.Printf("... "+format+"\n", args...) }
