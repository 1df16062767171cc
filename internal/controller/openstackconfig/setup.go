// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstackconfig

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

// workers wait for their rounds rather than work: there are as many as
// objects that may share one.
const workers = 1024

// SetupWithManager registers the reconciler and its caretaker.
func (r *Reconciler) SetupWithManager(mgr manager.Manager) error {
	if err := mgr.Add(&caretaker{Reconciler: r, missing: map[inventory.Key]time.Time{}}); err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named("openstackconfig").
		For(&v1alpha1.OpenstackConfig{}, builder.WithPredicates(worthALook())).
		Watches(&v1alpha1.MultiNicOperator{}, handler.EnqueueRequestsFromMapFunc(r.operatorChanged),
			builder.WithPredicates(predicate.NewPredicateFuncs(func(o client.Object) bool { return o.GetNamespace() == r.Namespace }))).
		Watches(&corev1.ConfigMap{}, handler.EnqueueRequestsFromMapFunc(r.triggersChanged),
			builder.WithPredicates(predicate.NewPredicateFuncs(func(o client.Object) bool {
				return o.GetNamespace() == r.Namespace && o.GetName() == TriggersName
			}))).
		WatchesRawSource(source.Func(func(_ context.Context, q workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
			r.queueMu.Lock()
			defer r.queueMu.Unlock()
			r.queue = q
			return nil
		})).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Complete(r)
}

// worthALook drops the echo of our own status writes and everything else
// that changes no meaning.
func worthALook() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			was, now := e.ObjectOld.GetAnnotations(), e.ObjectNew.GetAnnotations()
			return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() ||
				e.ObjectOld.GetUID() != e.ObjectNew.GetUID() ||
				(e.ObjectOld.GetDeletionTimestamp() == nil) != (e.ObjectNew.GetDeletionTimestamp() == nil) ||
				was[v1alpha1.AnnotationReconcileRequestedAt] != now[v1alpha1.AnnotationReconcileRequestedAt] ||
				was[v1alpha1.AnnotationConfirmWithdrawal] != now[v1alpha1.AnnotationConfirmWithdrawal]
		},
	}
}

// Wake looks at objects anew; nil means all of them, as the database is back,
// gone, another, or open: what failed for its sake is due again once it is back.
func (r *Reconciler) Wake(keys []inventory.Key) {
	if keys == nil && r.Publication.Err() == nil {
		r.failures.forgetReason(v1alpha1.ReasonDatabaseUnavailable)
	}
	r.queueMu.Lock()
	q := r.queue
	r.queueMu.Unlock()
	if q == nil {
		return // the controller has not started; it will look at everything
	}
	if keys == nil {
		for _, req := range r.everyObject(context.Background()) {
			q.Add(req)
		}
	}
	for _, k := range keys {
		q.Add(reconcile.Request{NamespacedName: types.NamespacedName(k)})
	}
}

func (r *Reconciler) everyObject(ctx context.Context) []reconcile.Request {
	list := &v1alpha1.OpenstackConfigList{}
	if err := r.Client.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		r.Log.Error(err, "The OpenstackConfigs can't be listed")
		return nil
	}
	out := make([]reconcile.Request, len(list.Items))
	for i := range list.Items {
		out[i].NamespacedName = client.ObjectKeyFromObject(&list.Items[i])
	}
	return out
}
