// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/test/openstacksim"
)

const (
	// patience is how long a condition may take on a slow, loaded machine.
	patience = 5 * time.Minute
	// hostIP is where pods reach this machine (hack/cluster/env.sh).
	hostIP = "10.210.0.1"

	namespace = "multinic-system" // of the operator and its system
	operator  = "production-system"
)

// ground is what all tests stand on: the cluster, and the cloud that its objects name.
type ground struct {
	client client.Client
	sim    *openstacksim.Sim
	lab    *openstacksim.Lab
	system *system // that is up, if one is
}

var g = &ground{}

func TestMain(m *testing.M) {
	if err := g.find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if g.system != nil {
		g.system.poller.stop()
	}
	g.sim.Close()
	report(os.Stdout)
	os.Exit(code)
}

// find finds the cluster and starts the cloud. What an earlier run has left in the
// cluster goes: its objects name a cloud that is no more.
func (g *ground) find() error {
	kubeconfig := os.Getenv("KUBECONFIG")
	if kubeconfig == "" {
		return errors.New("KUBECONFIG is not set: use make test-e2e")
	}
	kube, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	kube.QPS = -1
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return err
	}
	log.SetLogger(logr.Discard()) // the API's warnings, such as those for passwords in clear text
	if g.client, err = client.New(kube, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"./cleanup-operator.sh", "--delete-data", "--yes", "--timeout=30"},
		{"kubectl", "delete", "namespace", objectsNamespace, externalNamespace, "--ignore-not-found"},
	} {
		if out, err := command(args...); err != nil {
			return fmt.Errorf("clearing the ground: %w\n%s", err, out)
		}
	}
	g.sim = openstacksim.New(openstacksim.Options{Listen: map[openstacksim.Service]string{
		openstacksim.Identity: hostIP + ":0", openstacksim.Network: hostIP + ":0", openstacksim.Compute: hostIP + ":0",
	}})
	g.sim.Start()
	g.lab = g.sim.SeedLab(vms)
	return nil
}

// command runs a program in the repository's root, and returns what it says; of one that
// fails, its errors as well.
func command(args ...string) (string, error) { return commandWithin(patience, args...) }

func commandWithin(limit time.Duration, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = filepath.Join("..", "..")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String() + errs.String(), fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	return out.String(), nil
}

func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := command(args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return out
}

func deployOperator(t *testing.T) {
	t.Helper()
	run(t, "./deploy-operator.sh", "--skip-build")
}

// eventually waits for something to be so.
func eventually(t *testing.T, what string, is func() error) {
	t.Helper()
	if err := within(patience, is); err != nil {
		t.Fatalf("not within %s: %s: %v%s", patience, what, err, circumstances())
	}
}

func within(limit time.Duration, is func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := is()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// circumstances are what a person would look at first.
func circumstances() string {
	var b strings.Builder
	for _, args := range [][]string{
		{"kubectl", "-n", namespace, "get", "all,pvc,lease", "-o", "wide"},
		{"kubectl", "get", "mno,osc", "-A", "-o", "yaml"},
		{"kubectl", "-n", namespace, "logs", "deployment/multinic-operator", "--tail=40"},
		{"kubectl", "-n", namespace, "get", "events", "--sort-by=.lastTimestamp"},
	} {
		out, _ := command(args...)
		if lines := strings.Split(out, "\n"); len(lines) > 200 {
			out = strings.Join(lines[len(lines)-200:], "\n")
		}
		fmt.Fprintf(&b, "\n$ %s\n%s", strings.Join(args, " "), out)
	}
	return b.String()
}

func key(namespace, name string) client.ObjectKey {
	return client.ObjectKey{Namespace: namespace, Name: name}
}

// get reads an object that must be there.
func get[T client.Object](t *testing.T, namespace, name string, into T) T {
	t.Helper()
	if err := g.client.Get(t.Context(), key(namespace, name), into); err != nil {
		t.Fatal(err)
	}
	return into
}

// edit changes an object, against whatever writes it at the same time.
func edit[T client.Object](t *testing.T, object T, change func(T)) {
	t.Helper()
	get(t, object.GetNamespace(), object.GetName(), object)
	before := object.DeepCopyObject().(T)
	change(object)
	if err := g.client.Patch(t.Context(), object, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
}
