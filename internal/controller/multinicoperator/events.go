// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package multinicoperator

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// tell makes an event of a Ready that says something new.
func (r *Reconciler) tell(p *passage, ready *metav1.Condition) {
	kind := corev1.EventTypeNormal
	if ready.Status != metav1.ConditionTrue && phaseOf(ready) != "Pending" {
		kind = corev1.EventTypeWarning
	}
	r.event(p, kind, ready.Reason, "Assess", "%s", ready.Message)
}

// event tells something of a MultiNicOperator, in what an event has room for: the
// API server refuses a longer note.
func (r *Reconciler) event(p *passage, kind, reason, action, format string, args ...any) {
	r.eventOn(p, nil, kind, reason, action, format, args...)
}

// eventOn names another object that it is about. Events that are alike but for
// their notes are told as one: the related object tells them apart.
func (r *Reconciler) eventOn(p *passage, related runtime.Object, kind, reason, action, format string, args ...any) {
	const room = 1000
	note := fmt.Sprintf(format, args...)
	if len(note) > room {
		note = strings.ToValidUTF8(note[:room], "") + "…"
	}
	r.Recorder.Eventf(p.op, related, kind, reason, action, "%s", note)
}
