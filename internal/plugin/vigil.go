// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

// vigil is what trigger --wait knows of the objects that it asked for. It decides
// from objects and times alone.
type vigil struct {
	request string
	since   time.Time
	doubt   time.Duration
	order   []string
	objects map[string]*watched
}

// watched is one object. It is neither done nor failed while it is waited for.
type watched struct {
	before metav1.Condition // Ready, when the run was asked for
	now    *v1alpha1.OpenstackConfig
	done   bool
	failed string
}

func newVigil(asked []*v1alpha1.OpenstackConfig, request string, now time.Time, doubt time.Duration) *vigil {
	v := &vigil{request: request, since: now, doubt: doubt, objects: map[string]*watched{}}
	for _, obj := range asked {
		v.order = append(v.order, key(obj))
		v.objects[key(obj)] = &watched{before: readyOf(obj), now: obj}
	}
	return v
}

// readyOf is the condition Ready, empty where there is none yet.
func readyOf(obj *v1alpha1.OpenstackConfig) metav1.Condition {
	if c := meta.FindStatusCondition(obj.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		return *c
	}
	return metav1.Condition{}
}

// see takes in what an object is now; look judges it.
func (v *vigil) see(obj *v1alpha1.OpenstackConfig) {
	if w := v.objects[key(obj)]; w != nil {
		w.now = obj
	}
}

// gone takes in that an object is no more.
func (v *vigil) gone(obj *v1alpha1.OpenstackConfig) {
	if w := v.objects[key(obj)]; w != nil && !w.done {
		w.failed = "it was deleted"
	}
}

// look judges all objects anew and says whether any is still waited for.
func (v *vigil) look(now time.Time) (waiting bool) {
	for _, w := range v.objects {
		if !w.done && w.failed == "" {
			w.done, w.failed = v.judge(w, now)
		}
		waiting = waiting || !w.done && w.failed == ""
	}
	return waiting
}

// judge says whether an object's run is done, or why it won't be. A failure that
// passes by itself is waited out: the controller tries again.
func (v *vigil) judge(w *watched, now time.Time) (done bool, failed string) {
	obj, ready := w.now, readyOf(w.now)
	switch {
	case v.handled(obj.Status.LastHandledReconcileAt):
		return true, ""
	case !obj.DeletionTimestamp.IsZero():
		return false, "it is being deleted"
	case obj.Spec.Suspend:
		return false, fmt.Sprintf("it is suspended: kubectl multinic resume %s -n %s", obj.Name, obj.Namespace)
	case obj.Status.Phase != v1alpha1.PhaseError || ready.Status != metav1.ConditionFalse || ready.ObservedGeneration != obj.Generation:
		return false, ""
	}
	// Only a person can mend it. But what stands there may be of before the request,
	// and mended since, in the Secret say: a controller that finds the same again
	// writes nothing, so that only time tells. InvalidSpec is of the spec alone.
	same := ready.Reason == w.before.Reason && ready.Message == w.before.Message && ready.ObservedGeneration == w.before.ObservedGeneration
	if same && ready.Reason != v1alpha1.ReasonInvalidSpec && now.Sub(v.since) < v.doubt {
		return false, ""
	}
	return false, ready.Reason + ": " + ready.Message
}

// handled says whether a run answered this request, or a later one.
func (v *vigil) handled(last string) bool {
	if last == v.request {
		return true
	}
	at, err := time.Parse(time.RFC3339Nano, last)
	asked, ours := time.Parse(time.RFC3339Nano, v.request)
	return err == nil && ours == nil && at.After(asked)
}

// progress says how far it is, and what one of the rest waits for.
func (v *vigil) progress() string {
	done, waits := 0, ""
	for _, k := range v.order {
		w := v.objects[k]
		if w.done || w.failed != "" {
			done++
			continue
		}
		if ready := readyOf(w.now); waits == "" && ready.Status == metav1.ConditionFalse && w.now.Status.Phase != v1alpha1.PhaseError {
			waits = fmt.Sprintf(" (%s: %s)", k, ready.Reason)
		}
	}
	if done == len(v.order) {
		return fmt.Sprintf("%d of %d done", done, done)
	}
	return fmt.Sprintf("%d of %d done ...%s", done, len(v.order), waits)
}

// unfinished are those that are still waited for.
func (v *vigil) unfinished() []string {
	return slices.DeleteFunc(slices.Clone(v.order), func(k string) bool {
		w := v.objects[k]
		return w.done || w.failed != ""
	})
}
