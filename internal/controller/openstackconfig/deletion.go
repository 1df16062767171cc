// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstackconfig

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

// deletionRetry is how often a deletion that waits for the database is tried,
// releaseTimeout how long one try may take before the object's status says that
// it waits. A transaction that is under way then still ends.
const (
	deletionRetry  = 5 * time.Second
	releaseTimeout = 30 * time.Second
)

// release takes a deleted object's interfaces out of the agents' view and
// lets it go. Where the database is away it waits a while, then writes the
// deletion down in the cluster and lets the object go all the same.
func (r *Reconciler) release(ctx context.Context, p *passage) (reconcile.Result, error) {
	if !controllerutil.ContainsFinalizer(p.obj, v1alpha1.Finalizer) {
		return reconcile.Result{}, nil
	}
	if r.Publication.Starting() {
		return reconcile.Result{}, nil // woken once the database has been reached or not
	}
	releaseCtx, cancel := context.WithTimeout(ctx, releaseTimeout)
	defer cancel()
	err := r.Rounds.Release(releaseCtx, p.key, string(p.obj.UID))
	if err == nil {
		return reconcile.Result{}, r.letGo(ctx, p.obj)
	}
	waited := r.Clock.Since(p.obj.DeletionTimestamp.Time)
	if waited < r.DeletionPatience {
		p.set(v1alpha1.ConditionReady, false, v1alpha1.ReasonDeletionDelayed, fmt.Sprintf(
			"the interfaces can't be withdrawn: %v. After %s the object goes and they are withdrawn later", err, r.DeletionPatience))
		p.obj.Status.Phase = v1alpha1.PhaseDegraded
		if err := r.writeStatus(ctx, p); err != nil {
			return reconcile.Result{}, err
		}
		return reconcile.Result{RequeueAfter: min(deletionRetry, r.DeletionPatience-waited)}, nil
	}
	if err := r.rememberDeletion(ctx, p.obj); err != nil {
		return reconcile.Result{}, fmt.Errorf("writing the deletion down: %w", err)
	}
	r.Recorder.Eventf(p.obj, nil, corev1.EventTypeWarning, v1alpha1.ReasonDeletionDelayed, "Delete",
		"the database is away: the interfaces are withdrawn when it is back")
	return reconcile.Result{}, r.letGo(ctx, p.obj)
}

// letGo removes the finalizer.
func (r *Reconciler) letGo(ctx context.Context, obj *v1alpha1.OpenstackConfig) error {
	before := obj.DeepCopy()
	controllerutil.RemoveFinalizer(obj, v1alpha1.Finalizer)
	if err := r.write(ctx, obj, func() error { return r.Client.Patch(ctx, obj, client.MergeFrom(before)) }); err != nil {
		return ignoreGone(err)
	}
	r.forget(inventory.Key{Namespace: obj.Namespace, Name: obj.Name})
	return nil
}
