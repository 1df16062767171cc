// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

func TestTheOldestOfANamespaceIsActiveAndTheNextTakesOver(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.options.LookEvery = time.Second
	b.start()
	b.apply("first", v1alpha1.MultiNicOperatorSpec{})
	b.waitReady("first")
	b.publish()
	c := b.credentials()
	claim := &corev1.PersistentVolumeClaim{}
	b.read(resources.DataClaimName, claim)
	// Of two that are made in one second the one that has begun stays active,
	// whatever the names.
	b.apply("another", v1alpha1.MultiNicOperatorSpec{Controller: v1alpha1.ControllerSpec{Replicas: new(int32(2))}})
	op := b.waitFor("another", v1alpha1.ConditionReady, "False", v1alpha1.ReasonNotActive)
	if !strings.Contains(op.Status.Message, "first") || op.Status.Phase != v1alpha1.PhasePending || len(op.Finalizers) > 0 {
		t.Errorf("the status is %+v, the finalizers %v", op.Status, op.Finalizers)
	}
	b.looks()
	if n, _ := b.controller(); n != 1 {
		t.Errorf("the one that is not active has set the replicas to %d", n)
	}
	b.waitReady("first")
	if err := b.client.Delete(t.Context(), b.get("first")); err != nil {
		t.Fatal(err)
	}
	b.waitReady("another")
	adopted, d := &corev1.PersistentVolumeClaim{}, &appsv1.Deployment{}
	b.read(resources.DataClaimName, adopted)
	b.read(resources.ControllerName, d)
	if b.credentials() != c || adopted.UID != claim.UID || adopted.Labels[v1alpha1.LabelManagedBy] != "another" {
		t.Errorf("volume or credentials are not those of the first; the claim has %v", adopted.Labels)
	}
	if *d.Spec.Replicas != 2 || d.Labels[v1alpha1.LabelManagedBy] != "another" {
		t.Errorf("the controller has %d replicas and %v", *d.Spec.Replicas, d.Labels)
	}
}

// TestTwoThatAreMadeAtOnceDoNotBlockEachOther applies both as one kubectl does.
func TestTwoThatAreMadeAtOnceDoNotBlockEachOther(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.options.LookEvery = time.Second
	b.start()
	for range 3 {
		b.apply("z-first", v1alpha1.MultiNicOperatorSpec{})
		b.until("the first has begun", func() bool { return len(b.get("z-first").Finalizers) > 0 })
		b.apply("a-second", v1alpha1.MultiNicOperatorSpec{})
		b.waitReady("z-first")
		b.waitFor("a-second", v1alpha1.ConditionReady, "False", v1alpha1.ReasonNotActive)
		for _, name := range []string{"a-second", "z-first"} {
			if err := b.client.Delete(t.Context(), b.get(name)); err != nil {
				t.Fatal(err)
			}
			b.until(name+" is gone", func() bool { return !b.read(name, &v1alpha1.MultiNicOperator{}) })
		}
	}
}

// TestOfTwoThatServeTheSameNamespacesTheYoungersControllerIsStopped has an operator
// that serves two namespaces.
func TestOfTwoThatServeTheSameNamespacesTheYoungersControllerIsStopped(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	other := &bed{t: t, kube: b.kube, client: b.client, namespace: testenv.Namespace(t, b.client), server: newServer(t), log: b.log}
	other.workloads = runWorkloads(t, b.client, other.namespace)
	b.options.WatchNamespaces = []string{b.namespace, other.namespace}
	b.options.LookEvery = time.Second
	b.options.Connect = connectByNamespace(b, other)
	b.start()
	other.address = b.address
	older := b.apply("older", v1alpha1.MultiNicOperatorSpec{})
	b.waitReady("older")
	b.until("a second has passed", func() bool { return time.Since(older.CreationTimestamp.Time) > 2*time.Second })
	other.apply("younger", v1alpha1.MultiNicOperatorSpec{})
	other.waitFor("younger", v1alpha1.ConditionControllerAvailable, "False", v1alpha1.ReasonNamespacesOverlap)
	op := other.waitFor("younger", v1alpha1.ConditionReady, "False", v1alpha1.ReasonNamespacesOverlap)
	if !strings.Contains(op.Status.Message, b.namespace+"/older") {
		t.Errorf("the older one is not named: %s", op.Status.Message)
	}
	other.until("the controller is made without replicas", func() bool {
		d := &appsv1.Deployment{}
		return other.read(resources.ControllerName, d) && *d.Spec.Replicas == 0
	})
	b.edit("older", func(op *v1alpha1.MultiNicOperator) { op.Spec.Controller.WatchNamespaces = []string{b.namespace} })
	other.edit("younger", func(op *v1alpha1.MultiNicOperator) { op.Spec.Controller.WatchNamespaces = []string{other.namespace} })
	other.waitReady("younger")
	b.waitReady("older")
	if n, _ := other.controller(); n != 1 {
		t.Errorf("the younger's controller has %d replicas", n)
	}
	b.edit("older", func(op *v1alpha1.MultiNicOperator) {
		op.Spec.Controller.WatchNamespaces = []string{b.namespace, other.namespace}
	})
	other.waitFor("younger", v1alpha1.ConditionReady, "False", v1alpha1.ReasonNamespacesOverlap)
	other.until("the younger's controller is stopped", func() bool { n, _ := other.controller(); return n == 0 })
}

func TestOfTwoOperatorsOneActsAndTheOtherTakesOver(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.options.LeaderElection, b.options.LookEvery = true, time.Second
	stop := b.start()
	b.apply("led", v1alpha1.MultiNicOperatorSpec{})
	b.waitReady("led")
	first := b.address.Load()
	b.start()
	b.until("the second serves its health", func() bool { return b.address.Load() != first })
	b.until("the second is alive", func() bool { code, _ := b.ask("/livez", ""); return code == 200 })
	b.annotate("led", v1alpha1.AnnotationBackupRequestedAt, "one")
	b.until("the first acts", func() bool { return b.get("led").Status.BackupStatus.LastHandledRequest == "one" })
	if runs := b.metric(`multinic_operator_reconcile_total{result="success"}`); runs != 0 {
		t.Errorf("the second has run %.0f times beside the first", runs)
	}
	stop()
	b.annotate("led", v1alpha1.AnnotationBackupRequestedAt, "two")
	b.until("the second acts", func() bool { return b.get("led").Status.BackupStatus.LastHandledRequest == "two" })
}

// TestWhatSomeoneElseMadeIsNotTaken: a Deployment of that name that bears none of our
// labels.
func TestWhatSomeoneElseMadeIsNotTaken(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.options.LookEvery = time.Second
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: resources.TriggerName, Labels: map[string]string{"whose": "mine"}},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}},
	}
	if err := b.client.Create(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	b.start()
	b.apply("careful", v1alpha1.MultiNicOperatorSpec{})
	op := b.waitFor("careful", v1alpha1.ConditionReady, "False", v1alpha1.ReasonForeignObject)
	if !strings.Contains(op.Status.Message, resources.TriggerName) {
		t.Errorf("the object is not named: %s", op.Status.Message)
	}
	if err := b.client.Delete(t.Context(), service); client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	b.waitReady("careful")
}
