// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package multinicoperator

import (
	"context"
	"errors"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/children"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// database makes the internal server run, at the version and with the volume
// that the spec asks for. What it waits for it tells; later steps see whether
// the server is there.
func (r *Reconciler) database(ctx context.Context, p *passage) error {
	if p.external {
		p.drop(v1alpha1.ConditionStorageResized)
		return nil // what is left of the internal one goes when its rows have moved
	}
	if err := r.chooseImage(ctx, p); err != nil {
		return err
	}
	for _, object := range resources.Database(p.in) {
		err := r.ensure(ctx, p, object)
		if set, ok := object.(*appsv1.StatefulSet); ok && errors.Is(err, children.ErrImmutable) {
			return r.replaceSet(ctx, p, set)
		}
		if err != nil {
			return err
		}
	}
	set, err := r.databaseSet(ctx, p)
	if err != nil {
		return err
	}
	if set == nil {
		return r.between(ctx, p)
	}
	if err := r.unblock(ctx, p, set); err != nil {
		return err
	}
	serving := set.Status.ObservedGeneration >= set.Generation && set.Status.ReadyReplicas > 0
	p.op.Status.DatabaseStatus.ReadyReplicas = set.Status.ReadyReplicas
	if err := r.volume(ctx, p, serving, set); err != nil {
		return err
	}
	p.steady = serving && set.Status.CurrentRevision == set.Status.UpdateRevision
	switch {
	case p.in.DatabaseImage != p.in.Spec.Database.Image: // an upgrade is waiting, and has said so
		if !serving {
			p.lookIn(waitEvery)
		}
	case !serving:
		p.set(v1alpha1.ConditionDatabaseAvailable, false, v1alpha1.ReasonProgressing, "%s", r.whyNotReady(ctx, p, resources.DatabaseName, "StatefulSet mariadb has no ready pod"))
		p.lookIn(waitEvery)
	case set.Status.CurrentRevision != set.Status.UpdateRevision:
		p.set(v1alpha1.ConditionDatabaseAvailable, false, v1alpha1.ReasonProgressing, "MariaDB's pod is replaced by one as the spec asks for")
		p.lookIn(waitEvery)
	default:
		p.set(v1alpha1.ConditionDatabaseAvailable, true, v1alpha1.ReasonAvailable, "MariaDB serves")
	}
	return nil
}

// databaseSet is the StatefulSet as it is now: the cache may not know of our last
// write yet, and its status would be the former template's.
func (r *Reconciler) databaseSet(ctx context.Context, p *passage) (*appsv1.StatefulSet, error) {
	set := &appsv1.StatefulSet{}
	err := r.Reader.Get(ctx, p.name(resources.DatabaseName), set)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return set, err
}

// replaceSet deletes the StatefulSet and leaves its pod and volume, which the
// next one takes over: its templates of volumes can't be changed in place.
func (r *Reconciler) replaceSet(ctx context.Context, p *passage, set *appsv1.StatefulSet) error {
	live := &appsv1.StatefulSet{}
	if err := r.Reader.Get(ctx, client.ObjectKeyFromObject(set), live); err != nil {
		return client.IgnoreNotFound(err)
	}
	r.Log.Info("Replacing the StatefulSet around its pod", "namespace", p.namespace(), "name", set.Name)
	err := r.Client.Delete(ctx, live, client.Preconditions{UID: &live.UID, ResourceVersion: &live.ResourceVersion}, client.PropagationPolicy(metav1.DeletePropagationOrphan))
	r.Children.Forget(set)
	if client.IgnoreNotFound(err) != nil {
		return err
	}
	return r.between(ctx, p)
}

// between tells of a server whose StatefulSet is not there now: its pod, if it has
// one, runs on, and its volume may grow.
func (r *Reconciler) between(ctx context.Context, p *passage) error {
	p.lookIn(waitEvery)
	pod := &corev1.Pod{}
	if err := r.Client.Get(ctx, p.name(resources.DatabaseName+"-0"), pod); client.IgnoreNotFound(err) != nil {
		return err
	}
	if ready(pod) && pod.DeletionTimestamp.IsZero() {
		p.set(v1alpha1.ConditionDatabaseAvailable, true, v1alpha1.ReasonAvailable, "MariaDB serves; its StatefulSet is made anew around its pod")
	} else {
		p.set(v1alpha1.ConditionDatabaseAvailable, false, v1alpha1.ReasonProgressing, "StatefulSet mariadb is being made")
	}
	return r.volume(ctx, p, false, nil)
}

// unblock deletes a pod that never got ready and is not of the revision that is
// wanted by now: a StatefulSet waits for ever for such a pod to get ready
// (kubernetes.io/docs/concepts/workloads/controllers/statefulset, "Forced rollback").
func (r *Reconciler) unblock(ctx context.Context, p *passage, set *appsv1.StatefulSet) error {
	if set.Status.ObservedGeneration < set.Generation || set.Status.UpdateRevision == "" {
		return nil
	}
	pod := &corev1.Pod{}
	if err := r.Client.Get(ctx, p.name(resources.DatabaseName+"-0"), pod); err != nil {
		return client.IgnoreNotFound(err)
	}
	if ready(pod) || !pod.DeletionTimestamp.IsZero() || pod.Labels[appsv1.StatefulSetRevisionLabel] == set.Status.UpdateRevision {
		return nil
	}
	r.Log.Info("Deleting a pod of a revision that never got ready", "namespace", pod.Namespace, "pod", pod.Name)
	// As it was seen: one that has been started meanwhile is looked at again.
	return client.IgnoreNotFound(r.Client.Delete(ctx, pod, client.Preconditions{UID: &pod.UID, ResourceVersion: &pod.ResourceVersion}))
}

func ready(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
