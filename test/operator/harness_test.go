// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/app"
	"github.com/xormsdhkdwk/multinic/internal/dbadmin"
	"github.com/xormsdhkdwk/multinic/internal/mariadb"
	"github.com/xormsdhkdwk/multinic/internal/resources"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// patience is how long a condition may take on a slow, loaded machine.
const patience = 2 * time.Minute

// bed is a namespace with an operator of its own.
type bed struct {
	t         *testing.T
	kube      *rest.Config
	client    client.Client
	namespace string
	server    *server
	workloads *workloads
	log       *testenv.Log
	options   app.OperatorOptions
	writer    resources.Credentials // that the database was filled with
	address   *atomic.Value         // where the operator that was started last serves health and metrics
}

// newBed makes a namespace, the MariaDB that its StatefulSet stands for, and what
// runs its workloads; the operator is not started.
func newBed(t *testing.T) *bed {
	t.Helper()
	return newBedAt(t, testenv.Kube(t))
}

// newBedAt makes it at that API server. One of its own sees no other tests' objects.
func newBedAt(t *testing.T, kube *rest.Config) *bed {
	t.Helper()
	kube = rest.CopyConfig(kube)
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	kube.QPS, kube.Burst = -1, 0
	c, err := client.New(kube, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{t: t, kube: kube, client: c, namespace: testenv.Namespace(t, c), server: newServer(t), log: &testenv.Log{}, address: &atomic.Value{}}
	b.workloads = runWorkloads(t, c, b.namespace)
	b.options = app.OperatorOptions{
		Namespace: b.namespace, WatchNamespaces: []string{b.namespace}, Address: "127.0.0.1:0", MetricsAuth: "off", Connect: b.server.connect,
		Started: func(address string) { b.address.Store(address) },
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the operator's log:\n%s", b.log.String())
			b.show()
		}
	})
	return b
}

// show tells of a bed that failed what there is.
func (b *bed) show() {
	ops, claims, pods := &v1alpha1.MultiNicOperatorList{}, &corev1.PersistentVolumeClaimList{}, &corev1.PodList{}
	for _, list := range []client.ObjectList{ops, claims, pods} {
		if err := b.client.List(context.Background(), list, client.InNamespace(b.namespace)); err != nil {
			b.t.Log(err)
		}
	}
	for i := range ops.Items {
		for _, c := range ops.Items[i].Status.Conditions {
			b.t.Logf("%s of generation %d: %s is %s of %d: %s: %s", ops.Items[i].Name, ops.Items[i].Generation, c.Type, c.Status, c.ObservedGeneration, c.Reason, c.Message)
		}
	}
	for i := range claims.Items {
		b.t.Logf("claim %s, deleted %v, %v, %v", claims.Items[i].Name, claims.Items[i].DeletionTimestamp, claims.Items[i].Annotations, claims.Items[i].Status)
	}
	for i := range pods.Items {
		b.t.Logf("pod %s, deleted %v, %v", pods.Items[i].Name, pods.Items[i].DeletionTimestamp, pods.Items[i].Status.Conditions)
	}
}

// start runs an operator and returns the function that stops it.
func (b *bed) start() (stop func()) {
	b.t.Helper()
	return b.startWith(b.kube)
}

// startWith runs it with that access to the API server.
func (b *bed) startWith(kube *rest.Config) (stop func()) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	log, options := logr.FromSlogHandler(slog.NewTextHandler(b.log, nil)), b.options
	go func() { done <- app.RunOperator(ctx, kube, log, options) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				b.t.Logf("the operator ended: %v", err)
			}
		})
	}
	b.t.Cleanup(stop)
	return stop
}

// apply makes a MultiNicOperator.
func (b *bed) apply(name string, spec v1alpha1.MultiNicOperatorSpec) *v1alpha1.MultiNicOperator {
	b.t.Helper()
	op := &v1alpha1.MultiNicOperator{ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: name}, Spec: spec}
	if err := b.client.Create(b.t.Context(), op); err != nil {
		b.t.Fatal(err)
	}
	return op
}

