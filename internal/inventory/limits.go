// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory

import "time"

// Limits say how much may be withdrawn without a person's word.
type Limits struct {
	// SecondLook is how long after the end of the first reading the second must
	// begin that agrees with it.
	SecondLook time.Duration
	// Hold is how long complete answers must agree where there are more
	// withdrawals than the figures below allow.
	Hold time.Duration
	// HeldLook is how often a held withdrawal is looked at meanwhile.
	HeldLook time.Duration
	// More than PercentOfObject of an object's interfaces and more than
	// OfObject are held, and so for a whole cloud.
	PercentOfObject, OfObject int
	PercentOfCloud, OfCloud   int
}

// DefaultLimits are the contract's.
func DefaultLimits() Limits {
	return Limits{
		SecondLook: time.Minute, Hold: 30 * time.Minute, HeldLook: 5 * time.Minute,
		PercentOfObject: 50, OfObject: 3,
		PercentOfCloud: 20, OfCloud: 10,
	}
}

// withDefaults fills in how answers are timed, which no field of an object
// says; Limits that say nothing at all are the contract's, not none.
func (l Limits) withDefaults() Limits {
	defaults := DefaultLimits()
	if l == (Limits{}) {
		return defaults
	}
	if l.SecondLook == 0 {
		l.SecondLook = defaults.SecondLook
	}
	if l.HeldLook == 0 {
		l.HeldLook = defaults.HeldLook
	}
	return l
}

// longestGap is how far apart two answers may be that still are neighbours in
// an unbroken row: two that agree before and after a long outage are not what
// a hold waits for.
func (l Limits) longestGap() time.Duration { return 3 * max(l.HeldLook, l.SecondLook) }

// exceeds says whether n of total is more than both the percentage and the
// number. An unknown total (0) counts as small: n is then always over the
// percentage.
func exceeds(n, total, percent, number int) bool {
	return n > number && n*100 > total*percent
}
