// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/controller/multinicoperator"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

func TestOneObjectBringsUpAWholeSystem(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.start()
	b.apply("production-system", v1alpha1.MultiNicOperatorSpec{})
	op := b.waitReady("production-system")
	if op.Status.Phase != v1alpha1.PhaseReady || op.Status.ControllerStatus.ReadyReplicas != 1 || op.Status.DatabaseStatus.ReadyReplicas != 1 {
		t.Errorf("the status is %+v", op.Status)
	}
	for name, object := range map[string]client.Object{
		resources.ControllerName: &appsv1.Deployment{}, resources.DatabaseName: &appsv1.StatefulSet{},
		resources.TriggerName: &corev1.Service{}, resources.CredentialsName: &corev1.Secret{},
	} {
		if !b.read(name, object) {
			t.Errorf("there is no %T %s", object, name)
		} else if object.GetLabels()[v1alpha1.LabelProtected] != "true" || object.GetLabels()[v1alpha1.LabelManagedBy] != "production-system" {
			t.Errorf("%T %s has the labels %v", object, name, object.GetLabels())
		}
	}
}

// TestARunThatFindsAllDoneWritesNothing lets the operator look a hundred times.
func TestARunThatFindsAllDoneWritesNothing(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.start()
	b.apply("steady", v1alpha1.MultiNicOperatorSpec{})
	b.waitReady("steady")
	before := b.versions()
	for i := range 100 {
		pod := &corev1.Pod{}
		if !b.read(resources.DatabaseName+"-0", pod) {
			t.Fatal("no pod")
		}
		// A pod's change wakes the operator and is none of its business.
		if err := b.client.Patch(t.Context(), pod, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"annotations":{"test/round":"`+string(rune('a'+i%26))+`"}}}`))); err != nil {
			t.Fatal(err)
		}
	}
	b.until("the operator has looked since", func() bool { return b.log.String() != "" })
	after := b.versions()
	for what, version := range before {
		if after[what] != version {
			t.Errorf("%s was written: %s, then %s", what, version, after[what])
		}
	}
	if len(before) < 20 {
		t.Errorf("only %d objects were compared", len(before))
	}
}

// versions are the resource versions of everything that the operator keeps, and of
// its MultiNicOperators.
func (b *bed) versions() map[string]string {
	b.t.Helper()
	out := map[string]string{}
	kinds := append(multinicoperator.Children(), &v1alpha1.MultiNicOperator{})
	for _, kind := range kinds {
		if _, isPod := kind.(*corev1.Pod); isPod {
			continue
		}
		for _, object := range b.list(kind) {
			out[object.GetKind()+" "+object.GetName()] = object.GetResourceVersion()
		}
	}
	return out
}

// list lists a kind's objects of the namespace, and of the cluster those that are
// this namespace's.
func (b *bed) list(kind client.Object) (out []unstructured.Unstructured) {
	b.t.Helper()
	gvk, err := b.client.GroupVersionKindFor(kind)
	if err != nil {
		b.t.Fatal(err)
	}
	list := &unstructured.UnstructuredList{}
	gvk.Kind += "List"
	list.SetGroupVersionKind(gvk)
	if err := b.client.List(b.t.Context(), list); err != nil {
		b.t.Fatal(err)
	}
	for _, object := range list.Items {
		if object.GetNamespace() == b.namespace || object.GetLabels()[resources.LabelOperatorNamespace] == b.namespace {
			out = append(out, object)
		}
	}
	return out
}
