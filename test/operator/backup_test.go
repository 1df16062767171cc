// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/backup"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

const requested = string(resources.Requested)

// saved is a bed with a system that runs, and what stops its operator.
func saved(t *testing.T) (b *bed, stop func()) {
	t.Helper()
	b = newBed(t)
	b.options.LookEvery = time.Second
	stop = b.start()
	b.apply("saved", v1alpha1.MultiNicOperatorSpec{})
	b.waitReady("saved")
	return b, stop
}

// askBackup asks for a dump and waits until it has ended.
func (b *bed) askBackup(at string) *v1alpha1.MultiNicOperator {
	b.t.Helper()
	b.annotate("saved", v1alpha1.AnnotationBackupRequestedAt, at)
	b.until("the request "+at+" is handled", func() bool { return b.get("saved").Status.BackupStatus.LastHandledRequest == at })
	return b.get("saved")
}

func TestABackupThatIsAskedForIsMadeOnceAndTold(t *testing.T) {
	t.Parallel()
	b, stop := saved(t)
	b.waitFor("saved", v1alpha1.ConditionBackedUp, "False", v1alpha1.ReasonNoBackupYet)
	op := b.askBackup("one")
	s := op.Status.BackupStatus
	if s.LastSuccessfulTime == nil || !strings.HasPrefix(s.LastName, "dump-") || s.LastSizeBytes != 1234 || len(s.Available) != 1 {
		t.Errorf("the status tells %+v", s)
	}
	b.waitFor("saved", v1alpha1.ConditionBackedUp, "True", v1alpha1.ReasonBackedUp)
	series := fmt.Sprintf("multinic_operator_last_backup_timestamp_seconds{name=%q,namespace=%q}", "saved", b.namespace)
	if got := b.metric(series); int64(got) != s.LastSuccessfulTime.Unix() {
		t.Errorf("the metric is %.0f, want %d", got, s.LastSuccessfulTime.Unix())
	}
	stop()
	b.start()
	b.looks()
	b.askBackup("two")
	if got := strings.Join(b.workloads.reasons(), " "); got != requested+" "+requested {
		t.Errorf("the Jobs were %s", got)
	}
	b.until("the first Job is gone", func() bool { return len(b.list(&batchv1.Job{})) == 1 })
}

func TestABackupThatFailsSaysWhyUntilOneSucceeds(t *testing.T) {
	t.Parallel()
	b, _ := saved(t)
	b.workloads.with(func(w *workloads) { w.fails[requested] = `{"error":"no space left on the volume"}` })
	b.askBackup("one")
	failed := func() {
		t.Helper()
		op := b.waitFor("saved", v1alpha1.ConditionBackedUp, "False", v1alpha1.ReasonBackupFailed)
		c := meta.FindStatusCondition(op.Status.Conditions, v1alpha1.ConditionBackedUp)
		if c.ObservedGeneration != op.Generation {
			t.Errorf("the condition has seen generation %d of %d", c.ObservedGeneration, op.Generation)
		}
		if op.Status.BackupStatus.LastFailureTime == nil {
			t.Error("no time of the failure is told")
		}
	}
	failed()
	if c := meta.FindStatusCondition(b.get("saved").Status.Conditions, v1alpha1.ConditionBackedUp); !strings.Contains(c.Message, "no space left on the volume") || strings.Contains(c.Message, "{") {
		t.Errorf("the Job's last words are not told: %s", c.Message)
	}
	b.waitEvent(v1alpha1.ReasonBackupFailed, "no space left")
	b.edit("saved", func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.Backup.Enabled = new(false) })
	b.waitFor("saved", v1alpha1.ConditionBackedUp, "False", v1alpha1.ReasonBackupDisabled)
	cron := &batchv1.CronJob{}
	b.until("the schedule is suspended", func() bool { return b.read(resources.BackupName, cron) && *cron.Spec.Suspend })
	b.edit("saved", func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.Backup.Enabled = new(true) })
	failed()
	b.until("the schedule goes on", func() bool { return b.read(resources.BackupName, cron) && !*cron.Spec.Suspend })
	b.workloads.with(func(w *workloads) { delete(w.fails, requested) })
	if op := b.askBackup("two"); op.Status.BackupStatus.LastFailureTime != nil {
		t.Error("the failure is told after a success")
	}
	b.waitFor("saved", v1alpha1.ConditionBackedUp, "True", v1alpha1.ReasonBackedUp)
}

