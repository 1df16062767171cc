// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"slices"
	"time"
)

const (
	manyRepairs   = 5                // within …
	repairsWindow = time.Minute      // … this are no fight yet
	firstSpacing  = 2 * time.Second  // between repairs in a fight; it doubles with each
	lastSpacing   = 5 * time.Minute  // … up to this
	quiet         = 10 * time.Minute // without a difference end it
)

// fight is the history of an object that someone else keeps changing. Two who
// both insist would load the API server, and roll pods, as fast as they can.
type fight struct {
	repairs []time.Time // of the last minute
	spacing time.Duration
	next    time.Time // no repair before
	last    time.Time // difference that was seen
}

// wait gives how long the next repair has to wait. It is called when there is
// something to repair.
func (f *fight) wait(now time.Time) time.Duration {
	if now.Sub(f.last) >= quiet {
		*f = fight{}
	}
	f.last = now
	return max(f.next.Sub(now), 0)
}

// repaired notes a repair.
func (f *fight) repaired(now time.Time) {
	f.repairs = slices.DeleteFunc(f.repairs, func(at time.Time) bool { return now.Sub(at) >= repairsWindow })
	f.repairs = append(f.repairs, now)
	switch {
	case f.spacing > 0:
		f.spacing = min(2*f.spacing, lastSpacing)
	case len(f.repairs) > manyRepairs:
		f.spacing = firstSpacing
	default:
		return
	}
	f.next = now.Add(f.spacing)
}
