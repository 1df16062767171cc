// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package resources_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// field is what is said of one in the reference.
type field struct {
	fallback string
	enum     []string
}

// TestTheReferenceOfTheOperatorTellsDefaultsAndEnums compares the table of
// docs/reference/operator.md with the code and with the schema.
func TestTheReferenceOfTheOperatorTellsDefaultsAndEnums(t *testing.T) {
	t.Parallel()
	schema := map[string]field{}
	fromSchema(t, schema)
	code := map[string]string{}
	defaulted, err := json.Marshal(resources.Defaulted(v1alpha1.MultiNicOperatorSpec{}))
	if err != nil {
		t.Fatal(err)
	}
	flatten(t, "spec", defaulted, code)
	for path, f := range schema {
		if f.fallback != "" && code[path] != "" && f.fallback != code[path] {
			t.Errorf("%s: the schema's default is %s, the code's %s", path, f.fallback, code[path])
		}
	}
	for path, value := range code {
		f := schema[path]
		f.fallback = value
		schema[path] = f
	}
	want := "| field | default | one of |\n| --- | --- | --- |\n"
	for _, path := range slices.Sorted(maps.Keys(schema)) {
		f := schema[path]
		want += fmt.Sprintf("| `%s` | %s | %s |\n", path, quoted(f.fallback), quoted(f.enum...))
	}
	text, err := os.ReadFile("../../docs/reference/operator.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "<!-- defaults:begin -->\n")
	have, _, found := strings.Cut(rest, "<!-- defaults:end -->")
	if !found || strings.TrimSpace(have) != strings.TrimSpace(want) {
		t.Errorf("docs/reference/operator.md: between the marks should stand\n%s", want)
	}
}

func quoted(values ...string) string {
	var out []string
	for _, v := range values {
		if v != "" {
			out = append(out, "`"+v+"`")
		}
	}
	return strings.Join(out, ", ")
}

// flatten gathers the leaves of an object.
func flatten(t *testing.T, path string, raw []byte, into map[string]string) {
	t.Helper()
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) == nil {
		for key, value := range object {
			flatten(t, path+"."+key, value, into)
		}
		return
	}
	into[path] = strings.Trim(string(raw), `"`)
}

// fromSchema gathers the fields of the CRD that have a default or an enum.
func fromSchema(t *testing.T, into map[string]field) {
	t.Helper()
	text, err := os.ReadFile("../../config/crd/bases/multinic.example.com_multinicoperators.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema property `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &crd); err != nil {
		t.Fatal(err)
	}
	var walk func(path string, s property)
	walk = func(path string, s property) {
		if strings.HasSuffix(path, ".controller.env") {
			return // Kubernetes' own type
		}
		if s.Items != nil {
			s.Enum = append(s.Enum, s.Items.Enum...)
		}
		var f field
		for _, e := range s.Enum {
			f.enum = append(f.enum, fmt.Sprint(e))
		}
		if s.Default != nil {
			f.fallback = fmt.Sprint(s.Default)
		}
		if f.fallback != "" || len(f.enum) > 0 {
			into[path] = f
		}
		for name, child := range s.Properties {
			walk(path+"."+name, child)
		}
	}
	walk("spec", crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"])
}

// property is what is read of a schema.
type property struct {
	Default    any                 `json:"default"`
	Enum       []any               `json:"enum"`
	Items      *property           `json:"items"`
	Properties map[string]property `json:"properties"`
}
