// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"strings"
	"testing"
	"time"
)

func TestSettingsThatMakeNoSenseAreRefusedByNameAndValue(t *testing.T) {
	t.Parallel()
	for _, s := range []Settings{
		{Mode: "sometimes"}, {Timezone: "Mars/Olympus"}, {Timezone: "Local"}, {Interval: "soon"}, {Interval: "1s"}, {Interval: "25h"},
		{Schedule: "every day"}, {Schedule: "61 * * * *"}, {Schedule: "@every 5m"}, {Interval: "15m", Schedule: "* * * * *"},
	} {
		_, err := Parse(s)
		if err == nil {
			t.Errorf("%+v is taken", s)
			continue
		}
		for _, value := range []string{s.Mode, s.Timezone, s.Interval, s.Schedule} {
			if !strings.Contains(err.Error(), value) {
				t.Errorf("%+v: %q does not name %q", s, err, value)
			}
		}
	}
}

func TestWithoutSettingsTheDefaultsHold(t *testing.T) {
	t.Parallel()
	c, err := Parse(Settings{})
	if err != nil || c.Mode != Immediate || !c.ImmediateOnCRChange || c.Interval != time.Minute || c.WebhookEnabled {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestTicksAreAlignedToMidnightInTheZone(t *testing.T) {
	t.Parallel()
	seoul, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ interval, after, next string }{
		{"15m", "2026-11-22T10:07:00+09:00", "2026-11-22T10:15:00+09:00"},
		{"15m", "2026-11-22T10:15:00+09:00", "2026-11-22T10:30:00+09:00"},
		{"7m", "2026-11-22T23:55:00+09:00", "2026-11-23T00:00:00+09:00"}, // starts anew at midnight
		{"24h", "2026-11-22T00:00:01+09:00", "2026-11-23T00:00:00+09:00"},
		{"5h", "2026-11-22T20:00:00+09:00", "2026-11-23T00:00:00+09:00"},
	} {
		c, err := Parse(Settings{Mode: "scheduled", Interval: row.interval, Timezone: "Asia/Seoul"})
		if err != nil {
			t.Fatal(err)
		}
		after, _ := time.Parse(time.RFC3339, row.after)
		if next := c.NextTick(after).In(seoul).Format(time.RFC3339); next != row.next {
			t.Errorf("every %s after %s: %s, it should be %s", row.interval, row.after, next, row.next)
		}
	}
}

func TestDurationsAreWrittenAsPeopleDo(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{15 * time.Minute: "15m", time.Hour: "1h", 90 * time.Second: "1m30s", 0: "0s", 26 * time.Hour: "26h"} {
		if got := FormatDuration(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
}
