// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package internal_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestThePromisesAreShownByTestsThatThereAre looks for every test that
// docs/operator-promises.md names, in all test files whatever their build tags. A name
// in italics is of a test that is not merged yet: once it is, it must be named as the
// others are.
func TestThePromisesAreShownByTestsThatThereAre(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/operator-promises.md")
	if err != nil {
		t.Fatal(err)
	}
	there := testNames(t)
	named := regexp.MustCompile("(`|\\*)(Test[A-Za-z0-9]+)(?:`|\\*)").FindAllStringSubmatch(string(text), -1)
	if len(named) < 20 || len(there) < 100 {
		t.Fatalf("%d names in the table, %d tests: this looks in the wrong place", len(named), len(there))
	}
	for _, match := range named {
		switch announced, name := match[1] == "*", match[2]; {
		case !announced && !there[name]:
			t.Errorf("docs/operator-promises.md names %s, and there is no such test", name)
		case announced && there[name]:
			t.Errorf("docs/operator-promises.md announces %s, which is there by now: write it as the others", name)
		case announced:
			t.Logf("not there yet: %s", name)
		}
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| ") && strings.Count(line, " |") != 5 {
			t.Errorf("a line without five cells: %s", line)
		}
		if strings.HasPrefix(line, "| ") && !strings.Contains(line, "Test") && !strings.HasPrefix(line, "| promise") && !strings.HasPrefix(line, "| ---") {
			t.Errorf("a promise that no test shows: %s", line)
		}
	}
}

// testNames are the tests of the module.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(`)
	for _, top := range []string{"api", "cmd", "internal", "test"} {
		err := filepath.WalkDir(filepath.Join("..", top), func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(file, "_test.go") {
				return err
			}
			text, err := os.ReadFile(file)
			for _, match := range declared.FindAllStringSubmatch(string(text), -1) {
				names[match[1]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}
