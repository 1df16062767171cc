// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package multinicoperator

import (
	"context"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// FieldOwner is the one name that the operator writes under.
const FieldOwner = "multinic-operator"

const fieldOwner = client.FieldOwner(FieldOwner)

// Children are the kinds that the operator makes, and pods, which it watches. A
// cache needs to hold none of them but those with our label.
func Children() []client.Object {
	return []client.Object{
		&appsv1.Deployment{}, &appsv1.StatefulSet{}, &corev1.Service{}, &corev1.Secret{}, &corev1.ServiceAccount{}, &corev1.PersistentVolumeClaim{},
		&rbacv1.Role{}, &rbacv1.RoleBinding{}, &rbacv1.ClusterRoleBinding{}, &networkingv1.NetworkPolicy{}, &policyv1.PodDisruptionBudget{},
		&batchv1.CronJob{}, &batchv1.Job{}, &corev1.Pod{},
	}
}

// SetupWithManager starts runs when a MultiNicOperator or one of its children
// changes.
func (r *Reconciler) SetupWithManager(mgr manager.Manager) error {
	b := ctrl.NewControllerManagedBy(mgr).Named("multinicoperator").
		WithOptions(controller.Options{SkipNameValidation: new(true), MaxConcurrentReconciles: 4}).
		// A status that this operator writes is no reason for a run.
		For(&v1alpha1.MultiNicOperator{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, predicate.LabelChangedPredicate{}))).
		// The next in line may be active now, and one that overlaps with it.
		Watches(&v1alpha1.MultiNicOperator{}, handler.EnqueueRequestsFromMapFunc(r.others), builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, lifecycle()))).
		Watches(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(r.concerned), builder.WithPredicates(lifecycle()))
	for _, child := range Children() {
		b = b.Watches(child, handler.EnqueueRequestsFromMapFunc(r.owner))
	}
	if err := b.Complete(r); err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(mgr).Named("openstackconfig-finisher").
		WithOptions(controller.Options{SkipNameValidation: new(true)}).
		WatchesMetadata(&v1alpha1.OpenstackConfig{}, &handler.EnqueueRequestForObject{},
			builder.WithPredicates(predicate.NewPredicateFuncs(func(o client.Object) bool { return !o.GetDeletionTimestamp().IsZero() }))).
		Watches(&v1alpha1.MultiNicOperator{}, handler.EnqueueRequestsFromMapFunc(r.deletedObjects), builder.WithPredicates(lifecycle())).
		Watches(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(r.deletedObjects), builder.WithPredicates(predicate.NewPredicateFuncs(func(o client.Object) bool { return !o.GetDeletionTimestamp().IsZero() }))).
		Complete(&Finisher{r})
}

// lifecycle lets through what comes and goes.
func lifecycle() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero()
	}}
}

// owner is the MultiNicOperator that a child's labels name, if it is one of those
// that this operator serves.
func (r *Reconciler) owner(_ context.Context, child client.Object) []reconcile.Request {
	name, namespace := child.GetLabels()[v1alpha1.LabelManagedBy], child.GetNamespace()
	if elsewhere := child.GetLabels()[resources.LabelOperatorNamespace]; elsewhere != "" {
		namespace = elsewhere
	}
	if name == "" || namespace == "" || len(r.WatchNamespaces) > 0 && !slices.Contains(r.WatchNamespaces, namespace) {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}}
}

// others are all MultiNicOperators but the one that has changed.
func (r *Reconciler) others(ctx context.Context, changed client.Object) (out []reconcile.Request) {
	all := &v1alpha1.MultiNicOperatorList{}
	if err := r.Client.List(ctx, all); err != nil {
		r.Log.Error(err, "Listing MultiNicOperators")
		return nil
	}
	for i := range all.Items {
		if all.Items[i].UID != changed.GetUID() {
			out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&all.Items[i])})
		}
	}
	return out
}

// concerned are the MultiNicOperators that lie in a namespace or name it.
func (r *Reconciler) concerned(ctx context.Context, namespace client.Object) (out []reconcile.Request) {
	all := &v1alpha1.MultiNicOperatorList{}
	if err := r.Client.List(ctx, all); err != nil {
		r.Log.Error(err, "Listing MultiNicOperators")
		return nil
	}
	for i := range all.Items {
		op := &all.Items[i]
		if op.Namespace == namespace.GetName() || slices.Contains(op.Spec.Controller.WatchNamespaces, namespace.GetName()) {
			out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(op)})
		}
	}
	return out
}

// deletedObjects are the OpenstackConfigs that are being deleted.
func (r *Reconciler) deletedObjects(ctx context.Context, _ client.Object) (out []reconcile.Request) {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("OpenstackConfigList"))
	if err := r.Client.List(ctx, list); err != nil {
		r.Log.Error(err, "Listing OpenstackConfigs")
		return nil
	}
	for i := range list.Items {
		if !list.Items[i].DeletionTimestamp.IsZero() {
			out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return out
}
