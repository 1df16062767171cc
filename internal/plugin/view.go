// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

// view is an object as status shows it. Its JSON is for scripts: fields are added,
// never renamed. Nothing of spec.credentials is in it.
type view struct {
	Namespace string         `json:"namespace"`
	Name      string         `json:"name"`
	Phase     v1alpha1.Phase `json:"phase"`
	// Reason and Message are the condition Ready's.
	Reason     string                 `json:"reason"`
	Message    string                 `json:"message"`
	Suspended  bool                   `json:"suspended"`
	Deleting   bool                   `json:"deleting"`
	SubnetName string                 `json:"subnetName"`
	Subnet     *v1alpha1.SubnetStatus `json:"subnet,omitempty"`
	Counts     v1alpha1.Counts        `json:"counts"`
	LastSync   *metav1.Time           `json:"lastSyncTime,omitempty"`
	// Held and Unreadable are what the conditions WithdrawalHeld and Published say
	// when all is not well.
	Held       string   `json:"held,omitempty"`
	Unreadable string   `json:"unreadable,omitempty"`
	VMs        []vmView `json:"vms"`
	// What the object's status has no room for.
	InterfacesOmitted int32 `json:"interfacesOmitted,omitempty"`
	ProblemsOmitted   int32 `json:"problemsOmitted,omitempty"`
}

// vmView is a VM with what is known of it.
type vmView struct {
	VM         string                     `json:"vm"`
	Interfaces []v1alpha1.InterfaceStatus `json:"interfaces,omitempty"`
	Problems   []v1alpha1.ProblemStatus   `json:"problems,omitempty"`
}

func viewOf(o *v1alpha1.OpenstackConfig) view {
	s := &o.Status
	v := view{
		Namespace: o.Namespace, Name: o.Name, Phase: s.Phase, Suspended: o.Spec.Suspend, Deleting: !o.DeletionTimestamp.IsZero(),
		SubnetName: o.Spec.SubnetName, Subnet: s.Subnet, Counts: s.Counts, LastSync: s.LastSyncTime,
		InterfacesOmitted: s.InterfacesOmitted, ProblemsOmitted: max(0, s.Counts.Problems-int32(len(s.Problems))),
	}
	if v.Phase == "" {
		v.Phase, v.Counts.VMs = v1alpha1.PhasePending, int32(len(o.Spec.VMNames))
		v.Reason, v.Message = v1alpha1.ReasonPending, "no controller has looked at this object yet"
	}
	if ready := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady); ready != nil {
		v.Reason, v.Message = ready.Reason, ready.Message
	}
	if held := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionWithdrawalHeld); held != nil && held.Status == metav1.ConditionTrue {
		v.Held = held.Message
	}
	if published := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionPublished); published != nil && published.Status == metav1.ConditionFalse {
		v.Unreadable = published.Message
	}
	v.VMs = vmsOf(o)
	return v
}

// vmsOf gathers by VM: first those of the spec in its order, then those that are
// published still and no longer named. Where the status was cut, a VM of which it
// says nothing is left out: it may well be published.
func vmsOf(o *v1alpha1.OpenstackConfig) []vmView {
	var vms []vmView
	at := map[string]int{}
	vm := func(name string) *vmView {
		i, ok := at[name]
		if !ok {
			i = len(vms)
			at[name], vms = i, append(vms, vmView{VM: name})
		}
		return &vms[i]
	}
	for _, name := range o.Spec.VMNames {
		vm(name)
	}
	for _, i := range o.Status.Interfaces {
		v := vm(i.VM)
		v.Interfaces = append(v.Interfaces, i)
	}
	for _, problem := range o.Status.Problems {
		v := vm(problem.VM)
		v.Problems = append(v.Problems, problem)
	}
	if o.Status.InterfacesOmitted > 0 || int(o.Status.Counts.Problems) > len(o.Status.Problems) {
		vms = slices.DeleteFunc(vms, func(v vmView) bool { return len(v.Interfaces) == 0 && len(v.Problems) == 0 })
	}
	return vms
}
