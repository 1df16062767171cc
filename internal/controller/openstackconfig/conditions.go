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
	"github.com/xormsdhkdwk/multinic/internal/trigger"
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
	var first inventory.Pending
	for _, d := range out.Pendings {
		if d.Held && (first.PortID == "" || d.FirstSeen.Before(first.FirstSeen)) {
			first = d
		}
	}
	by := first.FirstSeen.Add(r.object(p).Limits.Hold).UTC().Format("2006-01-02 15:04 MST")
	p.set(v1alpha1.ConditionWithdrawalHeld, true, v1alpha1.ReasonTooMany, fmt.Sprintf(
		"%s would go and is held for the number: %s. It goes by itself at %s if all answers of OpenStack agree until then; "+
			"to keep it, set spec.suspend; to let it go now: kubectl multinic confirm %s -n %s (annotation %s)",
		plural(held, "interface"), first.Reason, by, p.key.Name, p.key.Namespace, v1alpha1.AnnotationConfirmWithdrawal))
}

// plural counts things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
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
			"the database is new or was restored; agents get an error, and change nothing, until %s of before can be published again: %s. "+
				"What is suspended or gone for good holds it too: resume or delete it, or open the gate by hand: kubectl multinic admit",
			plural(len(holders), "object"), strings.Join(names, ", ")))
	case p.obj.Status.Publication != nil:
		p.set(v1alpha1.ConditionPublished, true, v1alpha1.ReasonPublished, "agents can read the rows")
	}
}

// waitsFor tells what a change waits for where immediateOnCRChange is false.
var waitsFor = map[trigger.Mode]string{
	trigger.Scheduled: "for the next tick of the schedule (immediateOnCRChange is false)",
	trigger.Manual:    "for someone to ask (immediateOnCRChange is false, in the mode manual)",
	trigger.Webhook:   "for the next call of the webhook (immediateOnCRChange is false)",
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
	case p.waits:
		p.set(v1alpha1.ConditionReady, false, v1alpha1.ReasonPending, "the object's change waits "+waitsFor[p.cfg.Mode]+"; to run it now: kubectl multinic trigger "+p.key.Name+" -n "+p.key.Namespace)
		s.Phase = v1alpha1.PhasePending
	case s.Publication == nil:
		p.set(v1alpha1.ConditionReady, false, v1alpha1.ReasonPending, "no run has finished yet")
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
		p.set(v1alpha1.ConditionReady, true, v1alpha1.ReasonSynced, plural(int(s.Counts.Interfaces), "interface")+" of "+plural(int(s.Counts.VMs), "VM")+" published")
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
