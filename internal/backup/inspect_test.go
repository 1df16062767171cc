// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRowsAreCountedInBothWaysOfWritingThem(t *testing.T) {
	t.Parallel()
	long := strings.Repeat(`(\'"`+"`", 100_000) // longer than the reader's buffer
	for text, want := range map[string]int64{
		"INSERT INTO `t` VALUES (1,'a'),(2,'b');\n":                              2,
		"INSERT INTO `t` VALUES\n(1,'a'),\n(2,'b'),\n(3,NULL);\n":                3,
		"INSERT INTO `t` VALUES (1,');(\\'),(');\nINSERT INTO `t` VALUES (2);\n": 2,
		"INSERT INTO `t` VALUES ('it''s (1)'),('\\\\'),('\\n(');\n":              3,
		"INSERT INTO `t` VALUES (0x2829,_binary '(');\n":                         1,
		"INSERT INTO `t` VALUES ('" + long + "'),(2);\n":                         2,
		"CREATE TABLE `t` (\n  `a` int(11)\n);\n":                                0,
	} {
		d := dumpScan{rows: map[string]int64{}}
		if err := d.read(strings.NewReader("-- first line\n" + text)); err != nil {
			t.Fatal(err)
		}
		if d.rows["t"] != want || d.table != "" {
			t.Errorf("%.60q: %d rows and within %q, want %d", text, d.rows["t"], d.table, want)
		}
	}
}

func TestScheduledBackupsAndOthersArePrunedApart(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	var names []string
	for i := range 12 {
		reason := Scheduled
		if i%3 == 0 {
			reason = []string{"manual", "before-upgrade"}[i%2]
		}
		names = append(names, nameFor(at.Add(time.Duration(-i)*time.Hour), reason))
	}
	old := expendable(names, 3, names[0])
	count := map[bool]int{}
	for _, name := range names {
		if !slices.Contains(old, name) {
			count[reasonOf(name) == Scheduled]++
		}
	}
	if !maps.Equal(count, map[bool]int{true: 3, false: 3}) {
		t.Errorf("of %v there go %v", names, old)
	}
	oldest := names[len(names)-1]
	if slices.Contains(expendable(names, 1, oldest), oldest) {
		t.Error("what has just been made goes, because the clock went back")
	}
	if got := expendable(names, 1, oldest); len(got) != len(names)-2 {
		t.Errorf("of %d, with one of each to stay, there go %d", len(names), len(got))
	}
}

func TestAReasonIsPartOfAName(t *testing.T) {
	t.Parallel()
	for reason, ok := range map[string]bool{
		"scheduled": true, "before-upgrade": true, "a": true, "v2": true, "": false, "-a": false, "a-": false, "Manual": false,
		"../x": false, "a.b": false, strings.Repeat("a", 41): false,
	} {
		if err := checkReason(reason); (err == nil) != ok {
			t.Errorf("reason %q: %v", reason, err)
		}
		name := nameFor(time.Date(2026, 3, 4, 23, 6, 7, 0, time.FixedZone("", -7200)), reason)
		if got := reasonOf(name); ok && (got != reason || !strings.HasPrefix(name, "20260305t010607z-")) || !ok && got != "" {
			t.Errorf("the reason of %s is %q", name, got)
		}
	}
}

func TestAResultFitsIntoWhatKubernetesPassesOn(t *testing.T) {
	t.Parallel()
	r := Result{Name: nameFor(time.Now(), "manual"), Error: strings.Repeat("é\"\n\x00", 5000), Rows: map[string]int64{}}
	for i := range 300 {
		r.Available = append(r.Available, nameFor(time.Now(), strings.Repeat("a", 30)))
		r.Rows[strings.Repeat("t", i)] = 1
	}
	if text := r.fitted(); len(text) > resultLimit || !strings.Contains(string(text), r.Name) {
		t.Errorf("%d bytes: %s", len(text), text)
	}
}
