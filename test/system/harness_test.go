// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package system

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/app"
	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/test/openstacksim"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// patience is how long a condition may take on a slow, loaded machine.
const patience = 2 * time.Minute

var clouds atomic.Uint64

// system is one MultiNic of a test's own: namespace, database, cloud.
type system struct {
	t         *testing.T
	kube      *rest.Config
	client    client.Client
	namespace string
	db        testenv.DB
	sql       *sql.DB
	sim       *openstacksim.Sim
	lab       *openstacksim.Lab
	log       *testenv.Log
	env       []string
	served    atomic.Value // where health and metrics are, once started
	options   app.Options
}

// newSystem brings a system up, without its controller. Names of VMs are the
// simulator's; a test that makes Nodes gives them servers of its own.
func newSystem(t *testing.T, vms int) *system {
	t.Helper()
	return newSystemOn(t, vms, testenv.Database(t))
}

// newSystemOn is newSystem with a database on a server of the test's own.
func newSystemOn(t *testing.T, vms int, db testenv.DB) *system {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	kube := testenv.Kube(t)
	kube.QPS, kube.Burst = -1, 0
	c, err := client.New(kube, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	s := &system{t: t, kube: kube, client: c, namespace: testenv.Namespace(t, c), db: db, log: &testenv.Log{}, env: db.Env()}
	s.sql = s.db.Open(t)
	// Nodes are cluster-wide: no two clouds may have a server ID in common.
	s.sim = openstacksim.New(openstacksim.Options{Seed: clouds.Add(1)})
	s.sim.Start()
	t.Cleanup(func() { s.sim.Close() })
	s.lab = s.sim.SeedLab(vms)
	s.options = app.Options{
		Namespace: s.namespace, WatchNamespaces: []string{s.namespace}, Address: "127.0.0.1:0",
		Getenv: func(name string) string {
			for _, pair := range s.env {
				if value, ok := strings.CutPrefix(pair, name+"="); ok {
					return value
				}
			}
			return ""
		},
		CheckDatabaseEvery: 100 * time.Millisecond, ReadAppliedEvery: 200 * time.Millisecond,
		OpenStackRate: 1000,
		Started:       func(address string) { s.served.Store(address) },
		Limits:        inventory.DefaultLimits(),
	}
	s.options.Limits.SecondLook = 500 * time.Millisecond
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the controller's log:\n%s", s.log.Tail(200000))
		}
	})
	return s
}

// start runs a controller and returns the function that stops it, gracefully.
func (s *system) start() (stop func()) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	log := logr.FromSlogHandler(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	go func() { done <- app.RunController(ctx, s.kube, log, s.options) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				s.t.Errorf("the controller ended with: %v", err)
			}
		})
	}
	s.t.Cleanup(stop)
	return stop
}

// config makes an OpenstackConfig for VMs of the lab.
func (s *system) config(name, subnet string, vms ...string) *v1alpha1.OpenstackConfig {
	s.t.Helper()
	o := &v1alpha1.OpenstackConfig{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name},
		Spec: v1alpha1.OpenstackConfigSpec{VMNames: vms, SubnetName: subnet, Credentials: v1alpha1.Credentials{
			AuthURL: s.sim.AuthURL(), Username: s.lab.User.Name, Password: s.lab.User.Password, ProjectID: s.lab.Project.ID, DomainName: "Default",
		}},
	}
	if err := s.client.Create(s.t.Context(), o); err != nil {
		s.t.Fatal(err)
	}
	return o
}

// edit changes an object, again if someone else did meanwhile.
func (s *system) edit(name string, change func(*v1alpha1.OpenstackConfig)) {
	s.t.Helper()
	s.eventually("editing "+name, func() error {
		o := s.get(name)
		change(o)
		return s.client.Update(s.t.Context(), o)
	})
}

func (s *system) get(name string) *v1alpha1.OpenstackConfig {
	s.t.Helper()
	o := &v1alpha1.OpenstackConfig{}
	if err := s.client.Get(s.t.Context(), client.ObjectKey{Namespace: s.namespace, Name: name}, o); err != nil {
		s.t.Fatal(err)
	}
	return o
}

// ask asks for a run by annotation.
func (s *system) ask(name string) (request string) {
	s.t.Helper()
	request = strconv.FormatUint(requests.Add(1), 10)
	s.edit(name, func(o *v1alpha1.OpenstackConfig) {
		metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.AnnotationReconcileRequestedAt, request)
	})
	return request
}

// handled waits until the run that was asked for has succeeded.
func (s *system) handled(name, request string) *v1alpha1.OpenstackConfig {
	s.t.Helper()
	var o *v1alpha1.OpenstackConfig
	s.eventually("the run of "+name, func() error {
		o = s.get(name)
		if o.Status.LastHandledReconcileAt != request {
			return errors.New(describe(meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionReady)))
		}
		return nil
	})
	return o
}

// run asks for a run and waits until it was done.
func (s *system) run(name string) *v1alpha1.OpenstackConfig {
	s.t.Helper()
	return s.handled(name, s.ask(name))
}

var requests atomic.Uint64

// waitReady waits until Ready has the reason for the present generation.
func (s *system) waitReady(name, reason string) *v1alpha1.OpenstackConfig {
	s.t.Helper()
	var o *v1alpha1.OpenstackConfig
	s.eventually(name+" Ready="+reason, func() error {
		o = s.get(name)
		c := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionReady)
		if c == nil || c.Reason != reason || c.ObservedGeneration != o.Generation {
			return errors.New(describe(c))
		}
		return nil
	})
	return o
}

// waitReason waits until a condition has a reason.
func (s *system) waitReason(name, condition, reason string) {
	s.t.Helper()
	s.eventually(name+" "+condition+"="+reason, func() error {
		c := meta.FindStatusCondition(s.get(name).Status.Conditions, condition)
		if c == nil || c.Reason != reason {
			return errors.New(describe(c))
		}
		return nil
	})
}

// fetch reads a page of the controller's health or metrics; status 0: no answer.
func (s *system) fetch(path string) (status int, body string) {
	address, _ := s.served.Load().(string)
	response, err := http.Get("http://" + address + path)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text)
}

// answers waits until a page answers with the status.
func (s *system) answers(path string, status int) {
	s.t.Helper()
	s.eventually(path, func() error {
		if got, body := s.fetch(path); got != status {
			return fmt.Errorf("it answers %d: %s", got, body)
		}
		return nil
	})
}

func describe(c *metav1.Condition) string {
	if c == nil {
		return "no condition yet"
	}
	return c.Reason + ": " + c.Message
}

// node makes a Node that says it is the server.
func (s *system) node(name, serverID string, addresses ...string) *corev1.Node {
	s.t.Helper()
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.NodeSpec{ProviderID: "openstack:///" + serverID}}
	if err := s.client.Create(s.t.Context(), n); err != nil {
		s.t.Fatal(err)
	}
	for _, a := range addresses {
		n.Status.Addresses = append(n.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: a})
	}
	if err := s.client.Status().Update(s.t.Context(), n); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = s.client.Delete(context.Background(), n) })
	return n
}

// eventually polls until f has no complaint.
func (s *system) eventually(what string, f func() error) {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: not within %s: %v", what, patience, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
