// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/plugin"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// patience is how long a condition may take on a slow, loaded machine.
const patience = 2 * time.Minute

// The program's clock and its doubt, as a script sets them. A clock that is set stands.
const (
	nowVariable   = "PLUGIN_TEST_NOW"
	doubtVariable = "PLUGIN_TEST_DOUBT"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"kubectl": kubectl})
}

// kubectl does what kubectl does with plugins: kubectl multinic is kubectl-multinic.
func kubectl() {
	if len(os.Args) < 2 || os.Args[1] != "multinic" {
		fmt.Fprintln(os.Stderr, "this kubectl knows its plugin alone")
		os.Exit(2)
	}
	os.Args = append([]string{"kubectl-multinic"}, os.Args[2:]...)
	o := plugin.Options{Version: "v0-test"}
	if now, err := time.Parse(time.RFC3339, os.Getenv(nowVariable)); err == nil {
		o.Now = func() time.Time { return now }
	}
	o.Doubt, _ = time.ParseDuration(os.Getenv(doubtVariable))
	os.Exit(run(o))
}

// TestScripts runs testdata/script one after the other: they use the namespaces that
// the examples name, and -A shows all of them. UPDATE_SCRIPTS=1 writes what is
// printed over what was expected.
func TestScripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	stage := newStage(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Cleanup(func() {
				if err := stage.clear(); err != nil {
					t.Error(err)
				}
			})
			testscript.Run(t, testscript.Params{
				Files: []string{file}, Setup: stage.setup, Cmds: stage.commands(), UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
				RequireExplicitExec: true, RequireUniqueNames: true,
			})
		})
	}
}

// stage is a cluster without a controller: the scripts play it.
type stage struct {
	kube   *rest.Config
	client client.Client
}

func newStage(t *testing.T) *stage {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	kube := testenv.Kube(t)
	kube.QPS, kube.Burst = -1, 0
	c, err := client.New(kube, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"team-a", "multinic-system"} {
		if err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
			t.Fatal(err)
		}
	}
	return &stage{kube: kube, client: c}
}

func (s *stage) setup(env *testscript.Env) error {
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: s.kube.Host, CertificateAuthorityData: s.kube.CAData}
	config.AuthInfos["test"] = &clientcmdapi.AuthInfo{ClientCertificateData: s.kube.CertData, ClientKeyData: s.kube.KeyData}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test"}
	config.CurrentContext = "test"
	file := filepath.Join(env.WorkDir, ".kubeconfig")
	env.Setenv("KUBECONFIG", file)
	env.Setenv(nowVariable, "2026-11-22T12:00:30Z")
	return clientcmd.WriteToFile(*config, file)
}

// clear removes what a script made.
func (s *stage) clear() error {
	var errs []error
	for _, namespace := range []string{"default", "team-a", "multinic-system"} {
		for _, kind := range []client.Object{&v1alpha1.OpenstackConfig{}, &v1alpha1.MultiNicOperator{}} {
			errs = append(errs, s.client.DeleteAllOf(context.Background(), kind, client.InNamespace(namespace)))
		}
	}
	return errors.Join(errs...)
}

// commands are what the scripts have beside the program.
func (s *stage) commands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		// apply FILE...: make objects, or replace them, with annotations and status; of
		// a MultiNicOperator that is there the status alone.
		"apply": func(ts *testscript.TestScript, _ bool, files []string) {
			for _, file := range files {
				for document := range strings.SplitSeq(ts.ReadFile(file), "\n---\n") {
					ts.Check(s.apply(document))
				}
			}
		},
		// handle [NAMESPACE/]NAME...: do as the controller does when it was asked.
		"handle": func(ts *testscript.TestScript, _ bool, names []string) {
			for _, name := range names {
				ts.Check(s.handle(keyOf(name)))
			}
		},
		// asked NAME...: wait until a run was asked for.
		"asked": func(ts *testscript.TestScript, _ bool, names []string) {
			for _, name := range names {
				_, err := s.asked(keyOf(name))
				ts.Check(err)
			}
		},
		// shown FILE REGEXP: wait until what a program writes into the file matches.
		"shown": func(ts *testscript.TestScript, _ bool, args []string) {
			wanted := regexp.MustCompile("(?m)" + args[1])
			for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
				text, err := os.ReadFile(ts.MkAbs(args[0]))
				if err == nil && wanted.Match(text) {
					return
				}
				if time.Now().After(deadline) {
					ts.Fatalf("no match of %q in\n%s", args[1], text)
				}
			}
		},
		// delete NAME...
		"delete": func(ts *testscript.TestScript, _ bool, names []string) {
			for _, name := range names {
				key := keyOf(name)
				ts.Check(s.client.Delete(context.Background(), &v1alpha1.OpenstackConfig{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}))
			}
		},
		// object KIND NAME REGEXP: what the API server has matches, as YAML.
		"object": func(ts *testscript.TestScript, neg bool, args []string) {
			text, err := s.yaml(args[0], keyOf(args[1]))
			ts.Check(err)
			if found := regexp.MustCompile("(?m)" + args[2]).MatchString(text); found == neg {
				ts.Fatalf("match of %q: %t in\n%s", args[2], found, text)
			}
		},
		// until KIND NAME REGEXP: wait until it does.
		"until": func(ts *testscript.TestScript, _ bool, args []string) {
			wanted := regexp.MustCompile("(?m)" + args[2])
			for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
				text, err := s.yaml(args[0], keyOf(args[1]))
				ts.Check(err)
				if wanted.MatchString(text) {
					return
				}
				if time.Now().After(deadline) {
					ts.Fatalf("no match of %q in\n%s", args[2], text)
				}
			}
		},
	}
}

