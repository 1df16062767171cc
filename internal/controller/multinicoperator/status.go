// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package multinicoperator

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

func condition(p *passage, kind string) *metav1.Condition {
	return meta.FindStatusCondition(p.op.Status.Conditions, kind)
}

// assess derives Ready and the phases from the other conditions and from how the
// run ended.
func (r *Reconciler) assess(p *passage, err error) {
	s := &p.op.Status
	s.ObservedGeneration = p.op.Generation
	r.tellSync(p, err)
	switch {
	case p.blocked: // told already
	case err != nil && !errors.Is(err, errWait):
		p.set(v1alpha1.ConditionReady, false, v1alpha1.ReasonUnavailable, "%v", err)
	default:
		r.sumUp(p)
	}
	ready := condition(p, v1alpha1.ConditionReady)
	s.Phase, s.Message = phaseOf(ready), ready.Message
	s.ControllerStatus.Phase = part(p, v1alpha1.ConditionControllerAvailable)
	s.DatabaseStatus.Phase = part(p, v1alpha1.ConditionDatabaseAvailable)
	if err == nil {
		r.Metrics.managed(p.op, len(p.managed))
	}
}

// tellSync tells what differs. A run that ended early has not seen all children.
func (r *Reconciler) tellSync(p *passage, err error) {
	switch {
	case len(p.contested) > 0:
		p.set(v1alpha1.ConditionInSync, false, v1alpha1.ReasonContested, "changed again and again, so repaired ever later: %s", firstFew(p.contested))
	case len(p.differs) > 0:
		p.set(v1alpha1.ConditionInSync, false, v1alpha1.ReasonDrifted, "protection.enableAutoRecovery is off, and these differ: %s", firstFew(p.differs))
	case err == nil && !p.blocked && len(p.absent) == 0:
		p.set(v1alpha1.ConditionInSync, true, v1alpha1.ReasonNothingDiffers, "all children are as built")
	}
}

func firstFew(what []string) string {
	const most = 5
	if len(what) > most {
		return strings.Join(what[:most], "; ") + fmt.Sprintf("; and %d more", len(what)-most)
	}
	return strings.Join(what, "; ")
}

// sumUp makes Ready of the first condition that stands in its way.
func (r *Reconciler) sumUp(p *passage) {
	order := []string{v1alpha1.ConditionSpecAccepted, v1alpha1.ConditionRestored, v1alpha1.ConditionDatabaseAvailable, v1alpha1.ConditionControllerAvailable}
	if c := condition(p, v1alpha1.ConditionControllerAvailable); c != nil && c.Reason == v1alpha1.ReasonMoving {
		// What a restore waits for; it says how the rows fare.
		order = []string{v1alpha1.ConditionSpecAccepted, v1alpha1.ConditionControllerAvailable}
	}
	for _, kind := range order {
		c := condition(p, kind)
		if c == nil && (kind == v1alpha1.ConditionDatabaseAvailable || kind == v1alpha1.ConditionControllerAvailable) {
			p.set(v1alpha1.ConditionReady, false, v1alpha1.ReasonProgressing, "it comes up")
			return
		}
		if c != nil && c.Status != metav1.ConditionTrue && c.Reason != v1alpha1.ReasonRestoreFailed {
			p.set(v1alpha1.ConditionReady, false, c.Reason, "%s", c.Message)
			return
		}
	}
	for _, kind := range []string{v1alpha1.ConditionStorageResized, v1alpha1.ConditionInSync, v1alpha1.ConditionRestored, v1alpha1.ConditionBackedUp} {
		if c := condition(p, kind); c != nil && c.Status != metav1.ConditionTrue && (kind != v1alpha1.ConditionBackedUp || p.noBucket != nil) {
			p.set(v1alpha1.ConditionReady, true, v1alpha1.ReasonRunning, "it runs, but %s is %s: %s", kind, c.Reason, c.Message)
			return
		}
	}
	p.set(v1alpha1.ConditionReady, true, v1alpha1.ReasonRunning, "the controller and its database run")
}

// phaseOf is Ready in one word.
func phaseOf(ready *metav1.Condition) v1alpha1.Phase {
	if ready.Status == metav1.ConditionTrue {
		if strings.HasPrefix(ready.Message, "it runs, but") {
			return v1alpha1.PhaseDegraded
		}
		return v1alpha1.PhaseReady
	}
	switch ready.Reason {
	case v1alpha1.ReasonProgressing, v1alpha1.ReasonRestoring, v1alpha1.ReasonMoving, v1alpha1.ReasonStopped, v1alpha1.ReasonNotActive:
		return v1alpha1.PhasePending
	case v1alpha1.ReasonUnavailable:
		return v1alpha1.PhaseDegraded
	}
	return v1alpha1.PhaseError
}

func part(p *passage, kind string) v1alpha1.Phase {
	switch c := condition(p, kind); {
	case c == nil:
		return v1alpha1.PhasePending
	default:
		return phaseOf(c)
	}
}

// keepTransitions gives conditions whose status is what it was the time since when
// it is so: a later step of a run may have taken back what an earlier one said.
func (p *passage) keepTransitions() {
	for i := range p.op.Status.Conditions {
		c := &p.op.Status.Conditions[i]
		if was := meta.FindStatusCondition(p.before.Status.Conditions, c.Type); was != nil && was.Status == c.Status {
			c.LastTransitionTime = was.LastTransitionTime
		}
	}
}

// writeStatus writes the status if it says something new.
func (r *Reconciler) writeStatus(ctx context.Context, p *passage) error {
	p.keepTransitions()
	before, after := p.before.Status.DeepCopy(), p.op.Status.DeepCopy()
	before.LastUpdated, after.LastUpdated = nil, nil
	if equality.Semantic.DeepEqual(before, after) {
		return nil
	}
	p.op.Status.LastUpdated = new(metav1.NewTime(p.now))
	base := p.op.DeepCopy()
	base.Status = p.before.Status
	if err := r.Client.Status().Patch(ctx, p.op, client.MergeFrom(base), fieldOwner); err != nil {
		return client.IgnoreNotFound(err)
	}
	was, is := meta.FindStatusCondition(before.Conditions, v1alpha1.ConditionReady), condition(p, v1alpha1.ConditionReady)
	if was == nil || was.Reason != is.Reason || was.Status != is.Status {
		r.tell(p, is)
	}
	return nil
}
