// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package deploy

import (
	"os"
	"path/filepath"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// TestTheAPIServerTakesEveryManifestWithoutAWarning installs each way, one over the
// other, in a namespace that enforces the Pod Security Standard restricted and warns of
// what breaks it, and makes the samples.
func TestTheAPIServerTakesEveryManifestWithoutAWarning(t *testing.T) {
	t.Parallel()
	config, warnings := testenv.Kube(t), &lines{}
	config.QPS, config.WarningHandlerWithContext = -1, warnings
	c := newClient(t, config)
	for _, folder := range []string{"operator", "operator-namespaced", "default"} {
		apply(t, c, render(t, folder))
	}
	apply(t, c, readFile(t, "config/manager/db-secret.yaml"))
	samples, err := filepath.Glob(filepath.Join(root, "config", "samples", "*.yaml"))
	if err != nil || len(samples) < 5 {
		t.Fatalf("%d samples, %v", len(samples), err)
	}
	for _, sample := range samples {
		apply(t, c, readFile(t, filepath.Join("config", "samples", filepath.Base(sample))))
	}
	// Once in force it would warn of the samples that have a password in them.
	apply(t, client.NewDryRunClient(c), render(t, "policy"))
	for _, warning := range warnings.all() {
		t.Errorf("the API server warned: %s", warning)
	}
}

// TestAWarningIsSeen breaks the Pod Security Standard.
func TestAWarningIsSeen(t *testing.T) {
	t.Parallel()
	config, warnings := testenv.Kube(t), &lines{}
	config.WarningHandlerWithContext = warnings
	c := newClient(t, config)
	objects := render(t, "operator")
	apply(t, c, objects)
	deployment := &appsv1.Deployment{}
	find(t, objects, "Deployment", "multinic-operator", deployment)
	deployment.Name, deployment.Spec.Template.Spec.HostNetwork = "rogue", true
	if err := c.Create(t.Context(), deployment, client.DryRunAll); err != nil {
		t.Fatal(err)
	}
	if len(warnings.all()) == 0 {
		t.Error("a pod on the host's network was made in multinic-system, and no warning of it seen")
	}
}

// TestBothOverlaysShipTheSameProgram holds what differs between them to the rights
// and the one argument that says so.
func TestBothOverlaysShipTheSameProgram(t *testing.T) {
	t.Parallel()
	everywhere, here := &appsv1.Deployment{}, &appsv1.Deployment{}
	find(t, render(t, "operator"), "Deployment", "multinic-operator", everywhere)
	scoped := render(t, "operator-namespaced")
	find(t, scoped, "Deployment", "multinic-operator", here)
	for _, o := range scoped {
		if o.GetKind() == "ClusterRoleBinding" && o.GetName() == "multinic-operator" {
			t.Error("config/operator-namespaced binds what the operator may do in a namespace everywhere")
		}
	}
	args := here.Spec.Template.Spec.Containers[0].Args
	if len(args) != 2 || args[1] != "--watch-namespace="+namespace {
		t.Errorf("the arguments there are %q", args)
	}
	if image := everywhere.Spec.Template.Spec.Containers[0].Image; image != "multinic:v1alpha1" {
		t.Errorf("the image is %q, which deploy-operator.sh does not replace", image)
	}
}

// TestTheOriginalsPathsAreThere keeps what people type.
func TestTheOriginalsPathsAreThere(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"deploy-operator.sh", "cleanup-operator.sh", "config/manager/db-secret.yaml"} {
		if _, err := os.Stat(filepath.Join(root, path)); err != nil {
			t.Error(err)
		}
	}
}
