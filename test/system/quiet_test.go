// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package system

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

// What the agents have configured is read again and again; an object that has
// been told of it is not looked at for its sake any more.
func TestNothingPassesAndNothingIsWrittenOnceAllIsTold(t *testing.T) {
	t.Parallel()
	s := newSystem(t, 3)
	s.manual()
	s.start()
	one, two, three := s.lab.Servers[0], s.lab.Servers[1], s.lab.Servers[2]
	s.config("c", "k8s-subnet", one.Name, two.Name)
	s.config("d", "k8s-subnet", two.Name, three.Name)
	s.waitReady("c", v1alpha1.ReasonSynced)
	s.waitReady("d", v1alpha1.ReasonSynced)
	s.quiet("after both were published")

	s.edit("c", func(o *v1alpha1.OpenstackConfig) { o.Spec.VMNames = []string{one.Name} })
	s.waitReady("c", v1alpha1.ReasonSynced)
	s.sees(two.Name, s.address(two))
	s.quiet("after a VM was taken out that another object names")

	s.edit("d", func(o *v1alpha1.OpenstackConfig) { o.Spec.VMNames = []string{three.Name} })
	s.sees(two.Name)
	s.waitReady("d", v1alpha1.ReasonSynced)
	s.quiet("after a VM was taken out for good")

	nic := s.sees(three.Name, s.address(three))[0]
	if _, err := s.sql.Exec(agentMUpdate, true, nic.ID); err != nil {
		t.Fatal(err)
	}
	s.eventually("the agent's mark in the status", func() error {
		if n := s.get("d").Status.Counts.Applied; n != 1 {
			return fmt.Errorf("%d are applied", n)
		}
		return nil
	})
	s.quiet("after an agent has configured its interface")

	s.sim.DetachPort(three.ID, s.portOn(three, s.lab.Subnets["k8s-subnet"].ID))
	s.run("d")
	s.sees(three.Name) // after the second look
	s.quiet("after the last interface of an object was withdrawn")
}

// quiet waits until, while the agents' marks are read ten times, no object
// passes through the controller and none is written.
func (s *system) quiet(when string) {
	s.t.Helper()
	const reading = `multinic_database_operation_duration_seconds_count{operation="applied",`
	s.eventually("nothing goes on "+when, func() error {
		before, read := s.activity(), s.metric(reading)
		s.eventually("the agents' marks are read", func() error {
			if n := s.metric(reading) - read; n < 10 {
				return fmt.Errorf("%d times", n)
			}
			return nil
		})
		if after := s.activity(); after != before {
			return fmt.Errorf("there were %s, then %s", before, after)
		}
		return nil
	})
}

// activity is what grows when objects pass, or are written.
func (s *system) activity() string {
	s.t.Helper()
	list := &v1alpha1.OpenstackConfigList{}
	if err := s.client.List(s.t.Context(), list, client.InNamespace(s.namespace)); err != nil {
		s.t.Fatal(err)
	}
	text := []string{fmt.Sprintf("%d passages", s.metric("multinic_reconcile_total{"))}
	for i := range list.Items {
		text = append(text, list.Items[i].Name+" at version "+list.Items[i].ResourceVersion)
	}
	return strings.Join(text, ", ")
}

// metric sums up the samples that begin so.
func (s *system) metric(begin string) (sum int) {
	s.t.Helper()
	_, page := s.fetch("/metrics")
	for line := range strings.Lines(page) {
		if !strings.HasPrefix(line, begin) {
			continue
		}
		fields := strings.Fields(line)
		n, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		if err != nil {
			s.t.Fatalf("%s: %v", line, err)
		}
		sum += int(n)
	}
	return sum
}
