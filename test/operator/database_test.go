// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/controller/multinicoperator"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

const beforeUpgrade = string(resources.BeforeUpgrade)

// databaseBed is a bed with a system of that image that runs.
func databaseBed(t *testing.T, image string) *bed {
	t.Helper()
	b := newBed(t)
	b.options.LookEvery = time.Second
	b.start()
	b.apply("data", v1alpha1.MultiNicOperatorSpec{Database: v1alpha1.DatabaseSpec{Image: image}})
	b.waitReady("data")
	b.until("the claim remembers the image", func() bool { return b.get("data").Status.DatabaseStatus.Image == image })
	return b
}

func (b *bed) setImage(image string) {
	b.t.Helper()
	b.edit("data", func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.Image = image })
}

// image is the StatefulSet's.
func (b *bed) image() string {
	b.t.Helper()
	set := &appsv1.StatefulSet{}
	if !b.read(resources.DatabaseName, set) {
		return ""
	}
	return set.Spec.Template.Spec.Containers[0].Image
}

func TestAnUpgradeWaitsForItsBackup(t *testing.T) {
	t.Parallel()
	b := databaseBed(t, "mariadb:10.11")
	b.workloads.with(func(w *workloads) { w.hold = beforeUpgrade })
	b.setImage("mariadb:11.4")
	b.waitFor("data", v1alpha1.ConditionReady, "False", v1alpha1.ReasonProgressing)
	b.looks()
	if b.image() != "mariadb:10.11" {
		t.Fatal("MariaDB was upgraded before the backup had ended")
	}
	b.workloads.with(func(w *workloads) { w.hold = "" })
	b.until("the upgrade", func() bool { return b.image() == "mariadb:11.4" })
	op := b.waitReady("data")
	b.until("the status tells the new image", func() bool { op = b.get("data"); return op.Status.DatabaseStatus.Image == "mariadb:11.4" })
	b.workloads.with(func(w *workloads) {
		if pod := w.ran[0].job.Spec.Template.Spec; w.ran[0].reason != beforeUpgrade || pod.InitContainers[0].Image != "mariadb:10.11" {
			t.Errorf("the Job %s dumped with %s", w.ran[0].reason, pod.InitContainers[0].Image)
		}
	})
	b.setImage("mariadb:11.8")
	b.until("the next upgrade", func() bool { return b.image() == "mariadb:11.8" })
	if got := b.workloads.reasons(); !slices.Equal(got, []string{beforeUpgrade, beforeUpgrade}) {
		t.Errorf("the Jobs were %v", got)
	}
}

func TestAFailedBackupBlocksTheUpgradeAlone(t *testing.T) {
	t.Parallel()
	b := databaseBed(t, "mariadb:10.11")
	b.workloads.with(func(w *workloads) { w.fails[beforeUpgrade] = "no space left" })
	b.setImage("mariadb:11.4")
	op := b.waitFor("data", v1alpha1.ConditionReady, "False", v1alpha1.ReasonUpgradeBlocked)
	if !strings.Contains(op.Status.Message, "no space left") || b.image() != "mariadb:10.11" {
		t.Errorf("MariaDB is at %s; the message is %s", b.image(), op.Status.Message)
	}
	b.edit("data", func(op *v1alpha1.MultiNicOperator) { op.Spec.Controller.Replicas = new(int32(2)) })
	b.until("the rest of the spec is carried out", func() bool { n, _ := b.controller(); return n == 2 })
	b.workloads.with(func(w *workloads) { delete(w.fails, beforeUpgrade) })
	b.setImage("mariadb:10.11")
	b.waitReady("data")
	b.setImage("mariadb:11.4") // again, with a dump that succeeds
	b.until("the upgrade", func() bool { return b.image() == "mariadb:11.4" })
	b.waitReady("data")
}

func TestAnOlderImageIsRefusedAndTheRestOfTheSpecCarriedOut(t *testing.T) {
	t.Parallel()
	b := databaseBed(t, "mariadb:11.4")
	b.edit("data", func(op *v1alpha1.MultiNicOperator) {
		op.Spec.Database.Image, op.Spec.Database.StorageSize, op.Spec.Controller.Replicas = "mariadb:10.11", "1Gi", new(int32(2))
	})
	op := b.waitFor("data", v1alpha1.ConditionSpecAccepted, "False", v1alpha1.ReasonWouldLoseData)
	b.until("the rest is carried out", func() bool { n, _ := b.controller(); return n == 2 })
	if b.image() != "mariadb:11.4" || !strings.Contains(op.Status.Message, "can't go back") || !strings.Contains(op.Status.Message, "can't shrink") {
		t.Errorf("MariaDB is at %s; the message is %s", b.image(), op.Status.Message)
	}
	b.edit("data", func(op *v1alpha1.MultiNicOperator) {
		op.Spec.Database.Image, op.Spec.Database.StorageSize = "mariadb:11.4", "10Gi"
	})
	b.waitReady("data")
}

