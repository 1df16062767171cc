// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"slices"
	"strings"
	"testing"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// restorable is a bed whose system has published something.
func restorable(t *testing.T) *bed {
	t.Helper()
	b := newBed(t)
	b.options.LookEvery = time.Second
	b.start()
	b.apply("restored", v1alpha1.MultiNicOperatorSpec{})
	b.waitReady("restored")
	b.publish()
	return b
}

func (b *bed) restore(from string) {
	b.t.Helper()
	b.edit("restored", func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.RestoreFrom = from })
}

func (b *bed) waitRestored(count int) {
	b.t.Helper()
	b.until("the next restore", func() bool { return b.restores() >= count })
	b.waitFor("restored", v1alpha1.ConditionRestored, "True", v1alpha1.ReasonRestored)
	b.waitReady("restored")
	if got := b.restores(); got != count {
		b.t.Errorf("%d restores, want %d: %v", got, count, b.workloads.reasons())
	}
}

func (b *bed) restores() (n int) {
	for _, reason := range b.workloads.reasons() {
		if reason == string(resources.ForRestore) {
			n++
		}
	}
	return n
}

func TestARestoreKeepsWhatWasThereAndWaitsForTheControllersEnd(t *testing.T) {
	t.Parallel()
	b := restorable(t)
	b.workloads.with(func(w *workloads) { w.linger = true })
	b.restore("dump-1")
	b.waitFor("restored", v1alpha1.ConditionReady, "False", v1alpha1.ReasonRestoring)
	b.waitFor("restored", v1alpha1.ConditionControllerAvailable, "False", v1alpha1.ReasonStopped)
	b.until("the controller is to stop", func() bool { n, _ := b.controller(); return n == 0 })
	b.until("what was there is dumped", func() bool { return slices.Contains(b.workloads.reasons(), string(resources.BeforeRestore)) })
	b.looks()
	if b.restores() > 0 {
		t.Fatal("the dump is loaded while a pod of the controller still runs")
	}
	b.workloads.with(func(w *workloads) { w.linger = false })
	b.waitRestored(1)
	if n, _ := b.controller(); n != 1 {
		t.Errorf("the controller has %d replicas", n)
	}
	if want := []string{string(resources.BeforeRestore), string(resources.ForRestore)}; !slices.Equal(b.workloads.reasons(), want) {
		t.Errorf("the Jobs were %v, want %v", b.workloads.reasons(), want)
	}
	b.workloads.with(func(w *workloads) {
		if w.ran[1].controllers != 0 {
			t.Errorf("%d pods of the controller ran during the restore", w.ran[1].controllers)
		}
		if args := strings.Join(w.ran[1].job.Spec.Template.Spec.InitContainers[0].Args, " "); !strings.Contains(args, "dump-1") {
			t.Errorf("the Job fetches %s", args)
		}
	})
	if s := b.get("restored").Status.BackupStatus.Restored; s == nil || s.From != "dump-1" || s.Phase != "Succeeded" {
		t.Errorf("the status tells %+v", s)
	}
}

func TestADumpIsRestoredOnceForEachWish(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.options.LookEvery = time.Second
	stop := b.start()
	b.apply("restored", v1alpha1.MultiNicOperatorSpec{Database: v1alpha1.DatabaseSpec{RestoreFrom: "dump-1"}})
	b.waitRestored(1)
	stop()
	stop = b.start()
	b.looks()
	b.waitRestored(1)
	if err := b.client.Delete(t.Context(), b.get("restored")); err != nil {
		t.Fatal(err)
	}
	b.until("it is gone", func() bool { return !b.read("restored", &v1alpha1.MultiNicOperator{}) })
	b.apply("restored", v1alpha1.MultiNicOperatorSpec{Database: v1alpha1.DatabaseSpec{RestoreFrom: "dump-1"}})
	b.waitRestored(1)
	b.annotate("restored", v1alpha1.AnnotationRestoreRequestedAt, "2026-01-01")
	b.waitRestored(2)
	b.edit("restored", func(op *v1alpha1.MultiNicOperator) {
		op.Spec.Database.RestoreFrom, op.Annotations[v1alpha1.AnnotationRestoreRequestedAt] = "dump-2", ""
	})
	b.waitRestored(3)
	b.restore("dump-1") // as at first; what was loaded since must go
	b.waitRestored(4)
	stop()
}