// TestADumpThatIsKeptAndNotCopiedIsASuccessThatTellsItsTrouble: also after the operator
// has been started anew, until a dump has none.
func TestADumpThatIsKeptAndNotCopiedIsASuccessThatTellsItsTrouble(t *testing.T) {
	t.Parallel()
	b, stop := saved(t)
	const trouble = "its copy in s3://backups/ at s3.example.com failed: the bucket is full"
	problem := fmt.Sprintf("multinic_operator_backup_problem{name=%q,namespace=%q}", "saved", b.namespace)
	told := func() (n int) {
		for _, e := range b.events() {
			if strings.HasPrefix(e, v1alpha1.ReasonBackupCopyFailed+": ") && strings.Contains(e, trouble) {
				n++
			}
		}
		return n
	}
	b.workloads.with(func(w *workloads) { w.dumped = func(r *backup.Result) { r.Error = trouble } })
	s := b.askBackup("one").Status.BackupStatus
	if s.LastSuccessfulTime == nil || s.LastFailureTime != nil || s.LastName == "" || s.Problem != trouble {
		t.Errorf("the status tells %+v", s)
	}
	uncopied := func() {
		t.Helper()
		op := b.waitFor("saved", v1alpha1.ConditionBackedUp, "False", v1alpha1.ReasonBackupCopyFailed)
		message := meta.FindStatusCondition(op.Status.Conditions, v1alpha1.ConditionBackedUp).Message
		for _, part := range []string{s.LastName, resources.BackupName, trouble, "kubectl multinic backup now"} {
			if !strings.Contains(message, part) {
				t.Errorf("the condition says %q, without %q", message, part)
			}
		}
		b.until("the metric tells of the trouble", func() bool { return b.metric(problem) == 1 })
	}
	uncopied()
	b.waitEvent(v1alpha1.ReasonBackupCopyFailed, trouble)
	b.waitReady("saved")
	stop()
	b.edit("saved", func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.Backup.Enabled = new(false) })
	b.start()
	op := b.waitFor("saved", v1alpha1.ConditionBackedUp, "False", v1alpha1.ReasonBackupDisabled)
	if c := meta.FindStatusCondition(op.Status.Conditions, v1alpha1.ConditionBackedUp); !strings.Contains(c.Message, trouble) {
		t.Errorf("the trouble is not told while the schedule is off: %s", c.Message)
	}
	b.edit("saved", func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.Backup.Enabled = new(true) })
	uncopied()
	b.waitReady("saved")
	if n := told(); n != 1 {
		t.Errorf("there are %d events of the trouble, want one", n)
	}
	b.workloads.with(func(w *workloads) { w.dumped = nil })
	if op := b.askBackup("two"); op.Status.BackupStatus.Problem != "" {
		t.Errorf("the trouble is told after a dump without one: %s", op.Status.BackupStatus.Problem)
	}
	b.waitFor("saved", v1alpha1.ConditionBackedUp, "True", v1alpha1.ReasonBackedUp)
	b.until("the metric tells of no trouble", func() bool { return b.metric(problem) == 0 })
}

// TestCopiesInABucketLieInAFolderOfTheClusterAndNamespace: of every Job that keeps a dump
// or looks for one.
func TestCopiesInABucketLieInAFolderOfTheClusterAndNamespace(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.options.LookEvery = time.Second
	b.start()
	b.makeSecret("bucket", map[string]string{resources.KeyS3AccessKey: "id", resources.KeyS3SecretKey: "key"})
	s3 := &v1alpha1.S3Spec{Endpoint: "https://s3.example.com", Bucket: "backups", Prefix: "multinic/", SecretRef: v1alpha1.LocalSecretReference{Name: "bucket"}}
	b.apply("restored", v1alpha1.MultiNicOperatorSpec{Database: v1alpha1.DatabaseSpec{Backup: v1alpha1.BackupSpec{S3: s3}}})
	b.waitReady("restored")
	b.publish()
	system := &corev1.Namespace{}
	if err := b.client.Get(t.Context(), client.ObjectKey{Name: metav1.NamespaceSystem}, system); err != nil {
		t.Fatal(err)
	}
	b.annotate("restored", v1alpha1.AnnotationBackupRequestedAt, "one")
	b.until("the request is handled", func() bool { return b.get("restored").Status.BackupStatus.LastHandledRequest == "one" })
	b.edit("restored", func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.Image = "mariadb:11.8" })
	b.until("the upgrade is backed up", func() bool { return slices.Contains(b.workloads.reasons(), string(resources.BeforeUpgrade)) })
	b.waitReady("restored")
	b.restore("dump-1")
	b.waitRestored(1)
	cron := &batchv1.CronJob{}
	b.read(resources.BackupName, cron)
	specs := map[string]batchv1.JobSpec{"scheduled": cron.Spec.JobTemplate.Spec}
	b.workloads.with(func(w *workloads) {
		for _, r := range w.ran {
			specs[r.reason] = r.job.Spec
		}
	})
	if len(specs) != 5 {
		t.Errorf("the Jobs are %v, want five kinds", b.workloads.reasons())
	}
	for reason, spec := range specs {
		var args []string
		for _, c := range slices.Concat(spec.Template.Spec.InitContainers, spec.Template.Spec.Containers) {
			args = append(args, c.Args...)
		}
		if want := "--s3-prefix=multinic/" + string(system.UID) + "/" + b.namespace; !slices.Contains(args, want) {
			t.Errorf("the Job %s is given %v, want %s", reason, args, want)
		}
	}
}

