// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstackconfig

import (
	"context"
	"sync"

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
func (r *Reconciler) write(ctx context.Context, call func() error) error {
	select {
	case r.writes <- struct{}{}:
		defer func() { <-r.writes }()
	case <-ctx.Done():
		return ctx.Err()
	}
	done := make(chan error, 1)
	go func() { done <- call() }()
	return <-done
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