func keyOf(name string) client.ObjectKey {
	if namespace, rest, ok := strings.Cut(name, "/"); ok {
		return client.ObjectKey{Namespace: namespace, Name: rest}
	}
	return client.ObjectKey{Namespace: "default", Name: name}
}

func (s *stage) apply(document string) error {
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal([]byte(document), &kind); err != nil {
		return err
	}
	if kind.Kind == "MultiNicOperator" {
		return s.applyOperator(document)
	}
	obj := &v1alpha1.OpenstackConfig{}
	if err := yaml.UnmarshalStrict([]byte(document), obj); err != nil {
		return err
	}
	if obj.Namespace == "" {
		obj.Namespace = "default"
	}
	status := obj.Status
	err := s.client.Create(context.Background(), obj)
	if err != nil {
		there := &v1alpha1.OpenstackConfig{}
		if err := s.client.Get(context.Background(), client.ObjectKeyFromObject(obj), there); err != nil {
			return err
		}
		there.Spec, there.Annotations = obj.Spec, obj.Annotations
		if err := s.client.Update(context.Background(), there); err != nil {
			return err
		}
		obj = there
	}
	obj.Status = status
	return s.client.Status().Update(context.Background(), obj)
}

// applyOperator makes a MultiNicOperator. Of one that is there it replaces the status
// alone, which is what the operator that a script plays would do.
func (s *stage) applyOperator(document string) error {
	obj := &v1alpha1.MultiNicOperator{}
	if err := yaml.UnmarshalStrict([]byte(document), obj); err != nil {
		return err
	}
	status := obj.Status
	if err := s.client.Create(context.Background(), obj); apierrors.IsAlreadyExists(err) {
		if err := s.client.Get(context.Background(), client.ObjectKeyFromObject(obj), obj); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	obj.Status = status
	return s.client.Status().Update(context.Background(), obj)
}

// asked waits for a request that is not handled.
func (s *stage) asked(key client.ObjectKey) (*v1alpha1.OpenstackConfig, error) {
	deadline := time.Now().Add(patience)
	for {
		obj := &v1alpha1.OpenstackConfig{}
		if err := s.client.Get(context.Background(), key, obj); err != nil {
			return nil, err
		}
		if request := obj.Annotations[v1alpha1.AnnotationReconcileRequestedAt]; request != "" && request != obj.Status.LastHandledReconcileAt {
			return obj, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("nobody asked for a run of %s", key)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (s *stage) handle(key client.ObjectKey) error {
	obj, err := s.asked(key)
	if err != nil {
		return err
	}
	obj.Status.LastHandledReconcileAt = obj.Annotations[v1alpha1.AnnotationReconcileRequestedAt]
	obj.Status.Phase = v1alpha1.PhaseReady
	meta.SetStatusCondition(&obj.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonSynced, ObservedGeneration: obj.Generation,
		Message: fmt.Sprintf("%d interfaces of %d VMs are published", len(obj.Spec.VMNames), len(obj.Spec.VMNames)),
	})
	return s.client.Status().Update(context.Background(), obj)
}

func (s *stage) yaml(kind string, key client.ObjectKey) (string, error) {
	var obj client.Object = &v1alpha1.OpenstackConfig{}
	if kind == "mno" {
		obj = &v1alpha1.MultiNicOperator{}
	}
	if err := s.client.Get(context.Background(), key, obj); err != nil {
		return "", err
	}
	text, err := yaml.Marshal(obj)
	return string(text), err
}
