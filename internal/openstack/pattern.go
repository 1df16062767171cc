// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"math"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Nova's name filter is a regular expression for the database (api-ref:
// servers, name), which leaves little that means the same everywhere:
//
//   - Nova escapes "|" on MySQL and MariaDB (nova: db/main/api.py,
//     _safe_regex_mysql), so an alternation of names silently finds none
//     there. Patterns here have no "|".
//   - MySQL up to 5.7 knows no look-ahead and counts bytes, the others count
//     characters; repetitions go up to 255 in MySQL and PostgreSQL.
//
// What is left: for each position the set of characters that the names have
// there. web-03, web-14 and web-15 become ^web-[01][345]$. That matches other
// names too (web-13), so the answer is always compared with the names again;
// how many it may match decides whether it is worth asking.

const (
	// maxPatternNames is the most names that patterns are made of.
	maxPatternNames = 256
	// maxClass is the largest set of characters; larger ones become ".".
	maxClass = 16
	// maxRepeat is the largest repetition that all databases know.
	maxRepeat = 255
	// maxOptional characters may be there or not; with many of them a database
	// would try all combinations.
	maxOptional = 4
	// worthwhile bounds what patterns may match, in names...
	worthwhileMatches = 200
	// ...or as a share of a project whose names differ in digits.
	worthwhileShare = 0.2
	// onePatternMatches is what one pattern may match per name before two
	// are asked for.
	onePatternMatches = 4
)

// pattern is a regular expression that matches at least the names that it
// was made of.
type pattern struct {
	expr string
	// matches is how many names fit, if all characters are in use; share is
	// the part of the project that fits, if its names differ by digits at
	// the same places.
	matches, share float64
}

// namePatterns gives one or two patterns that match all names, or none where
// listing all servers is cheaper or the only way.
func namePatterns(names []string) []pattern {
	if len(names) == 0 || len(names) > maxPatternNames {
		return nil
	}
	sorted := append([]string(nil), names...)
	// Names of one length have the most in common.
	sort.Slice(sorted, func(a, b int) bool {
		if len(sorted[a]) != len(sorted[b]) {
			return len(sorted[a]) < len(sorted[b])
		}
		return sorted[a] < sorted[b]
	})
	best := []pattern{newPattern(sorted)}
	if best[0].matches > onePatternMatches*float64(len(sorted)) {
		least := best[0].matches
		for cut := 1; cut < len(sorted); cut++ {
			left, right := newPattern(sorted[:cut]), newPattern(sorted[cut:])
			if sum := left.matches + right.matches; sum < least {
				least, best = sum, []pattern{left, right}
			}
		}
	}
	matches, share := 0.0, 0.0
	for _, p := range best {
		matches += p.matches
		share += p.share
	}
	if matches > worthwhileMatches && share > worthwhileShare {
		return nil
	}
	return best
}

// newPattern is made of names position by position, as far as the shortest of
// them goes and is ASCII. What the others have beyond is optional if it is
// short and ASCII; else it is any characters, as many as there may be in
// characters or in bytes.
func newPattern(names []string) pattern {
	common, longest, ascii := math.MaxInt, 0, true
	for _, n := range names {
		prefix := asciiPrefix(n)
		common, longest = min(common, prefix), max(longest, len(n))
		ascii = ascii && prefix == len(n)
	}
	p := pattern{matches: 1, share: 1}
	var b strings.Builder
	b.WriteByte('^')
	for i := range common {
		class, size := classAt(names, i)
		b.WriteString(class)
		p.matches *= float64(size)
		if size > 1 {
			p.share *= min(1, float64(size)/10)
		}
	}
	switch {
	case ascii && longest-common <= maxOptional:
		for i := common; i < longest; i++ {
			class, size := classAt(names, i)
			b.WriteString(class + "?")
			p.matches *= float64(size + 1)
		}
	default:
		low := math.MaxInt
		for _, n := range names {
			low = min(low, utf8.RuneCountInString(n[common:]))
		}
		b.WriteString(repeat(low, longest-common))
		p.matches *= math.Pow(10, float64(longest-common))
	}
	b.WriteByte('$')
	p.expr = b.String()
	return p
}

func repeat(low, high int) string {
	if high > maxRepeat {
		return ".*"
	}
	return ".{" + strconv.Itoa(low) + "," + strconv.Itoa(high) + "}"
}

// classAt is what matches position i of all names that are so long, and how
// many characters it stands for.
func classAt(names []string, i int) (string, int) {
	var present [utf8.RuneSelf]bool
	var chars []byte
	special := false
	for _, n := range names {
		if i >= len(n) {
			continue
		}
		if c := n[i]; !present[c] {
			present[c] = true
			chars = append(chars, c)
			special = special || !isPlain(c)
		}
	}
	switch {
	case special && len(chars) == 1:
		// Hardly a name differs from another in its punctuation alone.
		return ".", 1
	case special || len(chars) > maxClass:
		return ".", 36
	case len(chars) == 1:
		return string(chars), 1
	}
	// In a set only "-" means something, unless it is the last.
	sort.Slice(chars, func(a, b int) bool {
		if (chars[a] == '-') != (chars[b] == '-') {
			return chars[b] == '-'
		}
		return chars[a] < chars[b]
	})
	return "[" + string(chars) + "]", len(chars)
}

// isPlain says that the byte stands for itself in every dialect.
func isPlain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

func asciiPrefix(s string) int {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return i
		}
	}
	return len(s)
}
