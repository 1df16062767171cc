// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// writers are the field managers other than ours that own some of the places,
// by name. They are told to people; nothing is decided by them.
func writers(live *unstructured.Unstructured, places []string, owner string) []string {
	var names []string
	for _, entry := range live.GetManagedFields() {
		if entry.Manager == owner || entry.FieldsV1 == nil || slices.Contains(names, entry.Manager) {
			continue
		}
		var fields map[string]any
		if json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields) != nil {
			continue
		}
		if slices.ContainsFunc(places, func(place string) bool { return owns("", fields, place) }) {
			names = append(names, entry.Manager)
		}
	}
	slices.Sort(names)
	return names
}

// owns tells whether a trie of fields below at has the place, something below
// it, or ends above it: a list or map that is owned as one.
func owns(at string, fields map[string]any, place string) bool {
	for element, below := range fields {
		next, ok := step(at, element)
		if !ok {
			continue
		}
		if within(next, place) {
			return true
		}
		children, _ := below.(map[string]any)
		if !within(place, next) {
			continue
		}
		if len(children) == 0 || owns(next, children, place) {
			return true
		}
	}
	return false
}

// within tells whether place is at, or below it.
func within(place, at string) bool {
	rest, below := strings.CutPrefix(place, at)
	return below && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// step renders an element of managedFields as differences does.
func step(at, element string) (string, bool) {
	kind, rest, ok := strings.Cut(element, ":")
	if !ok {
		return "", false // ".", the place itself
	}
	switch kind {
	case "f":
		return field(at, rest), true
	case "k":
		var keys map[string]any
		if json.Unmarshal([]byte(rest), &keys) != nil {
			return "", false
		}
		var parts []string
		for _, name := range sortedKeys(keys) {
			parts = append(parts, fmt.Sprint(keys[name]))
		}
		return at + "[" + strings.Join(parts, "/") + "]", true
	}
	// A member of a set or an index: the whole list is what differs.
	return at, true
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// track makes an object whose managedFields someone emptied have an entry again:
// without any, the API server would keep none for updates, and nobody would
// learn who writes.
func (a *Applier) track(want, live *unstructured.Unstructured) {
	if len(live.GetManagedFields()) > 0 {
		return
	}
	now := metav1.NewTime(a.Clock.Now())
	want.SetManagedFields([]metav1.ManagedFieldsEntry{{
		Manager: a.Owner, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: want.GetAPIVersion(), Time: &now,
		FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:annotations":{"f:` + AnnotationDigest + `":{}}}}`),
	}})
}
