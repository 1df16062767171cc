// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Command openstacksim serves a simulated OpenStack on loopback until it is
// interrupted.
//
//	openstacksim --vms 20                        # the project's lab in memory
//	openstacksim --vms 10000 --subnets 3 --latency 20ms
//
// It prints the clouds.yaml to log in with, or writes it to --clouds. What
// --control allows is told in test/openstacksim/control.go.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/xormsdhkdwk/multinic/test/openstacksim"
)

type settings struct {
	vms, subnets                 int
	seed                         uint64
	latency, attach              time.Duration
	clouds                       string
	control                      bool
	identity, network, computeAt string
}

func main() {
	var s settings
	flag.IntVar(&s.vms, "vms", 20, "number of servers")
	flag.IntVar(&s.subnets, "subnets", 0, "spread the servers over so many subnets of one project; 0 makes the lab of hack/openstack instead")
	flag.Uint64Var(&s.seed, "seed", 1, "seed of all IDs")
	flag.DurationVar(&s.latency, "latency", 0, "added to every answer")
	flag.DurationVar(&s.attach, "attach-time", time.Second, "how long an attach or detach takes")
	flag.StringVar(&s.clouds, "clouds", "", "file to write the clouds.yaml to, with cloud \"openstack\"; empty prints it")
	flag.BoolVar(&s.control, "control", false, "serve the control API under /_sim/ on keystone's port")
	flag.StringVar(&s.identity, "listen", "127.0.0.1:0", "address of keystone")
	flag.StringVar(&s.network, "listen-network", "127.0.0.1:0", "address of neutron")
	flag.StringVar(&s.computeAt, "listen-compute", "127.0.0.1:0", "address of nova")
	flag.Parse()
	if err := run(s); err != nil {
		fmt.Fprintln(os.Stderr, "openstacksim:", err)
		os.Exit(1)
	}
}

func run(s settings) error {
	if flag.NArg() > 0 || s.vms < 0 || s.subnets < 0 || s.subnets > 199 {
		return fmt.Errorf("no arguments, --vms from 0 and --subnets from 0 to 199; see --help")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	sim := openstacksim.New(openstacksim.Options{
		Seed: s.seed, Latency: s.latency, AttachTime: s.attach, DetachTime: s.attach, BootTime: s.attach, Control: s.control,
		Listen: map[openstacksim.Service]string{openstacksim.Identity: s.identity, openstacksim.Network: s.network, openstacksim.Compute: s.computeAt},
	})
	var login openstacksim.Credentials
	if s.subnets > 0 {
		login = sim.SeedScale(s.vms, s.subnets).Credentials()
	} else {
		login = sim.SeedLab(s.vms).Credentials()
	}
	sim.Start()
	defer sim.Close()
	clouds := sim.CloudsYAML(login)
	if s.clouds == "" {
		fmt.Print(clouds)
	} else if err := os.WriteFile(s.clouds, []byte(clouds), 0o600); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "openstacksim: %d servers; keystone %s, neutron %s, nova %s\n",
		len(sim.Servers()), sim.AuthURL(), sim.URL(openstacksim.Network), sim.URL(openstacksim.Compute))
	<-ctx.Done()
	return nil
}
