// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package round

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/store"
)

// releases is the key of the one group of those that go: no hash of
// credentials is zero.
var releases [sha256.Size]byte

// Release withdraws everything that the object of this UID has published, and
// forgets it; where uid is empty, whichever object bore the name. What an object
// has published that was made anew under the name stays. Objects that are
// deleted together share one transaction; OpenStack is not asked. Errors are
// *publication.UnavailableError, the store's, or the context's.
func (r *Rounds) Release(ctx context.Context, k inventory.Key, uid string) error {
	_, err := r.takePart(ctx, releases, Ticket{Object: inventory.Object{Key: k, UID: uid}}, r.Coming(), r.processReleases)
	return err
}

// processReleases releases all at once, or, where that fails for one of them,
// one by one.
func (r *Rounds) processReleases(ctx context.Context, tickets []entry) {
	err := r.release(ctx, tickets)
	alone := err != nil && len(tickets) > 1 && !unavailable(err)
	if alone {
		r.Log.Error(err, "Deleted objects could not be released together: releasing them one by one", "objects", len(tickets))
	}
	for _, t := range tickets {
		if alone {
			err = r.release(ctx, []entry{t})
		}
		t.done <- answer{err: err}
	}
}

func (r *Rounds) release(ctx context.Context, tickets []entry) error {
	return r.Publication.Write(ctx, func(l *store.Leader) error {
		have, err := l.View(ctx, store.ViewQuery{Objects: keys(tickets)})
		if err != nil {
			return err
		}
		planner := inventory.NewPlanner(r.Clock.Now(), inventory.NewNodes(nil), have, time.Time{})
		var forget []inventory.Key
		for _, t := range tickets {
			k, uid := t.Object.Key, t.Object.UID
			planner.Release(k, uid)
			if state, _ := r.Publication.State(k); uid == "" || state.UID == uid || state.UID == "" {
				forget = append(forget, k)
			}
		}
		if plan := planner.Finish(); !plan.Empty() {
			if _, err := l.Apply(ctx, plan, nil); err != nil {
				return err
			}
		}
		if err := l.DeleteStates(ctx, forget); err != nil {
			return err
		}
		r.Publication.Forget(forget...)
		return nil
	})
}