func TestABackupThatDoesNotComeIsOverdue(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	ahead := &shifted{}
	b.options.Clock, b.options.LookEvery = ahead, time.Second
	b.start()
	b.apply("saved", v1alpha1.MultiNicOperatorSpec{Database: v1alpha1.DatabaseSpec{Backup: v1alpha1.BackupSpec{Schedule: "0 3 * * 0"}}})
	b.waitReady("saved")
	ahead.by.Store(int64(8*24*time.Hour + 2*time.Hour))
	b.waitFor("saved", v1alpha1.ConditionBackedUp, "False", v1alpha1.ReasonBackupOverdue)
	ahead.by.Store(0)
	b.waitFor("saved", v1alpha1.ConditionBackedUp, "False", v1alpha1.ReasonNoBackupYet)
	b.askBackup("one")
	b.waitFor("saved", v1alpha1.ConditionBackedUp, "True", v1alpha1.ReasonBackedUp)
	ahead.by.Store(int64(8*24*time.Hour + 2*time.Hour))
	b.waitFor("saved", v1alpha1.ConditionBackedUp, "False", v1alpha1.ReasonBackupOverdue)
	if op := b.waitReady("saved"); op.Status.Phase == v1alpha1.PhaseError {
		t.Errorf("an overdue backup makes the phase %s", op.Status.Phase)
	}
}

// TestADumpOfANodeWhoseClockIsAheadIsNotTheLastForEver: it was made when its Job ended.
func TestADumpOfANodeWhoseClockIsAheadIsNotTheLastForEver(t *testing.T) {
	t.Parallel()
	b, stop := saved(t)
	dated := func(ahead time.Duration) {
		b.workloads.with(func(w *workloads) {
			w.dumped = func(r *backup.Result) { r.CreatedAt = new(r.CreatedAt.Add(ahead)) }
		})
	}
	dated(48 * time.Hour)
	first := b.askBackup("one").Status.BackupStatus
	if at := first.LastSuccessfulTime; at == nil || time.Until(at.Time) > time.Minute || first.LastName == "" {
		t.Errorf("the status tells %+v, want the time when the Job ended", first)
	}
	b.waitFor("saved", v1alpha1.ConditionBackedUp, "True", v1alpha1.ReasonBackedUp)
	dated(5 * time.Second) // in another second than the first
	second := b.askBackup("two").Status.BackupStatus
	if second.LastName == first.LastName {
		t.Errorf("the status tells %+v, want the second dump", second)
	}
	stop()
	b.start()
	b.looks()
	if s := b.get("saved").Status.BackupStatus; s.LastName != second.LastName {
		t.Errorf("the status tells %+v again, want the second dump", s)
	}
}

// TestADumpOfANodeWhoseClockIsBehindIsTold as any: it was made while its Job ran.
func TestADumpOfANodeWhoseClockIsBehindIsTold(t *testing.T) {
	t.Parallel()
	b, _ := saved(t)
	b.workloads.with(func(w *workloads) {
		w.dumped = func(r *backup.Result) { r.CreatedAt = new(r.CreatedAt.Add(-72 * time.Hour)) }
	})
	if s := b.askBackup("one").Status.BackupStatus; s.LastSuccessfulTime == nil || time.Since(s.LastSuccessfulTime.Time) > patience {
		t.Errorf("the status tells %+v, want the time when the Job ended", s)
	}
	b.waitFor("saved", v1alpha1.ConditionBackedUp, "True", v1alpha1.ReasonBackedUp)
}

