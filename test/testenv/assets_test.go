// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestAReadyArchiveIsFetchedTriedAndKept(t *testing.T) {
	t.Parallel()
	assets, err := KubeAssets(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	index := serveArchive(t, map[string]string{
		"kube-apiserver": fmt.Sprintf("#!/bin/sh\nexec '%s/kube-apiserver' \"$@\"\n", assets),
		"etcd":           fmt.Sprintf("#!/bin/sh\nexec '%s/etcd' \"$@\"\n", assets),
		"kubectl":        "#!/bin/sh\n",
	})
	dir := filepath.Join(t.TempDir(), "envtest-v1.37")
	if err := fetchKube(t.Context(), dir, "v1.37", index, io.Discard); err != nil {
		t.Fatal(err)
	}
	if !complete(dir) {
		t.Fatal("the binaries are not where they are looked for")
	}
	if exists(dir + ".unfinished") {
		t.Fatal("the download's directory is left behind")
	}
}

func TestAnUnreachableArchiveIsGivenUpSoonAndLeavesNothing(t *testing.T) {
	t.Parallel()
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(silent.Close)
	dir := filepath.Join(t.TempDir(), "envtest-v1.37")
	ctx, cancel := context.WithTimeout(t.Context(), probeTimeout+startTimeout)
	defer cancel()
	if err := fetchKube(ctx, dir, "v1.37", silent.URL, io.Discard); err == nil {
		t.Fatal("no error")
	}
	if ctx.Err() != nil {
		t.Fatal("waited for the caller's deadline, not for its own")
	}
	if exists(dir) || exists(dir+".unfinished") {
		t.Fatal("something is left behind")
	}
}

func TestAnIncompleteAssetsDirectoryIsRefusedByName(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("KUBEBUILDER_ASSETS", dir)
	if _, err := KubeAssets(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), dir) {
		t.Fatalf("expected an error that names %s, got %v", dir, err)
	}
}

func TestABuildTellsItsProgressAndItsFailure(t *testing.T) {
	t.Parallel()
	var told bytes.Buffer
	if err := runTelling(exec.Command("sh", "-c", "echo a/package >&2"), "etcd", &told); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"building etcd", "built etcd in"} {
		if !strings.Contains(told.String(), part) {
			t.Errorf("not told: %q in %q", part, told.String())
		}
	}
	err := runTelling(exec.Command("sh", "-c", "echo what went wrong >&2; exit 1"), "etcd", &told)
	if err == nil || !strings.Contains(err.Error(), "what went wrong") {
		t.Fatalf("the compiler's words are lost: %v", err)
	}
}

func TestWhoWaitsForTheCacheSaysSoAndGoesOnAfterwards(t *testing.T) {
	t.Parallel()
	entry := filepath.Join(t.TempDir(), "kube")
	unlock, err := lockCache(t.Context(), entry, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	brief, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var told bytes.Buffer
	if _, err := lockCache(brief, entry, &told); err == nil {
		t.Fatal("two hold one lock")
	}
	if !strings.Contains(told.String(), "waiting for another process") {
		t.Fatalf("nothing said of the wait: %q", told.String())
	}
	unlock()
	again, err := lockCache(t.Context(), entry, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

// serveArchive serves an index of releases with one archive of the given files, as
// envtest expects them, and gives the index's URL.
func serveArchive(t *testing.T, files map[string]string) string {
	t.Helper()
	var archive bytes.Buffer
	zipped := gzip.NewWriter(&archive)
	tarred := tar.NewWriter(zipped)
	for name, content := range files {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: "controller-tools/envtest/" + name, Mode: 0o755, Size: int64(len(content))}
		if err := tarred.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(tarred, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := tarred.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	mux.HandleFunc("/archive", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(archive.Bytes()) })
	mux.HandleFunc("/index.yaml", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "releases:\n  v1.37.0:\n    envtest-v1.37.0-%s-%s.tar.gz:\n      hash: %x\n      selfLink: %s/archive\n",
			runtime.GOOS, runtime.GOARCH, sha512.Sum512(archive.Bytes()), server.URL)
	})
	return server.URL + "/index.yaml"
}

func TestWhoHasNoMariaDBIsToldATargetThatExists(t *testing.T) {
	t.Parallel()
	if path := findProgram("no-such-program"); path != "" {
		t.Fatalf("found %q", path)
	}
	makefile, err := os.ReadFile(filepath.Join("..", "..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(errNoMariaDB.Error(), "make mariadb ") || !strings.Contains(string(makefile), "\nmariadb: ") {
		t.Fatalf("no target mariadb in the Makefile, or not named by: %v", errNoMariaDB)
	}
}
