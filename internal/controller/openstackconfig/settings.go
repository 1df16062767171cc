// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstackconfig

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/trigger"
)

// settings are what the MultiNicOperator of the controller's namespace says,
// as far as it was last understood.
type settings struct {
	mu     sync.Mutex
	cfg    trigger.Config
	spec   v1alpha1.MultiNicOperatorSpec
	parsed bool
	behind bool // the last look at the MultiNicOperator failed
	wrong  string
}

// news says whether what is wrong with the settings has not been told yet.
func (s *settings) news(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.wrong
	if s.wrong = ""; err != nil {
		s.wrong = err.Error()
	}
	return err != nil && s.wrong != was
}

// lag notes that the MultiNicOperator is to be looked at again.
func (s *settings) lag() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behind = true
}

// lags says whether it is, and takes it as done.
func (s *settings) lags() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.behind || !s.parsed
	s.behind = false
	return was
}

func (s *settings) trigger() trigger.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.parsed {
		return trigger.Default()
	}
	return s.cfg
}

func (s *settings) openstack() v1alpha1.OpenStackSpec {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spec.OpenStack
}

func (s *settings) withdrawal() *v1alpha1.WithdrawalPolicy {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spec.Withdrawal
}

// follow reads the MultiNicOperator and says whether anything has changed.
// Settings that can't be understood change nothing: the last good ones stay.
func (r *Reconciler) follow(ctx context.Context) (changed bool, err error) {
	operator, err := followed(ctx, r.Client, r.Namespace)
	if err != nil {
		return false, err
	}
	spec := operator.Spec
	t := spec.ReconcileTrigger
	cfg, err := trigger.Parse(trigger.Settings{
		Mode: string(t.Mode), ImmediateOnCRChange: t.ImmediateOnCRChange, Interval: t.Interval, Schedule: t.Schedule,
		Timezone: t.Timezone, WebhookEnabled: t.Webhook.Enabled,
	})
	if r.settings.news(err) {
		r.Log.Error(err, "The MultiNicOperator's reconcileTrigger is not understood: the last good one stays in force", "multinicoperator", operator.Name)
		r.Recorder.Eventf(operator, nil, corev1.EventTypeWarning, v1alpha1.ReasonInvalidSpec, "Follow", "%v; what was in force before stays in force", err)
	}
	if err != nil {
		cfg, err = r.lastGood(ctx)
	}
	if err != nil {
		return false, err
	}
	if cfg, err = r.putInForce(ctx, cfg.Of(r.Cluster)); err != nil {
		return false, err
	}
	r.settings.mu.Lock()
	defer r.settings.mu.Unlock()
	changed = !r.settings.parsed || !equality.Semantic.DeepEqual(r.settings.spec, spec)
	if changed {
		r.Log.WithName("trigger").Info("Trigger configuration", "mode", string(cfg.Mode), "immediateOnCRChange", cfg.ImmediateOnCRChange,
			"interval", trigger.FormatDuration(cfg.Interval), "schedule", t.Schedule, "timezone", cfg.Location.String(), "webhook", cfg.WebhookEnabled)
	}
	r.settings.cfg, r.settings.spec, r.settings.parsed = cfg, spec, true
	return changed, nil
}

// lastGood is what was in force before settings that are not understood. After a
// restart it is what is written down: ticks, or, for a mode without any, manual.
// Falling back to the default instead would call OpenStack every minute.
func (r *Reconciler) lastGood(ctx context.Context) (trigger.Config, error) {
	r.settings.mu.Lock()
	cfg, parsed := r.settings.cfg, r.settings.parsed
	r.settings.mu.Unlock()
	if parsed {
		return cfg, nil
	}
	cm, err := r.triggers().read(ctx)
	if err != nil {
		return cfg, fmt.Errorf("reading the ConfigMap %s: %w", TriggersName, err)
	}
	var ticks trigger.Ticks
	text := cm.Data[ticksEntry]
	if text == "" {
		return trigger.Default(), nil
	}
	if err := json.Unmarshal([]byte(text), &ticks); err != nil {
		return cfg, fmt.Errorf("the entry %s of the ConfigMap %s is not understood: correct reconcileTrigger, and it is written anew: %w", ticksEntry, TriggersName, err)
	}
	s := trigger.Settings{Mode: string(trigger.Scheduled), Interval: ticks.Interval, Schedule: ticks.Schedule, Timezone: ticks.Timezone}
	if ticks.Interval == "" && ticks.Schedule == "" {
		s = trigger.Settings{Mode: string(trigger.Manual)}
	}
	return trigger.Parse(s)
}

// putInForce finds out since when the ticks hold, and writes it down where they
// are new: after a restart they must not seem to have held for ever.
func (r *Reconciler) putInForce(ctx context.Context, cfg trigger.Config) (trigger.Config, error) {
	cm, err := r.triggers().read(ctx)
	if err != nil {
		return cfg, fmt.Errorf("reading the ConfigMap %s: %w", TriggersName, err)
	}
	var before *trigger.Ticks
	if text := cm.Data[ticksEntry]; text != "" {
		before = &trigger.Ticks{}
		if json.Unmarshal([]byte(text), before) != nil {
			before = nil
		}
	}
	cfg, after, fresh := cfg.Follow(before, r.Clock.Now())
	if !fresh {
		return cfg, nil
	}
	err = update(ctx, r.triggers(), ticksEntry, func(t *trigger.Ticks) { *t = after })
	if err != nil {
		return cfg, fmt.Errorf("writing the ConfigMap %s: %w", TriggersName, err)
	}
	return cfg, nil
}

// older orders by age, and by name where two were made in one second.
func older(a, b v1alpha1.MultiNicOperator) int {
	if c := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); c != 0 {
		return c
	}
	return strings.Compare(a.Name, b.Name)
}

// operatorChanged follows a MultiNicOperator and looks at every object anew if
// something has changed that concerns them; its status does not.
func (r *Reconciler) operatorChanged(ctx context.Context, _ client.Object) []reconcile.Request {
	changed, err := r.follow(ctx)
	if err != nil {
		r.Log.Error(err, "The MultiNicOperator can't be followed; tried again soon")
		r.settings.lag()
	}
	if err != nil || !changed {
		return nil
	}
	return r.everyObject(ctx)
}
