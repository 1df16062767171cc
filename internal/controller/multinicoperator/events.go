// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package multinicoperator

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// tell makes an event of a Ready that says something new.
func (r *Reconciler) tell(p *passage, ready *metav1.Condition) {
	kind := corev1.EventTypeNormal
	if ready.Status != metav1.ConditionTrue && phaseOf(ready) != "Pending" {
		kind = corev1.EventTypeWarning
	}
	r.Recorder.Eventf(p.op, nil, kind, ready.Reason, "Assess", "%s", ready.Message)
}
