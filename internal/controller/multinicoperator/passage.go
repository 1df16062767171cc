// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package multinicoperator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/children"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// passage is one run.
type passage struct {
	op     *v1alpha1.MultiNicOperator
	before *v1alpha1.MultiNicOperator
	now    time.Time
	in     resources.Input

	creds resources.Credentials
	// claim is the data volume's; nil where there is none.
	claim     *corev1.PersistentVolumeClaim
	loading   bool     // a restore that was called off has not ended yet
	steady    bool     // MariaDB serves, and its pod is as the StatefulSet asks for
	begunPod  bool     // MariaDB's pod is of the image that was begun
	neverRan  bool     // MariaDB was never started with the image that was begun
	absent    []string // namespaces that the spec names and that are not there
	unmet     []string // wishes that the cluster does not grant
	unread    bool     // a Secret that the controller's pods read is missing
	noBucket  *missing // why dumps are not copied to the bucket that the spec names
	differs   []string // what differs and is not repaired
	contested []string
	managed   map[string]bool // children that the spec asks for
	soonest   time.Duration   // when to look again; 0: as usual
	told      bool            // the error is in a condition: no need to log it again
	blocked   bool            // Ready says why nothing goes on
	external  bool
}

func (p *passage) namespace() string { return p.op.Namespace }

func (p *passage) name(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: p.op.Namespace, Name: name}
}

// lookIn asks for a run after that time at the latest.
func (p *passage) lookIn(d time.Duration) {
	if d > 0 && (p.soonest == 0 || d < p.soonest) {
		p.soonest = d
	}
}

func (p *passage) again(usual time.Duration) time.Duration {
	if p.soonest > 0 && p.soonest < usual {
		return p.soonest
	}
	return usual
}

// set writes a condition.
func (p *passage) set(kind string, status bool, reason, format string, args ...any) {
	value := metav1.ConditionFalse
	if status {
		value = metav1.ConditionTrue
	}
	message := format
	if len(args) > 0 {
		message = fmt.Sprintf(format, args...)
	}
	meta.SetStatusCondition(&p.op.Status.Conditions, metav1.Condition{
		Type: kind, Status: value, Reason: reason, Message: message, ObservedGeneration: p.op.Generation, LastTransitionTime: metav1.NewTime(p.now),
	})
}

func (p *passage) drop(kind string) { meta.RemoveStatusCondition(&p.op.Status.Conditions, kind) }

func (p *passage) is(kind string) bool {
	return meta.IsStatusConditionTrue(p.op.Status.Conditions, kind)
}

// refused is an error that is told in a condition and needs no trace in the log.
func (p *passage) refused(kind, reason, format string, args ...any) error {
	p.told, p.blocked = true, kind == v1alpha1.ConditionReady
	p.set(kind, false, reason, format, args...)
	return errWait
}

// ensure makes children be as they were built, and notes what stands against it.
func (r *Reconciler) ensure(ctx context.Context, p *passage, wanted ...resources.Object) error {
	repair := *p.in.Spec.Protection.EnableAutoRecovery
	for _, object := range wanted {
		p.managed[describe(object, r.Client)] = true
		var options []children.Option
		if len(object.GetOwnerReferences()) == 0 {
			// It outlives its MultiNicOperator: the next one takes it over.
			options = append(options, children.Adopt())
		}
		result, err := r.Children.Ensure(ctx, object, repair, options...)
		var foreign *children.ForeignError
		if errors.As(err, &foreign) && foreign.Label != "" {
			// Another MultiNicOperator made it, and this one is the active one now.
			result, err = r.Children.Ensure(ctx, object, repair, append(options, children.Adopt())...)
		}
		if err != nil {
			return r.explain(p, object, err)
		}
		r.note(p, object, result)
	}
	return nil
}

// explain puts what a person must mend where they look.
func (r *Reconciler) explain(p *passage, object client.Object, err error) error {
	what := describe(object, r.Client)
	switch {
	case errors.Is(err, children.ErrForeign):
		return p.refused(v1alpha1.ConditionReady, v1alpha1.ReasonForeignObject, "%v", err)
	case apierrors.IsInvalid(err), apierrors.IsForbidden(err), apierrors.IsBadRequest(err):
		return p.refused(v1alpha1.ConditionReady, v1alpha1.ReasonKubernetesRefused, "%s: %v", what, err)
	case apierrors.IsNotFound(err) && object.GetNamespace() != "" && object.GetNamespace() != p.namespace():
		p.absent = append(p.absent, object.GetNamespace())
		return errWait
	}
	return fmt.Errorf("%s: %w", what, err)
}

