// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"fmt"
	"time"
)

// Mode says what makes a run due besides changes and requests.
type Mode string

// The modes.
const (
	Immediate Mode = "immediate"
	Scheduled Mode = "scheduled"
	Manual    Mode = "manual"
	Webhook   Mode = "webhook"
)

// Defaults and bounds of the interval.
const (
	DefaultImmediateInterval = time.Minute
	DefaultScheduledInterval = 15 * time.Minute
	MinInterval              = 10 * time.Second
	MaxInterval              = 24 * time.Hour
)

// Settings are the words of spec.reconcileTrigger.
type Settings struct {
	Mode                string
	ImmediateOnCRChange *bool
	Interval            string
	Schedule            string
	Timezone            string
	WebhookEnabled      bool
}

// Config is Settings understood. The zero value is not valid; Default and
// Parse make one.
type Config struct {
	Mode                Mode
	ImmediateOnCRChange bool
	WebhookEnabled      bool
	Location            *time.Location
	// Interval is the distance of ticks, 0 where a schedule sets them or the
	// mode has none.
	Interval time.Duration
	schedule *schedule
	cluster  string
	jitter   time.Duration // what every tick is late by
	// InForce is since when these ticks hold, Owed the last tick of those that
	// held before; see Follow.
	InForce, Owed time.Time
}

// Default is what holds where no MultiNicOperator says otherwise.
func Default() Config {
	return Config{Mode: Immediate, ImmediateOnCRChange: true, Location: time.UTC, Interval: DefaultImmediateInterval}
}

// Parse understands settings. Its errors name the field, the value and what
// would do; old API servers let such values pass, since they ignore CEL.
func Parse(s Settings) (Config, error) {
	c := Default()
	switch m := Mode(s.Mode); m {
	case "":
	case Immediate, Scheduled, Manual, Webhook:
		c.Mode = m
	default:
		return Config{}, fmt.Errorf("reconcileTrigger.mode %q is unknown: use immediate, scheduled, manual or webhook", s.Mode)
	}
	if s.ImmediateOnCRChange != nil {
		c.ImmediateOnCRChange = *s.ImmediateOnCRChange
	}
	c.WebhookEnabled = s.WebhookEnabled || c.Mode == Webhook
	if s.Timezone != "" {
		loc, err := time.LoadLocation(s.Timezone)
		if err != nil || s.Timezone == "Local" {
			return Config{}, fmt.Errorf("reconcileTrigger.timezone %q is unknown: use an IANA name such as Asia/Seoul", s.Timezone)
		}
		c.Location = loc
	}
	return c.withTicks(s)
}

func (c Config) withTicks(s Settings) (Config, error) {
	if s.Interval != "" && s.Schedule != "" {
		return Config{}, fmt.Errorf("reconcileTrigger.interval %q and schedule %q are both given: remove one", s.Interval, s.Schedule)
	}
	if s.Schedule != "" {
		schedule, err := parseSchedule(s.Schedule)
		if err != nil {
			return Config{}, fmt.Errorf("reconcileTrigger.schedule %q %w", s.Schedule, err)
		}
		c.schedule, c.Interval = schedule, 0
	} else if c.Mode == Scheduled {
		c.Interval = DefaultScheduledInterval
	}
	if s.Interval != "" {
		d, err := time.ParseDuration(s.Interval)
		if err != nil || d < MinInterval || d > MaxInterval {
			return Config{}, fmt.Errorf("reconcileTrigger.interval %q is not a duration from %s to %s, such as 15m", s.Interval, FormatDuration(MinInterval), FormatDuration(MaxInterval))
		}
		c.Interval = d
	}
	if c.Mode == Manual || c.Mode == Webhook {
		c.Interval, c.schedule = 0, nil
	}
	return c, nil
}
