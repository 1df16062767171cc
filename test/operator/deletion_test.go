// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// shifted is a clock that is ahead of the real one.
type shifted struct {
	clock.RealClock
	by atomic.Int64
}

func (s *shifted) Now() time.Time                  { return time.Now().Add(time.Duration(s.by.Load())) }
func (s *shifted) Since(t time.Time) time.Duration { return s.Now().Sub(t) }

// bindings are those of the bed that no owner reference takes along.
func (b *bed) bindings() int {
	b.t.Helper()
	return len(b.list(&rbacv1.ClusterRoleBinding{}))
}

// labelled says whether an object of the namespace is there, and whether it bears
// our labels.
func (b *bed) labelled(name string, object client.Object) (there, labelled bool) {
	b.t.Helper()
	there = b.read(name, object)
	return there, object.GetLabels()[v1alpha1.LabelProtected] != "" || object.GetLabels()[v1alpha1.LabelManagedBy] != ""
}

func (b *bed) remove(name string) {
	b.t.Helper()
	if err := b.client.Delete(b.t.Context(), b.get(name)); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) waitGone(name string) {
	b.t.Helper()
	b.until(name+" is gone", func() bool { return !b.read(name, &v1alpha1.MultiNicOperator{}) })
}

// lasting are the children that outlive a MultiNicOperator.
func lasting() map[string]client.Object {
	return map[string]client.Object{
		resources.DataClaimName: &corev1.PersistentVolumeClaim{}, resources.BackupName: &corev1.PersistentVolumeClaim{},
		resources.CredentialsName: &corev1.Secret{}, resources.AgentAccessName: &corev1.Secret{},
	}
}

func TestADeletedSystemLeavesItsDataUnprotectedAndShut(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.start()
	b.apply("going", v1alpha1.MultiNicOperatorSpec{})
	b.waitReady("going")
	b.publish()
	b.workloads.with(func(w *workloads) { w.linger = true })
	b.remove("going")
	b.until("the controller is deleted", func() bool { return !b.read(resources.ControllerName, &appsv1.Deployment{}) })
	b.workloads.with(func(w *workloads) { w.linger = false })
	b.waitGone("going")
	b.until("no binding is left", func() bool { return b.bindings() == 0 })
	for name, object := range lasting() {
		if there, labelled := b.labelled(name, object); !there || labelled {
			t.Errorf("%T %s: there %t, labelled %t", object, name, there, labelled)
		}
	}
	if b.agentsRead() {
		t.Error("the database was laid by open")
	}
}

func TestADeletedSystemTakesItsDataAlongWhenItIsToldTo(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.start()
	b.apply("going", v1alpha1.MultiNicOperatorSpec{Database: v1alpha1.DatabaseSpec{DeletionPolicy: v1alpha1.DeletionDelete}})
	b.waitReady("going")
	b.remove("going")
	b.waitGone("going")
	for name, object := range lasting() {
		b.until(name+" is gone", func() bool { return !b.read(name, object) })
	}
	b.apply("going", v1alpha1.MultiNicOperatorSpec{}) // and from the start
	b.until("a new volume", func() bool { return b.read(resources.DataClaimName, &corev1.PersistentVolumeClaim{}) })
}

// TestTakingTheFinalizerOffAlwaysWorks is the original's way out. What the operator
// would have done first it does afterwards.
func TestTakingTheFinalizerOffAlwaysWorks(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.start()
	b.apply("stuck", v1alpha1.MultiNicOperatorSpec{})
	b.waitReady("stuck")
	b.workloads.with(func(w *workloads) { w.linger, w.frozen = true, true })
	b.remove("stuck")
	b.until("the controller is deleted", func() bool { return !b.read(resources.ControllerName, &appsv1.Deployment{}) })
	op := b.get("stuck")
	if err := b.client.Patch(t.Context(), op, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":[]}}`))); err != nil {
		t.Fatal(err)
	}
	b.waitGone("stuck")
	b.until("no binding is left", func() bool { return b.bindings() == 0 })
	b.until("what outlives it has lost its labels", func() bool {
		for name, object := range lasting() {
			if there, labelled := b.labelled(name, object); !there || labelled {
				return false
			}
		}
		return true
	})
}

