// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package system

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/test/openstacksim"
)

// TestNoPasswordAndNoTokenIsToldAnywhere looks for them, after runs that
// succeed and runs that fail in many ways, in everything a person or a
// program can read: log, events, statuses, metrics, health and every column
// of every table.
func TestNoPasswordAndNoTokenIsToldAnywhere(t *testing.T) {
	t.Parallel()
	s := newSystem(t, 3)
	s.sim.SetPassword(s.lab.User.ID, "the-Pass-word-0815")
	s.lab.User.Password = "the-Pass-word-0815"
	s.start()
	s.config("good", "k8s-subnet", "test-vm-1", "test-vm-2")
	s.config("subnetless", "no-such-subnet", "test-vm-1")
	s.waitReady("good", v1alpha1.ReasonSynced)
	s.waitReady("subnetless", v1alpha1.ReasonSubnetUnresolved)
	for _, f := range []openstacksim.Fault{
		{Service: openstacksim.Compute, Status: 500}, {Service: openstacksim.Network, Status: 401}, {Service: openstacksim.Network, Body: openstacksim.BodyHTML},
		{Service: openstacksim.Compute, Body: openstacksim.BodyCut}, {Service: openstacksim.Identity, Body: openstacksim.BodyBrokenJSON},
	} {
		tokens := s.sim.Tokens()
		injected := s.sim.Inject(f)
		if f.Service == openstacksim.Identity {
			s.sim.ExpireTokens()
		}
		s.ask("good")
		s.eventually("the fault is met", func() error {
			if injected.Hits() == 0 {
				return fmt.Errorf("no call yet, tokens %d", len(tokens))
			}
			return nil
		})
		injected.Remove()
		s.run("good")
	}
	s.config("wrong", "k8s-subnet", "test-vm-1")
	s.edit("wrong", func(o *v1alpha1.OpenstackConfig) { o.Spec.Credentials.Password = "the-Wrong-Pass-word-4711" })
	s.waitReady("wrong", v1alpha1.ReasonCredentialsInvalid)

	secrets := append(s.sim.Tokens(), s.lab.User.Password, "the-Wrong-Pass-word-4711", s.db.Password)
	if len(secrets) < 4 {
		t.Fatal("the test knows no token")
	}
	_, metrics := s.fetch("/metrics")
	_, health := s.fetch("/healthz")
	if !strings.Contains(metrics, "multinic_openstack_request_duration_seconds") || !strings.Contains(s.log.String(), "Reconcile completed") {
		t.Fatal("the test looks at the wrong places")
	}
	places := map[string]string{"log": s.log.String(), "metrics": metrics, "health": health, "tables": s.everyTable(), "statuses": s.statuses(), "events": s.events()}
	for place, text := range places {
		if len(text) == 0 {
			t.Errorf("there is nothing in the %s", place)
		}
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("the %s tell a secret", place)
			}
		}
	}
}

// everyTable is every column of every table of the database.
func (s *system) everyTable() string {
	s.t.Helper()
	names, err := s.sql.Query("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()")
	if err != nil {
		s.t.Fatal(err)
	}
	var tables []string
	for names.Next() {
		var name string
		if err := names.Scan(&name); err != nil {
			s.t.Fatal(err)
		}
		tables = append(tables, name)
	}
	_ = names.Close()
	var b strings.Builder
	for _, table := range tables {
		rows, err := s.sql.Query("SELECT * FROM " + table)
		if err != nil {
			s.t.Fatal(err)
		}
		columns, _ := rows.Columns()
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(sql.NullString)
			}
			if err := rows.Scan(values...); err != nil {
				s.t.Fatal(err)
			}
			for _, v := range values {
				b.WriteString(v.(*sql.NullString).String + " ")
			}
		}
		_ = rows.Close()
	}
	return b.String()
}

func (s *system) statuses() string {
	s.t.Helper()
	list := &v1alpha1.OpenstackConfigList{}
	if err := s.client.List(context.Background(), list, client.InNamespace(s.namespace)); err != nil {
		s.t.Fatal(err)
	}
	var b strings.Builder
	for i := range list.Items {
		text, _ := json.Marshal(list.Items[i].Status)
		b.Write(text)
	}
	return b.String()
}

func (s *system) events() string {
	s.t.Helper()
	var text []byte
	s.eventually("there are events", func() error {
		list := &eventsv1.EventList{}
		if err := s.client.List(context.Background(), list, client.InNamespace(s.namespace)); err != nil {
			return err
		}
		if len(list.Items) == 0 {
			return fmt.Errorf("none")
		}
		text, _ = json.Marshal(list.Items)
		return nil
	})
	return string(text)
}
