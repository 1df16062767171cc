// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"context"
	"fmt"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// memory is what this process knows of one object. All of it may be lost; then
// the API server is asked again.
type memory struct {
	sync.Mutex
	// uid is of the object that we last saw as ours.
	uid types.UID
	// applied is the seal of the desired object that was last in force.
	applied string
	verdict verdict
	// replacing is set between our own deletion of the object and its
	// creation: what will be told of it.
	replacing Outcome
	fight     fight
}

// verdict is what was found of one state of the live object.
type verdict struct {
	uid             types.UID
	resourceVersion string
	essence         string // its seal: it tells a change from a mere new status
	desired         string // its seal
	differences, by []string
}

// recall answers without asking the API server, if nothing happened since the
// object was last looked at.
func (a *Applier) recall(ctx context.Context, c *call) (Result, bool) {
	v := c.memory.verdict
	if v.desired != c.sealed || c.repair && len(v.differences) > 0 {
		return Result{}, false
	}
	seen, err := a.glance(ctx, c)
	if err != nil || seen.GetUID() != v.uid || seen.GetResourceVersion() != v.resourceVersion {
		return Result{}, false // whatever it is, the truth is asked for
	}
	return v.result(seen), true
}

// glance reads the object where that is cheapest: from the cache, if the client
// has one for it. Secrets must not get into a cache; of them the metadata is
// read.
func (a *Applier) glance(ctx context.Context, c *call) (client.Object, error) {
	if c.secret() {
		meta := &metav1.PartialObjectMetadata{}
		meta.SetGroupVersionKind(c.id.GroupVersionKind)
		if err := a.Reader.Get(ctx, c.id.ObjectKey, meta); err != nil {
			return nil, err
		}
		meta.ManagedFields = nil
		delete(meta.Annotations, lastApplied)
		return &corev1.Secret{ObjectMeta: meta.ObjectMeta}, nil
	}
	fresh, err := a.Client.Scheme().New(c.id.GroupVersionKind)
	if runtime.IsNotRegisteredError(err) {
		object := &unstructured.Unstructured{}
		object.SetGroupVersionKind(c.id.GroupVersionKind)
		fresh, err = object, nil
	}
	if err != nil {
		return nil, err
	}
	object, ok := fresh.(client.Object)
	if !ok {
		return nil, fmt.Errorf("%T is no object of the API", fresh)
	}
	return object, a.Client.Get(ctx, c.id.ObjectKey, object)
}

func (v verdict) result(object client.Object) Result {
	result := Result{Outcome: Unchanged, Object: object}
	if len(v.differences) > 0 {
		result.Outcome, result.Differences, result.By = Drifted, first(v.differences), slices.Clone(v.by)
	}
	return result
}

// remember keeps what was found of a live object: differences that stay, or none.
func (a *Applier) remember(c *call, live *unstructured.Unstructured, left, by []string) {
	m := c.memory
	m.uid, m.applied, m.replacing = live.GetUID(), c.sealed, ""
	m.verdict = verdict{
		uid: live.GetUID(), resourceVersion: live.GetResourceVersion(),
		essence: a.seal(essence(live)), desired: c.sealed,
		differences: left, by: by,
	}
}

// known tells whether the live object is, but for its status, as it was when
// the verdict was found.
func (a *Applier) known(c *call, live *unstructured.Unstructured) bool {
	v := c.memory.verdict
	return v.desired == c.sealed && v.uid == live.GetUID() && v.essence == a.seal(essence(live)) &&
		(len(v.differences) == 0 || !c.repair)
}
