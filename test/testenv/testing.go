// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"context"
	"runtime"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// sharedMariaDB is the test binary's server, started by the first test that asks.
var sharedMariaDB = sync.OnceValues(func() (*MariaDB, error) {
	return StartMariaDB(context.Background(), MariaDBOptions{})
})

// Database gives the test an empty database of its own on the test binary's shared
// server. It is dropped at the test's end.
func Database(t testing.TB) DB {
	t.Helper()
	server, err := sharedMariaDB()
	if err != nil {
		t.Fatalf("starting MariaDB: %v", err)
	}
	return server.Database(t)
}

// NewMariaDB gives the test a server of its own, to stop, kill and freeze. It and
// its data are removed at the test's end.
func NewMariaDB(t testing.TB, options MariaDBOptions) *MariaDB {
	t.Helper()
	server, err := StartMariaDB(t.Context(), options)
	if err != nil {
		t.Fatalf("starting MariaDB: %v", err)
	}
	t.Cleanup(func() {
		if err := server.Remove(); err != nil {
			t.Errorf("removing the test's MariaDB: %v", err)
		}
	})
	return server
}

// Database gives the test an empty database of its own on this server. It is
// dropped at the test's end, unless the server is stopped or frozen by then.
func (m *MariaDB) Database(t testing.TB) DB {
	t.Helper()
	db, err := m.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !m.answers() {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		if err := db.Drop(ctx); err != nil {
			t.Errorf("cleaning up: %v", err)
		}
	})
	return db
}

// NewGalera gives the test a Galera cluster of its own, to kill nodes of and to cut them
// off. It is removed at the test's end. Galera is for Linux: elsewhere the test is
// skipped.
func NewGalera(t testing.TB) *Galera {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("there is no Galera for " + runtime.GOOS)
	}
	cluster, err := StartGalera(t.Context())
	if err != nil {
		t.Fatalf("starting Galera: %v", err)
	}
	t.Cleanup(func() {
		if err := cluster.Remove(); err != nil {
			t.Errorf("removing the test's Galera cluster: %v", err)
		}
	})
	return cluster
}

// Balancer gives the test an address before the cluster.
func (g *Galera) Balancer(t testing.TB, options BalancerOptions) *Balancer {
	t.Helper()
	balancer, err := g.Balance(options)
	if err != nil {
		t.Fatalf("starting a balancer: %v", err)
	}
	t.Cleanup(balancer.Close)
	return balancer
}

// sharedControlPlane is the test binary's, started by the first test that asks.
var sharedControlPlane = sync.OnceValues(func() (*ControlPlane, error) {
	return StartControlPlane(context.Background())
})

// Kube gives an administrator's access to the test binary's shared API server, a
// copy that the test may change. MultiNic's CRDs are installed. All tests of the
// binary see the same cluster-wide objects; a test keeps to a [Namespace] of its
// own, and a manager that it starts watches that namespace only.
func Kube(t testing.TB) *rest.Config {
	t.Helper()
	plane, err := sharedControlPlane()
	if err != nil {
		t.Fatalf("starting the Kubernetes API server: %v", err)
	}
	return rest.CopyConfig(plane.Config)
}

// NewControlPlane gives the test a control plane of its own, to stop and start. It
// is removed at the test's end.
func NewControlPlane(t testing.TB) *ControlPlane {
	t.Helper()
	return newControlPlane(t, "")
}

// NewAuditedControlPlane does so too, and writes down what that user asks of it
// ([ControlPlane.AuditLog]). As in all of them, RBAC says who may do what.
func NewAuditedControlPlane(t testing.TB, user string) *ControlPlane {
	t.Helper()
	return newControlPlane(t, user)
}

func newControlPlane(t testing.TB, audited string) *ControlPlane {
	t.Helper()
	plane, err := startControlPlane(t.Context(), audited)
	if err != nil {
		t.Fatalf("starting the Kubernetes API server: %v", err)
	}
	t.Cleanup(func() {
		if err := plane.Remove(); err != nil {
			t.Errorf("removing the test's control plane: %v", err)
		}
	})
	return plane
}

// Namespace makes a namespace for the test and gives its name. It is not deleted:
// without a namespace controller it would stay, emptied by nobody, for as long as
// the API server lives.
func Namespace(t testing.TB, c client.Client) string {
	t.Helper()
	name := "test-" + randomHex(5)
	if err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
		t.Fatalf("making the test's namespace: %v", err)
	}
	return name
}
