// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestTheReferenceOfTheOperatorTellsEveryConditionAndReason compares the lists of
// docs/reference/operator.md with api/v1alpha1/operator_conditions.go, which are
// closed: no more and no fewer.
func TestTheReferenceOfTheOperatorTellsEveryConditionAndReason(t *testing.T) {
	t.Parallel()
	constants := constantsOf(t, "../api/v1alpha1/operator_conditions.go")
	// Shared with the other kind.
	constants["Condition"] = append(constants["Condition"], "Ready")
	constants["Reason"] = append(constants["Reason"], "InvalidSpec")
	for prefix, mark := range map[string]string{"Condition": "conditions", "Reason": "reasons"} {
		told := firstColumn(t, "../docs/reference/operator.md", mark)
		slices.Sort(told)
		slices.Sort(constants[prefix])
		if len(told) < 5 || !slices.Equal(told, constants[prefix]) {
			t.Errorf("docs/reference/operator.md tells the %s\n%v\nand the code has\n%v", mark, told, constants[prefix])
		}
	}
}

// TestTheReferenceOfTheOperatorTellsEveryMetricAndAnnotation looks for the names in the
// operator's own sources.
func TestTheReferenceOfTheOperatorTellsEveryMetricAndAnnotation(t *testing.T) {
	t.Parallel()
	reference, err := os.ReadFile("../docs/reference/operator.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("controller/multinicoperator/*.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	name := regexp.MustCompile(`"(multinic_operator_[a-z_]+|multinic\.example\.com/[a-z-]+)"`)
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range name.FindAllStringSubmatch(string(source), -1) {
			names[match[1]] = true
		}
	}
	if len(names) < 8 {
		t.Errorf("only %d names found: the test looks in the wrong place", len(names))
	}
	for name := range names {
		if !strings.Contains(string(reference), "`"+name+"`") {
			t.Errorf("docs/reference/operator.md does not tell of %s", name)
		}
	}
}

// constantsOf gives the values of a file's constants by the first word of their names,
// Condition or Reason.
func constantsOf(t *testing.T, file string) map[string][]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, name := range spec.Names {
			for _, prefix := range []string{"Condition", "Reason"} {
				if !strings.HasPrefix(name.Name, prefix) {
					continue
				}
				value, err := strconv.Unquote(spec.Values[i].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				out[prefix] = append(out[prefix], value)
			}
		}
		return true
	})
	return out
}

// firstColumn gives the first cells of a table between two marks, without their quotes.
func firstColumn(t *testing.T, file, mark string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "<!-- "+mark+":begin -->")
	table, _, _ := strings.Cut(rest, "<!-- "+mark+":end -->")
	var out []string
	for _, match := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(table, -1) {
		out = append(out, match[1])
	}
	return out
}
