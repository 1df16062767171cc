// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/utils/clock"
)

// bucket bounds the calls to one cloud, whatever the credentials, and holds
// them all back while the cloud asks for it (Retry-After).
type bucket struct {
	clock   clock.Clock
	limiter *rate.Limiter

	mu        sync.Mutex
	notBefore time.Time
}

func newBucket(c clock.Clock, perSecond float64, burst int) *bucket {
	return &bucket{clock: c, limiter: rate.NewLimiter(rate.Limit(perSecond), burst)}
}

// pause lets no call pass for d.
func (b *bucket) pause(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if until := b.clock.Now().Add(d); until.After(b.notBefore) {
		b.notBefore = until
	}
}

// wait takes a token. It fails with the context's error, and at once with
// context.DeadlineExceeded if the token would come after the deadline.
func (b *bucket) wait(ctx context.Context) error {
	now := b.clock.Now()
	r := b.limiter.ReserveN(now, 1)
	delay := r.DelayFrom(now)
	b.mu.Lock()
	delay = max(delay, b.notBefore.Sub(now))
	b.mu.Unlock()
	if err := sleep(ctx, b.clock, delay); err != nil {
		r.CancelAt(b.clock.Now())
		return err
	}
	return nil
}

// sleep waits for d, but not past the context: a deadline that comes first is
// reported at once.
func sleep(ctx context.Context, c clock.Clock, d time.Duration) error {
	if err := ctx.Err(); err != nil || d <= 0 {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d {
		return context.DeadlineExceeded
	}
	timer := c.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
