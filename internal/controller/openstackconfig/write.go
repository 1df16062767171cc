// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstackconfig

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/round"
)

// maxWrites is how many objects are written to the API server at a time. A
// round ends for a thousand objects at once: their patches, sent all together,
// wait in the server until they time out there.
const maxWrites = 32

// write calls the API server when it is its turn. A goroutine of its own takes
// the depth of encoding and TLS: otherwise the stack of every worker would grow
// to it, which is more memory than all objects take.
func (r *Reconciler) write(ctx context.Context, obj client.Object, call func() error) error {
	select {
	case r.writes <- struct{}{}:
		defer func() { <-r.writes }()
	case <-ctx.Done():
		return ctx.Err()
	}
	done := make(chan error, 1)
	go func() { done <- call() }()
	err := <-done
	if err == nil {
		r.written.put(inventory.Key{Namespace: obj.GetNamespace(), Name: obj.GetName()}, obj.GetResourceVersion())
	}
	return err
}

// cacheLag is when to look again at an object whose last write has not come
// back to the cache yet.
const cacheLag = 50 * time.Millisecond

// written are the versions of the objects as we last wrote them. What the
// cache has of an older one is out of date: a status that is worked out from
// it would take back what was just told.
type written struct {
	mu    sync.Mutex
	byKey map[inventory.Key]string
}

// after says whether the object was written after the version.
func (w *written) after(k inventory.Key, version string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	ours, ok := w.byKey[k]
	if !ok {
		return false
	}
	order, err := resourceversion.CompareResourceVersion(ours, version)
	if err == nil && order <= 0 {
		delete(w.byKey, k) // it has come back
	}
	return err == nil && order > 0
}

func (w *written) put(k inventory.Key, version string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.byKey[k] = version
}

func (w *written) forget(k inventory.Key) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.byKey, k)
}

// untold are results of runs that no status tells of yet, since the API server
// refused it: the database has them, so nothing would be due any more.
type untold struct {
	mu    sync.Mutex
	byKey map[inventory.Key]*round.Result
}

// get is the object's result; nil if its status tells everything.
func (u *untold) get(k inventory.Key) *round.Result {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.byKey[k]
}

// put keeps a result, or with nil forgets it.
func (u *untold) put(k inventory.Key, result *round.Result) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if result == nil {
		delete(u.byKey, k)
		return
	}
	u.byKey[k] = result
}
