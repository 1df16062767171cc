// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPatternsAreOfTheDialectThatAllDatabasesShare(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		names []string
		want  []string
	}{
		{[]string{"test-vm-1"}, []string{"^test-vm-1$"}},
		{[]string{"web-14", "web-03", "web-15"}, []string{"^web-[01][345]$"}},
		{[]string{"a-b", "a_b"}, []string{"^a[_-]b$"}},
		{[]string{"vm-1", "vm-10"}, []string{"^vm-10?$"}},
		{[]string{"vm.example.com"}, []string{"^vm.example.com$"}},
		{[]string{"a|b"}, []string{"^a.b$"}},
		{[]string{`x'; DROP TABLE "y"`}, []string{"^x...DROP.TABLE..y.$"}},
		{[]string{"vm-12", "vm-345", "vm-6789"}, []string{"^vm-[13][24]5?$", "^vm-6789$"}},
		{[]string{"a", "abcdef"}, []string{"^a$", "^abcdef$"}},
		{[]string{"a", "abcdef", "b", "bcdefg"}, []string{"^[ab]$", "^[ab][bc][cd][de][ef][fg]$"}},
		{[]string{"web-03", "web-14", "database-7"}, []string{"^web-[01][34]$", "^database-7$"}},
		{nil, nil},
	} {
		var got []string
		for _, p := range namePatterns(tc.names) {
			got = append(got, p.expr)
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%q: patterns %q, want %q", tc.names, got, tc.want)
		}
	}
}

func TestALongNameOrOneOutsideASCIIIsCountedInBytesAndCharacters(t *testing.T) {
	t.Parallel()
	if p := newPattern([]string{"vm-서울"}); p.expr != "^vm-.{2,6}$" {
		t.Errorf("%s: MySQL up to 5.7 counts 6, all others 2", p.expr)
	}
	long := strings.Repeat("😀", 100)
	if p := newPattern([]string{long}); p.expr != "^.*$" {
		t.Errorf("%s: repetitions end at 255", p.expr)
	}
	if p := newPattern([]string{strings.Repeat("a", 255)}); !regexp.MustCompile(p.expr).MatchString(strings.Repeat("a", 255)) {
		t.Errorf("%s", p.expr)
	}
}

func TestPatternsMatchEveryNameThatTheyAreMadeOfWithoutAlternation(t *testing.T) {
	t.Parallel()
	name := rapid.OneOf(rapid.StringN(1, 40, 255), rapid.StringMatching(`[a-z]{1,6}-[0-9]{1,4}`), rapid.StringMatching(`[ -~]{1,20}`))
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(name, 1, 12).Draw(t, "names")
		p := newPattern(names)
		for _, forbidden := range []string{"|", "(", `\`, "*", "+"} {
			if strings.Contains(strings.TrimSuffix(p.expr, ".*$"), forbidden) {
				t.Fatalf("%q is not of the shared dialect", p.expr)
			}
		}
		if len(p.expr) > 255*(maxClass+3)+20 {
			t.Fatalf("%d bytes do not fit into a URL", len(p.expr))
		}
		// (?s): "." is any character in SQL.
		re, err := regexp.Compile("(?s)" + p.expr)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			if !re.MatchString(n) {
				t.Fatalf("%q does not match %q: the server would seem to be missing", p.expr, n)
			}
		}
	})
}

func TestPatternsAreUsedWhereTheySelectFewAndNotOtherwise(t *testing.T) {
	t.Parallel()
	numbered := func(from, to, step int) []string {
		var names []string
		for i := from; i < to; i += step {
			names = append(names, fmt.Sprintf("vm-%05d", i))
		}
		return names
	}
	for _, tc := range []struct {
		what    string
		names   []string
		narrow  bool
		atMost  int // of vm-00000 to vm-09999
		queries int
	}{
		{"three of ten thousand", []string{"vm-00007", "vm-04242", "vm-09999"}, true, 17, 2},
		{"a hundred in a row", numbered(300, 400, 1), true, 100, 1},
		{"every hundredth", numbered(0, 10000, 100), true, 100, 1},
		{"sixty all over", numbered(13, 10000, 163), false, 0, 0},
		{"a thousand", numbered(0, 1000, 1), false, 0, 0},
		{"hexadecimal names", []string{"node-a8f3c2", "node-19b0ff", "node-77c4d1", "node-e0312a"}, true, 0, 2},
	} {
		ps := namePatterns(tc.names)
		if (ps != nil) != tc.narrow || len(ps) != tc.queries {
			t.Errorf("%s: %d patterns, want %d", tc.what, len(ps), tc.queries)
		}
		matched := 0
		for _, n := range numbered(0, 10000, 1) {
			for _, p := range ps {
				if regexp.MustCompile(p.expr).MatchString(n) {
					matched++
				}
			}
		}
		if matched > tc.atMost {
			t.Errorf("%s: %d names come, want at most %d", tc.what, matched, tc.atMost)
		}
	}
}
