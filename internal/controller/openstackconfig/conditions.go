// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstackconfig

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

// setConditions derives the conditions, and the phase from them.
func (r *Reconciler) setConditions(p *passage) {
	if p.ran != nil && p.ran.Outcome.Subnet != nil {
		r.setResolved(p, p.ran.Outcome)
		r.setHeld(p, p.ran.Outcome)
	}
	r.setPublished(p)
	r.setReady(p)
}

func (r *Reconciler) setResolved(p *passage, out *inventory.Outcome) {
	if len(out.Problems) == 0 {
		p.set(v1alpha1.ConditionVMsResolved, true, v1alpha1.ReasonAllResolved, "every VM is found and published")
		return
	}
	p.set(v1alpha1.ConditionVMsResolved, false, v1alpha1.ReasonSomeUnresolved, first(3, out.Problems))
}

func (r *Reconciler) setHeld(p *passage, out *inventory.Outcome) {
	held := out.Held()
	if held == 0 {
		p.set(v1alpha1.ConditionWithdrawalHeld, false, v1alpha1.ReasonNothingHeld, "")
		return
	}
	var why string
	for _, d := range out.Pendings {
		if d.Held {
			why = d.Reason
			break
		}
	}
	p.set(v1alpha1.ConditionWithdrawalHeld, true, v1alpha1.ReasonTooMany, fmt.Sprintf(
		"%d interfaces stay published although OpenStack no longer shows them: %s. If this is right, set the annotation %s to the present time",
		held, why, v1alpha1.AnnotationConfirmWithdrawal))
}

// setPublished says whether agents can read the object's rows.
func (r *Reconciler) setPublished(p *passage) {
	open, holders := r.Publication.Gate()
	switch err := r.Publication.Err(); {
	case err != nil:
		p.set(v1alpha1.ConditionPublished, false, v1alpha1.ReasonDatabaseUnavailable, err.Error())
	case !open:
		names := make([]string, 0, 5)
		for _, k := range holders[:min(len(holders), 5)] {
			names = append(names, k.String())
		}
		p.set(v1alpha1.ConditionPublished, false, v1alpha1.ReasonGateShut, fmt.Sprintf(
			"the database is new or was restored; agents get an error until %d objects are published again: %s", len(holders), strings.Join(names, ", ")))
	case p.obj.Status.Publication != nil:
		p.set(v1alpha1.ConditionPublished, true, v1alpha1.ReasonPublished, "agents can read the rows")
	}
}

// setReady sums up, the most pressing reason first.
func (r *Reconciler) setReady(p *passage) {
	s := &p.obj.Status
	resolved := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionVMsResolved)
	held := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionWithdrawalHeld)
	published := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionPublished)
	switch {
	case p.obj.Spec.Suspend:
		p.set(v1alpha1.ConditionReady, false, v1alpha1.ReasonSuspended, "spec.suspend is set: nothing is done; what is published stays")
		s.Phase = v1alpha1.PhasePending
		if s.Publication != nil {
			s.Phase = v1alpha1.PhaseDegraded
		}
	case p.failed != nil:
		p.set(v1alpha1.ConditionReady, false, p.failed.reason, p.failed.message)
		s.Phase = v1alpha1.PhaseError
		if !p.failed.lasting {
			s.Phase = v1alpha1.PhaseDegraded
		}
	case s.Publication == nil:
		p.set(v1alpha1.ConditionReady, false, v1alpha1.ReasonPending, "no run is due yet under the trigger configuration")
		s.Phase = v1alpha1.PhasePending
	case held != nil && held.Status == metav1.ConditionTrue:
		p.set(v1alpha1.ConditionReady, false, v1alpha1.ReasonWithdrawalHeld, held.Message)
		s.Phase = v1alpha1.PhaseDegraded
	case published != nil && published.Status == metav1.ConditionFalse:
		p.set(v1alpha1.ConditionReady, false, published.Reason, published.Message)
		s.Phase = v1alpha1.PhaseDegraded
	case resolved != nil && resolved.Status == metav1.ConditionFalse:
		p.set(v1alpha1.ConditionReady, false, v1alpha1.ReasonVMsUnresolved, resolved.Message)
		s.Phase = v1alpha1.PhaseDegraded
	default:
		p.set(v1alpha1.ConditionReady, true, v1alpha1.ReasonSynced, fmt.Sprintf("%d interfaces of %d VMs are published", s.Counts.Interfaces, s.Counts.VMs))
		s.Phase = v1alpha1.PhaseReady
	}
}

// set sets a condition; its messages are bounded by the API's 32 KiB.
func (p *passage) set(kind string, is bool, reason, message string) {
	status := metav1.ConditionFalse
	if is {
		status = metav1.ConditionTrue
	}
	if len(message) > 4096 {
		message = strings.ToValidUTF8(message[:4093], "") + "..."
	}
	meta.SetStatusCondition(&p.obj.Status.Conditions, metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: p.obj.Generation,
	})
}
