// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// right is one verb on one kind of resource.
type right struct{ verb, resource string }

func (r right) String() string { return r.verb + " " + r.resource }

// entry is a line of the audit log, as far as it is of interest.
type entry struct {
	Verb       string `json:"verb"`
	RequestURI string `json:"requestURI"`
	ObjectRef  struct{ Resource, Subresource, APIGroup, Name, Namespace string }
	Response   struct{ Code int } `json:"responseStatus"`
	Told       map[string]string  `json:"annotations"`
}

func (e entry) right() right {
	resource := e.ObjectRef.Resource
	if e.ObjectRef.Subresource != "" {
		resource += "/" + e.ObjectRef.Subresource
	}
	if e.ObjectRef.APIGroup != "" {
		resource += "." + e.ObjectRef.APIGroup
	}
	return right{e.Verb, resource}
}

func readAudit(t *testing.T, path string) (out []entry) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("%v: %s", err, lines.Text())
		}
		out = append(out, e)
	}
	if lines.Err() != nil {
		t.Fatal(lines.Err())
	}
	return out
}

// shipped are the objects of a folder of config/: what its kustomization names,
// which must be no more than a list.
func shipped(t *testing.T, folder string) (out []*unstructured.Unstructured) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "kustomization.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		APIVersion, Kind string
		Resources        []string
	}
	if err := yaml.UnmarshalStrict(text, &list); err != nil {
		t.Fatalf("%s is more than a list: %v", folder, err)
	}
	for _, name := range list.Resources {
		path := filepath.Join(folder, name)
		if strings.HasSuffix(name, ".yaml") {
			out = append(out, decoded(t, path)...)
		} else {
			out = append(out, shipped(t, path)...)
		}
	}
	return out
}

func decoded(t *testing.T, path string) (out []*unstructured.Unstructured) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decoder := yaml.NewYAMLOrJSONDecoder(file, 4096)
	for {
		o := &unstructured.Unstructured{}
		switch err := decoder.Decode(&o.Object); {
		case errors.Is(err, io.EOF):
			return out
		case err != nil:
			t.Fatalf("%s: %v", path, err)
		case o.Object != nil:
			out = append(out, o)
		}
	}
}

// rightsOf are those of the roles of that name, taken apart.
func rightsOf(t *testing.T, objects []*unstructured.Unstructured, names ...string) (out []right) {
	t.Helper()
	for _, o := range objects {
		if !strings.HasSuffix(o.GetKind(), "Role") || !slices.Contains(names, o.GetName()) {
			continue
		}
		role := &rbacv1.ClusterRole{} // a Role has the same rules
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, role); err != nil {
			t.Fatal(err)
		}
		for _, rule := range role.Rules {
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					for _, verb := range rule.Verbs {
						r := right{verb, strings.TrimSuffix(resource+"."+group, ".")}
						if !slices.Contains(out, r) {
							out = append(out, r)
						}
					}
				}
			}
		}
	}
	return out
}
