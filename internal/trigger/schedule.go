// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// schedule is cron's five fields. The clock is our own: robfig's skips what lies
// in a gap of the clocks, and runs an hour that comes twice a second time.
type schedule struct {
	text string
	spec *cron.SpecSchedule
}

// longestWait bounds the search for a tick. 29 February may be eight years
// away, around a century that has none.
const longestWait = 9 * 366

func parseSchedule(text string) (*schedule, error) {
	if strings.Contains(text, "TZ=") {
		return nil, errors.New("names a time zone: put it into reconcileTrigger.timezone")
	}
	parsed, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("is not a five-field cron expression: %w", err)
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, errors.New("is not a five-field cron expression")
	}
	s := &schedule{text, spec}
	if s.next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), time.UTC).IsZero() {
		return nil, errors.New("names a day that never comes")
	}
	return s, nil
}

// next is the first tick after t; zero if there is none for years.
func (s *schedule) next(t time.Time, loc *time.Location) time.Time {
	local := t.In(loc)
	first := local.Hour() - longestRepeat // nothing of an earlier hour is still to come
	for day := range longestWait {
		// Noon: there is one on every date.
		date := time.Date(local.Year(), local.Month(), local.Day()+day, 12, 0, 0, 0, loc)
		if !s.onDate(date) {
			first = 0
			continue
		}
		if tick := s.onDay(date, max(first, 0), t, loc); !tick.IsZero() {
			return tick
		}
		first = 0
	}
	return time.Time{}
}

// onDate is cron's rule for days: where both the day of the month and that of
// the week are restricted, either will do.
func (s *schedule) onDate(date time.Time) bool {
	const star = 1 << 63 // as robfig's parser marks *
	if !has(s.spec.Month, int(date.Month())) {
		return false
	}
	dom, dow := has(s.spec.Dom, date.Day()), has(s.spec.Dow, int(date.Weekday()))
	if s.spec.Dom&star != 0 || s.spec.Dow&star != 0 {
		return dom && dow
	}
	return dom || dow
}

// longestRepeat is how many hours clocks are set back by at most, and one.
const longestRepeat = 4

// onDay is the day's first tick after t, not before the hour first.
func (s *schedule) onDay(date time.Time, first int, t time.Time, loc *time.Location) time.Time {
	const everyHour = 1<<24 - 1
	twice := s.spec.Hour&everyHour == everyHour
	var earliest time.Time
	last := 23
	consider := func(tick time.Time, hour int) {
		if tick.After(t) && (earliest.IsZero() || tick.Before(earliest)) {
			// It may be an hour's repeat, which later hours come before.
			earliest, last = tick, min(last, hour+longestRepeat)
		}
	}
	for hour := first; hour <= last; hour++ {
		if !has(s.spec.Hour, hour) {
			continue
		}
		for minutes := s.spec.Minute & (1<<60 - 1); minutes != 0; minutes &= minutes - 1 {
			once, again := instants(date, hour, bits.TrailingZeros64(minutes), loc)
			consider(once, hour)
			if twice {
				consider(again, hour)
			}
		}
	}
	return earliest
}

// instants are when a clock on the wall shows the time: once, or twice where
// it is set back, the second then being again. Where it skips the time, once is
// the end of the gap. again equals once where it doesn't come again.
func instants(date time.Time, hour, minute int, loc *time.Location) (once, again time.Time) {
	t := time.Date(date.Year(), date.Month(), date.Day(), hour, minute, 0, 0, loc)
	start, end := t.ZoneBounds()
	if t.Hour() != hour || t.Minute() != minute || t.Day() != date.Day() {
		// time.Date answers an instant on either side of the gap.
		wanted := time.Date(date.Year(), date.Month(), date.Day(), hour, minute, 0, 0, time.UTC)
		shown := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, time.UTC)
		if shown.Before(wanted) {
			return end, end
		}
		return start, start
	}
	_, offset := t.Zone()
	if !start.IsZero() {
		_, before := start.Add(-time.Nanosecond).Zone()
		if other := t.Add(time.Duration(offset-before) * time.Second); other.Before(start) && before > offset {
			return other, t
		}
	}
	if !end.IsZero() {
		_, after := end.Zone()
		if other := t.Add(time.Duration(offset-after) * time.Second); !other.Before(end) && after < offset {
			return t, other
		}
	}
	return t, t
}

func has(set uint64, n int) bool { return set&(1<<n) != 0 }
