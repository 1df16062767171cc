// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package system

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/test/openstacksim"
)

// manual makes time no cause of a run, so that calls can be counted.
func (s *system) manual() {
	s.t.Helper()
	o := &v1alpha1.MultiNicOperator{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "manual"}}
	o.Spec.ReconcileTrigger.Mode = v1alpha1.TriggerManual
	if err := s.client.Create(s.t.Context(), o); err != nil {
		s.t.Fatal(err)
	}
}

// allReady waits until every object of the namespace is Ready with the
// request handled, and returns their resource versions.
func (s *system) allReady(n int, request string) map[string]string {
	s.t.Helper()
	versions := map[string]string{}
	s.eventually(fmt.Sprintf("%d objects Ready", n), func() error {
		list := &v1alpha1.OpenstackConfigList{}
		if err := s.client.List(s.t.Context(), list, client.InNamespace(s.namespace)); err != nil {
			return err
		}
		ready := 0
		for i := range list.Items {
			o := &list.Items[i]
			versions[o.Name] = o.ResourceVersion
			if meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionReady) && o.Status.LastHandledReconcileAt == request {
				ready++
			}
		}
		if ready != n {
			return fmt.Errorf("%d are", ready)
		}
		return nil
	})
	return versions
}

func (s *system) calls() map[string]int {
	out := map[string]int{}
	for service, operations := range s.sim.Counters() {
		for operation, n := range operations {
			out[string(service)+" "+operation] = n
		}
	}
	return out
}

// inParallel does f for 0 to n-1, 16 at a time.
func inParallel(n int, f func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range 16 {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

func TestAThousandObjectsShareOneReadingOfTenThousandVMs(t *testing.T) {
	t.Parallel()
	const objects, vmsEach = 1000, 10
	s := newSystem(t, 1)
	s.manual()
	servers := s.sim.AddServers(s.lab.Project.ID, "bulk", objects*vmsEach, s.lab.Networks["k8s-net"].ID)
	inParallel(objects, func(i int) {
		names := make([]string, vmsEach)
		for j := range names {
			names[j] = servers[i*vmsEach+j].Name
		}
		s.config(fmt.Sprintf("c%04d", i), "k8s-subnet", names...)
	})
	s.sim.ResetJournal()
	stop := s.start()
	before := s.allReady(objects, "")

	// Pages of 1000: 10,003 servers are 11, and so are their ports.
	want := map[string]int{
		"identity POST /v3/auth/tokens": 1, "network GET /v2.0/subnets": 1, "network GET /v2.0/networks": 1,
		"compute GET /v2.1/servers/detail": 11, "network GET /v2.0/ports": 11,
	}
	got := s.calls()
	for operation, n := range got {
		if strings.Contains(operation, "servers") || strings.Contains(operation, "v2.0/") || strings.Contains(operation, "tokens") {
			if n > want[operation] {
				t.Errorf("%s: %d calls, %d are enough", operation, n, want[operation])
			}
		}
	}
	t.Logf("calls of the first run: %v, %d bytes", got, s.sim.Bytes())

	rows := s.tables()
	stop()
	s.sim.ResetJournal()
	stop = s.start()
	s.answers("/readyz", 200)
	s.config("marker", "k8s-subnet", servers[0].Name) // once it is Ready, the others have been looked at
	s.waitReady("marker", v1alpha1.ReasonSynced)
	for _, call := range s.sim.Calls() {
		if strings.Contains(call.Path, "servers") && call.Query == "limit=1000" {
			t.Errorf("a restart with nothing due lists the whole project: %+v", call)
		}
	}
	if n := s.sim.Count(openstacksim.Network, "GET /v2.0/ports"); n > 1 {
		t.Errorf("a restart with nothing due: %d port listings, the new object needs one", n)
	}
	if err := s.client.Delete(t.Context(), s.get("marker")); err != nil {
		t.Fatal(err)
	}
	s.eventually("the marker is gone", func() error {
		if err := s.client.Get(t.Context(), client.ObjectKey{Namespace: s.namespace, Name: "marker"}, &v1alpha1.OpenstackConfig{}); err == nil {
			return fmt.Errorf("it is still there")
		}
		return nil
	})
	var written []string
	for name, version := range s.allReady(objects, "") {
		if before[name] != version {
			written = append(written, name)
		}
	}
	if len(written) > 0 {
		o, _ := json.Marshal(s.get(written[0]).Status)
		t.Errorf("%d objects were written by a restart with nothing due, such as %s: %s", len(written), written[0], o)
	}
	if after := s.tables(); strings.Count(after, "\n") != strings.Count(rows, "\n") {
		t.Errorf("a restart with nothing due changed the number of rows")
	}
	stop()
}

func TestAnObjectWithThreeVMsDoesNotListTenThousand(t *testing.T) {
	t.Parallel()
	s := newSystem(t, 3)
	s.manual()
	s.sim.AddServers(s.lab.Project.ID, "bulk", 10000, s.lab.Networks["k8s-net"].ID)
	s.start()
	s.sim.ResetJournal()
	s.config("three", "k8s-subnet", "test-vm-1", "test-vm-2", "test-vm-3")
	s.waitReady("three", v1alpha1.ReasonSynced)
	var calls []string
	for _, c := range s.sim.Calls() {
		if !isDiscovery(c) {
			calls = append(calls, c.Operation())
		}
	}
	if len(calls) > 6 || s.sim.Bytes() > 50_000 {
		t.Errorf("%d calls and %d bytes: %v", len(calls), s.sim.Bytes(), calls)
	}
	t.Logf("%d calls, %d bytes: %v", len(calls), s.sim.Bytes(), calls)
	before := s.tables()
	s.run("three")
	if after := s.tables(); after != before {
		t.Error("an unchanged second run wrote rows")
	}
}

// isDiscovery tells the reading of version documents, which is cached for the
// life of a login and counted apart.
func isDiscovery(c openstacksim.Call) bool {
	return c.Path == "/" || c.Path == "/v2.1" || c.Path == "/v2.1/" || c.Path == "/v2.0" || c.Path == "/v2.0/" || c.Path == "/v3" || c.Path == "/v3/"
}