// deletedObject makes an OpenstackConfig that its controller has served, and deletes it.
func (b *bed) deletedObject(name string) client.ObjectKey {
	b.t.Helper()
	o := &v1alpha1.OpenstackConfig{
		ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: name, Finalizers: []string{v1alpha1.Finalizer}},
		Spec: v1alpha1.OpenstackConfigSpec{VMNames: []string{"vm-1"}, SubnetName: "net", Credentials: v1alpha1.Credentials{
			SecretRef: &v1alpha1.LocalSecretReference{Name: "cloud"},
		}},
	}
	if err := b.client.Create(b.t.Context(), o); err != nil {
		b.t.Fatal(err)
	}
	if err := b.client.Delete(b.t.Context(), o); err != nil {
		b.t.Fatal(err)
	}
	return client.ObjectKeyFromObject(o)
}

// TestOpenstackConfigsAreWaitedForAndNeverHang has a cluster of its own: any
// MultiNicOperator in it might serve them.
func TestOpenstackConfigsAreWaitedForAndNeverHang(t *testing.T) {
	t.Parallel()
	plane, err := testenv.StartControlPlane(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Remove(); err != nil {
			t.Error(err)
		}
	})
	b := newBedAt(t, plane.Config)
	ahead := &shifted{}
	b.options.Clock, b.options.LookEvery = ahead, time.Second
	b.start()
	b.apply("serving", v1alpha1.MultiNicOperatorSpec{})
	b.waitReady("serving")
	there := func(key client.ObjectKey) bool {
		err := b.client.Get(context.WithoutCancel(t.Context()), key, &v1alpha1.OpenstackConfig{})
		if client.IgnoreNotFound(err) != nil {
			t.Fatal(err)
		}
		return err == nil
	}
	first := b.deletedObject("first")
	b.remove("serving")
	b.until("the deletion has begun", func() bool { return !b.get("serving").DeletionTimestamp.IsZero() })
	if n, _ := b.controller(); n != 1 || !there(first) {
		t.Errorf("the controller has %d replicas, which is to finish the object first", n)
	}
	o := &v1alpha1.OpenstackConfig{}
	if err := b.client.Get(t.Context(), first, o); err != nil {
		t.Fatal(err)
	}
	o.Finalizers = nil // as the controller does
	if err := b.client.Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	b.waitGone("serving")

	b.until("the former children are gone", func() bool { return !b.read(resources.DatabaseName, &appsv1.StatefulSet{}) })
	b.apply("serving", v1alpha1.MultiNicOperatorSpec{})
	b.waitReady("serving")
	second := b.deletedObject("second") // nobody finishes this one
	b.remove("serving")
	b.until("the deletion has begun", func() bool { return !b.get("serving").DeletionTimestamp.IsZero() })
	ahead.by.Store(int64(2 * time.Minute))
	b.waitGone("serving")
	b.until("the object that nobody serves is let go", func() bool { return !there(second) })

	b.until("the former children are gone", func() bool { return !b.read(resources.DatabaseName, &appsv1.StatefulSet{}) })
	b.apply("serving", v1alpha1.MultiNicOperatorSpec{})
	b.waitReady("serving")
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: b.namespace}}
	third := b.deletedObject("third")
	if err := b.client.Delete(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	b.until("the namespace is being deleted", func() bool {
		return b.client.Get(t.Context(), client.ObjectKeyFromObject(namespace), namespace) == nil && !namespace.DeletionTimestamp.IsZero()
	})
	b.remove("serving") // as the namespace's controller does
	b.waitGone("serving")
	b.until("the object in the leaving namespace is let go", func() bool { return !there(third) })
	b.until("no binding is left", func() bool { return b.bindings() == 0 })
}
