// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/xormsdhkdwk/multinic/internal/trigger"
)

// recordTimeout bounds one write to the cluster.
const recordTimeout = 15 * time.Second

// journal writes calls down. Those that come while a write is under way share
// the next one.
type journal struct {
	record func(context.Context, func(*trigger.Calls)) error
	clock  clock.PassiveClock

	mu      sync.Mutex
	waiting []*entry
	writing bool
}

type entry struct {
	trigger.Call
	done  chan struct{}
	stamp time.Time
	err   error
}

// add returns once the call is written down.
func (j *journal) add(ctx context.Context, call trigger.Call) (time.Time, error) {
	e := &entry{Call: call, done: make(chan struct{})}
	j.mu.Lock()
	j.waiting = append(j.waiting, e)
	if !j.writing {
		j.writing = true
		// Its own goroutine: a caller that goes away takes no other's call along.
		go j.write() //nolint:gosec // nor does that caller's context
	}
	j.mu.Unlock()
	select {
	case <-e.done:
		return e.stamp, e.err
	case <-ctx.Done():
		return time.Time{}, ctx.Err() // it may be written all the same
	}
}

// write writes until nobody waits.
func (j *journal) write() {
	for {
		j.mu.Lock()
		batch := j.waiting
		j.waiting = nil
		j.writing = len(batch) > 0
		j.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), recordTimeout)
		err := j.record(ctx, func(calls *trigger.Calls) {
			for _, e := range batch {
				e.stamp, e.err = calls.Add(j.clock.Now(), e.Call)
			}
		})
		cancel()
		for _, e := range batch {
			if err != nil {
				e.err = err
			}
			close(e.done)
		}
	}
}
