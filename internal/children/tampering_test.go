// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package children_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/internal/children"
)

const intruder = "intruder"

// way is how someone brings content into the place of what is there.
type way struct {
	name string
	do   func(ctx context.Context, c client.Client, live *unstructured.Unstructured, content map[string]any) error
}

// ways are those that an API server offers, and those that hide who did it.
var ways = []way{
	{"PUT", replaceAs(intruder)},
	{"merge patch", func(ctx context.Context, c client.Client, live *unstructured.Unstructured, content map[string]any) error {
		patch, err := json.Marshal(mergeBetween(live.Object, content))
		if err != nil {
			return err
		}
		return c.Patch(ctx, live.DeepCopy(), client.RawPatch("application/merge-patch+json", patch), client.FieldOwner(intruder))
	}},
	{"apply", applyAs(intruder)},
	{"apply under our name", applyAs(owner)},
	{"PUT under Kubernetes' name", replaceAs("kube-controller-manager")},
	{"PUT, then all owners removed", func(ctx context.Context, c client.Client, live *unstructured.Unstructured, content map[string]any) error {
		if err := replaceAs(intruder)(ctx, c, live, content); err != nil {
			return err
		}
		return patchOwners(ctx, c, live, []any{map[string]any{}})
	}},
	{"PUT, then only we own", func(ctx context.Context, c client.Client, live *unstructured.Unstructured, content map[string]any) error {
		ours, _, _ := unstructured.NestedSlice(live.Object, "metadata", "managedFields")
		if err := replaceAs(intruder)(ctx, c, live, content); err != nil {
			return err
		}
		return patchOwners(ctx, c, live, ours)
	}},
}

func replaceAs(manager string) func(context.Context, client.Client, *unstructured.Unstructured, map[string]any) error {
	return func(ctx context.Context, c client.Client, live *unstructured.Unstructured, content map[string]any) error {
		object := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(content)}
		object.SetResourceVersion(live.GetResourceVersion())
		return c.Update(ctx, object, client.FieldOwner(manager))
	}
}

func applyAs(manager string) func(context.Context, client.Client, *unstructured.Unstructured, map[string]any) error {
	return func(ctx context.Context, c client.Client, _ *unstructured.Unstructured, content map[string]any) error {
		object := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(content)}
		return c.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), client.FieldOwner(manager), client.ForceOwnership)
	}
}

func patchOwners(ctx context.Context, c client.Client, live *unstructured.Unstructured, owners []any) error {
	patch, err := json.Marshal([]any{map[string]any{"op": "replace", "path": "/metadata/managedFields", "value": owners}})
	if err != nil {
		return err
	}
	err = c.Patch(ctx, live.DeepCopy(), client.RawPatch("application/json-patch+json", patch), client.FieldOwner(intruder))
	if apierrors.IsInvalid(err) {
		return nil // there are no owners any more
	}
	return err
}

// mergeBetween is the merge patch from one content to another.
func mergeBetween(from, to map[string]any) map[string]any {
	patch := map[string]any{}
	for key, value := range to {
		before, there := from[key]
		b, isMap := before.(map[string]any)
		v, areMaps := value.(map[string]any)
		switch {
		case !there:
			patch[key] = value
		case isMap && areMaps:
			if below := mergeBetween(b, v); len(below) > 0 {
				patch[key] = below
			}
		case !cmp.Equal(before, value):
			patch[key] = value
		}
	}
	for key := range from {
		if _, there := to[key]; !there && !slices.Contains([]string{"status", "creationTimestamp", "uid", "resourceVersion", "generation", "managedFields"}, key) {
			patch[key] = nil
		}
	}
	return patch
}

// all: without it each change and removal is done in one of the ways only.
var all = flag.Bool("all-tampering", false, "do all that can be done to children in every way: some 9000 things, minutes")

// TestWhateverIsDoneToAChildIsUndone does to each kind of child all that can be
// done: each place changed and removed, and much added.
func TestWhateverIsDoneToAChildIsUndone(t *testing.T) {
	t.Parallel()
	for kind := range kinds("") {
		for i, way := range ways {
			t.Run(kind+"/"+way.name, func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				s.tamper(kind, way, i)
			})
		}
	}
}

func (s *site) tamper(kind string, way way, turn int) {
	desired := kinds(s.namespace)[kind]
	s.ensure(desired, true, children.Created)
	before := s.live(desired)
	content := lasting(before)
	done, refused := 0, 0
	todo := added(kind, content)
	for i, m := range mutations(content) {
		// The protection of claims in use is the matter of its controller, that
		// puts the finalizer back itself.
		if (*all || i%len(ways) == turn) && !strings.Contains(m.name, ".metadata.finalizers") {
			todo = append(todo, m)
		}
	}
	for _, m := range todo {
		if s.commit(m, way, desired) {
			done++
		} else {
			refused++
		}
		if s.t.Failed() {
			return // the rest would only repeat it
		}
	}
	s.t.Logf("%d mutations undone, %d that the API server refused or that changed nothing", done, refused)
	if done < 3 {
		s.t.Errorf("only %d mutations were possible: the test tests nothing", done)
	}
	if strings.Contains(s.output.text.String(), secretValue) {
		s.t.Error("the log holds a Secret's value")
	}
}

// commit does a mutation, if the API server lets it, and expects it undone.
func (s *site) commit(m mutation, way way, desired client.Object) bool {
	s.t.Helper()
	before := s.live(desired)
	for _, content := range m.tries {
		err := way.do(s.t.Context(), s.raw, before, content)
		if err != nil {
			continue
		}
		tampered := s.live(desired)
		if cmp.Equal(lasting(before), lasting(tampered)) {
			continue // a default came back, or it is the same in other words
		}
		s.clock.SetTime(s.clock.Now().Add(time.Hour)) // no fight
		result, err := s.applier.Ensure(s.t.Context(), desired, true)
		if err != nil {
			s.t.Errorf("%s: %v\n%s", m.name, err, cmp.Diff(lasting(before), lasting(tampered)))
			return true
		}
		if result.Outcome != children.Repaired || len(result.Differences) == 0 {
			s.t.Errorf("%s: %s, differences %q\n%s", m.name, result.Outcome, result.Differences, cmp.Diff(lasting(before), lasting(tampered)))
		}
		s.tellsNoSecret(m.name, result)
		if diff := cmp.Diff(lasting(before), lasting(s.live(desired))); diff != "" {
			s.t.Errorf("%s: it is not as it was before (-before +now):\n%s", m.name, diff)
		}
		s.ensure(desired, true, children.Unchanged)
		return true
	}
	return false
}

func (s *site) tellsNoSecret(name string, result children.Result) {
	told, err := json.Marshal(result)
	if err != nil {
		s.t.Fatal(err)
	}
	if bytes.Contains(told, []byte(secretValue)) || bytes.Contains(told, []byte("Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ")) {
		s.t.Errorf("%s: the result holds a Secret's value: %s", name, told)
	}
}

func TestEachKindHasAdditions(t *testing.T) {
	t.Parallel()
	for _, kind := range slices.Sorted(maps.Keys(kinds(""))) {
		if _, ok := additions[kind]; !ok {
			t.Errorf("nothing is added to a %s", kind)
		}
	}
}
