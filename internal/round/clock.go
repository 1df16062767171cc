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
	mu   sync.Mutex
	last time.Time
}

// tolerance is what a clock may be slewed between two rounds.
const tolerance = 5 * time.Second

// since says whether the wall clock jumped since the last call. The first
// call knows of no jump.
func (c *clockJump) since(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := c.last
	c.last = now
	if last.IsZero() {
		return false
	}
	wall := now.Round(0).Sub(last.Round(0)) // Round(0) strips the monotonic reading
	drift := wall - now.Sub(last)
	return drift > tolerance || drift < -tolerance
}
