// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/utils/clock"

	"github.com/xormsdhkdwk/multinic/internal/mariadb"
	"github.com/xormsdhkdwk/multinic/internal/resources"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/internal/store/storetest"
)

// publish does what the controller would: it fills the database and lets agents in.
func (b *bed) publish() {
	b.t.Helper()
	c := b.credentials()
	b.writer = c
	s, err := store.Open(store.Config{
		Host: "127.0.0.1", Port: b.server.Port, User: c.User, Password: c.Password, Database: c.Database,
		Cluster: "11111111-2222-4333-8444-555555555555/" + b.namespace, Clock: clock.RealClock{}, Log: logr.Discard(),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	defer s.Close()
	leader, err := s.Lead(b.t.Context(), store.Mark{})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := leader.Apply(b.t.Context(), storetest.FirstRun(3, 3), nil); err != nil {
		b.t.Fatal(err)
	}
	if !b.agentsRead() {
		b.t.Fatal("what is published can't be read")
	}
}

// agentsRead says whether agents get their table; else they get its absence.
func (b *bed) agentsRead() bool {
	b.t.Helper()
	db := b.server.open(b.writer)
	defer db.Close()
	err := db.QueryRowContext(b.t.Context(), "SELECT id FROM "+resources.DefaultDatabase+".multi_interface LIMIT 1").Scan(new(int))
	if err != nil && mariadb.Number(err) != mariadb.ErrNoSuchTable {
		b.t.Fatal(err)
	}
	return err == nil
}

// controller is the controller's Deployment: how many replicas it asks for, and
// the server that it names.
func (b *bed) controller() (replicas int32, host string) {
	b.t.Helper()
	d := &appsv1.Deployment{}
	if !b.read(resources.ControllerName, d) {
		return 0, ""
	}
	for _, e := range d.Spec.Template.Spec.Containers[0].Env {
		if e.Name == "DB_HOST" {
			host = e.Value
		}
	}
	return *d.Spec.Replicas, host
}

// looks waits until the operator has run some more times.
func (b *bed) looks() {
	b.t.Helper()
	runs := func() (sum float64) {
		for _, result := range []string{"success", "waiting", "error"} {
			sum += b.metric(`multinic_operator_reconcile_total{result="` + result + `"}`)
		}
		return sum
	}
	before := runs()
	b.until("the operator looks twice", func() bool { return runs() >= before+2 })
}
