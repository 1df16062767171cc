// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// KubeVersion is the release of Kubernetes that tests run against by default. It
// is the one that hack/kube/go.mod requires.
const KubeVersion = "v1.37.2"

// kubeBinaries are what a control plane needs; envtest does without kubectl.
var kubeBinaries = []string{"kube-apiserver", "etcd"}

const (
	probeTimeout    = 5 * time.Second  // until the archives' index must answer
	downloadTimeout = 10 * time.Minute // for an archive of some 70 MB
)

// KubeAssets gives a directory with kube-apiserver and etcd. It takes the first of
//
//   - KUBEBUILDER_ASSETS, as everywhere in this trade;
//   - the cache, filled by one of the next two;
//   - envtest's ready archive of the same minor version, where it can be fetched;
//   - a build of [KubeVersion] by the module hack/kube, through the Go module proxy:
//     ten to thirty minutes on two cores, once for a machine.
//
// What takes time is told on progress, line by line. Several processes may ask at
// once: one works, the others wait for it and say so.
func KubeAssets(ctx context.Context, progress io.Writer) (string, error) {
	if dir := os.Getenv("KUBEBUILDER_ASSETS"); dir != "" {
		if !complete(dir) {
			return "", fmt.Errorf("KUBEBUILDER_ASSETS=%s does not hold %s: unset it to have them fetched or built", dir, strings.Join(kubeBinaries, " and "))
		}
		return dir, nil
	}
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	minor := KubeVersion[:strings.LastIndexByte(KubeVersion, '.')]
	platform := runtime.GOOS + "-" + runtime.GOARCH
	built := filepath.Join(cache, "kube-"+KubeVersion+"-"+platform)
	fetched := filepath.Join(cache, "envtest-"+minor+"-"+platform)

	inCache := func() string {
		for _, dir := range []string{built, fetched} {
			if complete(dir) {
				return dir
			}
		}
		return ""
	}
	if dir := inCache(); dir != "" {
		return dir, nil
	}
	unlock, err := lockCache(ctx, built, progress)
	if err != nil {
		return "", err
	}
	defer unlock()
	if dir := inCache(); dir != "" {
		return dir, nil
	}

	fetchErr := fetchKube(ctx, fetched, minor, envtest.DefaultBinaryAssetsIndexURL, progress)
	if fetchErr == nil {
		return fetched, nil
	}
	fmt.Fprintf(progress, "testenv: no ready kube-apiserver and etcd to be had (%v):\n"+
		"testenv: building %s from source, once for this machine (some 2,100 packages, ten to thirty minutes on two cores); kept in %s\n", fetchErr, KubeVersion, built)
	if err := buildKube(ctx, built, progress); err != nil {
		return "", fmt.Errorf("building kube-apiserver and etcd: %w", err)
	}
	return built, nil
}

func complete(dir string) bool {
	for _, name := range kubeBinaries {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}

// fetchKube puts envtest's archive of the newest patch of minor ("v1.37") into dir.
func fetchKube(ctx context.Context, dir, minor, indexURL string, progress io.Writer) error {
	if err := probe(ctx, indexURL); err != nil {
		return err
	}
	fmt.Fprintf(progress, "testenv: fetching kube-apiserver and etcd %s, once for this machine\n", minor)
	unfinished := dir + ".unfinished"
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	environment := &envtest.Environment{
		DownloadBinaryAssets:         true,
		DownloadBinaryAssetsVersion:  minor,
		DownloadBinaryAssetsIndexURL: indexURL,
		BinaryAssetsDirectory:        unfinished,
	}
	// envtest downloads as the first step of a start. The start itself is welcome:
	// only binaries that run here get into the cache.
	done := make(chan error, 1)
	go func() {
		plane, err := startEnvironment(environment, "")
		if err == nil {
			err = plane.Remove()
		}
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			return err
		}
	case <-time.After(downloadTimeout):
		return fmt.Errorf("fetching took more than %s", downloadTimeout)
	case <-ctx.Done():
		return ctx.Err()
	}
	// It names the directory below after the version that it found.
	found, err := filepath.Glob(filepath.Join(unfinished, "*", kubeBinaries[0]))
	if err != nil {
		return err
	}
	if len(found) != 1 {
		return fmt.Errorf("envtest's archive is not as expected: %q", found)
	}
	if err := os.Rename(filepath.Dir(found[0]), dir); err != nil {
		return err
	}
	return os.RemoveAll(unfinished)
}

// probe asks for the index with a short time-out, because envtest itself has none
// and a firewall that drops packets would hold the tests for minutes.
func probe(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	return nil
}

var errNoModule = errors.New("the sources of MultiNic are not above the working directory: run from inside the repository, or set KUBEBUILDER_ASSETS")

// moduleRoot is the directory of MultiNic's go.mod, looked for from the working
// directory upwards: go test and make both run inside the repository.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(content), "module github.com/xormsdhkdwk/multinic\n") {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errNoModule
		}
		dir = parent
	}
}
