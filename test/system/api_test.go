// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package system

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// strictly is a client that gets unknown fields refused and keeps warnings.
func strictly(t *testing.T) (c client.Client, namespace string, warnings *[]string) {
	t.Helper()
	kube := testenv.Kube(t)
	warnings = &[]string{}
	kube.WarningHandlerWithContext = warningsTo{warnings}
	plain, err := client.New(kube, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return client.WithFieldValidation(plain, "Strict"), testenv.Namespace(t, plain), warnings
}

type warningsTo struct{ to *[]string }

func (w warningsTo) HandleWarningHeaderWithContext(_ context.Context, _ int, _, text string) {
	*w.to = append(*w.to, text)
}

var _ rest.WarningHandlerWithContext = warningsTo{}

// documents reads the objects of a manifest.
func documents(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	var out []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		o := &unstructured.Unstructured{}
		if err := decoder.Decode(&o.Object); err != nil {
			return out
		}
		if len(o.Object) > 0 {
			out = append(out, o)
		}
	}
}

func TestEverySampleAppliesUnchanged(t *testing.T) {
	t.Parallel()
	c, namespace, _ := strictly(t)
	files, err := filepath.Glob("../../config/samples/*.yaml")
	if err != nil || len(files) < 8 {
		t.Fatalf("samples: %v (%v)", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range documents(t, string(text)) {
			o.SetNamespace(namespace) // the test's own; kubectl apply -n does the same
			if err := c.Create(t.Context(), o); err != nil {
				t.Errorf("%s: %v", filepath.Base(file), err)
			}
		}
	}
}

const good = `
apiVersion: multinic.example.com/v1alpha1
kind: OpenstackConfig
metadata: {name: good}
spec:
  vmNames: [a, b]
  subnetName: s
  credentials: {authURL: "http://127.0.0.1:5000", username: u, password: p}
`

// TestTheAPIRefusesBadInputAndSaysWhy has a row for each refusal: the field
// that is set, the value, and what the answer must name.
func TestTheAPIRefusesBadInputAndSaysWhy(t *testing.T) {
	t.Parallel()
	c, namespace, _ := strictly(t)
	for _, row := range []struct {
		name, kind string
		path       []string
		value      any
		says       string
	}{
		{"no VM", "OpenstackConfig", []string{"spec", "vmNames"}, []any{}, "spec.vmNames"},
		{"a VM twice", "OpenstackConfig", []string{"spec", "vmNames"}, []any{"a", "a"}, "Duplicate"},
		{"an empty VM name", "OpenstackConfig", []string{"spec", "vmNames"}, []any{""}, "spec.vmNames"},
		{"a VM name of 256 characters", "OpenstackConfig", []string{"spec", "vmNames"}, []any{strings.Repeat("x", 256)}, "spec.vmNames"},
		{"no subnet", "OpenstackConfig", []string{"spec", "subnetName"}, "", "spec.subnetName"},
		{"an address that is none", "OpenstackConfig", []string{"spec", "credentials", "authURL"}, "keystone:5000", "authURL"},
		{"an address with a password in it", "OpenstackConfig", []string{"spec", "credentials", "authURL"}, "http://u:p@keystone:5000", "authURL"},
		{"secretRef beside inline fields", "OpenstackConfig", []string{"spec", "credentials", "secretRef"}, map[string]any{"name": "s"}, "secretRef replaces all inline fields"},
		{"a cloud without secretRef", "OpenstackConfig", []string{"spec", "credentials", "cloud"}, "c", "clouds.yaml"},
		{"no password", "OpenstackConfig", []string{"spec", "credentials"}, map[string]any{"username": "u"}, "username and password are required"},
		{"a hold that is no duration", "OpenstackConfig", []string{"spec", "withdrawal"}, map[string]any{"hold": "soon"}, "hold"},
		{"an unknown field", "OpenstackConfig", []string{"spec", "vmnames"}, []any{"a"}, "unknown field"},
		{"an unknown mode", "MultiNicOperator", []string{"spec", "reconcileTrigger", "mode"}, "sometimes", "mode"},
		{"an interval that is no duration", "MultiNicOperator", []string{"spec", "reconcileTrigger", "interval"}, "15 minutes", "interval"},
		{"an interval too short", "MultiNicOperator", []string{"spec", "reconcileTrigger", "interval"}, "1s", "between 10s and 24h"},
		{"an interval too long", "MultiNicOperator", []string{"spec", "reconcileTrigger", "interval"}, "25h", "between 10s and 24h"},
		{"interval and schedule", "MultiNicOperator", []string{"spec", "reconcileTrigger"}, map[string]any{"interval": "15m", "schedule": "* * * * *"}, "remove one"},
		{"a size that is no quantity", "MultiNicOperator", []string{"spec", "database", "storageSize"}, "much", "storageSize"},
		{"a cpu that is no quantity", "MultiNicOperator", []string{"spec", "controller", "resources"}, map[string]any{"cpu": "two"}, "cpu"},
		{"an operation that is none", "MultiNicOperator", []string{"spec", "protection", "allowedOperations"}, []any{"destroy"}, "allowedOperations"},
		{"negative replicas", "MultiNicOperator", []string{"spec", "controller", "replicas"}, int64(-1), "replicas"},
	} {
		t.Run(row.name, func(t *testing.T) {
			o := documents(t, good)[0]
			if row.kind == "MultiNicOperator" {
				o = documents(t, "apiVersion: multinic.example.com/v1alpha1\nkind: MultiNicOperator\nmetadata: {name: good}\nspec: {}\n")[0]
			}
			o.SetNamespace(namespace)
			if err := c.Create(t.Context(), o.DeepCopy(), client.DryRunAll); err != nil {
				t.Fatalf("the object is not good before: %v", err)
			}
			if err := unstructured.SetNestedField(o.Object, row.value, row.path...); err != nil {
				t.Fatal(err)
			}
			err := c.Create(t.Context(), o, client.DryRunAll)
			if !(apierrors.IsInvalid(err) || apierrors.IsBadRequest(err)) || !strings.Contains(err.Error(), row.says) {
				t.Errorf("the answer is %v; it should refuse and name %q", err, row.says)
			}
		})
	}
}

func TestHostileNamesAreTakenAsTheyAre(t *testing.T) {
	t.Parallel()
	c, namespace, _ := strictly(t)
	o := documents(t, good)[0]
	o.SetNamespace(namespace)
	names := []any{`'; DROP TABLE multi_interface; --`, `a"b`, "^(a|b)$", "[", "*", "서버", "🙂", strings.Repeat("x", 255)}
	if err := unstructured.SetNestedSlice(o.Object, names, "spec", "vmNames"); err != nil {
		t.Fatal(err)
	}
	if err := c.Create(t.Context(), o); err != nil {
		t.Error(err)
	}
}

// TestAnInlinePasswordIsAcceptedWithAWarning is true where the server knows
// ValidatingAdmissionPolicies, Kubernetes 1.30 and later.
func TestAnInlinePasswordIsAcceptedWithAWarning(t *testing.T) {
	t.Parallel()
	c, namespace, warnings := strictly(t)
	text, err := os.ReadFile("../../config/policy/inline_password.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range documents(t, string(text)) {
		if err := c.Create(t.Context(), o); client.IgnoreAlreadyExists(err) != nil {
			t.Fatal(err)
		}
	}
	const inDatabase = `
apiVersion: multinic.example.com/v1alpha1
kind: MultiNicOperator
metadata: {name: inline}
spec: {database: {credentials: {rootPassword: secret}}}
`
	s := &system{t: t}
	for _, text := range []string{good, inDatabase} {
		s.eventually("the server knows the policy and warns", func() error {
			*warnings = nil
			o := documents(t, text)[0]
			o.SetNamespace(namespace)
			if err := c.Create(t.Context(), o, client.DryRunAll); err != nil {
				t.Fatal(err)
			}
			for _, w := range *warnings {
				if strings.Contains(w, "secretRef") {
					return nil
				}
			}
			return os.ErrNotExist
		})
	}
	// Nor is anyone warned who has nothing to mend.
	*warnings = nil
	for _, text := range []string{"spec: {}", "spec: {database: {}}", "spec: {database: {credentials: {user: someone}}}"} {
		o := documents(t, "apiVersion: multinic.example.com/v1alpha1\nkind: MultiNicOperator\nmetadata: {name: fine}\n"+text)[0]
		o.SetNamespace(namespace)
		if err := c.Create(t.Context(), o, client.DryRunAll); err != nil {
			t.Fatal(err)
		}
	}
	if len(*warnings) > 0 {
		t.Errorf("warned for nothing: %q", *warnings)
	}
}
