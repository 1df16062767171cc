// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// system is the production sample, running, with agents that ask it all the time.
type system struct {
	agents *server
	poller *poller
	lost   bool // what agents have said is lost with the data
}

// up returns the system, and brings it up if there is none.
func up(t *testing.T) *system {
	t.Helper()
	if g.system != nil {
		ready(t)
		return g.system
	}
	deployOperator(t)
	run(t, "kubectl", "apply", "-f", "config/samples/multinicoperator_production.yaml")
	ready(t)
	declare(t)
	s := &system{agents: agents(t)}
	eventually(t, "the agents see the cloud", func() error { return equal(t.Context(), s.agents) })
	s.applyAll(t)
	s.poller = poll("internal", s.agents, wanted())
	g.system = s
	return s
}

// agents reach the database by what the Secret for them says.
func agents(t *testing.T) *server {
	t.Helper()
	data := get(t, namespace, resources.AgentAccessName, &corev1.Secret{}).Data
	s, err := connect(string(data["user"]), string(data["password"]), string(data["host"]), string(data["database"]))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func theOperator(t *testing.T) *v1alpha1.MultiNicOperator {
	t.Helper()
	return get(t, namespace, operator, &v1alpha1.MultiNicOperator{})
}

// set changes the MultiNicOperator.
func set(t *testing.T, change func(*v1alpha1.MultiNicOperator)) {
	t.Helper()
	edit(t, &v1alpha1.MultiNicOperator{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: operator}}, change)
}

// isReady says what keeps the MultiNicOperator, as it is now, from being ready.
func isReady(t *testing.T) error {
	t.Helper()
	op := theOperator(t)
	c := meta.FindStatusCondition(op.Status.Conditions, v1alpha1.ConditionReady)
	if c == nil || c.Status != metav1.ConditionTrue || op.Status.ObservedGeneration != op.Generation {
		return fmt.Errorf("Ready is %+v at generation %d of %d", c, op.Status.ObservedGeneration, op.Generation)
	}
	return nil
}

func ready(t *testing.T) {
	t.Helper()
	eventually(t, "the MultiNicOperator is Ready", func() error { return isReady(t) })
}

// holds waits for a condition.
func holds(t *testing.T, kind string, status metav1.ConditionStatus, reason string) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s is %s for %s", kind, status, reason), func() error {
		op := theOperator(t)
		c := meta.FindStatusCondition(op.Status.Conditions, kind)
		if c == nil || c.Status != status || c.Reason != reason {
			return fmt.Errorf("it is %+v", c)
		}
		return nil
	})
}

// through lets something happen to the system, waits until its effect shows, and then
// until all is well: the MultiNicOperator is Ready, a change in the cloud is published,
// and the agents' rows are the cloud's.
func (s *system) through(t *testing.T, event string, action func(), effect func() error) {
	t.Helper()
	s.poller.begin(event)
	begun := time.Now()
	action()
	eventually(t, event, effect)
	ready(t)
	change(t, s.agents)
	took := time.Since(begun)
	s.poller.settled(t)
	s.poller.end(t, took)
	if err := equal(t.Context(), s.agents); err != nil {
		t.Errorf("after %s: %v", event, err)
	}
	s.stillApplied(t)
}

// applyAll does what agents do with rows that are new to them.
func (s *system) applyAll(t *testing.T) {
	t.Helper()
	for host := range wanted() {
		rows, err := s.agents.agentM(t.Context(), host)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if err := s.agents.apply(t.Context(), row.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// stillApplied: what the agents have applied they need not apply again.
func (s *system) stillApplied(t *testing.T) {
	t.Helper()
	for host := range wanted() {
		if host == busyVM || s.lost {
			continue
		}
		rows, err := s.agents.agentM(t.Context(), host)
		if err != nil {
			t.Fatal(err)
		}
		for mac, row := range rows {
			if !row.Applied {
				t.Errorf("%s on %s would be applied again", mac, host)
			}
		}
	}
}
