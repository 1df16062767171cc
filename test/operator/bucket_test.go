// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"slices"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// TestABucketWithoutItsSecretHoldsNothingUp: dumps are made, and stay on their volume.
func TestABucketWithoutItsSecretHoldsNothingUp(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.options.LookEvery = time.Second
	b.start()
	b.apply("copied", v1alpha1.MultiNicOperatorSpec{Database: v1alpha1.DatabaseSpec{Backup: v1alpha1.BackupSpec{S3: &v1alpha1.S3Spec{
		Endpoint: "https://s3.example.com", Bucket: "copies", SecretRef: v1alpha1.LocalSecretReference{Name: "bucket-key"},
	}}}})
	b.waitReady("copied")
	b.waitFor("copied", v1alpha1.ConditionBackedUp, "False", v1alpha1.ReasonSecretMissing)
	if op := b.get("copied"); op.Status.Phase != v1alpha1.PhaseDegraded || !strings.Contains(op.Status.Message, "bucket-key") {
		t.Errorf("the phase is %s, the message %s", op.Status.Phase, op.Status.Message)
	}
	copies := func() bool {
		cron := &batchv1.CronJob{}
		return b.read(resources.BackupName, cron) && slices.Contains(cron.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Args, "--s3-bucket=copies")
	}
	if copies() {
		t.Error("the pods of the dumps name a Secret that is not there: they could not start")
	}
	b.makeSecret("bucket-key", map[string]string{resources.KeyS3AccessKey: "an-id", resources.KeyS3SecretKey: "a-key"})
	b.until("dumps are copied", copies)
	b.waitFor("copied", v1alpha1.ConditionBackedUp, "False", v1alpha1.ReasonNoBackupYet)
	b.until("nothing is left to tell", func() bool { return b.get("copied").Status.Phase == v1alpha1.PhaseReady })
}

// TestARestoreWaitsForTheBucketThatMayHoldTheDump: without its Secret another dump would
// be the latest.
func TestARestoreWaitsForTheBucketThatMayHoldTheDump(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.options.LookEvery = time.Second
	b.start()
	b.apply("copied", v1alpha1.MultiNicOperatorSpec{Database: v1alpha1.DatabaseSpec{RestoreFrom: "latest", Backup: v1alpha1.BackupSpec{S3: &v1alpha1.S3Spec{
		Endpoint: "https://s3.example.com", Bucket: "copies", SecretRef: v1alpha1.LocalSecretReference{Name: "bucket-key"},
	}}}})
	op := b.waitFor("copied", v1alpha1.ConditionReady, "False", v1alpha1.ReasonRestoring)
	if !strings.Contains(op.Status.Message, "bucket-key") {
		t.Errorf("the message does not say what is waited for: %s", op.Status.Message)
	}
	b.until("MariaDB serves", func() bool { return b.get("copied").Status.DatabaseStatus.ReadyReplicas == 1 })
	b.looks()
	if got := b.jobsFor(resources.ForRestore); len(got) > 0 {
		t.Fatalf("a dump is loaded: %v", got)
	}
	b.makeSecret("bucket-key", map[string]string{resources.KeyS3AccessKey: "an-id", resources.KeyS3SecretKey: "a-key"})
	b.waitFor("copied", v1alpha1.ConditionRestored, "True", v1alpha1.ReasonRestored)
	b.waitReady("copied")
}
