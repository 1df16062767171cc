// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/internal/resources"
)

const (
	objects   = "openstackconfigs.multinic.example.com"
	operators = "multinicoperators.multinic.example.com"
	withData  = "--delete-data"
)

func cleanUp(options ...string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		run(t, append([]string{"./cleanup-operator.sh", "--yes", "--timeout=60"}, options...)...)
	}
}

func kubectl(args ...string) func(*testing.T) {
	return func(t *testing.T) { t.Helper(); run(t, append([]string{"kubectl"}, args...)...) }
}

// TestUninstallInEveryOrderLeavesNothingButWhatWasAskedToStay takes the system down in
// every order that a person might try. What ends by itself must, within kubectl's wait;
// the last step is always the script. Then the next one begins with a new installation,
// which takes over the volume that was kept, its rows with their ids.
func TestUninstallInEveryOrderLeavesNothingButWhatWasAskedToStay(t *testing.T) {
	const wait = "--timeout=150s"
	startAnew(t) // the volume that other tests have moved and enlarged is not the sample's
	for _, order := range []struct {
		name  string
		steps []func(*testing.T)
		kept  bool // the volumes
	}{
		{"objects, then the MultiNicOperator, then the rest", []func(*testing.T){
			kubectl("delete", objects, "-A", "--all", wait), kubectl("delete", operators, "-A", "--all", wait), childrenGone, cleanUp(),
		}, true},
		{"the MultiNicOperator, then the objects", []func(*testing.T){
			kubectl("delete", operators, "-A", "--all", wait), childrenGone, kubectl("delete", objects, "-A", "--all", wait), cleanUp(),
		}, true},
		{"both at once", []func(*testing.T){
			kubectl("delete", operators, "-A", "--all", "--wait=false"), kubectl("delete", objects, "-A", "--all", wait),
			kubectl("wait", "--for=delete", operators, "-n", namespace, "--all", wait), childrenGone, cleanUp(),
		}, true},
		{"the CRDs while the operator runs", []func(*testing.T){kubectl("delete", "-k", "config/crd", wait), childrenGone, cleanUp()}, true},
		{"the operator's Deployment, then the finalizer by hand", []func(*testing.T){
			kubectl("-n", namespace, "delete", "deployment", "multinic-operator"), kubectl("delete", operators, "-A", "--all", "--wait=false"),
			kubectl("-n", namespace, "patch", operators, operator, "--type=merge", "-p", `{"metadata":{"finalizers":[]}}`),
			kubectl("-n", namespace, "wait", "--for=delete", operators, "--all", wait), cleanUp(),
		}, true},
		{"the operator's Deployment, then the script", []func(*testing.T){
			kubectl("-n", namespace, "delete", "deployment", "multinic-operator"), kubectl("delete", operators, "-A", "--all", "--wait=false"), cleanUp(),
		}, true},
		{"the script alone", []func(*testing.T){cleanUp()}, true},
		{"the namespace first", []func(*testing.T){kubectl("delete", "namespace", namespace, "--wait=false"), cleanUp()}, false},
		{"the script with the data", []func(*testing.T){cleanUp(withData)}, false},
	} {
		t.Run(order.name, func(t *testing.T) {
			s := up(t)
			ids, volume := s.ids(t), volumeUID(t)
			s.poller.stop() // its rows are withdrawn for good
			g.system = nil
			begun := time.Now()
			for _, step := range order.steps {
				step(t)
			}
			figures = append(figures, figure{what: "uninstalled: " + order.name, took: time.Since(begun)})
			nothingLeft(t, order.kept)
			if t.Failed() {
				run(t, "./cleanup-operator.sh", "--yes", "--timeout=10") // so that the next order begins as it should
				return
			}
			again := up(t)
			if !order.kept {
				return
			}
			if is := volumeUID(t); is != volume {
				t.Errorf("the volume that was kept is not taken over")
			}
			again.sameIDs(t, ids)
		})
	}
}