// note counts and tells a repair.
func (r *Reconciler) note(p *passage, object client.Object, result children.Result) {
	what := describe(object, r.Client)
	p.lookIn(result.RetryAfter)
	by := ""
	if len(result.By) > 0 {
		by = " by " + strings.Join(result.By, ", ")
	}
	switch result.Outcome {
	case children.Repaired:
		r.Metrics.repaired(kindOf(object, r.Client))
		how := "changed" + by + ": " + strings.Join(result.Differences, ", ")
		if len(result.Differences) == 1 && result.Differences[0] == children.Missing {
			how = "deleted"
		}
		r.eventOn(p, result.Object, corev1.EventTypeWarning, "Repaired", "Repair", "%s was %s", what, how)
	case children.Drifted:
		p.differs = append(p.differs, what+by+": "+strings.Join(result.Differences, ", "))
	case children.Contested:
		p.contested = append(p.contested, what+by)
	case children.Unchanged, children.Created, children.Updated, children.Terminating:
	}
}

func kindOf(object client.Object, c client.Client) string {
	gvk, err := apiutil.GVKForObject(object, c.Scheme())
	if err != nil {
		return "object"
	}
	return gvk.Kind
}

func describe(object client.Object, c client.Client) string {
	return kindOf(object, c) + " " + strings.TrimPrefix(object.GetNamespace()+"/"+object.GetName(), "/")
}

// gone deletes a child that the spec no longer asks for, if it is ours.
func (r *Reconciler) gone(ctx context.Context, p *passage, object client.Object) error {
	if err := r.Client.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
		return client.IgnoreNotFound(err) // the cache holds all that bear our label
	}
	if object.GetLabels()[v1alpha1.LabelManagedBy] != p.op.Name || !object.GetDeletionTimestamp().IsZero() {
		return nil
	}
	r.Children.Forget(object)
	err := r.Client.Delete(ctx, object, client.Preconditions{UID: new(object.GetUID())}, client.PropagationPolicy(metav1.DeletePropagationBackground))
	return client.IgnoreNotFound(err)
}

// secret reads a Secret that the spec names. One that is missing is told, and the rest
// goes on with what there is; nil then.
func (r *Reconciler) secret(ctx context.Context, p *passage, name, purpose string, keys ...string) (map[string][]byte, error) {
	data, missing, err := r.lookUp(ctx, p, name, purpose, keys...)
	switch {
	case err != nil || missing == nil:
		return data, err
	case missing.reason == v1alpha1.ReasonInvalidSpec:
		return nil, p.refused(v1alpha1.ConditionSpecAccepted, missing.reason, "%s", missing.message)
	}
	p.set(v1alpha1.ConditionSpecAccepted, false, missing.reason, "%s", missing.message)
	p.lookIn(waitEvery)
	return nil, nil
}

// missing is what a person must mend before a Secret can be used.
type missing struct{ reason, message string }

// lookUp reads a Secret that the spec names, past the cache.
func (r *Reconciler) lookUp(ctx context.Context, p *passage, name, purpose string, keys ...string) (map[string][]byte, *missing, error) {
	if len(validation.IsDNS1123Subdomain(name)) > 0 { // it could not even be asked for
		return nil, &missing{v1alpha1.ReasonInvalidSpec, fmt.Sprintf("%s names the Secret %q, which is no name of a Secret", purpose, name)}, nil
	}
	secret := &corev1.Secret{}
	err := r.Reader.Get(ctx, p.name(name), secret)
	if apierrors.IsNotFound(err) {
		return nil, &missing{v1alpha1.ReasonSecretMissing, fmt.Sprintf("there is no Secret %s/%s, which %s names: make it", p.namespace(), name, purpose)}, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading the Secret %s/%s: %w", p.namespace(), name, err)
	}
	lacks := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return len(secret.Data[key]) > 0 })
	if len(lacks) > 0 {
		return nil, &missing{v1alpha1.ReasonSecretMissing, fmt.Sprintf("the Secret %s/%s, which %s names, has no %s: add it", p.namespace(), name, purpose, strings.Join(lacks, ", "))}, nil
	}
	return secret.Data, nil, nil
}
