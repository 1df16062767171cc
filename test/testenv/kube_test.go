// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/test/testenv"
)

func TestTheAPIServerIsOfTheVersionAndHasOurKinds(t *testing.T) {
	t.Parallel()
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		version, err := discovery.NewDiscoveryClientForConfigOrDie(testenv.Kube(t)).ServerVersion()
		if err != nil {
			t.Fatal(err)
		}
		if minor := testenv.KubeVersion[:strings.LastIndex(testenv.KubeVersion, ".")]; !strings.HasPrefix(version.GitVersion, minor+".") {
			t.Errorf("the server says %s, expected a release of %s", version.GitVersion, minor)
		}
	}
	kinds, err := discovery.NewDiscoveryClientForConfigOrDie(testenv.Kube(t)).ServerResourcesForGroupVersion("multinic.example.com/v1alpha1")
	if err != nil {
		t.Fatalf("the CRDs of config/crd/bases are not installed: %v", err)
	}
	if len(kinds.APIResources) == 0 {
		t.Fatal("no kinds in our group")
	}
}

func TestEachTestHasANamespace(t *testing.T) {
	t.Parallel()
	c := newClient(t, testenv.Kube(t))
	mine, theirs := testenv.Namespace(t, c), testenv.Namespace(t, c)
	if mine == theirs {
		t.Fatalf("two namespaces of one name: %s", mine)
	}
	if err := c.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: mine, Name: "a"}}); err != nil {
		t.Fatal(err)
	}
}

func TestTheAPIServerComesBackWithItsDataAtItsAddress(t *testing.T) {
	t.Parallel()
	plane := testenv.NewControlPlane(t)
	config, err := clientcmd.BuildConfigFromFlags("", plane.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, config)
	namespace := testenv.Namespace(t, c)

	// An open watch, as every controller has: it must not hold up the stop.
	w, err := client.NewWithWatch(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	watch, err := w.Watch(t.Context(), &corev1.NamespaceList{})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()

	if err := plane.KillAPIServer(); err != nil {
		t.Fatal(err)
	}
	if err := c.Get(t.Context(), client.ObjectKey{Name: namespace}, &corev1.Namespace{}); err == nil {
		t.Fatal("the API server still answers")
	}
	if err := plane.StartAPIServer(); err != nil {
		t.Fatal(err)
	}
	if err := c.Get(t.Context(), client.ObjectKey{Name: namespace}, &corev1.Namespace{}); err != nil {
		t.Fatalf("after the restart: %v", err)
	}
}

func TestTheDefaultVersionIsTheOneThatHackKubeBuilds(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(filepath.Join("..", "..", "hack", "kube", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if !contains(string(content), "\tk8s.io/kubernetes "+testenv.KubeVersion+" ") {
		t.Fatalf("hack/kube/go.mod does not require k8s.io/kubernetes %s", testenv.KubeVersion)
	}
}

func newClient(t *testing.T, config *rest.Config) client.Client {
	t.Helper()
	c, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
