// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package multinicoperator

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// removalPatience is how long a deletion waits for OpenstackConfigs that are
// being deleted as well, and for the controller's pods.
const removalPatience = time.Minute

// remove takes a deleted MultiNicOperator's system down: first the controller may
// finish the objects that are being deleted too, then it goes, then the database
// is shut for agents, then goes what no owner reference takes along. The rest is
// the garbage collector's.
func (r *Reconciler) remove(ctx context.Context, p *passage) (reconcile.Result, error) {
	r.Metrics.forget(p.op)
	if !controllerutil.ContainsFinalizer(p.op, v1alpha1.OperatorFinalizer) {
		return reconcile.Result{}, nil
	}
	leaving, err := r.namespaceLeaves(ctx, p.namespace())
	if err != nil {
		return reconcile.Result{}, err
	}
	if ours, err := r.isActive(ctx, p); err != nil {
		return reconcile.Result{}, err
	} else if !ours {
		return reconcile.Result{}, r.letGo(ctx, p) // it never made anything
	}
	if !leaving {
		wait, err := r.windDown(ctx, p)
		if err != nil || wait {
			return reconcile.Result{RequeueAfter: waitEvery / 3}, err
		}
	}
	bindings, err := r.bindingsElsewhere(ctx, p)
	if err != nil {
		return reconcile.Result{}, err
	}
	for _, b := range bindings {
		if err := r.gone(ctx, p, b); err != nil {
			return reconcile.Result{}, err
		}
		r.Children.Forget(b)
	}
	if err := r.letGo(ctx, p); err != nil {
		return reconcile.Result{}, err
	}
	r.forget(p.namespace())
	return reconcile.Result{}, nil
}

// abandoned cleans up after a MultiNicOperator whose finalizer was taken off: what
// no owner reference takes along goes, and what outlives it is laid by.
func (r *Reconciler) abandoned(ctx context.Context, name types.NamespacedName) error {
	op := &v1alpha1.MultiNicOperator{ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name}}
	// The cache may be behind: it might have been made just now.
	if err := r.Reader.Get(ctx, name, op); !apierrors.IsNotFound(err) {
		return err
	}
	r.Metrics.forget(op)
	p := &passage{op: op}
	all := &v1alpha1.MultiNicOperatorList{}
	if err := r.Client.List(ctx, all, client.InNamespace(name.Namespace)); err != nil {
		return err
	}
	if len(all.Items) == 0 {
		r.forget(name.Namespace)
	}
	bindings, err := r.bindingsElsewhere(ctx, p)
	if err != nil {
		return err
	}
	for _, b := range bindings {
		if err := r.gone(ctx, p, b); err != nil {
			return err
		}
		r.Children.Forget(b)
	}
	return r.layBy(ctx, p)
}

// windDown stops the controller and lays the volumes by, or deletes them.
func (r *Reconciler) windDown(ctx context.Context, p *passage) (wait bool, err error) {
	patient := p.now.Sub(p.op.DeletionTimestamp.Time) < removalPatience
	if patient {
		busy, err := r.objectsLeave(ctx, p)
		if err != nil || busy {
			return busy, err
		}
	}
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace(), Name: resources.ControllerName}}
	if err := r.gone(ctx, p, deployment); err != nil {
		return false, err
	}
	if idle, err := r.controllerIdle(ctx, p); err != nil || (!idle && patient) {
		return !idle, err
	}
	if *p.in.Spec.Database.Enabled {
		if set, err := r.databaseSet(ctx, p); err != nil {
			return false, err
		} else if set != nil && set.Status.ReadyReplicas > 0 {
			r.shut(ctx, p)
		}
	}
	if p.in.Spec.Database.DeletionPolicy == v1alpha1.DeletionDelete {
		return false, r.deleteData(ctx, p)
	}
	return false, r.layBy(ctx, p)
}

