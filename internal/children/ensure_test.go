// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package children_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/internal/children"
)

func TestNothingIsWrittenWhereNothingChanged(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for kind, desired := range kinds(s.namespace) {
		s.ensure(desired, true, children.Created)
		before := s.live(desired)
		s.calls = counter{}
		for range 100 {
			s.ensure(kinds(s.namespace)[kind], true, children.Unchanged)
		}
		if s.calls != (counter{reads: 100}) {
			t.Errorf("%s: a hundred calls for nothing cost %+v, want a read each", kind, s.calls)
		}
		s.restart()
		s.calls = counter{}
		s.ensure(desired, true, children.Unchanged)
		if s.calls.writes != 0 || s.calls.dryRuns != 1 {
			t.Errorf("%s: after a restart: %+v", kind, s.calls)
		}
		if now := s.live(desired); now.GetResourceVersion() != before.GetResourceVersion() {
			t.Errorf("%s: written though nothing changed", kind)
		}
	}
}

func TestAChangeOfOursIsAnUpdateAndAChangeOfOthersARepair(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	desired := deployment(s.namespace)
	s.ensure(desired, true, children.Created)
	for _, restarted := range []bool{false, true} {
		desired.Spec.Template.Spec.Containers[0].Image += "0"
		if restarted {
			s.restart()
		}
		result := s.ensure(desired, true, children.Updated)
		want := []string{"metadata.annotations[multinic.example.com/applied-digest]", "spec.template.spec.containers[controller].image"}
		if !slices.Equal(result.Differences, want) || len(result.By) > 0 {
			t.Errorf("differences %q by %q, want %q by nobody", result.Differences, result.By, want)
		}
		s.ensure(desired, true, children.Unchanged)

		s.addEnv(desired, intruder, "FOO")
		if restarted {
			s.restart()
		}
		result = s.ensure(desired, true, children.Repaired)
		want = []string{"spec.template.spec.containers[controller].env[FOO]"}
		if !slices.Equal(result.Differences, want) || !slices.Equal(result.By, []string{intruder}) {
			t.Errorf("differences %q by %q, want %q by the intruder", result.Differences, result.By, want)
		}
		if replicas := *result.Object.(*appsv1.Deployment).Spec.Replicas; replicas != 2 {
			t.Errorf("the result's object is not the live one: %d replicas", replicas)
		}
	}
}

func TestASecretsNewDataAreWrittenAndNeverTold(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	desired := kinds(s.namespace)["Secret"].(*corev1.Secret)
	s.tellsNoSecret("creation", s.ensure(desired, false, children.Created))
	mark := s.live(desired).GetAnnotations()[children.AnnotationDigest]
	for _, restarted := range []bool{false, true} {
		desired.Data["password"] = append(desired.Data["password"], '!')
		if restarted {
			s.restart()
		}
		result := s.ensure(desired, false, children.Updated)
		s.tellsNoSecret("update", result)
		if result.Object.(*corev1.Secret).Data != nil {
			t.Error("the result has the Secret's data")
		}
		live := s.live(desired)
		if now := live.GetAnnotations()[children.AnnotationDigest]; now != mark {
			t.Error("the digest on the Secret depends on its data: they can be guessed")
		}
		if got, _, _ := unstructured.NestedString(live.Object, "data", "password"); got != base64.StdEncoding.EncodeToString(desired.Data["password"]) {
			t.Error("the new data were not written")
		}
	}
	s.label(desired, "extra", "x")
	s.restart()
	s.ensure(desired, false, children.Drifted)
	s.ensure(desired, true, children.Repaired)
	if strings.Contains(s.output.text.String(), secretValue) {
		t.Error("the log holds a Secret's value")
	}
}

func TestARefusedSecretsErrorHoldsNoValue(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	desired := kinds(s.namespace)["Secret"].(*corev1.Secret)
	desired.Data["no/"+secretValue] = []byte(secretValue)
	_, err := s.applier.Ensure(t.Context(), desired, true)
	if err == nil || !strings.Contains(err.Error(), "Secret "+s.namespace+"/database") {
		t.Fatalf("the error does not name the Secret: %v", err)
	}
	// The name of the key is in it, as the field that was refused.
	desired.Data = map[string][]byte{"tls.crt": []byte(secretValue)}
	desired.StringData = map[string]string{"pass": secretValue}
	desired.Type = "kubernetes.io/dockerconfigjson"
	_, err = s.applier.Ensure(t.Context(), desired, true)
	if err == nil || strings.Contains(err.Error(), secretValue) {
		t.Fatalf("%v", err)
	}
}

func TestStringDataCountAsData(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	desired := kinds(s.namespace)["Secret"].(*corev1.Secret)
	desired.StringData = map[string]string{"password": "other"}
	s.ensure(desired, true, children.Created)
	s.ensure(desired, true, children.Unchanged)
	s.restart()
	s.ensure(desired, true, children.Unchanged)
}

