// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"context"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// collector plays what else a cluster does to the objects of a namespace: it
// collects what has lost its owner, orphans what is to be, and binds, grows and
// ends volumes.
type collector struct {
	client    client.Client
	namespace string
}

func runCollector(t *testing.T, c client.Client, namespace string) {
	g := &collector{client: c, namespace: namespace}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(150 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				// What changed under our hands is looked at again.
				_ = g.collect(ctx)
				_ = g.volumes(ctx)
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

// owning are the kinds that own others here.
var owning = []schema.GroupVersionKind{
	v1alpha1.GroupVersion.WithKind("MultiNicOperator"), {Group: "apps", Version: "v1", Kind: "StatefulSet"}, {Group: "batch", Version: "v1", Kind: "Job"},
}

// owned are those that are owned.
var owned = []schema.GroupVersionKind{
	{Version: "v1", Kind: "Pod"}, {Version: "v1", Kind: "Secret"}, {Version: "v1", Kind: "Service"}, {Version: "v1", Kind: "ServiceAccount"},
	{Group: "apps", Version: "v1", Kind: "Deployment"}, {Group: "apps", Version: "v1", Kind: "StatefulSet"},
	{Group: "batch", Version: "v1", Kind: "CronJob"}, {Group: "batch", Version: "v1", Kind: "Job"},
	{Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy"}, {Group: "policy", Version: "v1", Kind: "PodDisruptionBudget"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "Role"}, {Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "RoleBinding"},
}

func (g *collector) list(ctx context.Context, kinds []schema.GroupVersionKind) (out []metav1.PartialObjectMetadata, err error) {
	for _, kind := range kinds {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
		if err := g.client.List(ctx, list, client.InNamespace(g.namespace)); err != nil {
			return nil, err
		}
		for _, item := range list.Items {
			item.SetGroupVersionKind(kind)
			out = append(out, item)
		}
	}
	return out, nil
}

func (g *collector) collect(ctx context.Context) error {
	// The owned before the owners: an owner that is there for one that was
	// listed is then listed too.
	objects, err := g.list(ctx, owned)
	if err != nil {
		return err
	}
	owners, err := g.list(ctx, owning)
	if err != nil {
		return err
	}
	there := map[types.UID]bool{}
	for _, owner := range owners {
		there[owner.UID] = true
		if !owner.DeletionTimestamp.IsZero() && slices.Contains(owner.Finalizers, metav1.FinalizerOrphanDependents) {
			if err := g.orphan(ctx, owner, objects); err != nil {
				return err
			}
		}
	}
	for i := range objects {
		o := &objects[i]
		lost := slices.ContainsFunc(o.OwnerReferences, func(r metav1.OwnerReference) bool { return !there[r.UID] })
		if !lost || !o.DeletionTimestamp.IsZero() {
			continue
		}
		err := g.client.Delete(ctx, o, client.Preconditions{UID: &o.UID, ResourceVersion: &o.ResourceVersion}, client.PropagationPolicy(metav1.DeletePropagationBackground))
		if client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) {
			return err
		}
	}
	return nil
}

// orphan frees what a deleted object owns, then lets it go.
func (g *collector) orphan(ctx context.Context, owner metav1.PartialObjectMetadata, objects []metav1.PartialObjectMetadata) error {
	for i := range objects {
		o := &objects[i]
		before := o.DeepCopy()
		o.OwnerReferences = slices.DeleteFunc(o.OwnerReferences, func(r metav1.OwnerReference) bool { return r.UID == owner.UID })
		if len(o.OwnerReferences) == len(before.OwnerReferences) {
			continue
		}
		if err := g.client.Patch(ctx, o, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	before := owner.DeepCopy()
	owner.Finalizers = slices.DeleteFunc(owner.Finalizers, func(f string) bool { return f == metav1.FinalizerOrphanDependents })
	return client.IgnoreNotFound(g.client.Patch(ctx, &owner, client.MergeFrom(before)))
}

func (g *collector) volumes(ctx context.Context) error {
	claims, pods := &corev1.PersistentVolumeClaimList{}, &corev1.PodList{}
	if err := g.client.List(ctx, claims, client.InNamespace(g.namespace)); err != nil {
		return err
	}
	if err := g.client.List(ctx, pods, client.InNamespace(g.namespace)); err != nil {
		return err
	}
	for i := range claims.Items {
		claim := &claims.Items[i]
		used := claim.Name == resources.DataClaimName && slices.ContainsFunc(pods.Items, func(p corev1.Pod) bool { return p.Name == resources.DatabaseName+"-0" })
		if err := g.volume(ctx, claim, used); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}

func (g *collector) volume(ctx context.Context, claim *corev1.PersistentVolumeClaim, used bool) error {
	before := claim.DeepCopy()
	if !claim.DeletionTimestamp.IsZero() {
		if used || len(claim.Finalizers) == 0 {
			return nil
		}
		claim.Finalizers = nil
		return g.client.Patch(ctx, claim, client.MergeFrom(before))
	}
	claim.Status.Phase = corev1.ClaimBound
	claim.Status.Capacity = corev1.ResourceList{corev1.ResourceStorage: claim.Spec.Resources.Requests[corev1.ResourceStorage]}
	if equality.Semantic.DeepEqual(before.Status, claim.Status) {
		return nil
	}
	return g.client.Status().Update(ctx, claim)
}
