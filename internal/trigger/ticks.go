// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"hash/fnv"
	"time"
)

// HasTicks says whether time alone makes anything due.
func (c Config) HasTicks() bool { return c.schedule != nil || c.Interval > 0 }

// NextTick is the first tick after t; zero where the mode has none.
func (c Config) NextTick(t time.Time) time.Time {
	var next time.Time
	switch early := t.Add(-c.jitter); {
	case c.schedule != nil:
		next = c.schedule.next(early, c.Location)
	case c.Interval > 0:
		next = c.nextAligned(early)
	}
	if next.IsZero() {
		return next
	}
	return next.Add(c.jitter)
}

// lastTick is the last tick after since and not after until; zero if there is
// none.
func (c Config) lastTick(since, until time.Time) time.Time {
	if !c.HasTicks() || !since.Before(until) {
		return time.Time{}
	}
	// Windows that double find the latest tick without walking them all.
	for window := time.Minute; ; window *= 2 {
		from := until.Add(-window)
		if !from.After(since) {
			from = since
		}
		var last time.Time
		for t := c.NextTick(from); !t.IsZero() && !t.After(until); t = c.NextTick(t) {
			last = t
		}
		if !last.IsZero() || from.Equal(since) {
			return last
		}
	}
}

// tickPassed says whether a tick lies after since and not after now. A time
// that the clock has jumped back behind tells nothing: a tick may have passed.
func (c Config) tickPassed(since, now time.Time) bool {
	if !c.HasTicks() {
		return false
	}
	if ahead(since, now) || since.Before(c.Owed) && !c.Owed.After(now) {
		return true
	}
	if since.Before(c.InForce) && !ahead(c.InForce, now) {
		since = c.InForce
	}
	next := c.NextTick(since)
	return !next.IsZero() && !next.After(now)
}

// skew is what the clocks of two replicas may differ by.
const skew = time.Minute

// ahead says that t was told by a clock that was set back since. Waiting until
// it is caught up could take hours.
func ahead(t, now time.Time) bool { return t.After(now.Add(skew)) }

// Of is the Config with the ticks of a cluster: each is late by up to 3 s and a
// thirtieth of the interval, so that not all clusters call OpenStack in the same
// second. Objects of one controller tick together: they share their readings.
func (c Config) Of(cluster string) Config {
	if cluster == "" {
		return c
	}
	most := 3 * time.Second
	if c.Interval > 0 {
		most = min(most, c.Interval/30)
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(cluster))
	c.cluster, c.jitter = cluster, time.Duration(h.Sum64()%uint64(most)).Truncate(time.Millisecond)
	return c
}

// nextAligned counts the interval from midnight; one that does not divide
// the day starts anew at the next.
func (c Config) nextAligned(t time.Time) time.Time {
	local := t.In(c.Location)
	midnight := startOfDay(local.Year(), local.Month(), local.Day(), c.Location)
	tomorrow := startOfDay(local.Year(), local.Month(), local.Day()+1, c.Location)
	next := midnight.Add(t.Sub(midnight).Truncate(c.Interval) + c.Interval)
	if next.After(tomorrow) {
		return tomorrow
	}
	return next
}

// startOfDay is the first instant of a date, also where the clocks skip
// midnight: time.Date then answers an instant on either side of the gap.
func startOfDay(year int, month time.Month, day int, loc *time.Location) time.Time {
	noon := time.Date(year, month, day, 12, 0, 0, 0, loc)
	t := time.Date(year, month, day, 0, 0, 0, 0, loc)
	if t.Day() != noon.Day() { // before the gap: the day begins at its end
		_, end := t.ZoneBounds()
		return end
	}
	if start, _ := t.ZoneBounds(); start.After(t.Add(-24*time.Hour)) && start.In(loc).Day() == noon.Day() && start.Before(t) {
		return start // after the gap
	}
	return t
}
