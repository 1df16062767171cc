// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package children_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/internal/children"
)

func TestWhatCannotBeChangedIsMadeAnew(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	changes := map[string]func(client.Object){
		"Deployment": func(o client.Object) {
			d := o.(*appsv1.Deployment)
			d.Spec.Selector.MatchLabels = map[string]string{"app": "other"}
			d.Spec.Template.Labels = map[string]string{"app": "other"}
		},
		"RoleBinding":        func(o client.Object) { o.(*rbacv1.RoleBinding).RoleRef.Name = "other" },
		"ClusterRoleBinding": func(o client.Object) { o.(*rbacv1.ClusterRoleBinding).RoleRef.Name = "edit" },
		"Service":            func(o client.Object) { o.(*corev1.Service).Spec.ClusterIP = "None" },
		"headless Service":   func(o client.Object) { o.(*corev1.Service).Spec.ClusterIP = "" },
		"ConfigMap": func(o client.Object) {
			o.(*corev1.ConfigMap).Immutable = new(true)
			o.(*corev1.ConfigMap).Data["level"] = "debug"
		},
	}
	for kind, change := range changes {
		desired := kinds(s.namespace)[kind]
		if config, ok := desired.(*corev1.ConfigMap); ok {
			config.Immutable = new(true)
		}
		s.ensure(desired, true, children.Created)
		before := s.live(desired)
		change(desired)
		result := s.ensure(desired, true, children.Updated)
		if len(result.Differences) == 0 {
			t.Errorf("%s: no differences", kind)
		}
		if now := s.live(desired); now.GetUID() == before.GetUID() {
			t.Errorf("%s: the same object as before: %v", kind, result.Differences)
		}
		s.ensure(desired, true, children.Unchanged)
	}
}

func TestAnIntrudersRoleIsReplaced(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	desired := kinds(s.namespace)["RoleBinding"].(*rbacv1.RoleBinding)
	s.ensure(desired, true, children.Created)
	if err := s.raw.Delete(t.Context(), s.named(desired)); err != nil {
		t.Fatal(err)
	}
	theirs := kinds(s.namespace)["RoleBinding"].(*rbacv1.RoleBinding)
	theirs.RoleRef.Name = "cluster-admin"
	if err := s.raw.Create(t.Context(), theirs, client.FieldOwner(intruder)); err != nil {
		t.Fatal(err)
	}
	result := s.ensure(desired, false, children.Drifted)
	if !slices.Equal(result.Differences, []string{"roleRef"}) || !slices.Equal(result.By, []string{intruder}) {
		t.Errorf("differences %q by %q", result.Differences, result.By)
	}
	s.ensure(desired, true, children.Repaired)
	s.ensure(desired, true, children.Unchanged)
}

func TestDataAreNeverDeleted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	changes := map[string]func(client.Object){
		"StatefulSet": func(o client.Object) {
			o.(*appsv1.StatefulSet).Spec.VolumeClaimTemplates[0].Spec.StorageClassName = new("slow")
		},
		"PersistentVolumeClaim": func(o client.Object) { o.(*corev1.PersistentVolumeClaim).Spec.StorageClassName = new("slow") },
		"Secret":                func(o client.Object) { o.(*corev1.Secret).Type = "example.com/other" },
	}
	for kind, change := range changes {
		desired := kinds(s.namespace)[kind]
		s.ensure(desired, true, children.Created)
		before := s.live(desired)
		change(desired)
		_, err := s.applier.Ensure(t.Context(), desired, true)
		var typed *children.ImmutableError
		if !errors.Is(err, children.ErrImmutable) || !errors.As(err, &typed) || len(typed.Fields) == 0 || strings.Contains(err.Error(), secretValue) {
			t.Errorf("%s: %v", kind, err)
		}
		t.Logf("%v", err)
		if now := s.live(desired); now.GetResourceVersion() != before.GetResourceVersion() {
			t.Errorf("%s: touched", kind)
		}
	}
}

func TestWhatIsWrongIsNotTakenForImmutable(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	desired := deployment(s.namespace)
	s.ensure(desired, true, children.Created)
	before := s.live(desired)
	desired.Spec.Template.Spec.Containers[0].Ports[0].ContainerPort = 70000
	if _, err := s.applier.Ensure(t.Context(), desired, true); err == nil || errors.Is(err, children.ErrImmutable) || !strings.Contains(err.Error(), "containerPort") {
		t.Errorf("%v", err)
	}
	if now := s.live(desired); now.GetResourceVersion() != before.GetResourceVersion() {
		t.Error("touched")
	}
}

func TestAReplacedObjectThatLingersIsAwaited(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	desired := kinds(s.namespace)["RoleBinding"].(*rbacv1.RoleBinding)
	desired.Finalizers = []string{"example.com/hold"}
	s.ensure(desired, true, children.Created)
	desired.RoleRef.Name = "other"
	s.ensure(desired, true, children.Terminating)
	s.mutate(desired, intruder, func(live *unstructured.Unstructured) { live.SetFinalizers(nil) })
	if err := s.raw.Get(t.Context(), client.ObjectKeyFromObject(desired), s.named(desired)); err == nil {
		t.Fatal("still there")
	}
	s.ensure(desired, false, children.Updated) // it was we who deleted it
	s.ensure(desired, true, children.Unchanged)
}

// TestAnImmutableSecretIsTheCallersMatter: someone made it so. That can't be
// taken back but by deletion, and its data may be nowhere else.
func TestAnImmutableSecretIsTheCallersMatter(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	desired := kinds(s.namespace)["Secret"]
	s.ensure(desired, true, children.Created)
	if err := s.mergePatch(desired, intruder, obj{"immutable": true}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.applier.Ensure(t.Context(), desired, true); !errors.Is(err, children.ErrImmutable) || !strings.Contains(err.Error(), "immutable") {
		t.Errorf("%v", err)
	}
	s.ensure(desired, false, children.Drifted)
}
