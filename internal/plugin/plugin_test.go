// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"errors"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

var noon = time.Date(2026, 11, 22, 12, 0, 30, 0, time.UTC)

const request = "2026-11-22T12:00:30.123456789Z"

// object is one that was published; change makes it what a test needs.
func object(change func(*v1alpha1.OpenstackConfig)) *v1alpha1.OpenstackConfig {
	o := &v1alpha1.OpenstackConfig{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "data", Generation: 1}}
	o.Status.ObservedGeneration, o.Status.Phase = 1, v1alpha1.PhaseReady
	o.Status.Publication = &v1alpha1.PublicationStatus{Epoch: "e", Generation: 1, Sequence: 1}
	ready(o, metav1.ConditionTrue, v1alpha1.ReasonSynced)
	if change != nil {
		change(o)
	}
	return o
}

func ready(o *v1alpha1.OpenstackConfig, status metav1.ConditionStatus, reason string) {
	meta.SetStatusCondition(&o.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: status, Reason: reason, Message: "the words of " + reason, ObservedGeneration: o.Generation,
	})
}

func fails(reason string) func(*v1alpha1.OpenstackConfig) {
	return func(o *v1alpha1.OpenstackConfig) {
		o.Status.Phase = v1alpha1.PhaseError
		ready(o, metav1.ConditionFalse, reason)
	}
}

func TestARequestIsHandledByItsOwnRunOrALaterOne(t *testing.T) {
	t.Parallel()
	for last, handled := range map[string]bool{
		"": false, request: true, "2026-11-22T12:00:31Z": true, "2026-11-22T12:00:30Z": false, "2026-11-22T21:00:31+09:00": true, "something else": false,
	} {
		v := newVigil([]*v1alpha1.OpenstackConfig{object(nil)}, request, noon, time.Minute)
		v.see(object(func(o *v1alpha1.OpenstackConfig) { o.Status.LastHandledReconcileAt = last }))
		if waiting := v.look(noon); waiting == handled {
			t.Errorf("last handled %q: waited for: %t", last, waiting)
		}
	}
}

func TestAFailureEndsTheWaitingOnlyIfItIsOfThisRequest(t *testing.T) {
	t.Parallel()
	broken := fails(v1alpha1.ReasonCredentialsInvalid)
	for name, row := range map[string]struct {
		before, now func(*v1alpha1.OpenstackConfig)
		after       time.Duration
		waiting     bool
	}{
		"a new failure":                {nil, broken, 0, false},
		"another than before":          {fails(v1alpha1.ReasonSubnetUnresolved), broken, 0, false},
		"the same as before":           {broken, broken, 29 * time.Second, true},
		"the same as before, for long": {broken, broken, 30 * time.Second, false},
		"of the spec alone":            {fails(v1alpha1.ReasonInvalidSpec), fails(v1alpha1.ReasonInvalidSpec), 0, false},
		"of a spec that was edited": {nil, func(o *v1alpha1.OpenstackConfig) {
			broken(o)
			o.Generation++
		}, time.Hour, true},
		"one that passes": {nil, func(o *v1alpha1.OpenstackConfig) {
			fails(v1alpha1.ReasonOpenStackUnavailable)(o)
			o.Status.Phase = v1alpha1.PhaseDegraded
		}, time.Hour, true},
	} {
		v := newVigil([]*v1alpha1.OpenstackConfig{object(row.before)}, request, noon, 30*time.Second)
		v.see(object(row.now))
		if waiting := v.look(noon.Add(row.after)); waiting != row.waiting {
			t.Errorf("%s: waited for: %t", name, waiting)
		}
	}
}

func TestWhoMayNotReadTheOperatorIsToldWhatTheObjectSays(t *testing.T) {
	t.Parallel()
	f, told := newForecast(nil, errors.New("forbidden"), controllerNamespace, noon)
	if !strings.Contains(told, "forbidden") {
		t.Errorf("told: %s", told)
	}
	next := metav1.NewTime(noon.Add(90 * time.Second))
	if when, _ := f.of(object(func(o *v1alpha1.OpenstackConfig) { o.Status.NextSyncTime = &next })); when != "12:02 UTC (in 1m30s)" {
		t.Errorf("with a time in the status: %s", when)
	}
	if when, _ := f.of(object(nil)); when != unknown {
		t.Errorf("without: %s", when)
	}
}

func TestADeletedObjectIsNextAndAWebhookThatIsEnabledIsNamed(t *testing.T) {
	t.Parallel()
	operator := &v1alpha1.MultiNicOperator{}
	operator.Spec.ReconcileTrigger.Mode = "manual"
	operator.Spec.ReconcileTrigger.Webhook.Enabled = true
	f, _ := newForecast(operator, nil, controllerNamespace, noon)
	if when, _ := f.of(object(nil)); when != "on change, request or webhook" {
		t.Error(when)
	}
	if when, why := f.of(object(func(o *v1alpha1.OpenstackConfig) { o.DeletionTimestamp = &metav1.Time{Time: noon} })); when != atOnce || !strings.Contains(why, "deleted") {
		t.Error(when, why)
	}
}

func TestLongTextIsBrokenAtSpacesAndLongWordsStayWhole(t *testing.T) {
	t.Parallel()
	word := strings.Repeat("긴", 120)
	lines := wrap(strings.Repeat("word ", 30)+word, "! ", "  ")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "! word") || lines[2] != "  "+word {
		t.Errorf("%q", lines)
	}
	for _, line := range lines[:2] {
		if len(line) > width {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

func TestTheEpochOfBeforeIsNeverAdmitted(t *testing.T) {
	t.Parallel()
	shutAt := func(epoch string, generation int64, synced time.Duration) v1alpha1.OpenstackConfig {
		return *object(func(o *v1alpha1.OpenstackConfig) {
			o.Status.Publication = &v1alpha1.PublicationStatus{Epoch: epoch, Generation: generation}
			o.Status.LastSyncTime = &metav1.Time{Time: noon.Add(synced)}
			o.Status.Conditions = append(o.Status.Conditions, metav1.Condition{
				Type: v1alpha1.ConditionPublished, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonGateShut, LastTransitionTime: metav1.Time{Time: noon},
			})
		})
	}
	for name, row := range map[string]struct {
		objects []v1alpha1.OpenstackConfig
		epoch   string
	}{
		"none was run since":              {[]v1alpha1.OpenstackConfig{shutAt("old", 1, -time.Hour), shutAt("old", 1, -time.Minute)}, ""},
		"one was run in the very second":  {[]v1alpha1.OpenstackConfig{shutAt("old", 1, -time.Hour), shutAt("old", 1, 0)}, ""},
		"one was run since":               {[]v1alpha1.OpenstackConfig{shutAt("old", 1, -time.Hour), shutAt("new", 2, time.Second)}, "new"},
		"the database was replaced twice": {[]v1alpha1.OpenstackConfig{shutAt("new", 2, time.Second), shutAt("newer", 3, time.Minute)}, "newer"},
	} {
		if epoch := newEpoch(row.objects); epoch != row.epoch {
			t.Errorf("%s: %q", name, epoch)
		}
	}
}
