// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"context"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// TestAServedNamespaceThatIsNotThereHoldsNothingElseUp: it is told, and all
// the rest served, repaired and dumped.
func TestAServedNamespaceThatIsNotThereHoldsNothingElseUp(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	absent := b.namespace + "-absent"
	b.options.LookEvery, b.options.WatchNamespaces = time.Second, []string{b.namespace, absent}
	b.start()
	b.apply("serving", v1alpha1.MultiNicOperatorSpec{Controller: v1alpha1.ControllerSpec{WatchNamespaces: []string{absent, b.namespace}}})
	op := b.waitFor("serving", v1alpha1.ConditionReady, "False", v1alpha1.ReasonInvalidSpec)
	if !strings.Contains(op.Status.Message, absent) {
		t.Errorf("the message does not name the namespace: %s", op.Status.Message)
	}
	b.until("the controller runs all the same", func() bool { n, _ := b.controller(); return n == 1 })
	// It could not list what is there, and would never be ready.
	if got := b.serves(); got != b.namespace {
		t.Errorf("the controller is told to serve %s", got)
	}
	b.waitFor("serving", v1alpha1.ConditionControllerAvailable, "True", v1alpha1.ReasonAvailable)
	b.waitFor("serving", v1alpha1.ConditionBackedUp, "False", v1alpha1.ReasonNoBackupYet)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: absent}}
	if err := b.client.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.client.Delete(context.Background(), namespace) })
	b.until("the controller is told of it", func() bool { return strings.Contains(b.serves(), absent) })
	b.waitReady("serving")
	bindings := &rbacv1.RoleBindingList{}
	if err := b.client.List(t.Context(), bindings, client.InNamespace(absent)); err != nil || len(bindings.Items) != 1 {
		t.Errorf("%d bindings there, %v", len(bindings.Items), err)
	}
}

// serves is what the controller is told to serve.
func (b *bed) serves() string {
	b.t.Helper()
	deployment := &appsv1.Deployment{}
	b.read(resources.ControllerName, deployment)
	return env(deployment.Spec.Template.Spec.Containers[0], "WATCH_NAMESPACES")
}

// TestNoServedNamespaceThatIsThereIsNotAllOfThem: none named would mean all.
func TestNoServedNamespaceThatIsThereIsNotAllOfThem(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	absent := b.namespace + "-absent"
	b.options.LookEvery, b.options.WatchNamespaces = time.Second, []string{b.namespace, absent}
	b.start()
	b.apply("serving", v1alpha1.MultiNicOperatorSpec{Controller: v1alpha1.ControllerSpec{WatchNamespaces: []string{absent}}})
	b.waitFor("serving", v1alpha1.ConditionReady, "False", v1alpha1.ReasonInvalidSpec)
	b.waitFor("serving", v1alpha1.ConditionControllerAvailable, "False", v1alpha1.ReasonStopped)
	b.looks()
	if n, _ := b.controller(); n != 0 || b.serves() != absent {
		t.Errorf("%d controllers serve %q", n, b.serves())
	}
	deployment := &appsv1.Deployment{}
	b.read(resources.ControllerName, deployment)
	if err := b.client.Delete(t.Context(), deployment); err != nil {
		t.Fatal(err)
	}
	b.until("it is repaired all the same", func() bool {
		again := &appsv1.Deployment{}
		return b.read(resources.ControllerName, again) && again.UID != deployment.UID
	})
}
