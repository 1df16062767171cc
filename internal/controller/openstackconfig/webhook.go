// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstackconfig

import (
	"cmp"
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/receiver"
	"github.com/xormsdhkdwk/multinic/internal/trigger"
)

// TriggerKeyName is the Secret with the webhook's key where the MultiNicOperator
// names no other.
const TriggerKeyName = "multinic-trigger-key"

// Callers is what the webhook's receiver sees of the cluster, in every replica.
type Callers struct {
	// Client reads from the cache, Reader past it.
	Client    client.Client
	Reader    client.Reader
	Namespace string
}

var _ receiver.Cluster = Callers{}

// Settings are those of the MultiNicOperator that the controller follows.
func (c Callers) Settings(ctx context.Context) (receiver.Settings, error) {
	operator, err := followed(ctx, c.Client, c.Namespace)
	if err != nil {
		return receiver.Settings{}, err
	}
	w := operator.Spec.ReconcileTrigger.Webhook
	s := receiver.Settings{Enabled: w.Enabled || operator.Spec.ReconcileTrigger.Mode == v1alpha1.TriggerWebhook, KeySecret: TriggerKeyName}
	if w.SecretRef != nil {
		s.KeySecret = cmp.Or(w.SecretRef.Name, s.KeySecret)
	}
	if w.TLSSecretRef != nil {
		s.TLSSecret = w.TLSSecretRef.Name
	}
	return s, nil
}

// Objects are all that this controller serves.
func (c Callers) Objects(ctx context.Context) ([]receiver.Object, error) {
	list := &v1alpha1.OpenstackConfigList{}
	if err := c.Client.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	out := make([]receiver.Object, len(list.Items))
	for i := range list.Items {
		out[i] = called(&list.Items[i])
	}
	return out, nil
}

func called(o *v1alpha1.OpenstackConfig) receiver.Object {
	s := &o.Status
	out := receiver.Object{
		Namespace: o.Namespace, Name: o.Name, Labels: o.Labels, VMNames: o.Spec.VMNames, SubnetName: o.Spec.SubnetName,
		Partial: s.InterfacesOmitted > 0, Unsettled: s.Counts.Problems > 0 || s.Publication == nil,
	}
	if s.Subnet != nil {
		out.SubnetID, out.NetworkID = s.Subnet.ID, s.Subnet.NetworkID
	}
	for _, i := range s.Interfaces {
		out.Interfaces = append(out.Interfaces, receiver.Interface{ServerID: i.ServerID, PortID: i.PortID})
	}
	return out
}

// Secret reads past the cache, which holds none.
func (c Callers) Secret(ctx context.Context, name string) (map[string][]byte, error) {
	secret := &corev1.Secret{}
	err := c.Reader.Get(ctx, types.NamespacedName{Namespace: c.Namespace, Name: name}, secret)
	return secret.Data, err
}

// Record writes calls down.
func (c Callers) Record(ctx context.Context, change func(*trigger.Calls)) error {
	return update(ctx, triggers{c.Reader, c.Client, c.Namespace}, callsEntry, change)
}

// followed is the MultiNicOperator that a controller in the namespace follows:
// the oldest. Where there is none, it is an empty one without a name.
func followed(ctx context.Context, reader client.Reader, namespace string) (*v1alpha1.MultiNicOperator, error) {
	list := &v1alpha1.MultiNicOperatorList{}
	if err := reader.List(ctx, list, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	items := slices.DeleteFunc(list.Items, func(o v1alpha1.MultiNicOperator) bool { return !o.DeletionTimestamp.IsZero() })
	if len(items) == 0 {
		return &v1alpha1.MultiNicOperator{}, nil
	}
	oldest := slices.MinFunc(items, older)
	return &oldest, nil
}
