// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

func TestAVolumeThatCanNotGrowIsLeftAndTold(t *testing.T) {
	s := up(t)
	was := theOperator(t).Spec.Database.StorageSize
	pod := databasePod(t)
	s.through(t, "more storage than the class allows", func() { setSize(t, "21Gi") },
		func() error { return tells(t, v1alpha1.ConditionStorageResized, "does not allow it to grow") })
	holds(t, v1alpha1.ConditionStorageResized, metav1.ConditionFalse, v1alpha1.ReasonExpansionForbidden)
	setSize(t, "1Gi")
	holds(t, v1alpha1.ConditionSpecAccepted, metav1.ConditionFalse, v1alpha1.ReasonWouldLoseData)
	s.through(t, "the storage is set back", func() { setSize(t, was) }, func() error { return setAsks(t, was) })
	holds(t, v1alpha1.ConditionStorageResized, metav1.ConditionTrue, v1alpha1.ReasonResized)
	if is := databasePod(t); is != pod {
		t.Errorf("MariaDB's pod was made anew")
	}
}

// TestAVolumeMovesToAnotherClassAndGrowsThere goes the way that the refusal tells: back
// up, delete the claim, restore. The class allows growth and nobody resizes, so the test
// plays the resizer.
func TestAVolumeMovesToAnotherClassAndGrowsThere(t *testing.T) {
	s := up(t)
	const class, size = "expandable", "25Gi"
	backUp(t)
	set(t, func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.StorageClassName = new(class) })
	holds(t, v1alpha1.ConditionSpecAccepted, metav1.ConditionFalse, v1alpha1.ReasonWouldLoseData)
	ids := s.ids(t)
	s.through(t, "the volume goes to another class by a backup", func() {
		set(t, func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.RestoreFrom = "latest" })
		// Into the volume that is there as well; the claim goes when that is done.
		eventually(t, "the backup is restored", func() error { return restored(t) })
		loseVolume(t)
	}, func() error {
		claim := &corev1.PersistentVolumeClaim{}
		if err := g.client.Get(t.Context(), key(namespace, resources.DataClaimName), claim); err != nil {
			return err
		}
		if *claim.Spec.StorageClassName != class {
			return fmt.Errorf("its class is %s", *claim.Spec.StorageClassName)
		}
		if claim.Annotations["multinic.example.com/restored"] == "" {
			return fmt.Errorf("nothing is restored into it yet: %v", claim.Annotations)
		}
		return restored(t)
	})
	s.sameIDs(t, ids)
	set(t, func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.RestoreFrom = "" })
	ready(t)

	pod := databasePod(t)
	s.through(t, "the volume grows", func() {
		setSize(t, size)
		holds(t, v1alpha1.ConditionStorageResized, metav1.ConditionFalse, v1alpha1.ReasonResizing)
		resize(t, size)
	}, func() error { return setAsks(t, size) })
	holds(t, v1alpha1.ConditionStorageResized, metav1.ConditionTrue, v1alpha1.ReasonResized)
	if is := databasePod(t); is != pod {
		t.Errorf("MariaDB's pod was made anew")
	}
	if got := theOperator(t).Status.DatabaseStatus.StorageSize; got != size {
		t.Errorf("the status says %s, want %s", got, size)
	}
}

func setSize(t *testing.T, size string) {
	t.Helper()
	set(t, func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.StorageSize = size })
}

func databasePod(t *testing.T) string {
	t.Helper()
	return string(get(t, namespace, resources.DatabaseName+"-0", &corev1.Pod{}).UID)
}

// setAsks: the StatefulSet, which had to be made anew for it, asks for volumes of that
// size, and its pod is ready.
func setAsks(t *testing.T, size string) error {
	t.Helper()
	set := &appsv1.StatefulSet{}
	if err := g.client.Get(t.Context(), key(namespace, resources.DatabaseName), set); err != nil {
		return err
	}
	asks := set.Spec.VolumeClaimTemplates[0].Spec.Resources.Requests[corev1.ResourceStorage]
	if asks.Cmp(resource.MustParse(size)) != 0 || set.Status.ReadyReplicas != 1 {
		return fmt.Errorf("the StatefulSet asks for %s; %+v", asks.String(), set.Status)
	}
	return nil
}

// resize does what a storage driver would.
func resize(t *testing.T, size string) {
	t.Helper()
	claim := &corev1.PersistentVolumeClaim{}
	eventually(t, "the claim asks for more", func() error {
		get(t, namespace, resources.DataClaimName, claim)
		if asks := claim.Spec.Resources.Requests[corev1.ResourceStorage]; asks.Cmp(resource.MustParse(size)) != 0 {
			return fmt.Errorf("it asks for %s", asks.String())
		}
		return nil
	})
	capacity := corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}
	edit(t, &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: claim.Spec.VolumeName}}, func(v *corev1.PersistentVolume) { v.Spec.Capacity = capacity })
	before := claim.DeepCopy()
	claim.Status.Capacity = capacity
	if err := g.client.Status().Patch(t.Context(), claim, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
}
