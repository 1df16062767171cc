// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"strings"
	"time"
)

// Cause is why a run is due; a closed list.
type Cause string

// The causes.
const (
	Changed    Cause = "changed"     // the object is new, or it or its Secret means something else
	Tick       Cause = "tick"        // the time has come
	Requested  Cause = "requested"   // someone asked, by annotation
	Called     Cause = "webhook"     // the webhook was called
	NewEpoch   Cause = "new-epoch"   // the database is new or was restored
	SecondLook Cause = "second-look" // a withdrawal waits for it
	Retry      Cause = "retry"       // a due run failed for a passing reason
)

// Failure is the last attempt, where it failed.
type Failure struct {
	At time.Time
	// RetryAt is zero where only a person can change the result.
	RetryAt time.Time
	// What the attempt was made with: anything newer is worth another try.
	Hash, Request, Epoch string
	Webhook              time.Time
}

// Input is what is known of one object.
type Input struct {
	Now time.Time
	// Created is when the object was made: ticks before it are not its own.
	Created   time.Time
	Suspended bool
	// Hash is of the spec's and its Secret's meaning now, SucceededHash that
	// of the last run that succeeded.
	Hash, SucceededHash string
	// Request is the annotation's value, HandledRequest the last one acted on.
	Request, HandledRequest string
	// Webhook is when the webhook was last called for the object.
	Webhook, HandledWebhook time.Time
	// Epoch is the database's, SucceededEpoch that of the last run that
	// succeeded.
	Epoch, SucceededEpoch string
	LastSuccess           time.Time
	// NextLook is when a withdrawal's second look is due; zero if none.
	NextLook time.Time
	Failed   *Failure
}

// IsChange says whether the object means something else than what last succeeded.
func (in Input) IsChange() bool { return in.Hash != in.SucceededHash }

// Decision is what to do now, and when to decide again.
type Decision struct {
	Run   bool
	Cause Cause
	// Next is the next time at which something may be due of itself; zero if
	// nothing will. With Run it is where the run succeeds.
	Next time.Time
}

// Decide is the table of the contract's section 3.
func Decide(c Config, in Input) Decision {
	if in.Suspended {
		return Decision{}
	}
	if in.FailureStands() {
		return c.afterFailure(in)
	}
	if cause := c.dueNow(in); cause != "" {
		return Decision{Run: true, Cause: cause, Next: c.NextTick(in.Now)}
	}
	next := earliest(c.NextTick(in.Now), in.NextLook)
	if c.called(in) {
		next = earliest(next, in.nextCall())
	}
	return Decision{Next: next}
}

// callsApart is how long calls of the webhook are gathered after one that was
// handled: a sender that calls for every change of a cloud asks for one run.
const callsApart = 5 * time.Second

// called says whether a call of the webhook waits.
func (c Config) called(in Input) bool {
	return c.WebhookEnabled && in.Webhook.After(in.HandledWebhook) && !in.Webhook.Before(in.Created)
}

// nextCall is when a call that waits may run.
func (in Input) nextCall() time.Time {
	if ahead(in.HandledWebhook, in.Now) {
		return in.Now
	}
	return in.HandledWebhook.Add(callsApart)
}

// dueNow is why a run is due, "" if none is.
func (c Config) dueNow(in Input) Cause {
	switch {
	case in.SucceededEpoch != "" && in.Epoch != in.SucceededEpoch:
		return NewEpoch
	case in.Request != in.HandledRequest && in.Request != "":
		return Requested
	case c.called(in) && !in.nextCall().After(in.Now):
		return Called
	case in.IsChange() && (c.Mode == Immediate || c.ImmediateOnCRChange):
		return Changed
	case !in.NextLook.IsZero() && (!in.NextLook.After(in.Now) || ahead(in.LastSuccess, in.Now)):
		return SecondLook
	case c.tickPassed(in.reference(), in.Now):
		return Tick
	default:
		return ""
	}
}

// lookAgain is how long a withdrawal's second look waits after a failure that
// only a person can mend: it may have been a proxy's passing mistake.
const lookAgain = time.Minute

// afterFailure waits for the retry of a passing failure; one that only a
// person can mend waits for a tick, or for the look that a withdrawal needs.
func (c Config) afterFailure(in Input) Decision {
	f := in.Failed
	due := func(t time.Time) bool { return !t.IsZero() && (!t.After(in.Now) || ahead(f.At, in.Now)) }
	if !f.RetryAt.IsZero() {
		if due(f.RetryAt) {
			return Decision{Run: true, Cause: Retry, Next: c.NextTick(in.Now)}
		}
		return Decision{Next: f.RetryAt}
	}
	var look time.Time
	if !in.NextLook.IsZero() {
		look = f.At.Add(lookAgain)
	}
	switch {
	case due(look):
		return Decision{Run: true, Cause: SecondLook, Next: c.NextTick(in.Now)}
	case c.tickPassed(f.At, in.Now):
		return Decision{Run: true, Cause: Tick, Next: c.NextTick(in.Now)}
	default:
		return Decision{Next: earliest(c.NextTick(in.Now), look)}
	}
}

// FailureStands says whether the last failure still tells of the object as it
// is now. One that does not is to be forgotten: what it was tried with is no
// longer wanted.
func (in Input) FailureStands() bool {
	f := in.Failed
	return f != nil && f.Hash == in.Hash && f.Request == in.Request && f.Webhook.Equal(in.Webhook) && f.Epoch == in.Epoch
}

// reference is when the object last was as a tick leaves it.
func (in Input) reference() time.Time {
	if in.LastSuccess.After(in.Created) {
		return in.LastSuccess
	}
	return in.Created
}

func earliest(times ...time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// FormatDuration writes a duration as people do: 15m, not 15m0s.
func FormatDuration(d time.Duration) string {
	s := d.Round(time.Second).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
