// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// period is a time in which a Config was in force.
type period struct {
	config   Config
	from, to time.Time
}

// owes says by walking all ticks whether one lies after the last run and not
// after now: ticks belong to what was in force at their time, and lapse where
// what follows has none.
func owes(periods []period, lastRun, now time.Time) bool {
	due := false
	for _, p := range periods {
		if !p.config.HasTicks() {
			due = false
			continue
		}
		from, to := p.from, p.to
		if lastRun.After(from) {
			from = lastRun
		}
		if to.IsZero() {
			to = now
		}
		if tick := p.config.NextTick(from); !tick.After(to) {
			due = true
		}
	}
	return due
}

// TestNoTickIsRunTwiceNoneIsLostNoneIsEarly walks an object through random
// settings, zones, delays, and restarts, of which only what is written down
// survives.
func TestNoTickIsRunTwiceNoneIsLostNoneIsEarly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(rapid.Int64Range(1_761_000_000, 1_793_000_000).Draw(t, "start"), 0)
		if rapid.Bool().Draw(t, "near a change of the clock") {
			berlin, _ := time.LoadLocation("Europe/Berlin")
			_, end := now.In(berlin).ZoneBounds()
			now = end.Add(-time.Duration(rapid.IntRange(0, 300).Draw(t, "minutes before")) * time.Minute)
		}
		var written *Ticks
		var periods []period
		in := Input{Created: now, LastSuccess: now, Hash: "h", SucceededHash: "h", Epoch: "e", SucceededEpoch: "e"}
		config := drawConfig(t)
		follow := func() {
			var after Ticks
			config, after, _ = config.Follow(written, now)
			text, err := json.Marshal(after)
			if err != nil {
				t.Fatal(err)
			}
			written = &Ticks{}
			if err := json.Unmarshal(text, written); err != nil {
				t.Fatal(err)
			}
		}
		follow()
		periods = append(periods, period{config: config, from: now})
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			d := Decide(config, withNow(in, now))
			if want := owes(periods, in.LastSuccess, now); d.Run != want {
				t.Fatalf("at %s, last run %s, %+v: run %t, but a tick is due: %t", now, in.LastSuccess, config, d.Run, want)
			}
			if d.Run {
				in.LastSuccess = now
				d = Decide(config, withNow(in, now))
			}
			if !d.Next.IsZero() && (!d.Next.After(now) || owes(periods, now, d.Next.Add(-time.Nanosecond)) || !owes(periods, now, d.Next)) {
				t.Fatalf("at %s, %+v: %s is not the next tick", now, config, d.Next)
			}
			switch rapid.IntRange(0, 5).Draw(t, "what happens") {
			case 0: // other settings; perhaps while the process is down
				now = now.Add(time.Duration(rapid.IntRange(0, 7200).Draw(t, "seconds")) * time.Second)
				config = drawConfig(t)
				old := periods[len(periods)-1].config.ticks()
				if fresh := config.ticks(); fresh.Interval != old.Interval || fresh.Schedule != old.Schedule || fresh.Timezone != old.Timezone {
					periods[len(periods)-1].to = now
					periods = append(periods, period{config: config, from: now})
				}
				follow()
			case 1: // restarted, after a while
				now = now.Add(time.Duration(rapid.IntRange(0, 90_000).Draw(t, "seconds")) * time.Second)
				config.InForce, config.Owed = time.Time{}, time.Time{}
				follow()
			case 2: // woken for something else
				now = now.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "seconds")) * time.Second)
			default: // at its time, or a little late
				if d.Next.IsZero() {
					d.Next = now.Add(time.Hour)
				}
				now = d.Next.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "milliseconds")) * time.Millisecond)
			}
		}
	})
}

func withNow(in Input, now time.Time) Input {
	in.Now = now
	return in
}

func drawConfig(t *rapid.T) Config {
	s := Settings{
		Mode:     rapid.SampledFrom([]string{"immediate", "scheduled", "scheduled", "manual", "webhook"}).Draw(t, "mode"),
		Timezone: rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "Asia/Seoul", "Australia/Lord_Howe", "America/Havana"}).Draw(t, "zone"),
	}
	if rapid.Bool().Draw(t, "cron") {
		s.Schedule = rapid.SampledFrom([]string{"*/20 * * * *", "30 2 * * *", "0 */6 * * *", "15 0-3 * * *"}).Draw(t, "schedule")
	} else {
		s.Interval = rapid.SampledFrom([]string{"10s", "7m", "15m", "1h", "5h", "24h"}).Draw(t, "interval")
	}
	c, err := Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return c.Of("some cluster")
}

func TestANewScheduleDoesNotRunForTicksThatItNeverHad(t *testing.T) {
	t.Parallel()
	manual := config(t, Manual, true)
	_, written, _ := manual.Follow(nil, noon.Add(-3*time.Hour))
	in := settled()
	in.LastSuccess = noon.Add(-3 * time.Hour)
	c, _, changed := config(t, Scheduled, true).Follow(&written, noon)
	if d := Decide(c, in); !changed || d.Run {
		t.Errorf("changed %t, %+v", changed, d)
	}
	in.Now = c.NextTick(noon)
	if d := Decide(c, in); !d.Run {
		t.Errorf("at its first tick: %+v", d)
	}
}
