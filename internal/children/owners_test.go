// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package children_test

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/xormsdhkdwk/multinic/internal/children"
)

func TestSomeoneElsesObjectIsNotTouched(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for kind, desired := range kinds(s.namespace) {
		foreign := kinds(s.namespace)[kind]
		foreign.SetLabels(nil)
		foreign.SetOwnerReferences(nil)
		if err := s.raw.Create(t.Context(), foreign); err != nil {
			t.Fatal(err)
		}
		before := s.live(desired)
		_, err := s.applier.Ensure(t.Context(), desired, true)
		var typed *children.ForeignError
		if !errors.Is(err, children.ErrForeign) || !errors.As(err, &typed) || typed.Name != desired.GetName() || !strings.Contains(err.Error(), "label") {
			t.Fatalf("%s: %v", kind, err)
		}
		if now := s.live(desired); now.GetResourceVersion() != before.GetResourceVersion() {
			t.Errorf("%s: another's object was touched", kind)
		}
		s.calls = counter{}
		result, err := s.applier.Ensure(t.Context(), desired, true, children.Adopt())
		if err != nil || result.Outcome != children.Updated {
			t.Errorf("%s: adopting it: %s, %v", kind, result.Outcome, err)
		}
		s.ensure(desired, true, children.Unchanged)
	}
}

func TestAnotherOperatorsObjectIsNotTouched(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	desired := kinds(s.namespace)["ConfigMap"]
	theirs := kinds(s.namespace)["ConfigMap"].(*corev1.ConfigMap)
	theirs.Labels["multinic.example.com/managed-by-operator"] = "other"
	theirs.OwnerReferences = nil
	theirs.Data["more"] = "x"
	other := children.New(children.Options{Client: s.raw, Reader: s.raw, Owner: owner, Clock: s.clock})
	if _, err := other.Ensure(t.Context(), theirs, true); err != nil {
		t.Fatal(err)
	}
	if _, err := s.applier.Ensure(t.Context(), desired, true); !errors.Is(err, children.ErrForeign) || !strings.Contains(err.Error(), "=other") {
		t.Fatalf("%v", err)
	}
}

func TestTheLabelComesBack(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, kind := range []string{"ConfigMap", "ClusterRoleBinding"} {
		desired := kinds(s.namespace)[kind]
		s.ensure(desired, true, children.Created)
		for _, value := range []any{nil, "other"} {
			if err := s.mergePatch(desired, intruder, obj{"metadata": obj{"labels": obj{"multinic.example.com/managed-by-operator": value}}}); err != nil {
				t.Fatal(err)
			}
			s.restart()
			s.ensure(desired, true, children.Repaired)
		}
	}
}

func TestAChildNeedsTheLabel(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	desired := kinds(s.namespace)["ConfigMap"]
	desired.SetLabels(nil)
	if _, err := s.applier.Ensure(t.Context(), desired, true); err == nil {
		t.Error("made something that nobody would know as ours")
	}
}
