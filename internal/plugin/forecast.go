// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/trigger"
)

// forecast says when objects run, from what can be seen from outside: objects and the
// settings that the controller follows. What is in the database (the hash of what last
// succeeded, the time of the second look) it infers from the status.
type forecast struct {
	cfg   trigger.Config
	known bool // whether cfg is what the controller follows
	ticks string
	now   time.Time
}

// What stands under NEXT where there is no time.
const (
	atOnce   = "now"
	soon     = "soon"
	never    = "never"
	unknown  = "unknown"
	onChange = "only on change"
)

// of gives what stands under NEXT and WHY.
func (f *forecast) of(o *v1alpha1.OpenstackConfig) (next, why string) {
	asked := o.Annotations[v1alpha1.AnnotationReconcileRequestedAt]
	ready := readyOf(o)
	switch {
	case !o.DeletionTimestamp.IsZero():
		return atOnce, "it is being deleted: its interfaces are withdrawn"
	case o.Spec.Suspend:
		return never, fmt.Sprintf("suspended (kubectl multinic resume %s -n %s)", o.Name, o.Namespace)
	case ready.Reason == v1alpha1.ReasonInvalidSpec && ready.ObservedGeneration == o.Generation:
		return onChange, "InvalidSpec: " + ready.Message
	case asked != "" && asked != o.Status.LastHandledReconcileAt:
		return atOnce, "asked for " + f.since(asked) + ", not handled yet" + because(ready)
	case o.Status.ObservedGeneration != o.Generation:
		return atOnce, "the controller hasn't looked at its present spec yet"
	}
	var times []occasion
	if o.Status.Publication == nil && ready.Reason == v1alpha1.ReasonPending && f.known && f.runsOnChange() {
		return atOnce, "pending: it never ran"
	}
	if passing(ready) {
		times = append(times, occasion{at: f.now, text: soon, why: ready.Reason + ": tried again within 5m"})
	}
	if look, waits := f.look(o); waits {
		times = append(times, look)
	}
	times = append(times, f.tick(o))
	return f.tell(times, o, ready)
}

// occasion is a time at which something is due, or what stands in its place.
type occasion struct {
	at   time.Time // zero where there is no time
	text string    // instead of at
	why  string
}

// tell writes the earliest occasion, its reason first.
func (f *forecast) tell(times []occasion, o *v1alpha1.OpenstackConfig, ready metav1.Condition) (next, why string) {
	first := 0
	for i, t := range times {
		if !t.at.IsZero() && (times[first].at.IsZero() || t.at.Before(times[first].at)) {
			first = i
		}
	}
	reasons := []string{times[first].why}
	for i, t := range times {
		if i != first {
			reasons = append(reasons, t.why)
		}
	}
	if o.Status.Publication == nil {
		reasons = slices.Insert(reasons, 0, "pending: it never ran")
	}
	if ready.Status == metav1.ConditionFalse && o.Status.Phase == v1alpha1.PhaseError {
		mended := ready.Reason
		if f.known && f.runsOnChange() {
			mended += ": mending it is a change, which runs at once"
		}
		reasons = append(reasons, mended)
	}
	if next = times[first].text; next == "" {
		next = f.when(times[first].at)
	}
	return next, strings.Join(reasons, "; ")
}

func (f *forecast) runsOnChange() bool {
	return f.cfg.Mode == trigger.Immediate || f.cfg.ImmediateOnCRChange
}

// tick is what time does, or what the mode waits for.
func (f *forecast) tick(o *v1alpha1.OpenstackConfig) occasion {
	if !f.known {
		if t := o.Status.NextSyncTime; t != nil && t.After(f.now) {
			return occasion{at: t.Time, why: "as the controller said when it last wrote the status"}
		}
		return occasion{text: unknown, why: "the trigger mode is unknown"}
	}
	if f.cfg.HasTicks() {
		return occasion{at: f.cfg.NextTick(f.now), why: "tick: " + f.ticks}
	}
	var on []string
	if f.runsOnChange() {
		on = append(on, "change")
	}
	on = append(on, "request")
	if f.cfg.WebhookEnabled {
		on = append(on, "webhook")
	}
	text := "only on " + on[0]
	if last := len(on) - 1; last > 0 {
		text = "on " + strings.Join(on[:last], ", ") + " or " + on[last]
	}
	return occasion{text: text, why: "mode " + string(f.cfg.Mode)}
}

// look is the second look of withdrawals that wait. Its time is in the database; the run
// that found them wrote the status, so that it is a minute after that.
func (f *forecast) look(o *v1alpha1.OpenstackConfig) (occasion, bool) {
	n := o.Status.Counts.PendingWithdrawals
	if n == 0 {
		return occasion{}, false
	}
	limits := inventory.DefaultLimits()
	withdrawals := count(n, "withdrawal", "withdrawals")
	seen := f.now
	if o.Status.LastSyncTime != nil {
		seen = o.Status.LastSyncTime.Time
	}
	if held := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionWithdrawalHeld); held != nil && held.Status == metav1.ConditionTrue {
		return f.due(seen.Add(limits.HeldLook), fmt.Sprintf("%s held: looked at every %s (kubectl multinic confirm %s -n %s)",
			withdrawals, trigger.FormatDuration(limits.HeldLook), o.Name, o.Namespace)), true
	}
	return f.due(seen.Add(limits.SecondLook), "second look of "+withdrawals), true
}

// due is an occasion; one that is past is at hand.
func (f *forecast) due(at time.Time, why string) occasion {
	if at.After(f.now) {
		return occasion{at: at, why: why}
	}
	return occasion{at: f.now, text: soon, why: why}
}

// passing says whether a failure passes by itself and is tried again.
func passing(ready metav1.Condition) bool {
	return ready.Status == metav1.ConditionFalse &&
		(ready.Reason == v1alpha1.ReasonOpenStackUnavailable || ready.Reason == v1alpha1.ReasonDatabaseUnavailable)
}

// because says what may keep a request from being handled.
func because(ready metav1.Condition) string {
	if ready.Status != metav1.ConditionFalse || ready.Reason == v1alpha1.ReasonPending {
		return ""
	}
	return " (" + ready.Reason + ")"
}

// when writes a time in the zone of the ticks, and how far off it is.
func (f *forecast) when(t time.Time) string {
	local, now := t.In(f.cfg.Location), f.now.In(f.cfg.Location)
	layout := "15:04"
	if local.Second() != 0 {
		layout = "15:04:05"
	}
	if local.Format(time.DateOnly) != now.Format(time.DateOnly) {
		layout = time.DateOnly + " " + layout
	}
	return local.Format(layout+" MST") + " (in " + trigger.FormatDuration(t.Sub(f.now)) + ")"
}

// since says when a request was made, by its value, which need not be a time.
func (f *forecast) since(request string) string {
	at, err := time.Parse(time.RFC3339Nano, request)
	if err != nil {
		return "(" + request + ")"
	}
	return trigger.FormatDuration(max(0, f.now.Sub(at))) + " ago"
}
