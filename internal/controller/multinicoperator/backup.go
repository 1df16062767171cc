// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package multinicoperator

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/backup"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// identify finds out whose the copies in the bucket are. It comes before the steps that
// start Jobs: one that didn't know would prune and restore what is someone else's.
func (r *Reconciler) identify(ctx context.Context, p *passage) (err error) {
	if p.in.Spec.Database.Backup.S3 != nil {
		p.in.Owner, err = r.databaseOwner(ctx, p.namespace())
	}
	return err
}

// keepSchedule lets dumps be made as they were before.
func (r *Reconciler) keepSchedule(ctx context.Context, p *passage) error {
	live := &batchv1.CronJob{}
	err := r.Client.Get(ctx, p.name(resources.BackupName), live)
	p.in.Spec.Database.Backup.Schedule = cmp.Or(live.Spec.Schedule, resources.DefaultBackupSchedule)
	return client.IgnoreNotFound(err)
}

// backup keeps the scheduled dumps going, makes those that are asked for, and
// tells of them.
func (r *Reconciler) backup(ctx context.Context, p *passage) error {
	if p.external {
		p.op.Status.BackupStatus.Problem = ""
		r.Metrics.backupProblem(p.op, false)
		p.set(v1alpha1.ConditionBackedUp, true, v1alpha1.ReasonBackupDisabled, "the external database's backups are its owner's")
		return nil
	}
	if err := r.ensure(ctx, p, resources.Backup(p.in)...); err != nil {
		return err
	}
	if at := p.op.Annotations[v1alpha1.AnnotationBackupRequestedAt]; at != "" && at != p.op.Status.BackupStatus.LastHandledRequest && p.serving() && !p.restoring() {
		state, _, err := r.dump(ctx, p, resources.Requested, at)
		if err != nil {
			return err
		}
		if state == jobRunning {
			p.lookIn(waitEvery)
		}
	}
	if err := r.readResults(ctx, p); err != nil {
		return err
	}
	r.tellBackup(p)
	return nil
}

// dump makes one dump. Of the image and the server that it is made with, the
// scheduled ones may want others: the CronJob is not its business.
func (r *Reconciler) dump(ctx context.Context, p *passage, reason resources.Reason, asked string) (jobState, string, error) {
	if err := r.ensure(ctx, p, resources.BackupPlace(p.in)...); err != nil {
		return jobRunning, "", err
	}
	return r.run(ctx, resources.BackupJob(p.in, reason, asked))
}

