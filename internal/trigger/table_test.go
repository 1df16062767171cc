// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"bufio"
	"os"
	"strings"
	"testing"
	"time"
)

// situations are what the rows of the design note's table are about.
var situations = map[string]func(*Input, *Config){
	"nothing has happened": func(*Input, *Config) {},
	"created": func(in *Input, _ *Config) {
		in.Created = noon.Add(-time.Second)
		in.SucceededHash, in.SucceededEpoch, in.LastSuccess = "", "", time.Time{}
	},
	"its meaning changed":             func(in *Input, _ *Config) { in.Hash = "of another spec" },
	"its Secret was rotated":          func(in *Input, _ *Config) { in.Hash = "of another password" },
	"relabelled or reordered":         func(*Input, *Config) {}, // the hash is the same; see TestRelabellingAndReorderingCallNobody
	"a tick passed":                   func(in *Input, _ *Config) { in.LastSuccess = noon.Add(-16 * time.Minute) },
	"a tick passed while nobody ran":  func(in *Input, _ *Config) { in.LastSuccess = noon.Add(-5 * time.Hour) },
	"asked by annotation":             func(in *Input, _ *Config) { in.Request = "now" },
	"asked again in the same words":   func(in *Input, _ *Config) { in.Request, in.HandledRequest = "now", "now" },
	"webhook called, and enabled":     func(in *Input, c *Config) { in.Webhook, c.WebhookEnabled = noon, true },
	"webhook called, and not enabled": func(in *Input, _ *Config) { in.Webhook = noon },
	"webhook called before the object was made": func(in *Input, c *Config) {
		in.Webhook, c.WebhookEnabled = in.Created.Add(-time.Second), true
	},
	"webhook called again within 5 s of a call that was handled": func(in *Input, c *Config) {
		in.HandledWebhook, in.Webhook, c.WebhookEnabled = noon.Add(-4*time.Second), noon.Add(-time.Second), true
	},
	"the database is new or restored": func(in *Input, _ *Config) { in.Epoch = "another" },
	"a second look is due":            func(in *Input, _ *Config) { in.NextLook = noon },
	"a second look is due in 30 s":    func(in *Input, _ *Config) { in.NextLook = noon.Add(30*time.Second - time.Millisecond) },
	"restarted, nothing due":          func(*Input, *Config) {}, // what is known is what is written down
}

// TestTheDecisionIsTheDesignNotesTable holds Decide to every cell of the table
// in docs/design/triggers.md.
func TestTheDecisionIsTheDesignNotesTable(t *testing.T) {
	t.Parallel()
	modes := []Mode{Immediate, Scheduled, Manual, Webhook}
	seen := map[string]bool{}
	for _, row := range table(t, "situation", "immediateOnCRChange", "immediate", "scheduled", "manual", "webhook") {
		situation, known := situations[row[0]]
		if !known {
			t.Errorf("the table's situation %q is not tested", row[0])
			continue
		}
		seen[row[0]] = true
		for i, mode := range modes {
			for _, onChange := range []bool{true, false} {
				if row[1] == "true" && !onChange || row[1] == "false" && onChange {
					continue
				}
				in, c := settled(), config(t, mode, onChange)
				situation(&in, &c)
				if says := row[2+i]; !keeps(says, c, in) {
					t.Errorf("%s, %s, immediateOnCRChange %t: the table says %q, Decide %+v", row[0], mode, onChange, says, Decide(c, in))
				}
			}
		}
	}
	if len(seen) != len(situations) {
		t.Errorf("%d of %d situations are in the table", len(seen), len(situations))
	}
}

// keeps says whether a decision is what the cell says.
func keeps(cell string, c Config, in Input) bool {
	d, tick := Decide(c, in), c.NextTick(in.Now)
	at := func(when time.Time) Decision {
		later := in
		later.Now = when
		return Decide(c, later)
	}
	switch cell {
	case "now":
		return d.Run && d.Cause != ""
	case "tick":
		return !d.Run && !tick.IsZero() && d.Next.Equal(tick) && at(tick).Cause == Tick && !at(tick.Add(-time.Nanosecond)).Run
	case "soon":
		return !d.Run && d.Next.After(in.Now) && (tick.IsZero() || d.Next.Before(tick)) && at(d.Next).Run && !at(d.Next.Add(-time.Nanosecond)).Run
	case "call":
		called := in
		called.Webhook = in.Now
		return !d.Run && d.Next.IsZero() && Decide(c, called).Cause == Called
	case "no":
		return !d.Run && d.Next.IsZero() && !at(in.Now.Add(48*time.Hour)).Run
	default:
		return false
	}
}

// table reads the rows below a heading of the design note.
func table(t *testing.T, heading ...string) [][]string {
	t.Helper()
	note, err := os.Open("../../docs/design/triggers.md")
	if err != nil {
		t.Fatal(err)
	}
	defer note.Close()
	var rows [][]string
	inside := false
	for lines := bufio.NewScanner(note); lines.Scan(); {
		line := lines.Text()
		if !strings.HasPrefix(line, "| ") {
			inside = false
			continue
		}
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		switch {
		case strings.Join(cells, "|") == strings.Join(heading, "|"):
			inside = true
		case inside && cells[0] != "---":
			rows = append(rows, cells)
		}
	}
	if len(rows) < 10 {
		t.Fatalf("%d rows found", len(rows))
	}
	return rows
}
