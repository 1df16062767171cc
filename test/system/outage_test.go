// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package system

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/test/openstacksim"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

func TestADatabaseThatGoesAwayAndComesBackLosesNothing(t *testing.T) {
	t.Parallel()
	server := testenv.NewMariaDB(t, testenv.MariaDBOptions{})
	s := newSystemOn(t, 3, server.Database(t))
	s.start()
	s.config("c", "k8s-subnet", "test-vm-1", "test-vm-2")
	s.waitReady("c", v1alpha1.ReasonSynced)
	s.answers("/readyz", http.StatusOK)

	server.Kill()
	s.answers("/readyz", http.StatusServiceUnavailable)
	s.answers("/healthz", http.StatusServiceUnavailable)
	s.answers("/livez", http.StatusOK)
	s.edit("c", func(o *v1alpha1.OpenstackConfig) { o.Spec.VMNames = []string{"test-vm-1", "test-vm-3"} })
	s.config("d", "k8s-subnet", "test-vm-2")
	s.waitReady("c", v1alpha1.ReasonDatabaseUnavailable)
	s.waitReady("d", v1alpha1.ReasonDatabaseUnavailable)

	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.answers("/readyz", http.StatusOK)
	s.waitReady("c", v1alpha1.ReasonSynced)
	s.waitReady("d", v1alpha1.ReasonSynced)
	for _, vm := range s.lab.Servers[:3] {
		s.sees(vm.Name, s.address(vm))
	}
}

// TestADatabaseThatIsKilledInMidRunAndStaysAwayForAMinuteLosesNothing kills it
// while a run reads OpenStack, so that its transaction finds nobody.
func TestADatabaseThatIsKilledInMidRunAndStaysAwayForAMinuteLosesNothing(t *testing.T) {
	t.Parallel()
	server := testenv.NewMariaDB(t, testenv.MariaDBOptions{})
	s := newSystemOn(t, 2, server.Database(t))
	s.manual()
	stop := s.start()
	s.config("c", "k8s-subnet", "test-vm-1")
	s.waitReady("c", v1alpha1.ReasonSynced)
	nic := s.sees("test-vm-1", s.address(s.lab.Servers[0]))[0]

	slow := s.sim.Inject(openstacksim.Fault{Service: openstacksim.Network, Path: "/v2.0/ports", Latency: 2 * time.Second, Count: 1})
	before := s.sim.Count(openstacksim.Network, "GET /v2.0/subnets")
	s.edit("c", func(o *v1alpha1.OpenstackConfig) { o.Spec.VMNames = []string{"test-vm-1", "test-vm-2"} })
	s.eventually("the run reads", func() error {
		if s.sim.Count(openstacksim.Network, "GET /v2.0/subnets") == before {
			return errors.New("not yet")
		}
		return nil
	})
	server.Kill()
	away := time.NewTimer(time.Minute)
	s.answers("/readyz", http.StatusServiceUnavailable)
	s.waitReady("c", v1alpha1.ReasonDatabaseUnavailable)
	s.answers("/livez", http.StatusOK)
	<-away.C
	slow.Remove()
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.answers("/readyz", http.StatusOK)
	s.waitReady("c", v1alpha1.ReasonSynced)
	s.sees("test-vm-2", s.address(s.lab.Servers[1]))
	if again := s.sees("test-vm-1", s.address(s.lab.Servers[0]))[0]; again != nic {
		t.Errorf("the row that was there before has changed: %+v, it was %+v", again, nic)
	}
	stop() // it has never ended by itself: that would be an error here
}

func TestADatabaseThatHangsIsNoticedAndTheRunIsFinishedLater(t *testing.T) {
	t.Parallel()
	server := testenv.NewMariaDB(t, testenv.MariaDBOptions{})
	s := newSystemOn(t, 2, server.Database(t))
	s.start()
	s.config("c", "k8s-subnet", "test-vm-1")
	s.waitReady("c", v1alpha1.ReasonSynced)
	if err := server.Freeze(); err != nil {
		t.Fatal(err)
	}
	s.edit("c", func(o *v1alpha1.OpenstackConfig) { o.Spec.VMNames = []string{"test-vm-1", "test-vm-2"} })
	s.answers("/readyz", http.StatusServiceUnavailable)
	if err := server.Thaw(); err != nil {
		t.Fatal(err)
	}
	s.waitReady("c", v1alpha1.ReasonSynced)
	s.sees("test-vm-2", s.address(s.lab.Servers[1]))
}

func TestADeletionThatCantReachTheDatabaseIsRememberedAndDoneLater(t *testing.T) {
	t.Parallel()
	server := testenv.NewMariaDB(t, testenv.MariaDBOptions{})
	s := newSystemOn(t, 2, server.Database(t))
	s.options.DeletionPatience = 3 * time.Second
	s.start()
	o := s.config("c", "k8s-subnet", "test-vm-1")
	s.waitReady("c", v1alpha1.ReasonSynced)
	nic := s.sees("test-vm-1", s.address(s.lab.Servers[0]))[0]
	server.Kill()
	s.answers("/readyz", http.StatusServiceUnavailable)
	if err := s.client.Delete(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	s.eventually("the object goes although the database is away", func() error {
		if err := s.client.Get(t.Context(), client.ObjectKeyFromObject(o), o); err == nil {
			return fmt.Errorf("it is still there: %+v", o.Status.Conditions)
		}
		return nil
	})
	if err := server.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	s.sees("test-vm-1")
	var status string
	if err := s.sql.QueryRow("SELECT status FROM multi_interface WHERE id = ?", nic.ID).Scan(&status); err != nil || status != "deleted" {
		t.Errorf("the row's status is %q (%v); its history is to stay", status, err)
	}
}