// readResults takes over what the Jobs that have ended tell of their dumps.
func (r *Reconciler) readResults(ctx context.Context, p *passage) error {
	list := &batchv1.JobList{}
	if err := r.Client.List(ctx, list, client.InNamespace(p.namespace()), client.MatchingLabels{v1alpha1.LabelManagedBy: p.op.Name}); err != nil {
		return err
	}
	slices.SortFunc(list.Items, func(a, b batchv1.Job) int { return ended(&a).Compare(ended(&b)) })
	var succeeded time.Time
	for i := range list.Items {
		reason := resources.Reason(list.Items[i].Labels[resources.LabelReason])
		if state, _ := stateOf(&list.Items[i]); state == jobSucceeded && reason != resources.ForRestore && reason != resources.ForMove {
			succeeded = ended(&list.Items[i]) // the last of them, since they are sorted
		}
	}
	for i := range list.Items {
		job := &list.Items[i]
		reason := resources.Reason(job.Labels[resources.LabelReason])
		state, why := stateOf(job)
		if state == jobRunning || reason == resources.ForRestore || reason == resources.ForMove || reason == "" {
			continue
		}
		if overtaken := state == jobFailed && ended(job).Before(succeeded); !overtaken {
			if err := r.readResult(ctx, p, job, state, why); err != nil {
				return err
			}
		}
		if reason == resources.Requested {
			if asked := job.Annotations[resources.AnnotationAsked]; asked == p.op.Annotations[v1alpha1.AnnotationBackupRequestedAt] {
				p.op.Status.BackupStatus.LastHandledRequest = asked
			} else if told, err := r.isTold(ctx, p, job); err != nil {
				return err
			} else if !told {
				p.lookIn(waitEvery)
			} else if err := r.dropJob(ctx, job); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Reconciler) readResult(ctx context.Context, p *passage, job *batchv1.Job, state jobState, why string) error {
	s := &p.op.Status.BackupStatus
	at := ended(job)
	if state == jobFailed {
		if (s.LastFailureTime == nil || s.LastFailureTime.Time.Before(at)) && p.lastDump(s).Before(at) {
			s.LastFailureTime = new(metav1.NewTime(at))
			why = cmp.Or(r.lastWords(ctx, job), why)
			p.set(v1alpha1.ConditionBackedUp, false, v1alpha1.ReasonBackupFailed, "the Job %s failed: %s", job.Name, why)
			r.event(p, corev1.EventTypeWarning, v1alpha1.ReasonBackupFailed, "Backup", "the Job %s failed: %s", job.Name, why)
		}
		return nil
	}
	result, err := r.result(ctx, job)
	if err != nil || result == nil || result.CreatedAt == nil {
		return err
	}
	made := madeAt(job, result)
	if !p.isNews(s, made) {
		return nil
	}
	s.LastSuccessfulTime, s.LastName, s.LastSizeBytes = new(metav1.NewTime(made)), result.Name, result.Bytes
	s.Available, s.Problem = result.Available, result.Error
	if p.noBucket != nil {
		s.Problem = cmp.Or(s.Problem, "it is not copied to the bucket: "+p.noBucket.message)
	}
	// Times are kept in seconds: what failed and what succeeded may share one.
	if s.LastFailureTime != nil && !s.LastFailureTime.Time.After(at) {
		s.LastFailureTime = nil
	}
	r.event(p, corev1.EventTypeNormal, v1alpha1.ReasonBackedUp, "Backup", "%s", result.Name)
	if s.Problem != "" {
		r.event(p, corev1.EventTypeWarning, v1alpha1.ReasonBackupCopyFailed, "Backup", "%s", afterDump(s))
	}
	return nil
}

// madeAt is when a Job's dump was made, in seconds, as the API keeps times. That is
// between the Job's beginning and its end: else the clock of the dump's node is wrong,
// and the dump was made at that end at the latest.
func madeAt(job *batchv1.Job, result *backup.Result) time.Time {
	if end := ended(job); backup.Ahead(*result.CreatedAt, end) || backup.Ahead(job.CreationTimestamp.Time, *result.CreatedAt) {
		return end
	}
	return result.CreatedAt.Truncate(time.Second)
}

// isNews says whether a dump is newer than the last one that a status tells of. A status
// may tell a time in the future, of a clock that was ahead: what is not in the future is
// newer than that.
func (p *passage) isNews(s *v1alpha1.BackupStatus, made time.Time) bool {
	if s.LastSuccessfulTime == nil {
		return true
	}
	last := s.LastSuccessfulTime.Time
	if ahead := backup.Ahead(last, p.now); ahead != backup.Ahead(made, p.now) {
		return ahead
	}
	return made.After(last)
}

// lastDump is when the newest dump was made; the zero time if there is none, or if its
// time lies in the future, so that nobody knows.
func (p *passage) lastDump(s *v1alpha1.BackupStatus) time.Time {
	if s.LastSuccessfulTime == nil || backup.Ahead(s.LastSuccessfulTime.Time, p.now) {
		return time.Time{}
	}
	return s.LastSuccessfulTime.Time
}

// afterDump says what came after the last dump and failed.
func afterDump(s *v1alpha1.BackupStatus) string {
	return fmt.Sprintf("the dump %s is kept on the volume %s, but %s. Mend that: the next dump makes up for it, and kubectl multinic backup now makes one at once", s.LastName, resources.BackupName, s.Problem)
}

// ended is when a Job ended; one that runs has no such time.
func ended(job *batchv1.Job) time.Time {
	for _, c := range job.Status.Conditions {
		if c.Status == corev1.ConditionTrue && (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) {
			return c.LastTransitionTime.Time
		}
	}
	return time.Time{}
}

// tellBackup says whether the newest dump is as young as the schedule promises (no
// tick has passed since, or the last one less than an hour ago), and whether it is
// where it should be.
func (r *Reconciler) tellBackup(p *passage) {
	s, b := &p.op.Status.BackupStatus, p.in.Spec.Database.Backup
	last := p.lastDump(s)
	r.Metrics.backedUp(p.op, last)
	r.Metrics.backupProblem(p.op, s.Problem != "" || p.noBucket != nil)
	if !*b.Enabled {
		message := "database.backup.enabled is false"
		if c := condition(p, v1alpha1.ConditionBackedUp); s.LastFailureTime != nil && c != nil {
			message += "; the last dump: " + strings.TrimPrefix(c.Message, message+"; the last dump: ") // why it failed
		} else if s.Problem != "" {
			message += "; " + afterDump(s)
		} else if p.noBucket != nil {
			message += "; and dumps that are asked for are not copied to the bucket: " + p.noBucket.message
		}
		p.set(v1alpha1.ConditionBackedUp, false, v1alpha1.ReasonBackupDisabled, "%s", message)
		return
	}
	if s.LastFailureTime != nil {
		why := "the last dump failed at " + s.LastFailureTime.UTC().Format(time.RFC3339)
		if c := condition(p, v1alpha1.ConditionBackedUp); c != nil && c.Reason == v1alpha1.ReasonBackupFailed {
			why = c.Message // told where it was seen
		}
		p.set(v1alpha1.ConditionBackedUp, false, v1alpha1.ReasonBackupFailed, "%s", why)
		return
	}
	if overdue := p.overdue(last); overdue != "" {
		p.set(v1alpha1.ConditionBackedUp, false, v1alpha1.ReasonBackupOverdue, "%s", overdue)
		return
	}
	if p.noBucket != nil {
		p.set(v1alpha1.ConditionBackedUp, false, p.noBucket.reason, "dumps are made, and not copied to the bucket: %s", p.noBucket.message)
		return
	}
	if s.LastSuccessfulTime == nil {
		p.set(v1alpha1.ConditionBackedUp, false, v1alpha1.ReasonNoBackupYet, "the first dump comes by the schedule %s; kubectl multinic backup now makes one at once", b.Schedule)
		return
	}
	if s.Problem != "" {
		p.set(v1alpha1.ConditionBackedUp, false, v1alpha1.ReasonBackupCopyFailed, "%s", afterDump(s))
		return
	}
	p.set(v1alpha1.ConditionBackedUp, true, v1alpha1.ReasonBackedUp, "the last dump is %s", s.LastName)
}

// overdue says which dump should have been made since the last one and was not; nothing
// if none. Of one whose time is not known only so much is: it is younger than the
// MultiNicOperator whose status tells of it. So it counts as that old: then a dump that
// no other follows is overdue after one period, and not never.
func (p *passage) overdue(last time.Time) string {
	s, since := &p.op.Status.BackupStatus, last
	if since.IsZero() {
		since = p.op.CreationTimestamp.Time
	}
	schedule, err := cron.ParseStandard(p.in.Spec.Database.Backup.Schedule)
	if err != nil {
		return "" // refused before
	}
	due := schedule.Next(since.UTC())
	if due.IsZero() || p.now.Sub(due) <= time.Hour {
		return ""
	}
	if last.IsZero() && s.LastSuccessfulTime != nil {
		return fmt.Sprintf("the last dump, %s, is dated %s, which is in the future, so nobody knows how old it is: set the nodes' clocks right; kubectl multinic backup now makes one that is dated rightly",
			s.LastName, s.LastSuccessfulTime.UTC().Format(time.RFC3339))
	}
	return fmt.Sprintf("no dump since %s, though one was due at %s: kubectl get jobs -n %s says why", since.UTC().Format(time.RFC3339), due.Format(time.RFC3339), p.namespace())
}