// TestALastDumpThatIsDatedInTheFutureIsOvertaken: a version of before may have written
// such a date.
func TestALastDumpThatIsDatedInTheFutureIsOvertaken(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	ahead := &shifted{}
	b.options.Clock, b.options.LookEvery = ahead, time.Second
	stop := b.start()
	b.apply("saved", v1alpha1.MultiNicOperatorSpec{})
	b.waitReady("saved")
	stop()
	op := b.get("saved")
	before := op.DeepCopy()
	s := &op.Status.BackupStatus
	s.LastSuccessfulTime, s.LastName = new(metav1.NewTime(time.Now().AddDate(1, 0, 0))), "20991231t235959z-scheduled"
	if err := b.client.Status().Patch(t.Context(), op, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	ahead.by.Store(int64(3 * 24 * time.Hour))
	b.start()
	op = b.waitFor("saved", v1alpha1.ConditionBackedUp, "False", v1alpha1.ReasonBackupOverdue)
	if c := meta.FindStatusCondition(op.Status.Conditions, v1alpha1.ConditionBackedUp); !strings.Contains(c.Message, s.LastName) || !strings.Contains(c.Message, "in the future") {
		t.Errorf("the condition says %q, and not why", c.Message)
	}
	series := fmt.Sprintf("multinic_operator_last_backup_timestamp_seconds{name=%q,namespace=%q}", "saved", b.namespace)
	if got := b.metric(series); got != 0 {
		t.Errorf("the metric is %.0f, as if all was well", got)
	}
	ahead.by.Store(0)
	b.workloads.with(func(w *workloads) { w.fails[requested] = `{"error":"no space left on the volume"}` })
	b.askBackup("one")
	b.waitFor("saved", v1alpha1.ConditionBackedUp, "False", v1alpha1.ReasonBackupFailed)
	b.workloads.with(func(w *workloads) { delete(w.fails, requested) })
	if got := b.askBackup("two").Status.BackupStatus; got.LastName == s.LastName || time.Until(got.LastSuccessfulTime.Time) > time.Minute {
		t.Errorf("the status tells %+v, want the dump of now", got)
	}
	b.waitFor("saved", v1alpha1.ConditionBackedUp, "True", v1alpha1.ReasonBackedUp)
}

// TestAWeeklyBackupIsNotToldBeforeItsFirstTick: the second day has no dump yet.
func TestAWeeklyBackupIsNotToldBeforeItsFirstTick(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	ahead := &shifted{}
	b.options.Clock, b.options.LookEvery = ahead, time.Second
	ahead.by.Store(int64(26 * time.Hour))
	b.start()
	next := time.Now().AddDate(0, 0, 4)
	schedule := fmt.Sprintf("0 3 * * %d", int(next.Weekday()))
	b.apply("saved", v1alpha1.MultiNicOperatorSpec{Database: v1alpha1.DatabaseSpec{Backup: v1alpha1.BackupSpec{Schedule: schedule}}})
	b.waitReady("saved")
	b.waitFor("saved", v1alpha1.ConditionBackedUp, "False", v1alpha1.ReasonNoBackupYet)
}

// TestAScheduleThatIsNotUnderstoodHoldsNothingUp: dumps are made as before, and the rest
// of the spec is carried out.
func TestAScheduleThatIsNotUnderstoodHoldsNothingUp(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.options.LookEvery = time.Second
	b.start()
	b.apply("saved", v1alpha1.MultiNicOperatorSpec{Database: v1alpha1.DatabaseSpec{Backup: v1alpha1.BackupSpec{Schedule: "15 4 * * *"}}})
	b.waitReady("saved")
	b.edit("saved", func(op *v1alpha1.MultiNicOperator) {
		op.Spec.Database.Backup.Schedule, op.Spec.Controller.Replicas = "0 99 * * *", new(int32(2))
	})
	op := b.waitFor("saved", v1alpha1.ConditionReady, "False", v1alpha1.ReasonInvalidSpec)
	if !strings.Contains(op.Status.Message, "0 99 * * *") {
		t.Errorf("the message does not tell the value: %s", op.Status.Message)
	}
	b.until("the rest is carried out", func() bool { n, _ := b.controller(); return n == 2 })
	cron := &batchv1.CronJob{}
	if b.read(resources.BackupName, cron); cron.Spec.Schedule != "15 4 * * *" {
		t.Errorf("dumps are made at %q", cron.Spec.Schedule)
	}
	b.edit("saved", func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.Backup.Schedule = "30 4 * * *" })
	b.waitReady("saved")
}
