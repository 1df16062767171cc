// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Command bench measures the controller at the size that the contract names:
// 10,000 VMs, 1,000 OpenstackConfigs, 3 subnets, 20 ms per call to OpenStack.
//
// The controller is a process of its own, built by this program and limited as
// config/manager/controller.yaml limits it. It stands on a real kube-apiserver,
// a real MariaDB and the OpenStack simulator, which runs here. Everything that
// is told comes from outside of it: the simulator's journal, MariaDB's status
// counters, the controller's /metrics and /proc.
//
// Each figure stands beside its floor, measured in the same run on the same
// machine (one bare paged listing, one bare multi-row insert per table, bare
// patches of the objects), and beside the same job done naively (a login and a
// listing per object, a lookup per NIC, delete and insert per row) on a sample.
// Times are for people to compare; what makes the program fail is a call to
// OpenStack above the floor, or a peak of memory above the limit.
//
//	go run ./test/bench [--quick] [--vms 10000] [--objects 1000] [--subnets 3] [--latency 20ms]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// settings are the size of the run.
type settings struct {
	vms, objects, subnets int
	latency               time.Duration
	// sample is how many objects the naive way is measured on.
	sample int
	// maxRSS is the most that the controller may take, in bytes.
	maxRSS int64
	// log is a file for the controller's log; empty: none is kept.
	log string
}

func main() {
	ctrl.SetLogger(logr.Discard())
	if len(os.Args) == 2 && os.Args[1] == partCommand {
		exit(runPart(context.Background(), os.Stdin, os.Stdout))
	}
	s := settings{maxRSS: 150 << 20}
	quick := false
	flag.IntVar(&s.vms, "vms", 10000, "VMs in the project, one interface each")
	flag.IntVar(&s.objects, "objects", 1000, "OpenstackConfigs, which share the VMs out")
	flag.IntVar(&s.subnets, "subnets", 3, "subnets, which share the interfaces out")
	flag.DurationVar(&s.latency, "latency", 20*time.Millisecond, "what every call to OpenStack takes besides its work")
	flag.IntVar(&s.sample, "sample", 20, "objects that the naive way is measured on; the rest is extrapolated")
	flag.StringVar(&s.log, "log", "", "file to keep the controller's log in")
	flag.BoolVar(&quick, "quick", false, "a tenth of the VMs and objects")
	flag.Parse()
	if quick {
		s.vms, s.objects, s.sample = s.vms/10, s.objects/10, min(s.sample, 5)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit(errors.Join(bench(ctx, s), testenv.Shutdown()))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// bench is the whole run.
func bench(ctx context.Context, s settings) error {
	if s.objects < s.subnets || s.vms < s.objects || s.sample > s.objects {
		return fmt.Errorf("%d VMs, %d objects and %d subnets don't go together: there must be at least as many VMs as objects as subnets", s.vms, s.objects, s.subnets)
	}
	w, err := newWorld(ctx, s)
	if err != nil {
		return err
	}
	defer w.close()
	r := &report{settings: s}
	fmt.Println(r.heading(ctx, w))
	for _, phase := range []func(context.Context, *world, *report) error{
		measureFloors, measureNaive,
		createdBesideController, unchangedRun, changedAddresses, restartWithNothingDue, everythingDeleted,
		existingObjects,
	} {
		if err := phase(ctx, w, r); err != nil {
			return fmt.Errorf("%w%s", err, w.logTail())
		}
	}
	fmt.Println(r.table())
	return r.verdict()
}
