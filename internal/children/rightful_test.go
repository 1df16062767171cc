// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package children_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/internal/children"
)

func TestReplicasThatWeLeaveOutAreAnothers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	desired := deployment(s.namespace)
	desired.Spec.Replicas = nil
	s.ensure(desired, true, children.Created)
	scale := &unstructured.Unstructured{Object: obj{"apiVersion": "autoscaling/v1", "kind": "Scale", "spec": obj{"replicas": int64(7)},
		"metadata": obj{"name": desired.Name, "namespace": s.namespace}}}
	if err := s.raw.SubResource("scale").Update(t.Context(), s.named(desired), client.WithSubResourceBody(scale), client.FieldOwner("autoscaler")); err != nil {
		t.Fatal(err)
	}
	for _, repair := range []bool{true, false} {
		s.ensure(desired, repair, children.Unchanged)
		desired.Spec.MinReadySeconds++
		s.ensure(desired, repair, children.Updated)
		if now, _, _ := unstructured.NestedInt64(s.live(desired).Object, "spec", "replicas"); now != 7 {
			t.Errorf("repair %t: %d replicas", repair, now)
		}
	}
	s.clock.SetTime(s.clock.Now().Add(time.Hour))
	desired.Spec.Replicas = new(int32(2))
	s.ensure(desired, true, children.Updated)
	if err := s.raw.SubResource("scale").Update(t.Context(), s.named(desired), client.WithSubResourceBody(scale), client.FieldOwner("autoscaler")); err == nil {
		t.Fatal("scaled with an old version")
	}
	scale.SetResourceVersion("")
	if err := s.raw.SubResource("scale").Update(t.Context(), s.named(desired), client.WithSubResourceBody(scale), client.FieldOwner("autoscaler")); err != nil {
		t.Fatal(err)
	}
	result := s.ensure(desired, true, children.Repaired)
	if !slices.Equal(result.Differences, []string{"spec.replicas"}) || !slices.Equal(result.By, []string{"autoscaler"}) {
		t.Errorf("differences %q by %q", result.Differences, result.By)
	}
}

// TestWhatKubernetesWritesStays writes as Kubernetes' controllers do, that do
// not run here.
func TestWhatKubernetesWritesStays(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	writes := map[string]obj{
		"Deployment": {"metadata": obj{"annotations": obj{"deployment.kubernetes.io/revision": "3"}}},
		"PersistentVolumeClaim": {"spec": obj{"volumeName": "pv-1"}, "metadata": obj{
			"annotations": obj{"pv.kubernetes.io/bind-completed": "yes", "volume.kubernetes.io/selected-node": "a", "volume.beta.kubernetes.io/storage-provisioner": "x"},
			"finalizers":  []any{"kubernetes.io/pvc-protection", "snapshot.storage.kubernetes.io/pvc-as-source-protection", "backup.example.com/hold"}}},
		"ServiceAccount": {"secrets": []any{obj{"name": "controller-token-x"}}},
		"Service":        {"metadata": obj{"finalizers": []any{"service.kubernetes.io/load-balancer-cleanup"}}},
	}
	statuses := map[string]obj{
		"Deployment": {"replicas": int64(2), "observedGeneration": int64(1)}, "Service": {"loadBalancer": obj{"ingress": []any{obj{"ip": "192.0.2.1"}}}},
		"PersistentVolumeClaim": {"phase": "Bound"}, "CronJob": {"lastScheduleTime": "2026-01-01T00:00:00Z"},
		"PodDisruptionBudget": {"currentHealthy": int64(1), "desiredHealthy": int64(1), "disruptionsAllowed": int64(0), "expectedPods": int64(1)},
	}
	for kind, desired := range kinds(s.namespace) {
		if service, ok := desired.(*corev1.Service); ok && kind == "Service" {
			service.Spec.Type = corev1.ServiceTypeLoadBalancer
			service.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
		}
		s.ensure(desired, true, children.Created)
		if write, ok := writes[kind]; ok {
			if err := s.mergePatch(desired, "kube-controller-manager", write); err != nil {
				t.Fatal(err)
			}
		}
		if status, ok := statuses[kind]; ok {
			live := s.live(desired)
			live.Object["status"] = status
			if err := s.raw.Status().Update(t.Context(), live, client.FieldOwner("kube-controller-manager")); err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
		}
		before := s.live(desired)
		s.calls = counter{}
		s.ensure(desired, true, children.Unchanged)
		if s.calls.dryRuns > 0 && writes[kind] == nil {
			t.Errorf("%s: a new status alone costs %+v", kind, s.calls)
		}
		desired.SetAnnotations(map[string]string{"example.com/notes": "other"})
		s.ensure(desired, true, children.Updated)
		now := s.live(desired)
		for _, object := range []*unstructured.Unstructured{before, now} {
			annotations := object.GetAnnotations()
			delete(annotations, "example.com/notes")
			delete(annotations, children.AnnotationDigest)
			object.SetAnnotations(annotations)
		}
		s.equal(kind, before, now)
	}
}

