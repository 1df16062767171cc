// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// volatile is of metadata what the API server alone writes.
var volatile = []string{
	"creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generateName", "generation", "managedFields",
	"resourceVersion", "selfLink", "uid",
}

// rightful is what Kubernetes itself writes into objects that others made. It is
// no difference. All kinds have besides: status, the volatile metadata, and the
// finalizers of Kubernetes. What a Service is allocated (clusterIP, nodePort …)
// is not here: the API server carries it over itself where it still fits.
type rightful struct {
	// fields are another's where the desired object leaves them out.
	fields [][]string
	// annotations end with * where they are a prefix.
	annotations []string
	// finalizers: all of them, whoever's they are.
	finalizers bool
}

var rightfulOf = map[string]rightful{
	// The replicas of whoever leaves them out are someone's autoscaler's.
	"Deployment":  {fields: [][]string{{"spec", "replicas"}}, annotations: []string{"deployment.kubernetes.io/revision"}},
	"StatefulSet": {fields: [][]string{{"spec", "replicas"}}},
	// The token controller's, in clusters that still have such tokens.
	"ServiceAccount": {fields: [][]string{{"secrets"}}},
	"PersistentVolumeClaim": {
		// The class is set later where a default one appears later.
		fields:      [][]string{{"spec", "volumeName"}, {"spec", "storageClassName"}},
		annotations: []string{"pv.kubernetes.io/*", "volume.kubernetes.io/*", "volume.beta.kubernetes.io/*"},
		// A finalizer can only keep data longer. To take one off that a
		// backup put there could lose them.
		finalizers: true,
	},
}

// want gives what the live object should be replaced by.
func (c *child) want(live *unstructured.Unstructured) *unstructured.Unstructured {
	want := c.desired.DeepCopy()
	for _, field := range volatile {
		if field == "managedFields" {
			continue // left out, the API server keeps them
		}
		carry(want, live, "metadata", field)
	}
	if status, ok := live.Object["status"]; ok {
		want.Object["status"] = status
	}
	right := rightfulOf[c.id.Kind]
	for _, field := range right.fields {
		carry(want, live, field...)
	}
	finalizers := want.GetFinalizers()
	for _, finalizer := range live.GetFinalizers() {
		if (right.finalizers || ofKubernetes(finalizer)) && !slices.Contains(finalizers, finalizer) {
			finalizers = append(finalizers, finalizer)
		}
	}
	want.SetFinalizers(inOrderOf(live.GetFinalizers(), finalizers))
	annotations := maps.Clone(live.GetAnnotations())
	maps.DeleteFunc(annotations, func(name, _ string) bool { return !right.annotation(name) })
	if len(annotations) > 0 {
		maps.Copy(annotations, want.GetAnnotations())
		want.SetAnnotations(annotations)
	}
	c.oneFamily(want)
	return want
}

// oneFamily says what the API server means by a Service that says nothing of IP
// families when it is created. On an update it would take over what is there,
// and that may be another's.
func (c *child) oneFamily(want *unstructured.Unstructured) {
	spec, _ := want.Object["spec"].(map[string]any)
	if c.id.Kind != "Service" || spec == nil || spec["selector"] == nil || spec["type"] == "ExternalName" {
		return
	}
	if _, set := spec["ipFamilyPolicy"]; !set {
		spec["ipFamilyPolicy"] = "SingleStack"
	}
}

func (r rightful) annotation(name string) bool {
	return slices.ContainsFunc(r.annotations, func(pattern string) bool {
		prefix, open := strings.CutSuffix(pattern, "*")
		return name == pattern || open && strings.HasPrefix(name, prefix)
	})
}

// carry copies a field from live where want does not have it.
func carry(want, live *unstructured.Unstructured, field ...string) {
	if _, set, _ := unstructured.NestedFieldNoCopy(want.Object, field...); set {
		return
	}
	value, set, err := unstructured.NestedFieldCopy(live.Object, field...)
	if !set || err != nil {
		return
	}
	// It fails only where a parent is no map, and then the API server will
	// say so of the object as a whole.
	_ = unstructured.SetNestedField(want.Object, value, field...)
}

// ofKubernetes tells the finalizers of Kubernetes and its subprojects.
func ofKubernetes(finalizer string) bool {
	domain, _, qualified := strings.Cut(finalizer, "/")
	if !qualified {
		return finalizer == "foregroundDeletion" || finalizer == "orphan" || finalizer == "kubernetes"
	}
	return domain == "kubernetes.io" || domain == "k8s.io" || strings.HasSuffix(domain, ".kubernetes.io") || strings.HasSuffix(domain, ".k8s.io")
}

// inOrderOf sorts items as they are in order, the others after them.
func inOrderOf(order, items []string) []string {
	rank := func(item string) int {
		if i := slices.Index(order, item); i >= 0 {
			return i
		}
		return len(order)
	}
	items = slices.Clone(items)
	slices.SortStableFunc(items, func(a, b string) int { return rank(a) - rank(b) })
	return items
}

// essence is what of an object is compared.
func essence(object *unstructured.Unstructured) map[string]any {
	content := object.DeepCopy().Object
	delete(content, "status")
	for _, field := range volatile {
		unstructured.RemoveNestedField(content, "metadata", field)
	}
	return content
}
