// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"fmt"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 22, 12, 0, 30, 0, time.UTC)

func config(t *testing.T, mode Mode, onChange bool) Config {
	t.Helper()
	c, err := Parse(Settings{Mode: string(mode), ImmediateOnCRChange: &onChange})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// settled is an object that has just succeeded and of which nothing is asked.
func settled() Input {
	return Input{
		Now: noon, Created: noon.Add(-time.Hour), LastSuccess: noon.Add(-10 * time.Second),
		Hash: "h", SucceededHash: "h", Epoch: "e", SucceededEpoch: "e",
	}
}

// TestTheTableOfCauses is the table of the contract: a row for each cause,
// a column for each mode, with immediateOnCRChange true and false.
func TestTheTableOfCauses(t *testing.T) {
	t.Parallel()
	type row struct {
		cause  Cause
		change func(*Input)
		// due by mode: immediate, scheduled, manual, webhook; on change true, then false
		yes, no [4]bool
	}
	all, none := [4]bool{true, true, true, true}, [4]bool{}
	for name, r := range map[string]row{
		"nothing":                         {"", func(*Input) {}, none, none},
		"created or its meaning changed":  {Changed, func(in *Input) { in.Hash = "new" }, all, [4]bool{true, false, false, false}},
		"never ran":                       {Changed, func(in *Input) { in.SucceededHash, in.SucceededEpoch, in.LastSuccess = "", "", time.Time{} }, all, [4]bool{true, true, false, false}},
		"a tick has passed":               {Tick, func(in *Input) { in.LastSuccess = noon.Add(-20 * time.Minute) }, [4]bool{true, true, false, false}, [4]bool{true, true, false, false}},
		"asked by annotation":             {Requested, func(in *Input) { in.Request = "now" }, all, all},
		"asked again with the same words": {"", func(in *Input) { in.Request, in.HandledRequest = "now", "now" }, none, none},
		"the webhook was called":          {Called, func(in *Input) { in.Webhook = noon }, [4]bool{false, false, false, true}, [4]bool{false, false, false, true}},
		"the call was handled":            {"", func(in *Input) { in.Webhook, in.HandledWebhook = noon, noon }, none, none},
		"the database is another":         {NewEpoch, func(in *Input) { in.Epoch = "f" }, all, all},
		"the second look is due":          {SecondLook, func(in *Input) { in.NextLook = noon }, all, all},
		"the second look is yet to come":  {"", func(in *Input) { in.NextLook = noon.Add(time.Second) }, none, none},
		"suspended, whatever else": {"", func(in *Input) {
			in.Suspended, in.Hash, in.Request, in.Epoch, in.NextLook = true, "new", "now", "f", noon
		}, none, none},
	} {
		for _, onChange := range []bool{true, false} {
			due := r.yes
			if !onChange {
				due = r.no
			}
			for i, mode := range []Mode{Immediate, Scheduled, Manual, Webhook} {
				t.Run(fmt.Sprintf("%s/%s/onChange=%t", name, mode, onChange), func(t *testing.T) {
					t.Parallel()
					in := settled()
					r.change(&in)
					d := Decide(config(t, mode, onChange), in)
					if d.Run != due[i] {
						t.Fatalf("run: %t, the table says %t (%+v)", d.Run, due[i], d)
					}
					if d.Run && name != "never ran" && d.Cause != r.cause {
						t.Errorf("cause %q, the table says %q", d.Cause, r.cause)
					}
				})
			}
		}
	}
}

func TestAPassingFailureIsTriedAgainAtItsTimeInEveryMode(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{Immediate, Scheduled, Manual, Webhook} {
		in := settled()
		in.Hash = "new"
		in.Failed = &Failure{At: noon.Add(-time.Second), RetryAt: noon.Add(5 * time.Second), Hash: "new", Epoch: "e"}
		c := config(t, mode, true)
		if d := Decide(c, in); d.Run || !d.Next.Equal(in.Failed.RetryAt) {
			t.Errorf("%s, before its time: %+v", mode, d)
		}
		in.Now = in.Failed.RetryAt
		if d := Decide(c, in); !d.Run || d.Cause != Retry {
			t.Errorf("%s, at its time: %+v", mode, d)
		}
	}
}

func TestSomethingNewIsTriedWithoutWaitingForTheRetry(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Input){
		"the spec":     func(in *Input) { in.Hash = "newer" },
		"a request":    func(in *Input) { in.Request = "now" },
		"the database": func(in *Input) { in.Epoch = "f" },
	} {
		in := settled()
		in.Hash = "new"
		in.Failed = &Failure{At: noon, RetryAt: noon.Add(time.Hour), Hash: "new", Epoch: "e"}
		change(&in)
		if d := Decide(config(t, Manual, true), in); !d.Run {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestALastingFailureWaitsForATick(t *testing.T) {
	t.Parallel()
	in := settled()
	in.Hash = "new"
	in.Failed = &Failure{At: noon, Hash: "new", Epoch: "e"}
	c := config(t, Immediate, true)
	d := Decide(c, in)
	if d.Run || !d.Next.Equal(time.Date(2026, 11, 22, 12, 1, 0, 0, time.UTC)) {
		t.Fatalf("at once: %+v", d)
	}
	in.Now = d.Next
	if d := Decide(c, in); !d.Run || d.Cause != Tick {
		t.Errorf("at the tick: %+v", d)
	}
	if d := Decide(config(t, Manual, true), in); d.Run || !d.Next.IsZero() {
		t.Errorf("manual has no tick: %+v", d)
	}
}

// TestEveryTickIsRunOnceAndOnTime walks a clock through two days, with
// restarts at random (the state is all that is kept) and the process late.
func TestEveryTickIsRunOnceAndOnTime(t *testing.T) {
	t.Parallel()
	for _, s := range []Settings{
		{Mode: "scheduled", Interval: "7m"}, {Mode: "scheduled", Interval: "15m", Timezone: "Asia/Seoul"},
		{Mode: "scheduled", Schedule: "*/20 * * * *", Timezone: "Europe/Berlin"}, {Mode: "scheduled", Interval: "5h", Timezone: "America/New_York"},
	} {
		c, err := Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Date(2026, 10, 24, 22, 0, 0, 0, time.UTC) // the end of summer time lies ahead
		end := start.Add(48 * time.Hour)
		var want []time.Time
		for tick := c.NextTick(start); tick.Before(end); tick = c.NextTick(tick) {
			want = append(want, tick)
		}
		in := Input{Created: start, LastSuccess: start, Hash: "h", SucceededHash: "h", Epoch: "e", SucceededEpoch: "e"}
		var got []time.Time
		for now := start; now.Before(end); {
			in.Now = now
			d := Decide(c, in)
			if d.Run {
				got = append(got, now)
				in.LastSuccess = now
			}
			if d.Next.IsZero() || !d.Next.After(now) {
				t.Fatalf("%+v: at %s the next look is %s", s, now, d.Next)
			}
			now = d.Next
		}
		if len(got) != len(want) {
			t.Fatalf("%+v: %d runs for %d ticks", s, len(got), len(want))
		}
		for i := range want {
			if !got[i].Equal(want[i]) {
				t.Errorf("%+v: the run of the tick %s was at %s", s, want[i], got[i])
			}
		}
	}
}

func TestAMissedTickRunsOnceLate(t *testing.T) {
	t.Parallel()
	c := config(t, Scheduled, true)
	in := settled()
	in.LastSuccess = noon.Add(-5 * time.Hour) // the process was down for twenty ticks
	d := Decide(c, in)
	if !d.Run {
		t.Fatalf("%+v", d)
	}
	in.LastSuccess = noon
	if d := Decide(c, in); d.Run {
		t.Errorf("twice: %+v", d)
	}
}

func TestAClockThatWasAheadStopsNothingUntilItIsCaughtUp(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]func(*Input){
		"the last success": func(in *Input) { in.LastSuccess = noon.Add(9 * time.Hour) },
		"a lasting failure": func(in *Input) {
			in.Failed = &Failure{At: noon.Add(9 * time.Hour), Hash: "h", Epoch: "e"}
		},
		"a passing failure": func(in *Input) {
			in.Failed = &Failure{At: noon.Add(9 * time.Hour), RetryAt: noon.Add(9*time.Hour + time.Second), Hash: "h", Epoch: "e"}
		},
	} {
		in := settled()
		wrong(&in)
		if d := Decide(config(t, Scheduled, true), in); !d.Run {
			t.Errorf("%s: %+v", name, d)
		}
	}
	in := settled()
	in.LastSuccess, in.NextLook = noon.Add(9*time.Hour), noon.Add(9*time.Hour+time.Minute)
	if d := Decide(config(t, Manual, true), in); !d.Run || d.Cause != SecondLook {
		t.Errorf("a second look in the future: %+v", d)
	}
}

func TestAReplicaWhoseClockIsALittleBehindRunsNothingTwice(t *testing.T) {
	t.Parallel()
	in := settled()
	in.LastSuccess = noon.Add(20 * time.Second)
	if d := Decide(config(t, Immediate, true), in); d.Run {
		t.Errorf("%+v", d)
	}
}

func TestALastingFailureDoesNotSwallowTheSecondLook(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{Manual, Webhook} {
		in := settled()
		in.NextLook = noon.Add(-time.Second)
		in.Failed = &Failure{At: noon, Hash: "h", Epoch: "e"}
		d := Decide(config(t, mode, true), in)
		if d.Run || !d.Next.Equal(noon.Add(lookAgain)) {
			t.Fatalf("%s, at once: %+v", mode, d)
		}
		in.Now = d.Next
		if d := Decide(config(t, mode, true), in); !d.Run || d.Cause != SecondLook {
			t.Errorf("%s, at its time: %+v", mode, d)
		}
	}
}

func TestAFailureOfWhatIsNoLongerWantedIsForgotten(t *testing.T) {
	t.Parallel()
	in := settled() // the spec was changed, failed, and was changed back
	in.Failed = &Failure{At: noon.Add(-time.Minute), RetryAt: noon.Add(-time.Second), Hash: "other", Epoch: "e"}
	if in.FailureStands() {
		t.Error("it stands")
	}
	if d := Decide(config(t, Manual, true), in); d.Run || !d.Next.IsZero() {
		t.Errorf("%+v", d)
	}
}
