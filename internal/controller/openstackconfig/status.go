// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstackconfig

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

// What a status lists at most, so that an object with 10,000 VMs stays far
// below etcd's 1.5 MiB. The API's schema says the same.
const (
	maxInterfaces = 500
	maxProblems   = 100
)

// assess turns what happened into the object's status, in memory.
func (r *Reconciler) assess(p *passage) {
	if p.failed == nil && p.ran == nil && !p.obj.Spec.Suspend {
		p.failed = r.failures.last(p.key) // it waits for its next try
	}
	s := &p.obj.Status
	s.Counts.VMs = int32(len(p.obj.Spec.VMNames))
	if p.ran != nil && p.ran.Outcome.Subnet != nil {
		r.assessRun(p)
	}
	r.assessApplied(p)
	s.LastHandledReconcileAt = r.handledRequest(p)
	r.setConditions(p)
	s.ObservedGeneration = p.obj.Generation
}

// assessRun writes down what the run found.
func (r *Reconciler) assessRun(p *passage) {
	out, s := p.ran.Outcome, &p.obj.Status
	s.Subnet = &v1alpha1.SubnetStatus{
		ID: out.Subnet.ID, Name: out.Subnet.Name, CIDR: out.Subnet.CIDR.String(), NetworkID: out.Subnet.NetworkID, MTU: int32(out.Subnet.MTU),
	}
	s.Counts.Interfaces, s.Counts.Primary, s.Counts.Applied = int32(len(out.Interfaces)), 0, 0
	s.Counts.Problems, s.Counts.PendingWithdrawals = int32(len(out.Problems)), int32(len(out.Pendings))
	s.Interfaces, s.InterfacesOmitted, s.Problems = nil, 0, nil
	for _, i := range out.Interfaces {
		if i.Row.Status == inventory.Primary {
			s.Counts.Primary++
		}
		if i.Row.Applied {
			s.Counts.Applied++
		}
		if len(s.Interfaces) == maxInterfaces {
			s.InterfacesOmitted++
			continue
		}
		s.Interfaces = append(s.Interfaces, v1alpha1.InterfaceStatus{
			VM: i.VM, ServerID: i.Row.ServerID, Node: i.NodeName, PortID: i.Row.PortID, MAC: i.Row.MAC,
			Addresses: i.Addresses, Status: string(i.Row.Status), Applied: i.Row.Applied,
		})
	}
	for _, problem := range out.Problems[:min(len(out.Problems), maxProblems)] {
		s.Problems = append(s.Problems, v1alpha1.ProblemStatus{VM: problem.VM, Reason: string(problem.Reason), Message: problem.Message})
	}
	mark := p.ran.Mark
	if s.Publication == nil || s.Publication.Epoch != mark.Epoch || s.Publication.Generation != mark.Generation {
		s.Publication = &v1alpha1.PublicationStatus{Epoch: mark.Epoch, Generation: mark.Generation, Sequence: mark.Sequence}
	}
}

// assessApplied takes over what the agents have reported since.
func (r *Reconciler) assessApplied(p *passage) {
	applied := r.Publication.Applied(p.key)
	if applied == nil || p.ran != nil {
		return
	}
	s := &p.obj.Status
	s.Counts.Applied = 0
	for _, ok := range applied {
		if ok {
			s.Counts.Applied++
		}
	}
	for i := range s.Interfaces {
		s.Interfaces[i].Applied = applied[s.Interfaces[i].PortID]
	}
}

// handledRequest echoes the annotation once it was acted on.
func (r *Reconciler) handledRequest(p *passage) string {
	asked := p.obj.Annotations[v1alpha1.AnnotationReconcileRequestedAt]
	if p.ran != nil && p.failed == nil {
		return asked
	}
	return p.obj.Status.LastHandledReconcileAt
}

// writeStatus writes the status if it says anything new.
func (r *Reconciler) writeStatus(ctx context.Context, p *passage) error {
	s := &p.obj.Status
	if p.ran != nil {
		r.untold.put(p.key, nil) // it is told now, or is older than what is
	}
	// What a run has written is told even where the status has nothing else to
	// say (rows beyond those that it lists): its mark is what tells a database
	// that was restored from before.
	wrote := p.ran != nil && p.ran.Outcome.Changed
	if !wrote && equality.Semantic.DeepEqual(&p.was, s) {
		return nil
	}
	if p.ran != nil {
		now := metav1.NewTime(r.Clock.Now())
		s.LastSyncTime, s.NextSyncTime = &now, nil
		if next := p.decision.Next; !next.IsZero() {
			t := metav1.NewTime(next)
			s.NextSyncTime = &t
		}
		s.Publication = &v1alpha1.PublicationStatus{Epoch: p.ran.Mark.Epoch, Generation: p.ran.Mark.Generation, Sequence: p.ran.Mark.Sequence}
	}
	before := p.obj.DeepCopy()
	before.Status = p.was
	err := r.write(ctx, p.obj, func() error { return r.Client.Status().Patch(ctx, p.obj, client.MergeFrom(before)) })
	if err != nil {
		if p.ran != nil && p.failed == nil {
			r.untold.put(p.key, p.ran)
		}
		return ignoreGone(err)
	}
	r.tell(p)
	return nil
}

// first joins the first few of many messages.
func first(n int, problems []inventory.Problem) string {
	var b strings.Builder
	for i, problem := range problems {
		if i == n {
			fmt.Fprintf(&b, "; and %d more", len(problems)-n)
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s: %s", problem.VM, problem.Message)
	}
	return b.String()
}
