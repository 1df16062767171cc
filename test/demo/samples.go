// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// replacement is a value of a sample that the demo changes.
type replacement struct {
	path   []string
	value  string
	secret bool // not printed
}

// apply applies a sample with its replacements and shows them.
func (s *story) apply(ctx context.Context, sample string, replacements ...replacement) (types.NamespacedName, error) {
	var name types.NamespacedName
	s.out.step("Applying", sample+map[bool]string{true: ", with"}[len(replacements) > 0])
	err := applyFile(ctx, s.kube, sample, func(obj *unstructured.Unstructured) {
		if obj.GetNamespace() == "" {
			obj.SetNamespace("default") // as kubectl does
		}
		name = types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()}
		t := table{gap: 2, header: []string{"field", "in the sample", "here"}, rule: true}
		for _, r := range replacements {
			was, found, err := unstructured.NestedString(obj.Object, r.path...)
			if err != nil || !found {
				was = "(absent)"
			}
			if err := unstructured.SetNestedField(obj.Object, r.value, r.path...); err != nil {
				s.out.step("", fmt.Sprintf("%v can't be set: %v", r.path, err))
			}
			value := r.value
			if r.secret {
				was, value = "(not shown)", "(not shown)"
			}
			t.rows = append(t.rows, []string{r.path[len(r.path)-1], was, value})
		}
		if len(replacements) > 0 {
			for _, line := range splitLines(t.render(columns - margin)) {
				s.out.print(strings.Repeat(" ", margin) + line)
			}
		}
	})
	return name, err
}

// applyOperator applies a MultiNicOperator whose only effect here is its
// reconcileTrigger, which the controller follows.
func (s *story) applyOperator(ctx context.Context) error {
	_, err := s.apply(ctx, operatorSample, replacement{path: []string{"spec", "reconcileTrigger", "interval"}, value: interval})
	return err
}