// startAnew removes the system with its data, if one is up.
func startAnew(t *testing.T) {
	t.Helper()
	if g.system != nil {
		g.system.poller.stop()
		g.system = nil
	}
	cleanUp(withData)(t)
}

func volumeUID(t *testing.T) string {
	t.Helper()
	return string(get(t, namespace, resources.DataClaimName, &corev1.PersistentVolumeClaim{}).UID)
}

// childrenGone: what belongs to a MultiNicOperator goes with it, without any script.
func childrenGone(t *testing.T) {
	t.Helper()
	eventually(t, "the children are gone", func() error {
		out, err := command("kubectl", "get", "deployments,statefulsets,services,cronjobs,jobs,pods,networkpolicies,serviceaccounts,roles,rolebindings,poddisruptionbudgets,clusterrolebindings",
			"-A", "-l", "multinic.example.com/managed-by-operator", "-o", "name")
		if err != nil || strings.TrimSpace(out) != "" && !strings.Contains(out, "No resources") {
			return fmt.Errorf("there are %s (%w)", out, err)
		}
		return nil
	})
}

// nothingLeft looks at everything that the API server can list. Beside what was asked to
// stay there are the things of the test and of Kubernetes itself.
func nothingLeft(t *testing.T, kept bool) {
	t.Helper()
	allowed := []string{
		"serviceaccounts/default", "configmaps/kube-root-ca.crt", "secrets/e2e-database", "secrets/external-db-secret",
	}
	if kept {
		allowed = append(allowed, "persistentvolumeclaims/"+resources.DataClaimName, "persistentvolumeclaims/"+resources.BackupName,
			"secrets/"+resources.CredentialsName, "secrets/"+resources.AgentAccessName)
	}
	kinds := strings.Fields(run(t, "kubectl", "api-resources", "--verbs=list", "--namespaced", "-o", "name"))
	kinds = slices.DeleteFunc(kinds, func(kind string) bool { return strings.HasPrefix(kind, "events") })
	eventually(t, "nothing is left in the namespace but what was asked to stay", func() error {
		out, err := command("kubectl", "-n", namespace, "get", strings.Join(kinds, ","), "--ignore-not-found", "-o", `jsonpath={range .items[*]}{.kind}{"s/"}{.metadata.name}{"\n"}{end}`)
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		var left []string
		for _, object := range strings.Fields(out) {
			if kind, name, _ := strings.Cut(object, "/"); !slices.Contains(allowed, strings.ToLower(kind)+"/"+name) {
				left = append(left, object)
			}
		}
		if len(left) > 0 {
			return fmt.Errorf("there are %v", left)
		}
		err = g.client.Get(t.Context(), client.ObjectKey{Name: namespace}, &corev1.Namespace{})
		if (err == nil) != kept || client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("the namespace: %w", err)
		}
		return nil
	})
	eventually(t, "nothing is left in no namespace", func() error {
		var left []string
		for _, kind := range strings.Fields(run(t, "kubectl", "api-resources", "--verbs=list", "--namespaced=false", "-o", "name")) {
			out, _ := command("kubectl", "get", kind, "--ignore-not-found", "-o", "name")
			for _, name := range strings.Fields(out) {
				if strings.Contains(name, "multinic") && !slices.Contains([]string{"namespace/" + namespace, "namespace/" + objectsNamespace, "namespace/" + externalNamespace}, name) {
					left = append(left, name)
				}
			}
		}
		volumes := &corev1.PersistentVolumeList{}
		if err := g.client.List(t.Context(), volumes); err != nil {
			return err
		}
		for _, v := range volumes.Items {
			if claim := v.Spec.ClaimRef; claim != nil && claim.Namespace == namespace && !(kept && v.Status.Phase == corev1.VolumeBound) {
				left = append(left, fmt.Sprintf("volume of %s, %s", claim.Name, v.Status.Phase))
			}
		}
		if len(left) > 0 {
			return fmt.Errorf("there are %v", left)
		}
		return nil
	})
}