// objectsLeave says whether OpenstackConfigs are being deleted that the controller
// still has to finish. One that can't (its database is gone) is not waited for
// longer than removalPatience.
func (r *Reconciler) objectsLeave(ctx context.Context, p *passage) (bool, error) {
	deployment := &appsv1.Deployment{}
	err := r.Client.Get(ctx, p.name(resources.ControllerName), deployment)
	if err != nil || deployment.Status.ReadyReplicas == 0 || !deployment.DeletionTimestamp.IsZero() {
		return false, client.IgnoreNotFound(err)
	}
	list := &v1alpha1.OpenstackConfigList{}
	if err := r.Reader.List(ctx, list); err != nil {
		return false, err
	}
	for i := range list.Items {
		o := &list.Items[i]
		if !o.DeletionTimestamp.IsZero() && serves(p.op, o.Namespace) && controllerutil.ContainsFinalizer(o, v1alpha1.Finalizer) {
			return true, nil
		}
	}
	return false, nil
}

// deleteData deletes the volumes and what gives access to them.
func (r *Reconciler) deleteData(ctx context.Context, p *passage) error {
	at := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: p.namespace(), Name: name}
	}
	for _, object := range []client.Object{
		&appsv1.StatefulSet{ObjectMeta: at(resources.DatabaseName)}, // else it would make the claim anew
		&corev1.PersistentVolumeClaim{ObjectMeta: at(resources.DataClaimName)}, &corev1.PersistentVolumeClaim{ObjectMeta: at(resources.BackupName)},
		&corev1.Secret{ObjectMeta: at(resources.CredentialsName)}, &corev1.Secret{ObjectMeta: at(resources.AgentAccessName)},
	} {
		if err := r.gone(ctx, p, object); err != nil {
			return fmt.Errorf("deleting %s: %w", describe(object, r.Client), err)
		}
	}
	// The controller has made these for itself: they bear no label of ours.
	for _, object := range []client.Object{
		&corev1.Secret{ObjectMeta: at(resources.HashKeyName)}, &corev1.Secret{ObjectMeta: at(resources.TriggerKeyName)},
		&corev1.ConfigMap{ObjectMeta: at(resources.TriggersName)}, &corev1.ConfigMap{ObjectMeta: at(resources.DeletionsName)},
	} {
		if err := client.IgnoreNotFound(r.Client.Delete(ctx, object)); err != nil {
			return fmt.Errorf("deleting %s: %w", describe(object, r.Client), err)
		}
	}
	return nil
}

// forget drops what is remembered of a namespace: the next MultiNicOperator starts
// from what is there. What the former one made and the garbage collector took is
// nobody's doing.
func (r *Reconciler) forget(namespace string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, namespace)
	delete(r.settled, namespace)
	delete(r.certificates, namespace)
	delete(r.keys, namespace)
	r.Children.ForgetNamespace(namespace)
}

// letGo takes the finalizer off.
func (r *Reconciler) letGo(ctx context.Context, p *passage) error {
	before := p.op.DeepCopy()
	controllerutil.RemoveFinalizer(p.op, v1alpha1.OperatorFinalizer)
	return client.IgnoreNotFound(r.Client.Patch(ctx, p.op, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})))
}

func (r *Reconciler) isActive(ctx context.Context, p *passage) (bool, error) {
	all := &v1alpha1.MultiNicOperatorList{}
	if err := r.Client.List(ctx, all, client.InNamespace(p.namespace())); err != nil {
		return false, err
	}
	return active(p.op, all.Items), nil
}

// namespaceLeaves says whether a namespace is being deleted, or gone.
func (r *Reconciler) namespaceLeaves(ctx context.Context, name string) (bool, error) {
	namespace := &corev1.Namespace{}
	if err := r.Client.Get(ctx, client.ObjectKey{Name: name}, namespace); err != nil {
		return true, client.IgnoreNotFound(err)
	}
	return !namespace.DeletionTimestamp.IsZero(), nil
}
