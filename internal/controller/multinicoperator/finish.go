// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package multinicoperator

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// Finisher lets deleted OpenstackConfigs go that no controller serves any more:
// their finalizer would keep them, their namespace and their CRD for ever. What
// they have published is withdrawn by the next controller on that database, which
// looks for rows of objects that are gone.
type Finisher struct{ *Reconciler }

// Reconcile looks at one OpenstackConfig.
func (f *Finisher) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	obj := &v1alpha1.OpenstackConfig{}
	if err := f.Reader.Get(ctx, req.NamespacedName, obj); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if obj.DeletionTimestamp.IsZero() || !controllerutil.ContainsFinalizer(obj, v1alpha1.Finalizer) {
		return reconcile.Result{}, nil
	}
	served, err := f.served(ctx, obj.Namespace)
	if err != nil || served {
		return reconcile.Result{RequeueAfter: f.LookEvery}, err
	}
	f.Log.Info("Letting a deleted OpenstackConfig go that no controller serves", "namespace", obj.Namespace, "name", obj.Name)
	before := obj.DeepCopy()
	controllerutil.RemoveFinalizer(obj, v1alpha1.Finalizer)
	return reconcile.Result{}, client.IgnoreNotFound(f.Client.Patch(ctx, obj, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})))
}

// served says whether a controller serves the namespace, or may: one that a
// MultiNicOperator asks for, or one that was deployed by hand. What lies in a
// namespace that is being deleted serves nobody.
func (f *Finisher) served(ctx context.Context, namespace string) (bool, error) {
	operators := &v1alpha1.MultiNicOperatorList{}
	if err := f.Reader.List(ctx, operators); err != nil {
		return false, err
	}
	leaving := map[string]bool{}
	leaves := func(name string) (bool, error) {
		if known, ok := leaving[name]; ok {
			return known, nil
		}
		l, err := f.namespaceLeaves(ctx, name)
		leaving[name] = l
		return l, err
	}
	for i := range operators.Items {
		op := &operators.Items[i]
		if l, err := leaves(op.Namespace); err != nil {
			return false, err
		} else if !l && active(op, operators.Items) && serves(op, namespace) {
			return true, nil
		}
	}
	deployments := &appsv1.DeploymentList{}
	if err := f.Reader.List(ctx, deployments, client.MatchingLabels{"app": resources.ControllerName}); err != nil {
		return false, err
	}
	for i := range deployments.Items {
		d := &deployments.Items[i]
		if l, err := leaves(d.Namespace); err != nil {
			return false, err
		} else if !l && d.Labels[v1alpha1.LabelManagedBy] == "" && d.DeletionTimestamp.IsZero() {
			return true, nil
		}
	}
	return false, nil
}
