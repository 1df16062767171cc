// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

func TestABackupIsMadeWhenItIsAskedForAndByTheSchedule(t *testing.T) {
	s := up(t)
	var name string
	s.through(t, "a backup is asked for", func() { name = backUp(t) }, func() error { return nil })
	t.Logf("%s", name)
	was := theOperator(t).Spec.Database.Backup.Schedule
	s.through(t, "a backup is made by the schedule", func() {
		set(t, func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.Backup.Schedule = "* * * * *" })
	}, func() error {
		if name := theOperator(t).Status.BackupStatus.LastName; !strings.HasSuffix(name, string(resources.Scheduled)) {
			return fmt.Errorf("the last one is %s", name)
		}
		return nil
	})
	set(t, func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.Backup.Schedule = was })
	holds(t, v1alpha1.ConditionBackedUp, metav1.ConditionTrue, v1alpha1.ReasonBackedUp)
}

// backUp asks for a backup and returns its name.
func backUp(t *testing.T) string {
	t.Helper()
	at := time.Now().UTC().Format(time.RFC3339Nano)
	set(t, func(op *v1alpha1.MultiNicOperator) { annotate(op, v1alpha1.AnnotationBackupRequestedAt, at) })
	var name string
	eventually(t, "the backup is made", func() error {
		s := theOperator(t).Status.BackupStatus
		if name = s.LastName; s.LastHandledRequest != at || !strings.HasSuffix(name, string(resources.Requested)) {
			return fmt.Errorf("the status is %+v", s)
		}
		return nil
	})
	return name
}

func annotate(op *v1alpha1.MultiNicOperator, key, value string) {
	if op.Annotations == nil {
		op.Annotations = map[string]string{}
	}
	op.Annotations[key] = value
}

func TestALostVolumeIsRestoredFromTheBackup(t *testing.T) {
	s := up(t)
	backUp(t)
	ids := s.ids(t)
	s.through(t, "the volume is lost and restored", func() {
		loseVolume(t)
		set(t, func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.RestoreFrom = "latest" })
	}, func() error { return restored(t) })
	s.sameIDs(t, ids)
	s.through(t, "the same backup is restored once more, by hand", func() {
		set(t, func(op *v1alpha1.MultiNicOperator) {
			annotate(op, v1alpha1.AnnotationRestoreRequestedAt, time.Now().UTC().Format(time.RFC3339Nano))
		})
	}, func() error { return restored(t) })
	s.sameIDs(t, ids)
	set(t, func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.RestoreFrom = "" })
	ready(t)
}

func TestALostVolumeWithoutABackupIsFilledFromTheCloud(t *testing.T) {
	s := up(t)
	s.lost = true // with the volume went what agents had applied
	s.through(t, "the volume is lost, and nobody restores it", func() { loseVolume(t) }, func() error { return equal(t.Context(), s.agents) })
	s.lost = false
	s.applyAll(t)
}

func TestARestoreThatFailsLetsTheSystemGoOn(t *testing.T) {
	s := up(t)
	s.through(t, "a backup that is not there is to be restored", func() {
		set(t, func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.RestoreFrom = "20200101t000000z-requested" })
	}, func() error {
		r := theOperator(t).Status.BackupStatus.Restored
		if r == nil || r.Phase != "Failed" {
			return fmt.Errorf("the status is %+v", r)
		}
		return rolledOut(t)
	})
	set(t, func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.RestoreFrom = "" })
	ready(t)
}

// restored: the restore that is asked for now has succeeded.
func restored(t *testing.T) error {
	t.Helper()
	op := theOperator(t)
	r := op.Status.BackupStatus.Restored
	if r == nil || r.Phase != "Succeeded" || r.RequestedAt != op.Annotations[v1alpha1.AnnotationRestoreRequestedAt] || op.Status.ObservedGeneration != op.Generation {
		return fmt.Errorf("the status is %+v", r)
	}
	return rolledOut(t)
}

// loseVolume deletes MariaDB's volume and pod, and waits until the directory is gone.
func loseVolume(t *testing.T) {
	t.Helper()
	claim := get(t, namespace, resources.DataClaimName, &corev1.PersistentVolumeClaim{})
	volume := get(t, "", claim.Spec.VolumeName, &corev1.PersistentVolume{})
	source := volume.Spec.HostPath
	if source == nil {
		t.Fatalf("the volume is no directory: %+v", volume.Spec)
	}
	if _, err := os.Stat(filepath.Join(source.Path, "ibdata1")); err != nil {
		t.Fatalf("the volume is not where it says: %v", err)
	}
	run(t, "kubectl", "-n", namespace, "delete", "pvc", claim.Name, "--wait=false")
	run(t, "kubectl", "-n", namespace, "delete", "pod", resources.DatabaseName+"-0", "--wait=false")
	eventually(t, "the volume is gone", func() error {
		if _, err := os.Stat(source.Path); err == nil {
			return errors.New("the directory is there")
		}
		return nil
	})
}

// ids are those of the agents' rows, by MAC.
func (s *system) ids(t *testing.T) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	for host := range wanted() {
		rows, err := s.agents.agentM(t.Context(), host)
		if err != nil {
			t.Fatal(err)
		}
		for mac, row := range rows {
			out[mac] = row.ID
		}
	}
	return out
}

// sameIDs: agents name rows by them.
func (s *system) sameIDs(t *testing.T, was map[string]int64) {
	t.Helper()
	for mac, id := range s.ids(t) {
		if was[mac] != id {
			t.Errorf("the row of %s had the id %d and has %d", mac, was[mac], id)
		}
	}
}
