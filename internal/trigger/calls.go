// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"errors"
	"maps"
	"time"
)

// Bounds of Calls: about 100 kB in all, where a ConfigMap holds 1 MiB.
const (
	maxCalledObjects = 500
	maxSeen          = 4096
)

// Errors of Calls.Add.
var (
	ErrReplayed = errors.New("this call was accepted before")
	ErrTooMany  = errors.New("too many calls within the replay window")
)

// Calls are the webhook's calls as they are written down: for every object the
// stamp of the last call that concerns it, and which calls were accepted of
// late.
type Calls struct {
	// Last is the last stamp that was given. Stamps only grow, so that a call
	// through a replica whose clock is behind is not taken for a handled one.
	Last time.Time `json:"last,omitzero"`
	// All concerns every object that was made before it.
	All time.Time `json:"all,omitzero"`
	// Objects are stamps of single objects, by "namespace/name".
	Objects map[string]time.Time `json:"objects,omitempty"`
	// Seen are the calls that may not come again, with when each is too old to
	// be accepted anyway, in seconds since 1970.
	Seen map[string]int64 `json:"seen,omitempty"`
}

// Call is one that is to be written down.
type Call struct {
	// ID is what a replay of it would have too; empty: it can't be told from another.
	ID string
	// Until is when a replay would be too old.
	Until time.Time
	// All, or else Objects by "namespace/name".
	All     bool
	Objects []string
}

// Add writes a call down and returns its stamp, which is not before now. A call
// for too many objects becomes one for all.
func (c *Calls) Add(now time.Time, call Call) (time.Time, error) {
	maps.DeleteFunc(c.Seen, func(_ string, until int64) bool { return until < now.Unix() })
	if call.ID != "" {
		if _, again := c.Seen[call.ID]; again {
			return time.Time{}, ErrReplayed
		}
		if len(c.Seen) >= maxSeen {
			return time.Time{}, ErrTooMany
		}
		if c.Seen == nil {
			c.Seen = map[string]int64{}
		}
		c.Seen[call.ID] = call.Until.Unix()
	}
	// Microseconds are what the database keeps of it.
	stamp := now.UTC().Truncate(time.Microsecond)
	if !stamp.After(c.Last) {
		stamp = c.Last.Add(time.Microsecond)
	}
	c.Last = stamp
	if call.All {
		c.all(stamp)
		return stamp, nil
	}
	if c.Objects == nil && len(call.Objects) > 0 {
		c.Objects = map[string]time.Time{}
	}
	for _, object := range call.Objects {
		c.Objects[object] = stamp
	}
	if len(c.Objects) > maxCalledObjects {
		c.all(stamp)
	}
	return stamp, nil
}

func (c *Calls) all(stamp time.Time) { c.All, c.Objects = stamp, nil }

// Stamp is of the last call that concerns an object, "namespace/name"; zero if
// there is none.
func (c *Calls) Stamp(object string) time.Time {
	if at := c.Objects[object]; at.After(c.All) {
		return at
	}
	return c.All
}

// Forget drops the stamps of single objects that are handled, and says whether
// there were any.
func (c *Calls) Forget(handled func(object string, stamp time.Time) bool) bool {
	before := len(c.Objects)
	maps.DeleteFunc(c.Objects, handled)
	return len(c.Objects) < before
}
