// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package system

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/test/openstacksim"
)

// TestALeaderThatWasFrozenPastItsLeaseWritesNothing freezes the leader in
// the middle of a run, lets the other replica publish a newer truth, and
// thaws the first: what it had read is old.
func TestALeaderThatWasFrozenPastItsLeaseWritesNothing(t *testing.T) {
	t.Parallel()
	s := newSystem(t, 2)
	kubeconfig := s.kubeconfig(s.kube)
	old := s.startChild(kubeconfig, true)
	s.config("c", "k8s-subnet", "test-vm-1")
	s.waitReady("c", v1alpha1.ReasonSynced)
	fencing := s.fencing()
	s.startChild(kubeconfig, true) // stands by

	subnet := s.lab.Subnets["k8s-subnet"].ID
	port := s.portOn(s.lab.Servers[0], subnet)
	s.sim.SetFixedIP(port, subnet, "10.10.99.1") // the old truth
	slow := s.sim.Inject(openstacksim.Fault{Service: openstacksim.Network, Path: "/v2.0/ports", Latency: 2 * time.Second, Count: 1})
	request := s.ask("c")
	s.eventually("the leader waits for its ports", func() error {
		if slow.Hits() == 0 {
			return fmt.Errorf("it has not asked for them")
		}
		return nil
	})
	old.signal(syscall.SIGSTOP)
	s.eventually("the other replica leads the database", func() error {
		if now := s.fencing(); now <= fencing {
			return fmt.Errorf("the fencing number is still %d", now)
		}
		return nil
	})
	s.handled("c", request)
	s.sim.SetFixedIP(port, subnet, "10.10.99.2") // the new truth
	s.run("c")
	s.sees("test-vm-1", "10.10.99.2")
	before := s.tables()

	old.signal(syscall.SIGCONT)
	select {
	case <-old.done:
	case <-time.After(patience):
		t.Fatal("the deposed leader goes on")
	}
	if after := s.tables(); after != before {
		t.Errorf("the deposed leader wrote; before:\n%s\nafter:\n%s", before, after)
	}
	s.sees("test-vm-1", "10.10.99.2")
}

// TestAKilledLeaderIsReplacedAndAStoppedOneAtOnce counts on nothing but the
// lease for the first and on its release for the second.
func TestAKilledLeaderIsReplacedAndAStoppedOneAtOnce(t *testing.T) {
	t.Parallel()
	s := newSystem(t, 2)
	kubeconfig := s.kubeconfig(s.kube)
	first := s.startChild(kubeconfig, true)
	s.config("c", "k8s-subnet", "test-vm-1")
	s.waitReady("c", v1alpha1.ReasonSynced)
	second := s.startChild(kubeconfig, true)
	first.kill()
	s.run("c")
	s.startChild(kubeconfig, true)
	second.signal(syscall.SIGTERM)
	select {
	case <-second.done:
	case <-time.After(patience):
		t.Fatal("a stopped controller goes on")
	}
	s.run("c")
	s.sees("test-vm-1", s.address(s.lab.Servers[0]))
}

func (s *system) fencing() (n int64) {
	s.t.Helper()
	if err := s.sql.QueryRow("SELECT fencing FROM multi_epoch").Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}
