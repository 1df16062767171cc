// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package multinicoperator

import (
	"context"
	"fmt"
	"maps"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// failedMark goes before what the claim remembers of a restore that failed.
const failedMark = "failed:"

// restore loads a dump into the data volume, once for each volume and wish. The
// controller stands still meanwhile; agents get errors from the first table that
// goes until the controller has compared everything with OpenStack.
func (r *Reconciler) restore(ctx context.Context, p *passage) error {
	asked := restoreAsked(p.op)
	if asked == "" {
		p.drop(v1alpha1.ConditionRestored)
		p.op.Status.BackupStatus.Restored = nil
		return r.callOffRestore(ctx, p)
	}
	if !p.restorePending() {
		return r.restored(ctx, p, asked)
	}
	p.lookIn(waitEvery)
	if p.noBucket != nil {
		p.tellRestore(asked, "Running", v1alpha1.ReasonRestoring,
			"the bucket is waited for, which may hold it: "+p.noBucket.message+"; or take database.backup.s3 out, and it is looked for on the volume alone")
		return nil
	}
	if host, err := r.arriving(ctx, p); err != nil || host != "" {
		// Two must not load at once, and what is restored counts for more.
		p.tellRestore(asked, "Running", v1alpha1.ReasonRestoring, "the rows that are copied from "+host+" are waited for")
		return err
	}
	running := func(step string) {
		p.tellRestore(asked, "Running", v1alpha1.ReasonRestoring, "publication is stopped while the database is restored: "+step)
	}
	p.in.Stopped = true
	p.set(v1alpha1.ConditionControllerAvailable, false, v1alpha1.ReasonStopped, "the controller is stopped while the database is restored; agents keep what they have")
	running("MariaDB is waited for")
	if p.claim == nil || !p.steady {
		return nil
	}
	job := resources.RestoreJob(p.in, p.op.Spec.Database.RestoreFrom, asked+" "+string(p.claim.UID))
	if err := r.dropOtherJobs(ctx, p, job, resources.BeforeRestore, resources.ForRestore); err != nil {
		return err
	}
	if done, why, err := r.dumpBeforeRestore(ctx, p, asked); !done || err != nil {
		running(because("what is there is dumped first", why))
		return err
	}
	running("the controller is being stopped")
	if idle, err := r.controllerIdle(ctx, p); !idle || err != nil {
		return err
	}
	state, why, err := r.run(ctx, job)
	if err != nil || state == jobRunning {
		running(because("the backup is being loaded", why))
		return err
	}
	mark := asked
	if state == jobFailed {
		mark = failedMark + asked
		p.tellRestore(asked, "Failed", v1alpha1.ReasonRestoreFailed, why)
		r.event(p, corev1.EventTypeWarning, v1alpha1.ReasonRestoreFailed, "Restore", "%s: %s", p.op.Spec.Database.RestoreFrom, why)
	} else {
		r.event(p, corev1.EventTypeNormal, v1alpha1.ReasonRestored, "Restore", "%s", p.op.Spec.Database.RestoreFrom)
	}
	if err := r.markClaim(ctx, p, marks{annotationRestored: mark}); err != nil {
		return err
	}
	return r.restored(ctx, p, asked)
}

// callOffRestore ends a restore that nobody asks for any more. One that is loading
// keeps the controller stopped until it has ended: two must not write at once.
func (r *Reconciler) callOffRestore(ctx context.Context, p *passage) error {
	for _, reason := range []resources.Reason{resources.ForRestore, resources.BeforeRestore} {
		if err := r.dropJobs(ctx, p, reason); err != nil {
			return err
		}
	}
	pods := &corev1.PodList{}
	if err := r.Client.List(ctx, pods, client.InNamespace(p.namespace()), client.MatchingLabels{"app": resources.BackupName, resources.LabelReason: string(resources.ForRestore)}); err != nil {
		return err
	}
	for i := range pods.Items {
		if phase := pods.Items[i].Status.Phase; phase != corev1.PodSucceeded && phase != corev1.PodFailed {
			p.in.Stopped, p.loading = true, true
			p.set(v1alpha1.ConditionControllerAvailable, false, v1alpha1.ReasonStopped, "the controller is stopped until a restore that was called off has ended")
			p.lookIn(waitEvery)
		}
	}
	return nil
}

// restored tells of a restore that has ended, and lets the controller run.
func (r *Reconciler) restored(ctx context.Context, p *passage, asked string) error {
	if strings.HasPrefix(p.claim.Annotations[annotationRestored], failedMark) {
		why := "see the events"
		if was := p.op.Status.BackupStatus.Restored; was != nil && was.Phase == "Failed" {
			why = was.Message
		}
		p.tellRestore(asked, "Failed", v1alpha1.ReasonRestoreFailed, why)
		return nil
	}
	p.tellRestore(asked, "Succeeded", v1alpha1.ReasonRestored, "the dump is loaded; agents read it once every object has been compared with OpenStack (its condition Published)")
	return r.dropToldJobs(ctx, p, resources.BeforeRestore)
}

// restorePending says that a restore is asked for that has not ended yet.
func (p *passage) restorePending() bool {
	asked := restoreAsked(p.op)
	return asked != "" && (p.claim == nil || strings.TrimPrefix(p.claim.Annotations[annotationRestored], failedMark) != asked)
}

// restoreAsked names a wish: the dump, and how often it was asked for.
func restoreAsked(op *v1alpha1.MultiNicOperator) string {
	if op.Spec.Database.RestoreFrom == "" {
		return ""
	}
	return op.Spec.Database.RestoreFrom + "@" + op.Annotations[v1alpha1.AnnotationRestoreRequestedAt]
}

func (p *passage) tellRestore(asked, phase, reason, message string) {
	p.set(v1alpha1.ConditionRestored, phase == "Succeeded", reason, "%s: %s", p.op.Spec.Database.RestoreFrom, message)
	from, at, _ := strings.Cut(asked, "@")
	status := &v1alpha1.RestoreStatus{From: from, RequestedAt: at, Phase: phase, Message: message, Time: new(metav1.NewTime(p.now))}
	if was := p.op.Status.BackupStatus.Restored; was != nil && was.From == from && was.RequestedAt == at && was.Phase == phase {
		status.Time = was.Time
	}
	p.op.Status.BackupStatus.Restored = status
}

// dumpBeforeRestore keeps what is there, if it is anything. A server whose data
// can't be dumped is restored all the same: that may be why.
func (r *Reconciler) dumpBeforeRestore(ctx context.Context, p *passage, asked string) (done bool, why string, err error) {
	admin, err := r.connect(ctx, p)
	if err != nil {
		r.tellLogin(p, err)
		return false, "", nil
	}
	_, exists, err := admin.GateOpen(ctx, p.creds.Database)
	_ = admin.Close()
	if err != nil || !exists {
		return err == nil, "", err
	}
	state, why, err := r.dump(ctx, p, resources.BeforeRestore, asked+" "+string(p.claim.UID))
	if state == jobFailed {
		r.event(p, corev1.EventTypeWarning, v1alpha1.ReasonBackupFailed, "Restore", "what was there could not be dumped before the restore: %s", why)
	}
	return state != jobRunning, why, err
}

// restoring says whether a restore is under way.
func (p *passage) restoring() bool {
	c := condition(p, v1alpha1.ConditionRestored)
	return c != nil && c.Reason == v1alpha1.ReasonRestoring
}

// controllerIdle says whether no replica of the controller is left, nor will come.
func (r *Reconciler) controllerIdle(ctx context.Context, p *passage) (bool, error) {
	deployment := &appsv1.Deployment{}
	err := r.Reader.Get(ctx, p.name(resources.ControllerName), deployment)
	switch {
	case client.IgnoreNotFound(err) != nil:
		return false, err
	case err == nil && deployment.DeletionTimestamp.IsZero() && (*deployment.Spec.Replicas > 0 || deployment.Status.ObservedGeneration < deployment.Generation):
		return false, nil
	}
	pods := &corev1.PodList{}
	err = r.Reader.List(ctx, pods, client.InNamespace(p.namespace()), client.MatchingLabels{"app": resources.ControllerName})
	if err != nil {
		return false, fmt.Errorf("listing the controller's pods: %w", err)
	}
	for i := range pods.Items {
		if phase := pods.Items[i].Status.Phase; phase != corev1.PodSucceeded && phase != corev1.PodFailed {
			return false, nil
		}
	}
	return true, nil
}

// marks are annotations of the data volume's claim; an empty value takes one off.
type marks map[string]string

// markClaim writes into the data volume's claim what it has been through, in one write.
func (r *Reconciler) markClaim(ctx context.Context, p *passage, m marks) error {
	before := p.claim.DeepCopy()
	if p.claim.Annotations == nil {
		p.claim.Annotations = map[string]string{}
	}
	maps.Copy(p.claim.Annotations, m)
	maps.DeleteFunc(p.claim.Annotations, func(key, value string) bool { _, ours := m[key]; return ours && value == "" })
	if err := r.Client.Patch(ctx, p.claim, client.MergeFrom(before), fieldOwner); err != nil {
		return fmt.Errorf("patching the claim %s: %w", p.claim.Name, err)
	}
	return nil
}