func TestAFinalizerOfAnotherIsADifference(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	desired := deployment(s.namespace)
	s.ensure(desired, true, children.Created)
	s.mutate(desired, intruder, func(live *unstructured.Unstructured) {
		live.SetFinalizers([]string{"example.com/hold", "foregroundDeletion"})
	})
	s.ensure(desired, true, children.Repaired)
	if now := s.live(desired).GetFinalizers(); !slices.Equal(now, []string{"foregroundDeletion"}) {
		t.Errorf("finalizers %q", now)
	}
}

// equal compares two states of an object, with what it was allocated.
func (s *site) equal(what string, before, now *unstructured.Unstructured) {
	s.t.Helper()
	for _, object := range []*unstructured.Unstructured{before, now} {
		object.SetManagedFields(nil)
		object.SetResourceVersion("")
		object.SetGeneration(0)
		object.SetCreationTimestamp(metav1.Time{})
	}
	if diff := cmp.Diff(before.Object, now.Object); diff != "" {
		s.t.Errorf("%s: what Kubernetes wrote did not stay:\n%s", what, diff)
	}
}

// TestWhatAdmissionAddsIsNoDifference: a policy, or a webhook, that changes all
// objects of the cluster is asked by the API server in the dry run too. Nobody
// fights with it.
func TestWhatAdmissionAddsIsNoDifference(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	here := &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": s.namespace}}
	policy := &admissionv1.MutatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}, Spec: admissionv1.MutatingAdmissionPolicySpec{
		ReinvocationPolicy: admissionv1.NeverReinvocationPolicy,
		MatchConstraints: &admissionv1.MatchResources{NamespaceSelector: here, ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
			Operations: []admissionv1.OperationType{"CREATE", "UPDATE"}, Rule: admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"}}}}}},
		Mutations: []admissionv1.Mutation{{PatchType: admissionv1.PatchTypeApplyConfiguration,
			ApplyConfiguration: &admissionv1.ApplyConfiguration{Expression: `Object{metadata: Object.metadata{labels: {"cost-centre": "7"}}}`}}},
	}}
	binding := &admissionv1.MutatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: s.namespace},
		Spec: admissionv1.MutatingAdmissionPolicyBindingSpec{PolicyName: s.namespace, MatchResources: &admissionv1.MatchResources{NamespaceSelector: here}}}
	for _, object := range []client.Object{policy, binding} {
		if err := s.raw.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.raw.Delete(context.Background(), object) }) // the server ends with the tests
	}
	desired := kinds(s.namespace)["ConfigMap"]
	for end := time.Now().Add(time.Minute); s.probe()["cost-centre"] == ""; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the policy does not come into force")
		}
	}
	s.ensure(desired, true, children.Created)
	for range 3 {
		s.restart()
		s.ensure(desired, true, children.Unchanged)
	}
	s.label(desired, "extra", "x")
	s.ensure(desired, true, children.Repaired)
	if now := s.live(desired).GetLabels(); now["cost-centre"] != "7" || now["extra"] != "" {
		t.Errorf("labels %q", now)
	}
}

// probe gives the labels that a ConfigMap gets now.
func (s *site) probe() map[string]string {
	s.t.Helper()
	probe := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "probe"}}
	if err := s.raw.Create(s.t.Context(), probe, client.DryRunAll); err != nil {
		s.t.Fatal(err)
	}
	return probe.Labels
}
