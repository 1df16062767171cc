// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package internal_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestBothReadmesHaveTheSameHeadingsAndCommands compares the levels of the headings, the
// commands without their comments, and where the links lead.
func TestBothReadmesHaveTheSameHeadingsAndCommands(t *testing.T) {
	t.Parallel()
	english, korean := outline(t, "../README.md"), outline(t, "../README.ko.md")
	if len(english) < 40 {
		t.Fatalf("only %d lines found: the test looks for the wrong thing", len(english))
	}
	for i := range max(len(english), len(korean)) {
		var a, b string
		if i < len(english) {
			a = english[i]
		}
		if i < len(korean) {
			b = korean[i]
		}
		if a != b {
			t.Fatalf("README.md has\n  %s\nwhere README.ko.md has\n  %s", a, b)
		}
	}
}

func outline(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out, links []string
	comment, link := regexp.MustCompile(`\s+#.*`), regexp.MustCompile(`\]\(([^)]+)\)`)
	inside := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if fence, ok := strings.CutPrefix(line, "```"); ok {
			if inside == "" {
				inside = "```" + fence
			} else {
				inside = ""
			}
			continue
		}
		switch {
		case inside == "```bash":
			out = append(out, comment.ReplaceAllString(line, ""))
		case inside == "" && strings.HasPrefix(line, "#"):
			level, _, _ := strings.Cut(line, " ")
			out = append(out, level)
		case inside == "":
			for _, match := range link.FindAllStringSubmatch(line, -1) {
				if !strings.HasPrefix(match[1], "README") {
					links = append(links, match[1])
				}
			}
		}
	}
	slices.Sort(links) // word order differs
	return append(out, links...)
}
