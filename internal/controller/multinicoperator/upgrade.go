// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package multinicoperator

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// AnnotationUpgradeWithoutBackup on a MultiNicOperator names the image that MariaDB
// may go to without a dump before it. It is the way out where the one that it runs
// with serves no more; being one image's, it is of no effect on the next upgrade.
const AnnotationUpgradeWithoutBackup = "multinic.example.com/upgrade-without-backup"

// chooseImage keeps MariaDB at the image that the data was last run with until a
// dump has been made: another image may be another version, which can't go back.
func (r *Reconciler) chooseImage(ctx context.Context, p *passage) error {
	want := p.in.Spec.Database.Image
	p.in.DatabaseImage = want
	if p.claim == nil {
		return nil
	}
	ran, begun := p.claim.Annotations[annotationImage], p.claim.Annotations[annotationBegun]
	insists := p.op.Annotations[AnnotationUpgradeWithoutBackup] == want
	switch {
	case ran == "" || ran == want && begun == "":
		// It has run: the next upgrade needs a dump of its own.
		return r.dropToldJobs(ctx, p, resources.BeforeUpgrade)
	case begun == want: // its dump has been made, or none was wanted
		return nil
	case begun != "" && !p.neverRan && !insists && (want == ran || resources.Older(want, begun)):
		p.in.DatabaseImage = begun
		p.set(v1alpha1.ConditionDatabaseAvailable, false, v1alpha1.ReasonProgressing,
			"MariaDB goes to %s if %s has not run on the data, which is seen when its pod is there. If you know that it never ran, set the annotation %s to %[1]s", want, begun, AnnotationUpgradeWithoutBackup)
		p.lookIn(waitEvery)
		return nil
	case ran == want:
		return r.forgetBegun(ctx, p)
	case resources.SameRelease(ran, want): // from another registry
		return nil
	case p.restorePending() && p.serving():
		p.in.DatabaseImage = cmp.Or(begun, ran)
		p.set(v1alpha1.ConditionDatabaseAvailable, false, v1alpha1.ReasonProgressing, "MariaDB goes from %s to %s when the backup is restored", p.in.DatabaseImage, want)
		return nil
	}
	if !insists {
		dumped, err := r.dumpBeforeUpgrade(ctx, p, ran, want)
		if !dumped && begun != "" && !p.neverRan {
			p.in.DatabaseImage = begun // which may have changed the files
		}
		if err != nil || !dumped {
			return err
		}
	}
	p.in.DatabaseImage = want
	// Before its pod can be: once that has run the former image must not come back.
	return r.markClaim(ctx, p, marks{annotationBegun: want})
}

// forgetBegun takes note that an image never ran, once no pod is left that could
// still begin to.
func (r *Reconciler) forgetBegun(ctx context.Context, p *passage) error {
	if p.begunPod {
		p.lookIn(waitEvery)
		return nil
	}
	return r.markClaim(ctx, p, marks{annotationBegun: ""})
}

// dumpBeforeUpgrade says whether there is a dump, or none is wanted; meanwhile
// MariaDB stays at the image that it runs with.
func (r *Reconciler) dumpBeforeUpgrade(ctx context.Context, p *passage, ran, want string) (bool, error) {
	asked := ran + " " + string(p.claim.UID)
	p.in.DatabaseImage = ran // of the dump's pod
	jobs, err := r.ourJobs(ctx, p, resources.BeforeUpgrade)
	if err != nil {
		return false, err
	}
	asking := slices.ContainsFunc(jobs, func(job batchv1.Job) bool { return job.Annotations[resources.AnnotationAsked] == asked })
	if !asking && !p.serving() {
		p.set(v1alpha1.ConditionDatabaseAvailable, false, v1alpha1.ReasonUpgradeBlocked,
			"MariaDB stays at %s, since it does not serve and so can't be dumped before it goes to %s: mend it, set the image back, or set the annotation %s to that image to go without a dump. %s",
			ran, want, AnnotationUpgradeWithoutBackup, r.whyNotReady(ctx, p, resources.DatabaseName, "It has no ready pod"))
		p.lookIn(waitEvery)
		return false, nil
	}
	state, why, err := r.dump(ctx, p, resources.BeforeUpgrade, asked)
	switch {
	case err != nil:
		return false, err
	case state == jobFailed:
		p.set(v1alpha1.ConditionDatabaseAvailable, false, v1alpha1.ReasonUpgradeBlocked,
			"MariaDB stays at %s: the backup before %s failed (%s). Delete the Job to try again, set the image back, or set the annotation %s to that image to go without a dump", ran, want, why, AnnotationUpgradeWithoutBackup)
	case state == jobRunning:
		p.set(v1alpha1.ConditionDatabaseAvailable, false, v1alpha1.ReasonProgressing, "%s", because(fmt.Sprintf("a backup is made before MariaDB goes from %s to %s", ran, want), why))
		p.lookIn(waitEvery)
	}
	return state == jobSucceeded, nil
}

// lookAtBegun notes that the image that MariaDB was last begun to go to has run: from
// its first moment it may have changed the files, whether it ever gets ready or not.
func (r *Reconciler) lookAtBegun(ctx context.Context, p *passage) error {
	if p.external || p.claim == nil || p.claim.Annotations[annotationBegun] == "" {
		return nil
	}
	image := p.claim.Annotations[annotationBegun]
	set, err := r.databaseSet(ctx, p)
	if err != nil {
		return err
	}
	wanted := set != nil && set.Spec.Template.Spec.Containers[0].Image == image
	// Past the cache: what a container has begun meanwhile would be missed.
	pods := &corev1.PodList{}
	if err := r.Reader.List(ctx, pods, client.InNamespace(p.namespace()), client.MatchingLabels{"app": resources.DatabaseName}); err != nil {
		return fmt.Errorf("listing MariaDB's pods: %w", err)
	}
	i := slices.IndexFunc(pods.Items, func(pod corev1.Pod) bool {
		return pod.Name == resources.DatabaseName+"-0" && (imageOf(pod.Spec) == image || wanted && pod.Labels[appsv1.StatefulSetRevisionLabel] == set.Status.UpdateRevision && set.Status.ObservedGeneration >= set.Generation)
	})
	if p.begunPod = i >= 0; !p.begunPod {
		// A run that died has noted it before its StatefulSet was to have it, or it
		// has been taken back.
		p.neverRan = set != nil && !wanted
		return nil
	}
	p.neverRan = !slices.ContainsFunc(pods.Items[i].Status.ContainerStatuses, func(s corev1.ContainerStatus) bool {
		return s.Name == resources.DatabaseName && (s.ContainerID != "" || s.RestartCount > 0 || s.LastTerminationState.Terminated != nil)
	})
	if p.neverRan {
		return nil
	}
	return r.markClaim(ctx, p, marks{annotationImage: image, annotationBegun: ""})
}

// imageOf is the image of MariaDB in a pod; others may have put containers beside it.
func imageOf(pod corev1.PodSpec) string {
	for _, c := range pod.Containers {
		if c.Name == resources.DatabaseName {
			return c.Image
		}
	}
	return ""
}
