// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Command demo shows MultiNic at work on one machine: a real kube-apiserver and
// etcd, a real MariaDB, a simulated OpenStack (or a real one, with -cloud) and
// the controller as a process of its own. It checks everything that it shows.
//
//	make demo                    # look around at the end; Ctrl-C ends it
//	make demo ARGS=--once        # ends by itself; exit code 0 only if all was as expected
//	make demo CLOUD=mycloud      # against the entry mycloud of your clouds.yaml
//
// Everything listens on 127.0.0.1 and lives in a temporary directory that goes
// with the program, however the program ends.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// settings are the command line.
type settings struct {
	once   bool
	cloud  string
	vms    string
	subnet string
}

// stopPatience is how long an interrupted story may take to put its things
// away; a server that is just being started is not waited for.
const stopPatience = 5 * time.Second

func main() {
	var s settings
	flag.BoolVar(&s.once, "once", false, "end without waiting for Ctrl-C")
	flag.StringVar(&s.cloud, "cloud", "", "entry of your clouds.yaml to use instead of the simulator; nothing in that cloud is changed")
	flag.StringVar(&s.vms, "vms", "", "with -cloud: names or IDs of the VMs, with commas between them (the first few on the subnet)")
	flag.StringVar(&s.subnet, "subnet", "", "with -cloud: name or ID of the subnet (the first one with VMs)")
	flag.Parse()
	if err := s.check(flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(2)
	}
	os.Exit(s.run())
}

func (s settings) check(args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%q is not an option: say -once, -cloud=NAME, -vms=A,B or -subnet=NAME", strings.Join(args, " "))
	}
	if s.cloud == "" && (s.vms != "" || s.subnet != "") {
		return errors.New("-vms and -subnet choose from a real cloud: name it with -cloud (make demo CLOUD=NAME)")
	}
	return nil
}

// run tells the story and cleans up. It returns the exit code.
func (s settings) run() int {
	ctrl.SetLogger(logr.Discard()) // the parts that the demo shares with the controller have nothing to say here
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	out := newScreen(os.Stdout)
	done := make(chan error, 1)
	go func() { done <- tell(ctx, out, s) }()

	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		stop() // a second Ctrl-C ends the program at once; the watchdog of testenv cleans up even then
		select {
		case err = <-done:
		case <-time.After(stopPatience):
			err = ctx.Err()
		}
	}
	interrupted := ctx.Err() != nil
	stopErr := out.farewell(testenv.Shutdown)
	switch {
	case interrupted && stopErr == nil && out.finished.Load():
		return 0
	case interrupted && stopErr == nil: // whatever failed, failed for that
		out.say("Interrupted before the end. Nothing is left behind.")
		return 130
	case err != nil || stopErr != nil:
		out.failure(errors.Join(err, stopErr))
		return 1
	default:
		return 0
	}
}

// tell brings the parts up, shows them at work and puts them away.
func tell(ctx context.Context, out *screen, s settings) (err error) {
	out.title(s.cloud)
	real, err := findRealCloud(ctx, out, s) // first, as it can fail by a slip of the pen
	if err != nil {
		return err
	}
	g, err := newGround(ctx, out)
	if err != nil {
		return err
	}
	defer func() {
		stopErr := g.controller.stop()
		if stopErr != nil && errors.Is(err, context.Canceled) {
			err = nil // what waited was called off because the controller had ended
		}
		if err = errors.Join(err, stopErr); err != nil && ctx.Err() == nil {
			out.log("the end of the controller's log", g.controller.logTail())
		}
	}()
	story, err := newStory(g, out, real)
	if err != nil {
		return err
	}
	defer story.close()
	if err := g.startController(ctx, out); err != nil {
		return err
	}
	running, cancel := g.controller.whileItRuns(ctx)
	defer cancel()
	if err := story.play(running); err != nil {
		return err
	}
	out.finished.Store(true)
	if s.once {
		out.say("Everything was as expected.")
		return nil
	}
	story.lookAround(out)
	<-running.Done()
	return nil
}
