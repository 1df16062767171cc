// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// progressInterval is how often a running build says that it lives.
const progressInterval = 15 * time.Second

// kubePackages are the main packages of kubeBinaries.
var kubePackages = map[string]string{
	"kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
	"etcd":           "go.etcd.io/etcd/server/v3",
}

// buildKube compiles the binaries of hack/kube into dir.
func buildKube(ctx context.Context, dir string, progress io.Writer) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	// go build's own scratch: here it goes away with us even when we are killed.
	scratch, err := TempDir("go-build")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	for i, name := range kubeBinaries {
		if complete, err := os.Stat(filepath.Join(dir, name)); err == nil && complete.Mode()&0o111 != 0 {
			continue // of a run that was cut off after it
		}
		what := fmt.Sprintf("%s for Kubernetes %s (%d of %d)", name, KubeVersion, i+1, len(kubeBinaries))
		target := filepath.Join(dir, name)
		unfinished := target + ".unfinished"
		cmd := exec.CommandContext(ctx, "go", "build", "-v", "-trimpath", "-buildvcs=false",
			"-ldflags", kubeLDFlags(), "-o", unfinished, kubePackages[name])
		cmd.Dir = filepath.Join(root, "hack", "kube")
		// GOFLAGS empty: the caller's -mod or -race is not meant for this module.
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOTMPDIR="+scratch)
		if err := runTelling(cmd, what, progress); err != nil {
			return err
		}
		if err := os.Rename(unfinished, target); err != nil {
			return err
		}
	}
	return nil
}

// kubeLDFlags makes the API server tell its true version; clients look at it.
func kubeLDFlags() string {
	const pkg = "k8s.io/component-base/version"
	parts := strings.Split(strings.TrimPrefix(KubeVersion, "v"), ".")
	return fmt.Sprintf("-s -w -X %[1]s.gitVersion=%[2]s -X %[1]s.gitMajor=%[3]s -X %[1]s.gitMinor=%[4]s",
		pkg, KubeVersion, parts[0], parts[1])
}

// runTelling runs a go build -v, which writes one line a package, and tells how far
// it is. What the compiler says otherwise is in the error.
func runTelling(cmd *exec.Cmd, what string, progress io.Writer) error {
	output, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	begun := time.Now()
	fmt.Fprintf(progress, "testenv: building %s ...\n", what)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting go build: %w", err)
	}
	var packages atomic.Int64
	finished := make(chan struct{})
	go func() {
		tick := time.NewTicker(progressInterval)
		defer tick.Stop()
		for {
			select {
			case <-finished:
				return
			case <-tick.C:
				fmt.Fprintf(progress, "testenv: building %s: %s, %d packages compiled\n",
					what, time.Since(begun).Round(time.Second), packages.Load())
			}
		}
	}()
	var last []string
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if !strings.HasPrefix(lines.Text(), "go: ") { // go: downloading ...
			packages.Add(1)
		}
		last = append(last[max(0, len(last)-19):], lines.Text())
	}
	close(finished)
	if err := errors.Join(lines.Err(), cmd.Wait()); err != nil {
		return fmt.Errorf("go build of %s: %w; it said last:\n%s", what, err, strings.Join(last, "\n"))
	}
	fmt.Fprintf(progress, "testenv: built %s in %s\n", what, time.Since(begun).Round(time.Second))
	return nil
}
