// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstackconfig

import (
	"context"
	"slices"
	"strings"
	"sync"

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

// follow reads the oldest MultiNicOperator of the namespace and says whether
// its spec has changed. Settings that can't be understood change nothing: the
// last good ones stay.
func (r *Reconciler) follow(ctx context.Context) (changed bool, err error) {
	list := &v1alpha1.MultiNicOperatorList{}
	if err := r.Client.List(ctx, list, client.InNamespace(r.Namespace)); err != nil {
		return false, err
	}
	items := slices.DeleteFunc(list.Items, func(o v1alpha1.MultiNicOperator) bool { return !o.DeletionTimestamp.IsZero() })
	var spec v1alpha1.MultiNicOperatorSpec
	if len(items) > 0 {
		spec = slices.MinFunc(items, older).Spec
	}
	t := spec.ReconcileTrigger
	cfg, err := trigger.Parse(trigger.Settings{
		Mode: string(t.Mode), ImmediateOnCRChange: t.ImmediateOnCRChange, Interval: t.Interval, Schedule: t.Schedule,
		Timezone: t.Timezone, WebhookEnabled: t.Webhook.Enabled,
	})
	if err != nil {
		r.Log.Error(err, "The MultiNicOperator's reconcileTrigger is not understood: the last good one stays in force")
		return false, nil
	}
	r.settings.mu.Lock()
	defer r.settings.mu.Unlock()
	if !r.settings.parsed || r.settings.cfg.Mode != cfg.Mode {
		r.Log.WithName("trigger").Info("Trigger configuration", "mode", string(cfg.Mode), "immediateOnCRChange", cfg.ImmediateOnCRChange,
			"interval", trigger.FormatDuration(cfg.Interval), "schedule", t.Schedule, "timezone", cfg.Location.String())
	}
	changed = !r.settings.parsed || !equality.Semantic.DeepEqual(r.settings.spec, spec)
	r.settings.cfg, r.settings.spec, r.settings.parsed = cfg, spec, true
	return changed, nil
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
		r.Log.Error(err, "The MultiNicOperator can't be read")
	}
	if err != nil || !changed {
		return nil
	}
	return r.everyObject(ctx)
}
