// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/children"
	"github.com/xormsdhkdwk/multinic/internal/controller/multinicoperator"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// state is what the operator keeps for a namespace, and its MultiNicOperators: a
// text for each object, without what differs between two of the same.
type state map[string]string

// state reads it. given are the passwords that are told: all others are made by
// chance.
func (b *bed) state(given ...string) state {
	b.t.Helper()
	out := state{}
	kinds := append(multinicoperator.Children(), &v1alpha1.MultiNicOperator{})
	for _, kind := range kinds {
		if _, isPod := kind.(*corev1.Pod); isPod {
			continue
		}
		for _, object := range b.those(kind) {
			what := b.normal(object.GetKind() + " " + strings.TrimPrefix(object.GetNamespace()+"/"+object.GetName(), b.namespace+"/"))
			if _, twice := out[what]; twice {
				what += " (another)"
			}
			out[what] = b.normal(content(object, given))
		}
	}
	return out
}

// those lists a kind's objects of the namespace, and those elsewhere that are this
// namespace's.
func (b *bed) those(kind client.Object) (out []unstructured.Unstructured) {
	b.t.Helper()
	gvk, err := apiutil.GVKForObject(kind, b.client.Scheme())
	if err != nil {
		b.t.Fatal(err)
	}
	elsewhere := client.MatchingLabels{resources.LabelOperatorNamespace: b.namespace}
	switch kind.(type) {
	case *rbacv1.ClusterRoleBinding:
		return b.listed(gvk, elsewhere)
	case *rbacv1.RoleBinding:
		out = b.listed(gvk, elsewhere)
	}
	for _, object := range b.listed(gvk, client.InNamespace(b.namespace)) {
		if object.GetLabels()[resources.LabelOperatorNamespace] == "" && object.GetName() != "kube-root-ca.crt" {
			out = append(out, object)
		}
	}
	return out
}

func (b *bed) listed(gvk schema.GroupVersionKind, options ...client.ListOption) []unstructured.Unstructured {
	b.t.Helper()
	list := &unstructured.UnstructuredList{}
	gvk.Kind += "List"
	list.SetGroupVersionKind(gvk)
	if err := b.client.List(b.t.Context(), list, options...); err != nil {
		b.t.Fatal(err)
	}
	return list.Items
}

// content is what of an object two lives have in common.
func content(object unstructured.Unstructured, given []string) string {
	o := object.DeepCopy().Object
	for _, field := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"} {
		unstructured.RemoveNestedField(o, "metadata", field)
	}
	for _, field := range []string{"clusterIP", "clusterIPs"} {
		unstructured.RemoveNestedField(o, "spec", field)
	}
	switch object.GetKind() {
	case "Secret":
		data, _, _ := unstructured.NestedStringMap(o, "data")
		for key, value := range data {
			if text, _ := base64.StdEncoding.DecodeString(value); !slices.Contains([]string{"user", "database", "host", "port"}, key) && !slices.Contains(given, string(text)) {
				data[key] = "by chance"
			} else {
				data[key] = string(text)
			}
		}
		_ = unstructured.SetNestedStringMap(o, data, "data") // a map of strings fits
	case "MultiNicOperator":
		conditions, _, _ := unstructured.NestedSlice(o, "status", "conditions")
		slices.SortFunc(conditions, func(a, b any) int {
			return strings.Compare(fmt.Sprint(a.(map[string]any)["type"]), fmt.Sprint(b.(map[string]any)["type"]))
		})
		_ = unstructured.SetNestedSlice(o, conditions, "status", "conditions")
	case "PersistentVolumeClaim":
	default:
		delete(o, "status") // what runs pods writes it
	}
	text, err := json.MarshalIndent(o, "", " ")
	if err != nil {
		panic(err) // of JSON made
	}
	return string(text)
}

var byChance = []struct {
	what *regexp.Regexp
	text string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "UID"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`), "TIME"},
	{regexp.MustCompile(regexp.QuoteMeta(children.AnnotationDigest) + `": "[0-9a-f]+`), "applied-digest: "},
	{regexp.MustCompile(regexp.QuoteMeta(resources.AnnotationDigest) + `": "[0-9a-f]+`), "secrets-digest: "},
	{digestInName, "-DIGEST"},
}

func (b *bed) normal(text string) string {
	text = strings.ReplaceAll(text, b.namespace, "NAMESPACE")
	for _, c := range byChance {
		text = c.what.ReplaceAllString(text, c.text)
	}
	return text
}

// unlike tells where two states differ; nothing where they don't.
func unlike(got, want state) (out []string) {
	all := maps.Clone(got)
	maps.Copy(all, want)
	for _, what := range slices.Sorted(maps.Keys(all)) {
		switch g, w := got[what], want[what]; {
		case g == w:
		case w == "":
			out = append(out, what+" should not be there: "+g)
		case g == "":
			out = append(out, what+" is missing")
		default:
			out = append(out, fmt.Sprintf("%s: %s", what, firstLineUnlike(g, w)))
		}
	}
	return out
}

func firstLineUnlike(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			from, to := max(i-3, 0), min(i+4, len(g))
			return fmt.Sprintf("got\n%s\nwant\n%s", strings.Join(g[from:to], "\n"), strings.Join(w[min(from, len(w)):min(to, len(w))], "\n"))
		}
	}
	return "got less than\n" + strings.Join(w[len(g):], "\n")
}
