// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"testing"
	"time"

	"github.com/robfig/cron/v3"
	"pgregory.net/rapid"
)

func scheduled(t interface{ Fatal(...any) }, schedule, zone string) Config {
	c, err := Parse(Settings{Mode: "scheduled", Schedule: schedule, Timezone: zone})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestASchedulesTicksAreRightWhereTheClocksAreSet(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ schedule, zone, after, next string }{
		"an ordinary day":                      {"30 2 * * *", "Europe/Berlin", "2026-06-01T00:00:00+02:00", "2026-06-01T02:30:00+02:00"},
		"in the gap: at its end":               {"30 2 * * *", "Europe/Berlin", "2026-03-29T00:00:00+01:00", "2026-03-29T03:00:00+02:00"},
		"after the gap: the next day":          {"30 2 * * *", "Europe/Berlin", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"},
		"the gap's many ticks are one":         {"*/10 2 * * *", "Europe/Berlin", "2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"},
		"an hour that comes twice: its first":  {"30 2 * * *", "Europe/Berlin", "2026-10-25T00:00:00+02:00", "2026-10-25T02:30:00+02:00"},
		"and not its second":                   {"30 2 * * *", "Europe/Berlin", "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"},
		"every hour: also its second":          {"30 * * * *", "Europe/Berlin", "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"},
		"and then goes on":                     {"30 * * * *", "Europe/Berlin", "2026-10-25T02:30:00+01:00", "2026-10-25T03:30:00+01:00"},
		"half an hour back (Lord Howe)":        {"*/15 * * * *", "Australia/Lord_Howe", "2026-04-05T01:45:00+11:00", "2026-04-05T01:30:00+10:30"},
		"midnight in a gap (Santiago)":         {"0 0 * * *", "America/Santiago", "2026-09-05T12:00:00-04:00", "2026-09-06T01:00:00-03:00"},
		"midnight comes twice (Havana)":        {"30 0 * * *", "America/Havana", "2026-10-31T12:00:00-04:00", "2026-11-01T00:30:00-04:00"},
		"a date that was skipped (Apia, 2011)": {"0 12 30 12 *", "Pacific/Apia", "2011-12-29T13:00:00-10:00", "2012-12-30T12:00:00+14:00"},
		"a day of the month or of the week":    {"0 0 13 * 5", "UTC", "2026-11-07T00:00:00Z", "2026-11-13T00:00:00Z"},
		"29 February":                          {"0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := scheduled(t, row.schedule, row.zone)
			after, err := time.Parse(time.RFC3339, row.after)
			if err != nil {
				t.Fatal(err)
			}
			if next := c.NextTick(after).In(c.Location).Format(time.RFC3339); next != row.next {
				t.Errorf("%s after %s: %s, it should be %s", row.schedule, row.after, next, row.next)
			}
		})
	}
}

// Where no clock is set, robfig's own reckoning is a second opinion.
func TestASchedulesTicksAreCronsWhereNoClockIsSet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{
			"* * * * *", "*/7 * * * *", "5,35 3-6 * * *", "0 0 1 * *", "0 12 * * 1-5", "15 6 13 * 5", "59 23 31 12 *", "0 */5 * * *", "1-10/3 8,20 */2 1-6 *",
		}).Draw(t, "schedule")
		after := time.Unix(rapid.Int64Range(1_600_000_000, 2_000_000_000).Draw(t, "after"), 0).UTC()
		theirs, err := cron.ParseStandard(text)
		if err != nil {
			t.Fatal(err)
		}
		if ours, want := scheduled(t, text, "UTC").NextTick(after), theirs.Next(after); !ours.Equal(want) {
			t.Fatalf("%s after %s: %s, cron says %s", text, after, ours, want)
		}
	})
}

// In any zone: a tick is a minute that the clock on the wall shows and the
// schedule names, or the end of a gap, and none between is left out.
func TestNoTickIsLeftOutInAnyZone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom([]string{
			"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "America/Havana", "Asia/Tehran", "Africa/Casablanca", "Antarctica/Troll", "Asia/Seoul",
		}).Draw(t, "zone")
		text := rapid.SampledFrom([]string{"*/20 * * * *", "30 * * * *", "30 2 * * *", "15 0-3 * * *", "0 */6 * * *"}).Draw(t, "schedule")
		c := scheduled(t, text, zone)
		after := time.Unix(rapid.Int64Range(1_735_689_600, 1_830_297_600).Draw(t, "after")/60*60, 0)
		if rapid.Bool().Draw(t, "near a change of the clock") {
			if _, end := after.In(c.Location).ZoneBounds(); !end.IsZero() {
				after = end.Add(time.Duration(rapid.IntRange(-240, 240).Draw(t, "minutes")) * time.Minute)
			}
		}
		next := c.NextTick(after)
		twice := text[:2] == "*/" || text == "30 * * * *"
		for at := after.Add(time.Minute).Truncate(time.Minute); !at.After(next); at = at.Add(time.Minute) {
			if want := named(c, at, twice); want != at.Equal(next) {
				t.Fatalf("%s in %s after %s: the next tick is %s; %s being one is %t", text, zone, after.In(c.Location), next.In(c.Location), at.In(c.Location), want)
			}
		}
	})
}

// named says, by looking at the clock minute by minute, whether at is a tick.
func named(c Config, at time.Time, twice bool) bool {
	shown := func(wall time.Time) bool { // a time that is written in UTC
		s := c.schedule
		return s.onDate(wall) && has(s.spec.Hour, wall.Hour()) && has(s.spec.Minute, wall.Minute())
	}
	wall := func(t time.Time) time.Time {
		l := t.In(c.Location)
		return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), 0, 0, time.UTC)
	}
	now := wall(at)
	for before := wall(at.Add(-time.Minute)).Add(time.Minute); before.Before(now); before = before.Add(time.Minute) {
		if shown(before) { // it was skipped
			return true
		}
	}
	if !shown(now) {
		return false
	}
	if twice {
		return true
	}
	for back := time.Minute; back <= 4*time.Hour; back += time.Minute {
		if wall(at.Add(-back)).Equal(now) {
			return false // it was shown before
		}
	}
	return true
}

func BenchmarkNextTick(b *testing.B) {
	for _, text := range []string{"* * * * *", "30 2 * * *", "0 0 29 2 *"} {
		c := scheduled(b, text, "Europe/Berlin")
		b.Run(text, func(b *testing.B) {
			for b.Loop() {
				c.NextTick(noon)
			}
		})
	}
}
