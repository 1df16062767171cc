// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// told is how many differences a Result names.
const told = 10

// differences are the places in which two objects differ.
func differences(live, want map[string]any) []string {
	var found []string
	compare("", live, want, &found)
	return found
}

func compare(at string, live, want any, found *[]string) {
	if reflect.DeepEqual(live, want) {
		return
	}
	if l, ok := live.(map[string]any); ok {
		if w, ok := want.(map[string]any); ok {
			compareMaps(at, l, w, found)
			return
		}
	}
	if l, ok := live.([]any); ok {
		if w, ok := want.([]any); ok {
			compareLists(at, l, w, found)
			return
		}
	}
	*found = append(*found, at)
}

func compareMaps(at string, live, want map[string]any, found *[]string) {
	keys := slices.Sorted(maps.Keys(live))
	for key := range want {
		if _, ok := live[key]; !ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		l, inLive := live[key]
		w, inWant := want[key]
		lMap, _ := l.(map[string]any)
		wMap, _ := w.(map[string]any)
		switch {
		case inLive && inWant:
			compare(field(at, key), l, w, found)
		case wholeMap(at, key) && len(lMap)+len(wMap) > 0:
			compareMaps(field(at, key), lMap, wMap, found) // the first label of all is named too
		default:
			*found = append(*found, field(at, key))
		}
	}
}

// wholeMap tells maps of many independent things.
func wholeMap(at, key string) bool {
	return key == "labels" || key == "annotations" || at == "" && (key == "data" || key == "binaryData")
}

func compareLists(at string, live, want []any, found *[]string) {
	keys := listKeys(at)
	l, lOrder, lOK := byKey(live, keys)
	w, wOrder, wOK := byKey(want, keys)
	if !lOK || !wOK {
		compareByIndex(at, live, want, found)
		return
	}
	before := len(*found)
	for _, key := range lOrder {
		if _, ok := w[key]; ok {
			compare(at+key, l[key], w[key], found)
		} else {
			*found = append(*found, at+key)
		}
	}
	for _, key := range wOrder {
		if _, ok := l[key]; !ok {
			*found = append(*found, at+key)
		}
	}
	if len(*found) == before {
		*found = append(*found, at) // the same things in another order
	}
}

func compareByIndex(at string, live, want []any, found *[]string) {
	for i := range max(len(live), len(want)) {
		place := fmt.Sprintf("%s[%d]", at, i)
		if i < len(live) && i < len(want) {
			compare(place, live[i], want[i], found)
		} else {
			*found = append(*found, place)
		}
	}
}

// listKeys are the fields that tell apart the elements of the list at a place,
// in the order of their names, as Kubernetes' schema has them where it merges
// such a list.
func listKeys(at string) []string {
	switch at[strings.LastIndexByte(at, '.')+1:] {
	case "ports":
		if strings.Contains(at, "ontainers[") {
			return []string{"containerPort", "protocol"}
		}
		if strings.HasPrefix(at, "spec.ports") {
			return []string{"port", "protocol"}
		}
		return nil // of a NetworkPolicy
	case "volumeMounts":
		return []string{"mountPath"}
	case "volumeDevices":
		return []string{"devicePath"}
	case "hostAliases":
		return []string{"ip"}
	case "ownerReferences":
		return []string{"uid"}
	case "topologySpreadConstraints":
		return []string{"topologyKey", "whenUnsatisfiable"}
	case "containers", "initContainers", "ephemeralContainers", "env", "volumes", "imagePullSecrets", "secrets":
		return []string{"name"}
	}
	return nil
}

// byKey gives the elements by their keys, rendered as in a path, if they have
// them and no two have the same.
func byKey(list []any, keys []string) (map[string]any, []string, bool) {
	if len(keys) == 0 {
		return nil, nil, false
	}
	elements := map[string]any{}
	var order []string
	for _, element := range list {
		m, ok := element.(map[string]any)
		if !ok {
			return nil, nil, false
		}
		var parts []string
		for _, key := range keys {
			value, ok := m[key]
			if !ok {
				return nil, nil, false
			}
			parts = append(parts, fmt.Sprint(value))
		}
		key := "[" + strings.Join(parts, "/") + "]"
		if _, twice := elements[key]; twice {
			return nil, nil, false
		}
		elements[key] = element
		order = append(order, key)
	}
	return elements, order, true
}

// field appends a field to a place. A key that is not a word stands in brackets.
func field(at, key string) string {
	if strings.ContainsAny(key, "./[] ") {
		return at + "[" + key + "]"
	}
	if at == "" {
		return key
	}
	return at + "." + key
}

func first(places []string) []string {
	return slices.Clone(places[:min(len(places), told)])
}
