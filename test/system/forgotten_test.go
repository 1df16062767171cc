// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package system

import (
	"net/http"
	"testing"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/test/openstacksim"
)

// A shut database in a cluster whose objects have no status is one that was
// restored after the cluster was lost: nothing tells who had published.
func TestADatabaseThatNoStatusRemembersOpensWhenEveryObjectHasSucceeded(t *testing.T) {
	t.Parallel()
	s, one, two := newForgotten(t)
	for _, name := range []string{"a", "b"} {
		o := s.get(name)
		o.Status = v1alpha1.OpenstackConfigStatus{}
		if err := s.client.Status().Update(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	s.edit("b", func(o *v1alpha1.OpenstackConfig) { o.Spec.Credentials.Password = "wrong" })

	stop := s.start()
	s.waitReady("a", v1alpha1.ReasonGateShut)
	s.waitReady("b", v1alpha1.ReasonCredentialsInvalid)
	s.refused("one object has not succeeded", one.Name, two.Name)
	stop()
	s.start() // now a status remembers the database, but that of one object only
	s.answers("/readyz", http.StatusOK)
	s.quiet("after the restart")
	s.refused("the controller was restarted", one.Name, two.Name)

	s.edit("b", func(o *v1alpha1.OpenstackConfig) { o.Spec.Credentials.Password = s.lab.User.Password })
	s.waitReady("a", v1alpha1.ReasonSynced)
	s.waitReady("b", v1alpha1.ReasonSynced)
	s.sees(one.Name, s.address(one))
	s.sees(two.Name, s.address(two))
}

func TestADatabaseThatNoStatusRemembersStaysShutUntilThereIsAnObject(t *testing.T) {
	t.Parallel()
	s, one, two := newForgotten(t)
	for _, name := range []string{"a", "b"} { // without the controller, as with their cluster
		s.edit(name, func(o *v1alpha1.OpenstackConfig) { o.Finalizers = nil })
		if err := s.client.Delete(t.Context(), s.get(name)); err != nil {
			t.Fatal(err)
		}
	}
	s.start()
	s.answers("/readyz", http.StatusOK)
	s.quiet("without any object")
	s.refused("there is no object", one.Name, two.Name)

	s.config("c", "k8s-subnet", one.Name)
	s.waitReady("c", v1alpha1.ReasonSynced)
	s.sees(one.Name, s.address(one))
}

// newForgotten is a system that has published two objects, a and b, with a VM
// each, whose controller is stopped and whose database is shut.
func newForgotten(t *testing.T) (s *system, one, two openstacksim.Server) {
	t.Helper()
	s = newSystem(t, 2)
	s.manual()
	one, two = s.lab.Servers[0], s.lab.Servers[1]
	stop := s.start()
	s.config("a", "k8s-subnet", one.Name)
	s.config("b", "k8s-subnet", two.Name)
	s.waitReady("a", v1alpha1.ReasonSynced)
	s.waitReady("b", v1alpha1.ReasonSynced)
	stop()
	if err := store.Shut(t.Context(), s.sql); err != nil {
		t.Fatal(err)
	}
	return s, one, two
}

// refused says that agents get an error.
func (s *system) refused(when string, hosts ...string) {
	s.t.Helper()
	for _, host := range hosts {
		if nics, err := s.agentM(host); err == nil {
			s.t.Errorf("%s: agent M on %s is told %+v, want an error", when, host, nics)
		}
	}
}
