// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package multinicoperator

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// elect lets one MultiNicOperator of a namespace act: the oldest. One that is
// being deleted is waited for, since its children bear the names that the next
// one's would.
func (r *Reconciler) elect(ctx context.Context, p *passage) error {
	all := &v1alpha1.MultiNicOperatorList{}
	if err := r.Client.List(ctx, all); err != nil {
		return err
	}
	for i := range all.Items {
		other := &all.Items[i]
		if other.UID == p.op.UID {
			continue
		}
		if other.Namespace == p.op.Namespace && olderThan(other, p.op) {
			return p.refused(v1alpha1.ConditionReady, v1alpha1.ReasonNotActive,
				"MultiNicOperator %s/%s is older and active in this namespace: delete it, or make this one in another namespace", other.Namespace, other.Name)
		}
		if other.Namespace != p.op.Namespace && other.DeletionTimestamp.IsZero() && olderThan(other, p.op) && overlap(other, p.op) && active(other, all.Items) {
			p.in.Stopped = true
			p.set(v1alpha1.ConditionControllerAvailable, false, v1alpha1.ReasonNamespacesOverlap,
				"MultiNicOperator %s/%s is older and serves %s: name other namespaces in controller.watchNamespaces of both", other.Namespace, other.Name, watched(other))
		}
	}
	return nil
}

// active says whether the MultiNicOperator is the one that acts in its namespace.
func active(op *v1alpha1.MultiNicOperator, all []v1alpha1.MultiNicOperator) bool {
	return !slices.ContainsFunc(all, func(other v1alpha1.MultiNicOperator) bool {
		return other.UID != op.UID && other.Namespace == op.Namespace && olderThan(&other, op)
	})
}

// olderThan orders by age. Of two that were made in one second the one that has
// begun goes before, else the one whose name does.
func olderThan(a, b *v1alpha1.MultiNicOperator) bool {
	if c := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); c != 0 {
		return c < 0
	}
	x, y := controllerutil.ContainsFinalizer(a, v1alpha1.OperatorFinalizer), controllerutil.ContainsFinalizer(b, v1alpha1.OperatorFinalizer)
	if x != y {
		return x
	}
	return a.Namespace+"/"+a.Name < b.Namespace+"/"+b.Name
}

// overlap says whether some namespace is served by both; none named means all.
func overlap(a, b *v1alpha1.MultiNicOperator) bool {
	x, y := a.Spec.Controller.WatchNamespaces, b.Spec.Controller.WatchNamespaces
	if len(x) == 0 || len(y) == 0 {
		return true
	}
	return slices.ContainsFunc(x, func(namespace string) bool { return slices.Contains(y, namespace) })
}

func watched(op *v1alpha1.MultiNicOperator) string {
	if len(op.Spec.Controller.WatchNamespaces) == 0 {
		return "all namespaces"
	}
	return "the namespaces " + strings.Join(op.Spec.Controller.WatchNamespaces, ", ")
}

// hold puts our finalizer on before anything is made that would not go by itself.
func (r *Reconciler) hold(ctx context.Context, p *passage) error {
	if controllerutil.ContainsFinalizer(p.op, v1alpha1.OperatorFinalizer) {
		return nil
	}
	before := p.op.DeepCopy()
	controllerutil.AddFinalizer(p.op, v1alpha1.OperatorFinalizer)
	status := p.op.Status.DeepCopy()
	if err := r.Client.Patch(ctx, p.op, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("adding the finalizer: %w", err)
	}
	p.op.Status, p.before.ResourceVersion = *status, p.op.ResourceVersion
	return nil
}

// understand says what of the spec can't be carried out: then nothing is changed,
// and what runs goes on as it is. What would lose data is left as it is, and the
// rest carried out.
func (r *Reconciler) understand(ctx context.Context, p *passage) error {
	p.external = !*p.in.Spec.Database.Enabled
	if problems := resources.Validate(p.in.Spec, p.namespace()); len(problems) > 0 {
		return p.refused(v1alpha1.ConditionSpecAccepted, v1alpha1.ReasonInvalidSpec, "%s. Until it is mended what runs goes on as it is, and nothing is repaired", strings.Join(problems, "; "))
	}
	for _, namespace := range p.in.Spec.Controller.WatchNamespaces {
		// What is made there would be seen by nobody, and stay for ever.
		if len(r.WatchNamespaces) > 0 && !slices.Contains(r.WatchNamespaces, namespace) {
			return p.refused(v1alpha1.ConditionSpecAccepted, v1alpha1.ReasonInvalidSpec,
				"controller.watchNamespaces names %q, and this operator serves %s alone: take it out, or have the operator serve it (--watch-namespace)", namespace, strings.Join(r.WatchNamespaces, ", "))
		}
	}
	var ignored []string
	if err := resources.ValidateTrigger(p.in.Spec.ReconcileTrigger); err != nil {
		ignored = append(ignored, err.Error())
	}
	if err := resources.ValidateSchedule(p.in.Spec.Database.Backup); err != nil {
		ignored = append(ignored, err.Error())
		if err := r.keepSchedule(ctx, p); err != nil {
			return err
		}
	}
	data, dumps, err := r.stored(ctx, p)
	if err != nil {
		return err
	}
	if p.external {
		data, dumps = nil, nil
	}
	if losses := resources.Refuse(&p.in, data, dumps); len(losses) > 0 {
		p.set(v1alpha1.ConditionSpecAccepted, false, v1alpha1.ReasonWouldLoseData, "%s", strings.Join(losses, "; "))
		return nil
	}
	if len(p.unmet) > 0 {
		p.set(v1alpha1.ConditionSpecAccepted, false, v1alpha1.ReasonExpansionForbidden, "%s", strings.Join(p.unmet, "; "))
		return nil
	}
	if len(ignored) > 0 {
		p.set(v1alpha1.ConditionSpecAccepted, false, v1alpha1.ReasonInvalidSpec, "%s; what was in force before stays in force", strings.Join(ignored, "; "))
		return nil
	}
	p.set(v1alpha1.ConditionSpecAccepted, true, v1alpha1.ReasonAccepted, "the spec is carried out")
	return nil
}
