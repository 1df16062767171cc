// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstackconfig

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

// tell records an event where the reason of Ready changed: what a person should
// notice, and never twice. That a new object is as declared is no news, and
// would be one write more for each object of a first run.
func (r *Reconciler) tell(p *passage) {
	now := meta.FindStatusCondition(p.obj.Status.Conditions, v1alpha1.ConditionReady)
	was := meta.FindStatusCondition(p.was.Conditions, v1alpha1.ConditionReady)
	if now == nil || (was != nil && was.Reason == now.Reason) || (was == nil && now.Reason == v1alpha1.ReasonSynced) {
		return
	}
	kind := corev1.EventTypeWarning
	if now.Status == metav1.ConditionTrue || now.Reason == v1alpha1.ReasonSuspended || now.Reason == v1alpha1.ReasonPending {
		kind = corev1.EventTypeNormal
	}
	message := now.Message
	if len(message) > 1000 { // the API's bound for notes is 1 kB
		message = message[:1000]
	}
	r.Recorder.Eventf(p.obj, nil, kind, now.Reason, "Reconcile", "%s", message)
}
