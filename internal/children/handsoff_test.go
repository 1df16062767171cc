// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package children_test

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/xormsdhkdwk/multinic/internal/children"
)

func TestWhereRepairsAreOffOthersDifferencesStayAndAreTold(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	desired := deployment(s.namespace)
	desired.Spec.Template.Spec.Containers[0].Env = append(desired.Spec.Template.Spec.Containers[0].Env, corev1.EnvVar{Name: "OLD", Value: "x"})
	s.ensure(desired, true, children.Created)
	s.addEnv(desired, intruder, "FOO")
	before := s.live(desired)
	foo := []string{"spec.template.spec.containers[controller].env[FOO]"}
	told := func(result children.Result) {
		t.Helper()
		if !slices.Equal(result.Differences, foo) || !slices.Equal(result.By, []string{intruder}) {
			t.Errorf("differences %q by %q", result.Differences, result.By)
		}
	}
	s.calls = counter{}
	for range 10 {
		told(s.ensure(desired, false, children.Drifted))
	}
	if s.calls.dryRuns != 1 || s.calls.writes > 0 || s.calls.reads > 11 {
		t.Errorf("calls %+v", s.calls)
	}
	s.restart()
	told(s.ensure(desired, false, children.Drifted))
	if now := s.live(desired); now.GetResourceVersion() != before.GetResourceVersion() {
		t.Error("written though repairs are off")
	}

	// Our own change, twice: the second time our fields are owned otherwise.
	for _, image := range []string{"example.com/multinic:2", "example.com/multinic:3"} {
		container := &desired.Spec.Template.Spec.Containers[0]
		container.Image = image
		container.Env = slices.DeleteFunc(container.Env, func(e corev1.EnvVar) bool { return e.Name == "OLD" })
		container.Env = append(container.Env, corev1.EnvVar{Name: "NEW" + image[len(image)-1:], Value: "x"})
		told(s.ensure(desired, false, children.Updated))
		told(s.ensure(desired, false, children.Drifted))
		live := s.live(desired)
		containers, _, _ := unstructured.NestedSlice(live.Object, "spec", "template", "spec", "containers")
		var names []string
		for _, env := range containers[0].(obj)["env"].([]any) {
			names = append(names, env.(obj)["name"].(string))
		}
		slices.Sort(names)
		want := []string{"FOO", "LEVEL", "NEW2", "PASSWORD", "POD"}
		if image == "example.com/multinic:3" {
			want = []string{"FOO", "LEVEL", "NEW2", "NEW3", "PASSWORD", "POD"}
		}
		if !slices.Equal(names, want) || containers[0].(obj)["image"] != image {
			t.Errorf("%s with %q, want %q", containers[0].(obj)["image"], names, want)
		}
	}
	told(s.ensure(desired, true, children.Repaired))
	s.ensure(desired, false, children.Unchanged)
}

// TestOurChangesAreAppliedWhereRepairsAreOff: to all kinds, since the way is
// another than with repairs.
func TestOurChangesAreAppliedWhereRepairsAreOff(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for kind, desired := range kinds(s.namespace) {
		s.ensure(desired, false, children.Created)
		s.label(desired, "extra", "x")
		desired.SetAnnotations(map[string]string{"example.com/other": "x"})
		result := s.ensure(desired, false, children.Updated)
		if !slices.Equal(result.Differences, []string{"metadata.labels.extra"}) {
			t.Errorf("%s: differences %q", kind, result.Differences)
		}
		live := s.live(desired)
		if annotations := live.GetAnnotations(); len(annotations) != 2 || annotations["example.com/other"] != "x" {
			t.Errorf("%s: annotations %q", kind, annotations)
		}
		if live.GetLabels()["extra"] != "x" {
			t.Errorf("%s: another's label is gone", kind)
		}
		s.ensure(desired, false, children.Drifted)
		s.ensure(desired, true, children.Repaired)
	}
}