func TestAnImageThatNeverStartsIsRecoveredFromByAnotherOne(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.workloads.with(func(w *workloads) { w.broken["mariadb:10.11.typo"] = true })
	b.start()
	b.apply("data", v1alpha1.MultiNicOperatorSpec{Database: v1alpha1.DatabaseSpec{Image: "mariadb:10.11.typo"}})
	b.waitFor("data", v1alpha1.ConditionDatabaseAvailable, "False", v1alpha1.ReasonProgressing)
	b.until("its pod is there", func() bool { return b.read(resources.DatabaseName+"-0", &corev1.Pod{}) })
	b.setImage("mariadb:10.11")
	b.waitReady("data")
	b.workloads.with(func(w *workloads) { w.broken["mariadb:11.typo"] = true })
	b.until("the claim remembers the image", func() bool { return b.get("data").Status.DatabaseStatus.Image == "mariadb:10.11" })
	b.setImage("mariadb:11.typo")
	b.until("the broken one is tried", func() bool { return b.image() == "mariadb:11.typo" })
	b.waitFor("data", v1alpha1.ConditionReady, "False", v1alpha1.ReasonProgressing)
	b.setImage("mariadb:11.4")
	b.waitReady("data")
	if b.image() != "mariadb:11.4" {
		t.Errorf("MariaDB is at %s", b.image())
	}
}

// TestAnImageThatHasRunIsNotTakenBack: from its first moment it may have changed the
// files, whether it ever gets ready or not.
func TestAnImageThatHasRunIsNotTakenBack(t *testing.T) {
	t.Parallel()
	b := databaseBed(t, "mariadb:10.11")
	b.workloads.with(func(w *workloads) { w.sick["mariadb:11.8"] = true })
	b.setImage("mariadb:11.8")
	b.until("the claim remembers that it has run", func() bool { return b.get("data").Status.DatabaseStatus.Image == "mariadb:11.8" })
	b.setImage("mariadb:10.11")
	b.waitFor("data", v1alpha1.ConditionSpecAccepted, "False", v1alpha1.ReasonWouldLoseData)
	b.looks()
	if b.image() != "mariadb:11.8" {
		t.Fatalf("MariaDB was set back to %s on files that 11.8 may have changed", b.image())
	}
	// A newer one can't have its dump, since what runs does not serve.
	b.setImage("mariadb:11.8.9")
	op := b.waitFor("data", v1alpha1.ConditionReady, "False", v1alpha1.ReasonUpgradeBlocked)
	if !strings.Contains(op.Status.Message, multinicoperator.AnnotationUpgradeWithoutBackup) || b.image() != "mariadb:11.8" {
		t.Errorf("MariaDB is at %s, and the message names no way out: %s", b.image(), op.Status.Message)
	}
	b.annotate("data", multinicoperator.AnnotationUpgradeWithoutBackup, "mariadb:11.9")
	b.looks()
	if b.image() != "mariadb:11.8" {
		t.Errorf("MariaDB went to %s by an annotation for another image", b.image())
	}
	b.annotate("data", multinicoperator.AnnotationUpgradeWithoutBackup, "mariadb:11.8.9")
	b.waitReady("data")
	if got := b.workloads.reasons(); b.image() != "mariadb:11.8.9" || !slices.Equal(got, []string{beforeUpgrade}) {
		t.Errorf("MariaDB is at %s after the Jobs %v", b.image(), got)
	}
}

// TestAnImageThatNeverRanIsTakenBack: a typo of a name is no one-way street.
func TestAnImageThatNeverRanIsTakenBack(t *testing.T) {
	t.Parallel()
	b := databaseBed(t, "mariadb:10.11")
	b.workloads.with(func(w *workloads) { w.broken["mariadb:11.8.typo"] = true })
	b.setImage("mariadb:11.8.typo")
	b.until("it is tried", func() bool { return b.image() == "mariadb:11.8.typo" })
	b.until("its pod is there", func() bool {
		pod := &corev1.Pod{}
		return b.read(resources.DatabaseName+"-0", pod) && pod.Spec.Containers[0].Image == "mariadb:11.8.typo"
	})
	b.setImage("mariadb:10.11")
	b.waitReady("data")
	claim := &corev1.PersistentVolumeClaim{}
	b.until("nothing of it is remembered", func() bool {
		return b.read(resources.DataClaimName, claim) && claim.Annotations["multinic.example.com/mariadb-image-begun"] == ""
	})
	if b.image() != "mariadb:10.11" || claim.Annotations["multinic.example.com/mariadb-image"] != "mariadb:10.11" {
		t.Errorf("MariaDB is at %s, the claim remembers %v", b.image(), claim.Annotations)
	}
}

