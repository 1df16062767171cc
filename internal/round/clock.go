// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package round

import (
	"sync"
	"time"
)

// clockJump notices that the wall clock was set. Times in the database carry
// no monotonic reading, so after a jump forward a withdrawal's second look
// would seem to have come at once.
type clockJump struct {
	mu     sync.Mutex
	last   time.Time
	jumped time.Time
}

// tolerance is what a clock may be slewed between two rounds.
const tolerance = 5 * time.Second

// trustedSince is when the wall clock was last seen to have jumped; zero if it
// never was. A jump that lies between two processes is not seen.
func (c *clockJump) trustedSince(now time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.last.IsZero() {
		wall := now.Round(0).Sub(c.last.Round(0)) // Round(0) strips the monotonic reading
		if drift := wall - now.Sub(c.last); drift > tolerance || drift < -tolerance {
			c.jumped = now.Round(0)
		}
	}
	c.last = now
	return c.jumped
}
