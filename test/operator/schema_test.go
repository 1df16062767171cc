// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"
)

// fieldSchema is a part of a CRD's openAPIV3Schema.
type fieldSchema struct {
	Type       string
	Properties map[string]*fieldSchema
	Items      *fieldSchema
	Required   []string
	Enum       []any
	Pattern    string
	MinLength  int
	MaxLength  int
	MaxItems   int
	Minimum    *int64
	Maximum    *int64
	IntOr      bool `json:"x-kubernetes-int-or-string"`
}

// readSchema reads the schema of spec.
func readSchema(t *testing.T) *fieldSchema {
	t.Helper()
	text, err := os.ReadFile("../../config/crd/bases/multinic.example.com_multinicoperators.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct{ OpenAPIV3Schema *fieldSchema }
			}
		}
	}
	if err := yaml.Unmarshal(text, &crd); err != nil {
		t.Fatal(err)
	}
	return crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
}

// leaf is a field that holds a value; in its path a list is followed by [].
type leaf struct {
	path   []string
	schema *fieldSchema
}

func (l leaf) String() string { return strings.ReplaceAll(strings.Join(l.path, "."), ".[]", "[]") }

// last is the name that a message would tell the field by.
func (l leaf) last() string {
	if l.path[len(l.path)-1] == "[]" {
		return l.path[len(l.path)-2]
	}
	return l.path[len(l.path)-1]
}

// leaves of a schema, in order.
func (s *fieldSchema) leaves(at ...string) (out []leaf) {
	switch {
	case len(s.Properties) > 0:
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			out = append(out, s.Properties[name].leaves(append(slices.Clone(at), name)...)...)
		}
	case s.Items != nil:
		out = s.Items.leaves(append(slices.Clone(at), "[]")...)
	default:
		out = []leaf{{slices.Clone(at), s}}
	}
	return out
}

// valid are values that the schema allows.
func (s *fieldSchema) valid() (out []any) {
	switch {
	case len(s.Enum) > 0:
		return s.Enum
	case s.Type == "boolean":
		return []any{true, false}
	case s.Type == "integer":
		out = append(out, int64(1))
		if s.Minimum != nil {
			out = append(out, *s.Minimum)
		}
		if s.Maximum != nil {
			out = append(out, *s.Maximum)
		}
		return out
	case s.Pattern != "":
		pattern := rapid.StringMatching(s.Pattern)
		for seed := 1; len(out) < 3 && seed < 200; seed++ {
			if v := pattern.Example(seed); len(v) >= s.MinLength && (s.MaxLength == 0 || len(v) <= s.MaxLength) {
				out = append(out, v)
			}
		}
		return out
	}
	return []any{strings.Repeat("a", max(s.MinLength, 3))}
}

// odd are values that people and attackers try, and wrong ones.
func (s *fieldSchema) odd() (out []any) {
	switch s.Type {
	case "boolean":
		return []any{"yes", int64(2)}
	case "integer":
		out = []any{"many", 1.5, int64(-1), int64(1) << 31, int64(1) << 40}
		if s.Minimum != nil {
			out = append(out, *s.Minimum-1)
		}
		if s.Maximum != nil {
			out = append(out, *s.Maximum+1)
		}
		return out
	}
	out = []any{map[string]any{"a": "b"}, []any{"a"}, "", " ", `'";DROP TABLE multi_interface;--`, "a\nb: c", "🐳", "$(HOME)", strings.Repeat("x", 10_000)}
	if s.MaxLength > 0 {
		out = append(out, strings.Repeat("1", s.MaxLength+1))
	}
	if !s.IntOr {
		out = append(out, int64(7))
	}
	return out
}

// with puts a value into a spec: into a list as its one item, and with whatever
// else is required beside it.
func (s *fieldSchema) with(spec any, path []string, value any, hints func(path string) []any, at string) any {
	if len(path) == 0 {
		return value
	}
	if path[0] == "[]" {
		return []any{s.Items.with(map[string]any{}, path[1:], value, hints, at+"[]")}
	}
	out, _ := spec.(map[string]any)
	out = maps.Clone(out)
	if out == nil {
		out = map[string]any{}
	}
	below := s.Properties[path[0]]
	out[path[0]] = below.with(out[path[0]], path[1:], value, hints, strings.TrimPrefix(at+"."+path[0], "."))
	for _, name := range append(needed(at), s.Required...) {
		if _, has := out[name]; !has {
			out[name] = s.Properties[name].some(hints, strings.TrimPrefix(at+"."+name, "."))
		}
	}
	return out
}

// some is a valid value, with what is required in it.
func (s *fieldSchema) some(hints func(path string) []any, at string) any {
	if len(s.Properties) == 0 {
		return append(hints(at), s.valid()...)[0]
	}
	out := map[string]any{}
	for _, name := range append(needed(at), s.Required...) {
		out[name] = s.Properties[name].some(hints, at+"."+name)
	}
	return out
}

// short is a value as a test's log tells it.
func short(value any) string {
	text := fmt.Sprintf("%#v", value)
	if len(text) > 60 {
		text = fmt.Sprintf("%s… (%d)", text[:50], len(text))
	}
	return text
}
