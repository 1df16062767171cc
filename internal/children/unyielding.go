// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// replaceable are the kinds that are deleted and made anew where a field can't
// be changed: all that is in them is in the desired object. A StatefulSet's
// volumes, a claim's and a Secret's data would be at stake, so of those the
// caller decides.
var replaceable = []string{
	"ClusterRole", "ClusterRoleBinding", "ConfigMap", "CronJob", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Role", "RoleBinding",
	"Service", "ServiceAccount",
}

// unyielding deals with an object that can't be replaced by the desired one,
// which is right in itself, because of some fields.
func (a *Applier) unyielding(ctx context.Context, c *call, live *unstructured.Unstructured, fields []string) (Result, error) {
	if len(fields) == 0 {
		fields = []string{"a field"} // the API server did not say which
	}
	by := writers(live, fields, a.Owner)
	if result, stop := a.hold(c, live, fields, by); stop {
		return a.withObject(c, result, live)
	}
	if !slices.Contains(replaceable, c.id.Kind) {
		return Result{}, &ImmutableError{Kind: c.id.Kind, Namespace: c.id.Namespace, Name: c.id.Name, Fields: fields}
	}
	uid, version := live.GetUID(), live.GetResourceVersion()
	err := a.Client.Delete(ctx, live.DeepCopy(), client.Preconditions{UID: &uid, ResourceVersion: &version},
		// What it made goes too, and nothing waits for that.
		client.PropagationPolicy(metav1.DeletePropagationBackground))
	if err != nil {
		return Result{}, err
	}
	c.memory.replacing = a.wrote(c, live, fields)
	made := c.desired.DeepCopy()
	if err := a.Client.Create(ctx, made, client.FieldOwner(a.Owner)); err != nil {
		return Result{}, fmt.Errorf("making it again after its deletion: %w", err)
	}
	outcome := c.memory.replacing
	a.remember(c, made, nil, nil)
	return a.finish(c, outcome, made, fields, by)
}

// stuck are fields in which live differs and a replacement would not show it:
// the API server carries over what it takes for allocated. A headless Service in
// the place of one that is to have an address is that.
func (c *child) stuck(live *unstructured.Unstructured) []string {
	if c.id.Kind != "Service" {
		return nil
	}
	address := func(service *unstructured.Unstructured) string {
		ip, _, _ := unstructured.NestedString(service.Object, "spec", "clusterIP")
		return ip
	}
	kind, _, _ := unstructured.NestedString(c.desired.Object, "spec", "type")
	if address(live) == corev1.ClusterIPNone && address(c.desired) == "" && kind != string(corev1.ServiceTypeExternalName) {
		return []string{"spec.clusterIP"}
	}
	return nil
}

// validWhenNew tells whether the API server would create the desired object
// under another name. That, and not the wording of a refusal, tells a field that
// can't be changed from one that is wrong.
func (a *Applier) validWhenNew(ctx context.Context, c *call) bool {
	fresh := c.desired.DeepCopy()
	fresh.SetName("")
	fresh.SetGenerateName(c.id.Name + "-")
	return a.Client.Create(ctx, fresh, client.DryRunAll, client.FieldOwner(a.Owner)) == nil
}