// TestAnImageFromAnotherRegistryNeedsNoDump: it is the same release.
func TestAnImageFromAnotherRegistryNeedsNoDump(t *testing.T) {
	t.Parallel()
	b := databaseBed(t, "mariadb:10.11.6")
	b.workloads.with(func(w *workloads) { w.fails[beforeUpgrade] = "the old image can't be pulled" })
	b.setImage("mirror.example.com/mariadb:10.11.6")
	b.until("the claim remembers the image", func() bool {
		return b.get("data").Status.DatabaseStatus.Image == "mirror.example.com/mariadb:10.11.6"
	})
	if got := b.workloads.reasons(); len(got) > 0 {
		t.Errorf("the Jobs were %v", got)
	}
}

// storageClass makes a class that claims of the bed have from then on.
func (b *bed) storageClass(expandable bool) {
	b.t.Helper()
	class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: b.namespace}, Provisioner: "test.example.com/none", AllowVolumeExpansion: &expandable}
	if err := b.client.Create(b.t.Context(), class); err != nil {
		b.t.Fatal(err)
	}
	b.workloads.with(func(w *workloads) { w.class = class.Name })
}

func TestAVolumeGrowsAroundThePodThatUsesIt(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.storageClass(true)
	b.start()
	b.apply("data", v1alpha1.MultiNicOperatorSpec{})
	b.waitReady("data")
	pod, set, claim := &corev1.Pod{}, &appsv1.StatefulSet{}, &corev1.PersistentVolumeClaim{}
	b.read(resources.DatabaseName+"-0", pod)
	b.edit("data", func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.StorageSize = "20Gi" })
	b.until("the volume has grown", func() bool {
		return b.read(resources.DataClaimName, claim) && claim.Status.Capacity.Storage().String() == "20Gi"
	})
	b.until("the StatefulSet's template has the size", func() bool {
		return b.read(resources.DatabaseName, set) && set.Spec.VolumeClaimTemplates[0].Spec.Resources.Requests.Storage().String() == "20Gi"
	})
	b.waitFor("data", v1alpha1.ConditionStorageResized, "True", v1alpha1.ReasonResized)
	op := b.waitReady("data")
	b.until("the status tells the size", func() bool { op = b.get("data"); return op.Status.DatabaseStatus.StorageSize == "20Gi" })
	after := &corev1.Pod{}
	if !b.read(resources.DatabaseName+"-0", after) || after.UID != pod.UID {
		t.Error("MariaDB's pod was replaced")
	}
}

func TestAVolumeWhoseClassForbidsGrowthIsToldOfAndTheRestRuns(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.storageClass(false)
	b.start()
	b.apply("data", v1alpha1.MultiNicOperatorSpec{})
	b.waitReady("data")
	b.edit("data", func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.StorageSize = "20Gi" })
	op := b.waitFor("data", v1alpha1.ConditionStorageResized, "False", v1alpha1.ReasonExpansionForbidden)
	if c := meta.FindStatusCondition(op.Status.Conditions, v1alpha1.ConditionStorageResized); !strings.Contains(c.Message, b.namespace) {
		t.Errorf("the message does not name the class: %s", c.Message)
	}
	b.waitReady("data")
	b.edit("data", func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.StorageSize = "10Gi" })
	b.waitFor("data", v1alpha1.ConditionStorageResized, "True", v1alpha1.ReasonResized)
	b.until("nothing is left to tell", func() bool { return b.get("data").Status.Phase == v1alpha1.PhaseReady })
}

// TestARetainedVolumeIsAdoptedWithWhatItRemembers: a later object must not start an
// older MariaDB on it, nor with other passwords.
func TestARetainedVolumeIsAdoptedWithWhatItRemembers(t *testing.T) {
	t.Parallel()
	b := databaseBed(t, "mariadb:11.4")
	c := b.credentials()
	claim := &corev1.PersistentVolumeClaim{}
	b.read(resources.DataClaimName, claim)
	if err := b.client.Delete(t.Context(), b.get("data")); err != nil {
		t.Fatal(err)
	}
	b.until("it is gone", func() bool { return !b.read("data", &v1alpha1.MultiNicOperator{}) })
	b.until("its StatefulSet is gone", func() bool { return b.image() == "" })
	b.apply("data", v1alpha1.MultiNicOperatorSpec{Database: v1alpha1.DatabaseSpec{Image: "mariadb:10.11"}})
	b.waitFor("data", v1alpha1.ConditionSpecAccepted, "False", v1alpha1.ReasonWouldLoseData)
	b.until("it runs with the image that the data was last run with", func() bool { return b.image() == "mariadb:11.4" })
	adopted := &corev1.PersistentVolumeClaim{}
	b.until("the claim has our labels again", func() bool {
		return b.read(resources.DataClaimName, adopted) && adopted.Labels[v1alpha1.LabelProtected] == "true"
	})
	b.setImage("mariadb:11.4")
	b.waitReady("data")
	if b.credentials() != c || adopted.UID != claim.UID {
		t.Error("the credentials or the volume are not the retained ones")
	}
}