func TestARestoreThatFailsIsToldAndTheControllerRunsAgain(t *testing.T) {
	t.Parallel()
	b := restorable(t)
	b.workloads.with(func(w *workloads) { w.fails[string(resources.ForRestore)] = "there is no dump nonsense" })
	b.restore("nonsense")
	op := b.waitFor("restored", v1alpha1.ConditionRestored, "False", v1alpha1.ReasonRestoreFailed)
	if s := op.Status.BackupStatus.Restored; s == nil || s.Phase != "Failed" || !strings.Contains(s.Message, "there is no dump nonsense") {
		t.Errorf("the status tells %+v", s)
	}
	op = b.waitReady("restored")
	if n, _ := b.controller(); n != 1 || op.Status.Phase != v1alpha1.PhaseDegraded {
		t.Errorf("%d replicas, phase %s", n, op.Status.Phase)
	}
	b.waitEvent(v1alpha1.ReasonRestoreFailed, "there is no dump nonsense")
	b.workloads.with(func(w *workloads) { delete(w.fails, string(resources.ForRestore)) })
	b.annotate("restored", v1alpha1.AnnotationRestoreRequestedAt, "again")
	b.waitRestored(2)
}

func TestANewVolumeIsRestoredIntoAgain(t *testing.T) {
	t.Parallel()
	b := restorable(t)
	b.restore("latest")
	b.waitRestored(1)
	claim, pod := &corev1.PersistentVolumeClaim{}, &corev1.Pod{}
	if !b.read(resources.DataClaimName, claim) || !b.read(resources.DatabaseName+"-0", pod) {
		t.Fatal("no claim, or no pod")
	}
	if err := b.client.Delete(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	if err := b.client.Delete(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	b.waitRestored(2)
}

func TestAControllerThatIsAutoscaledComesBackFromARestore(t *testing.T) {
	t.Parallel()
	b := restorable(t)
	hpa := &autoscalingv1.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: "mine"},
		Spec: autoscalingv1.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv1.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: resources.ControllerName}, MaxReplicas: 5,
		},
	}
	if err := b.client.Create(t.Context(), hpa); err != nil {
		t.Fatal(err)
	}
	b.restore("dump-1")
	b.waitRestored(1)
	b.until("the controller has a replica", func() bool { n, _ := b.controller(); return n == 1 })
}

// TestAnUpgradeWaitsForARestore: it would shut MariaDB down under the load.
func TestAnUpgradeWaitsForARestore(t *testing.T) {
	t.Parallel()
	b := restorable(t)
	before := b.image()
	b.workloads.with(func(w *workloads) { w.hold = string(resources.ForRestore) })
	b.edit("restored", func(op *v1alpha1.MultiNicOperator) {
		op.Spec.Database.RestoreFrom, op.Spec.Database.Image = "dump-1", "mariadb:11.8"
	})
	b.until("the dump is being loaded", func() bool { return len(b.jobsFor(resources.ForRestore)) > 0 })
	b.looks()
	if got := b.jobsFor(resources.BeforeUpgrade); b.image() != before || len(got) > 0 {
		t.Fatalf("MariaDB is at %s, with the Jobs %v", b.image(), got)
	}
	b.workloads.with(func(w *workloads) { w.hold = "" })
	b.waitFor("restored", v1alpha1.ConditionRestored, "True", v1alpha1.ReasonRestored)
	b.until("the upgrade", func() bool { return b.image() == "mariadb:11.8" })
	b.waitReady("restored")
	if want := []string{string(resources.BeforeRestore), string(resources.ForRestore), beforeUpgrade}; !slices.Equal(b.workloads.reasons(), want) {
		t.Errorf("the Jobs were %v, want %v", b.workloads.reasons(), want)
	}
}
