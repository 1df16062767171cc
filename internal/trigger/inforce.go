// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import "time"

// Ticks name what sets the ticks, and since when. They are what is written down
// of a Config, so that after a restart too a new schedule does not run at once
// for the ticks that it would have had.
type Ticks struct {
	// Interval and Schedule, of which one is set, or none where there are no ticks.
	Interval string `json:"interval,omitempty"`
	Schedule string `json:"schedule,omitempty"`
	Timezone string `json:"timezone,omitempty"`
	// InForce is zero for the first ticks that were ever written down: nobody
	// knows since when they hold.
	InForce time.Time `json:"inForce,omitzero"`
	// Owed is the last tick of those before; runs that began earlier owe it.
	Owed time.Time `json:"owed,omitzero"`
}

// ticks of the Config, as they are written down.
func (c Config) ticks() Ticks {
	t := Ticks{InForce: c.InForce, Owed: c.Owed}
	switch {
	case c.schedule != nil:
		t.Schedule, t.Timezone = c.schedule.text, c.Location.String()
	case c.Interval > 0:
		t.Interval, t.Timezone = c.Interval.String(), c.Location.String()
	}
	return t
}

// config is the Config that sets the ticks; one without ticks if they are not
// understood any more.
func (t Ticks) config() Config {
	c, err := Parse(Settings{Mode: string(Scheduled), Interval: t.Interval, Schedule: t.Schedule, Timezone: t.Timezone})
	if err != nil || t.Interval == "" && t.Schedule == "" {
		return Config{}
	}
	c.InForce, c.Owed = t.InForce, t.Owed
	return c
}

// Follow puts the Config in force after the ticks that were written down; nil
// if none were. What it returns beside is to be written down, if changed.
//
// The last tick of the old ones is still owed, unless there are none any more:
// who takes the schedule away wants no more runs.
func (c Config) Follow(before *Ticks, now time.Time) (in Config, after Ticks, changed bool) {
	if before == nil {
		c.InForce, c.Owed = time.Time{}, time.Time{}
		return c, c.ticks(), true
	}
	c.InForce, c.Owed = before.InForce, before.Owed
	if after = c.ticks(); after == *before {
		return c, after, false
	}
	c.InForce, c.Owed = now, time.Time{}
	if c.HasTicks() {
		old := before.config().Of(c.cluster)
		c.Owed = old.Owed
		if last := old.lastTick(old.InForce, now); last.After(c.Owed) {
			c.Owed = last
		}
	}
	return c, c.ticks(), true
}
