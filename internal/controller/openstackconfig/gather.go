// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstackconfig

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/credentials"
	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/internal/trigger"
)

type stateTemplate = store.ObjectState

// gather finds out what is wanted and what is known, without a call to
// OpenStack.
func (r *Reconciler) gather(ctx context.Context, p *passage, state store.ObjectState) {
	p.cfg = r.settings.trigger()
	p.in.Now, p.in.Suspended = p.now, p.obj.Spec.Suspend
	if p.obj.Spec.Suspend {
		r.Metrics.forget(p.key) // it does not wait for a success
		return
	}
	if err := validate(&p.obj.Spec); err != nil {
		p.failed = &failure{reason: v1alpha1.ReasonInvalidSpec, message: err.Error(), lasting: true}
		return
	}
	resolved, err := credentials.Resolve(ctx, credentials.Input{
		Namespace: p.key.Namespace, Name: p.key.Name, Spec: p.obj.Spec.Credentials, Defaults: r.settings.openstack(), Decrypter: r.Decrypter,
	}, r.Secrets)
	if err != nil {
		p.failed = credentialsFailure(p.now, err)
		return
	}
	p.cred = resolved.Credentials
	if state.UID != "" && state.UID != string(p.obj.UID) {
		state = store.ObjectState{} // another object of this name, long gone
	}
	if !toldOf(p.obj, state) && r.untold.get(p.key) == nil {
		// Run again as what it last was: changed, and asked for.
		state.SpecHash, state.HandledRequest = "", ""
	}
	p.in = trigger.Input{
		Now: p.now, Created: p.obj.CreationTimestamp.Time,
		Hash: r.hash(p), SucceededHash: state.SpecHash,
		Request: request(p.obj), HandledRequest: state.HandledRequest,
		Webhook: r.calls.stamp(p.key), HandledWebhook: state.HandledTrigger,
		Epoch: r.Publication.Mark().Epoch, SucceededEpoch: state.Epoch,
		LastSuccess: state.LastSuccess, NextLook: state.NextLook,
		Failed: r.failures.get(p.key),
	}
	if p.in.SucceededEpoch == "" && p.obj.Status.Publication != nil {
		// The database has never heard of it, but it was published once.
		p.in.SucceededEpoch = p.obj.Status.Publication.Epoch
	}
	if !p.in.FailureStands() {
		r.failures.forget(p.key)
		p.in.Failed = nil
	}
	r.Metrics.waits(p.key, state.LastSuccess, p.obj.CreationTimestamp.Time)
}

// toldOf says whether the status tells of the run that left state. A process
// that ends between a run's transaction and the status leaves it untold, and
// nothing would be due any more.
func toldOf(obj *v1alpha1.OpenstackConfig, state store.ObjectState) bool {
	asked := obj.Annotations[v1alpha1.AnnotationReconcileRequestedAt]
	return obj.Status.Publication != nil && obj.Status.ObservedGeneration >= state.Generation &&
		(asked == "" || asked == obj.Status.LastHandledReconcileAt || request(obj) != state.HandledRequest)
}

// validate repeats what CEL checks: API servers before 1.25 ignore it.
func validate(spec *v1alpha1.OpenstackConfigSpec) error {
	var errs []error
	if len(spec.VMNames) == 0 {
		errs = append(errs, errors.New("spec.vmNames is empty: name at least one VM"))
	}
	seen := map[string]bool{}
	for _, name := range spec.VMNames {
		if name == "" {
			errs = append(errs, errors.New("spec.vmNames has an empty entry: remove it"))
		} else if seen[name] {
			errs = append(errs, fmt.Errorf("spec.vmNames names %q twice: remove one", name))
		}
		seen[name] = true
	}
	if spec.SubnetName == "" {
		errs = append(errs, errors.New("spec.subnetName is empty: name the subnet"))
	}
	if _, err := limits(inventory.Limits{}, spec.Withdrawal); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// object is what the pure part is told.
func (r *Reconciler) object(p *passage) inventory.Object {
	l, err := limits(r.Limits, r.settings.withdrawal(), p.obj.Spec.Withdrawal)
	if err != nil { // the operator's, since the object's own was validated
		l, _ = limits(r.Limits, p.obj.Spec.Withdrawal)
	}
	confirmed, _ := time.Parse(time.RFC3339, p.obj.Annotations[v1alpha1.AnnotationConfirmWithdrawal])
	return inventory.Object{
		Key: p.key, UID: string(p.obj.UID), Cloud: p.cred.Cloud(), VMNames: p.obj.Spec.VMNames, SubnetName: p.obj.Spec.SubnetName,
		PublishPrimary: p.obj.Spec.PublishPrimary, Limits: l, ConfirmedAt: confirmed,
	}
}

// limits lays policies over a base, the later over the earlier.
func limits(l inventory.Limits, policies ...*v1alpha1.WithdrawalPolicy) (inventory.Limits, error) {
	for _, w := range policies {
		if w == nil {
			continue
		}
		if w.Hold != "" {
			d, err := time.ParseDuration(w.Hold)
			if err != nil || d < 0 {
				return l, fmt.Errorf("withdrawal.hold %q is no duration such as 30m", w.Hold)
			}
			l.Hold = d
		}
		for _, f := range []struct {
			to   *int
			from *int32
		}{
			{&l.PercentOfObject, w.MaxPercentOfObject}, {&l.OfObject, w.MaxOfObject},
			{&l.PercentOfCloud, w.MaxPercentOfCloud}, {&l.OfCloud, w.MaxOfCloud},
		} {
			if f.from != nil {
				*f.to = int(*f.from)
			}
		}
	}
	return l, nil
}

// hash is a keyed fingerprint of what the object means: the order of vmNames
// does not count, what is in its Secret does. Without the key nobody can try
// passwords against it.
func (r *Reconciler) hash(p *passage) string {
	mac := hmac.New(sha256.New, r.HashKey)
	put := func(b []byte) {
		mac.Write(binary.AppendUvarint(nil, uint64(len(b))))
		mac.Write(b)
	}
	names := slices.Sorted(slices.Values(p.obj.Spec.VMNames))
	mac.Write(binary.AppendUvarint(nil, uint64(len(names))))
	for _, n := range names {
		put([]byte(n))
	}
	put([]byte(p.obj.Spec.SubnetName))
	put(fmt.Appendf(nil, "%t", p.obj.Spec.PublishPrimary))
	put(p.cred.Content())
	return hex.EncodeToString(mac.Sum(nil))
}

// request is what a person asked for by annotation: a run, or the withdrawal
// of what is held, which takes a run too.
func request(obj *v1alpha1.OpenstackConfig) string {
	parts := []string{obj.Annotations[v1alpha1.AnnotationReconcileRequestedAt], obj.Annotations[v1alpha1.AnnotationConfirmWithdrawal]}
	s := strings.TrimSuffix(strings.Join(parts, "|"), "|")
	if len(s) > 200 { // whatever was written there, it has to fit a column
		sum := sha256.Sum256([]byte(s))
		return hex.EncodeToString(sum[:])
	}
	return s
}