// edit changes a MultiNicOperator, against whatever writes it at the same time.
func (b *bed) edit(name string, change func(*v1alpha1.MultiNicOperator)) {
	b.t.Helper()
	op := b.get(name)
	before := op.DeepCopy()
	change(op)
	if err := b.client.Patch(b.t.Context(), op, client.MergeFrom(before)); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) get(name string) *v1alpha1.MultiNicOperator {
	b.t.Helper()
	op := &v1alpha1.MultiNicOperator{}
	if err := b.client.Get(b.t.Context(), types.NamespacedName{Namespace: b.namespace, Name: name}, op); err != nil {
		b.t.Fatal(err)
	}
	return op
}

// read reads an object of the namespace; false if there is none.
func (b *bed) read(name string, object client.Object) bool {
	b.t.Helper()
	err := b.client.Get(b.t.Context(), types.NamespacedName{Namespace: b.namespace, Name: name}, object)
	if client.IgnoreNotFound(err) != nil {
		b.t.Fatal(err)
	}
	return err == nil
}

// until waits for something to be so.
func (b *bed) until(what string, is func() bool) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for !is() {
		if time.Now().After(deadline) {
			b.t.Fatalf("not within %s: %s", patience, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// waitFor waits for a condition that has seen the object as it is now.
func (b *bed) waitFor(name, kind string, status metav1.ConditionStatus, reason string) *v1alpha1.MultiNicOperator {
	b.t.Helper()
	var op *v1alpha1.MultiNicOperator
	var is *metav1.Condition
	deadline := time.Now().Add(patience)
	for {
		op = b.get(name)
		is = meta.FindStatusCondition(op.Status.Conditions, kind)
		if is != nil && is.Status == status && is.Reason == reason && op.Status.ObservedGeneration == op.Generation {
			return op
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("%s: %s is %+v, want %s %s; all conditions: %+v", name, kind, is, status, reason, op.Status.Conditions)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (b *bed) waitReady(name string) *v1alpha1.MultiNicOperator {
	b.t.Helper()
	return b.waitFor(name, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonRunning)
}

// server is the MariaDB that the StatefulSet of a bed stands for. Its image would
// give root the first password that it is started with.
type server struct {
	*testenv.MariaDB

	t    *testing.T
	once sync.Once
	away atomic.Bool
}

func newServer(t *testing.T) *server {
	t.Helper()
	return &server{MariaDB: testenv.NewMariaDB(t, testenv.MariaDBOptions{}), t: t}
}

func (s *server) connect(ctx context.Context, to dbadmin.Server, passwords ...string) (*dbadmin.Admin, int, error) {
	if s.away.Load() {
		return nil, -1, fmt.Errorf("%s: %w", to.Host, dbadmin.ErrUnreachable)
	}
	s.once.Do(func() { s.initialise(passwords[len(passwords)-1]) })
	return dbadmin.Connect(ctx, dbadmin.Server{Host: "127.0.0.1", Port: s.Port, Dial: to.Dial}, passwords...)
}

// connectByNamespace reaches the server of the bed whose namespace an address names.
func connectByNamespace(beds ...*bed) func(context.Context, dbadmin.Server, ...string) (*dbadmin.Admin, int, error) {
	return func(ctx context.Context, to dbadmin.Server, passwords ...string) (*dbadmin.Admin, int, error) {
		for _, b := range beds {
			if to.Host == resources.DatabaseHost(b.namespace) {
				return b.server.connect(ctx, to, passwords...)
			}
		}
		return nil, -1, fmt.Errorf("%s: %w", to.Host, dbadmin.ErrUnreachable)
	}
}

// initialise does what the image does at its first start.
func (s *server) initialise(password string) {
	root, err := s.Root()
	if err != nil {
		s.t.Error(err)
		return
	}
	defer root.Close()
	for _, text := range []string{
		"DROP USER IF EXISTS root@'::1'", "DROP USER IF EXISTS root@127.0.0.1",
		"CREATE USER root@'%' IDENTIFIED BY PASSWORD '" + mariadb.NativeHash(password) + "'", "GRANT ALL PRIVILEGES ON *.* TO root@'%' WITH GRANT OPTION",
		"CREATE DATABASE " + resources.DefaultDatabase,
	} {
		if _, err := root.Exec(text); err != nil {
			s.t.Errorf("%s: %v", text, err)
		}
	}
}