func TestAChildThatSomeoneDeletedIsMadeAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for kind, desired := range kinds(s.namespace) {
		if kind == "PersistentVolumeClaim" {
			continue // its finalizer keeps it: no controller takes that off here
		}
		s.ensure(desired, true, children.Created)
		before := s.live(desired)
		if err := s.raw.Delete(t.Context(), s.named(desired)); err != nil {
			t.Fatal(err)
		}
		result := s.ensure(desired, false, children.Drifted)
		if !slices.Equal(result.Differences, []string{children.Missing}) || result.Object != nil {
			t.Errorf("%s: %+v", kind, result)
		}
		result = s.ensure(desired, true, children.Repaired)
		if !slices.Equal(result.Differences, []string{children.Missing}) {
			t.Errorf("%s: differences %q", kind, result.Differences)
		}
		now := s.live(desired)
		for _, object := range []*unstructured.Unstructured{before, now} {
			unstructured.RemoveNestedField(object.Object, "spec", "clusterIP")
			unstructured.RemoveNestedField(object.Object, "spec", "clusterIPs")
		}
		if diff := cmp.Diff(lasting(before), lasting(now)); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
		s.ensure(desired, true, children.Unchanged)
	}
}

func TestAChildThatWeDeletedIsCreated(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	desired := kinds(s.namespace)["ConfigMap"]
	for _, lose := range []func(){func() { s.applier.Forget(desired) }, s.restart} {
		s.ensure(desired, false, children.Created)
		if err := s.raw.Delete(t.Context(), s.named(desired)); err != nil {
			t.Fatal(err)
		}
		lose()
	}
	s.ensure(desired, false, children.Created)
}

func TestAChildThatIsBeingDeletedIsAwaited(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	desired := claim(s.namespace)
	s.ensure(desired, true, children.Created)
	if err := s.raw.Delete(t.Context(), s.named(desired)); err != nil {
		t.Fatal(err)
	}
	s.calls = counter{}
	result := s.ensure(desired, true, children.Terminating)
	if result.RetryAfter <= 0 || s.calls.writes > 0 {
		t.Errorf("%+v, calls %+v", result, s.calls)
	}
	s.mutate(desired, intruder, func(live *unstructured.Unstructured) { live.SetFinalizers(nil) })
	s.ensure(desired, true, children.Repaired)
}

func TestOrderIsPartOfWhatIsDesired(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	desired := deployment(s.namespace)
	s.ensure(desired, true, children.Created)
	before := s.live(desired)
	s.mutate(desired, intruder, func(live *unstructured.Unstructured) {
		containers, _, _ := unstructured.NestedSlice(live.Object, "spec", "template", "spec", "containers")
		env := containers[0].(obj)["env"].([]any)
		env[0], env[1] = env[1], env[0]
		if err := unstructured.SetNestedSlice(live.Object, containers, "spec", "template", "spec", "containers"); err != nil {
			t.Fatal(err)
		}
	})
	result := s.ensure(desired, true, children.Repaired)
	if want := []string{"spec.template.spec.containers[controller].env"}; !slices.Equal(result.Differences, want) {
		t.Errorf("differences %q, want %q", result.Differences, want)
	}
	s.same(before)
}

func TestAtMostTenDifferencesAreTold(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	desired := deployment(s.namespace)
	s.ensure(desired, true, children.Created)
	var names []string
	for i := range 30 {
		names = append(names, fmt.Sprintf("FOO%d", i))
	}
	s.addEnv(desired, intruder, names...)
	if result := s.ensure(desired, true, children.Repaired); len(result.Differences) != 10 {
		t.Errorf("%d differences", len(result.Differences))
	}
}

func TestWritersAreKnownAgainAfterSomeoneEmptiedTheOwners(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	desired := deployment(s.namespace)
	s.ensure(desired, true, children.Created)
	s.addEnv(desired, intruder, "FOO")
	if err := patchOwners(t.Context(), s.raw, s.live(desired), []any{obj{}}); err != nil {
		t.Fatal(err)
	}
	if len(s.live(desired).GetManagedFields()) > 0 {
		t.Fatal("there are owners left")
	}
	if result := s.ensure(desired, true, children.Repaired); len(result.By) > 0 {
		t.Errorf("by %q", result.By)
	}
	s.addEnv(desired, intruder, "FOO")
	if result := s.ensure(desired, true, children.Repaired); !slices.Equal(result.By, []string{intruder}) {
		t.Errorf("by %q", result.By)
	}
}

func TestAChildThatChangesUnderOurHandsIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	desired := deployment(s.namespace)
	s.ensure(desired, true, children.Created)
	before := s.live(desired)
	s.addEnv(desired, intruder, "FOO")
	times := 0
	s.fault = func(string, client.Object) error {
		if times++; times < 4 {
			s.addEnv(desired, intruder, fmt.Sprintf("BAR%d", times)) // its new version makes ours a conflict
		}
		return nil
	}
	s.ensure(desired, true, children.Repaired)
	s.fault = nil
	s.same(before)

	s.fault = func(verb string, _ client.Object) error {
		return apierrors.NewConflict(schema.GroupResource{Resource: "deployments"}, "controller", errors.New("always"))
	}
	s.addEnv(desired, intruder, "FOO")
	s.calls = counter{}
	if _, err := s.applier.Ensure(t.Context(), desired, true); !apierrors.IsConflict(err) || s.calls.writes > 5 {
		t.Errorf("%v after %d writes", err, s.calls.writes)
	}
}

func TestManyMayEnsureTheSame(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	applier := children.New(children.Options{Client: s.raw, Reader: s.raw, Owner: owner, Clock: s.clock})
	var wait sync.WaitGroup
	for range 8 {
		for _, desired := range kinds(s.namespace) {
			wait.Go(func() {
				if _, err := applier.Ensure(t.Context(), desired, true); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wait.Wait()
}
