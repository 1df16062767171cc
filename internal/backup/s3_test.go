// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package backup_test

import (
	"bytes"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/xormsdhkdwk/multinic/internal/backup"
)

const secretKey = "sw0rdf1sh-is-the-secret"

func env(name string) string {
	return map[string]string{backup.AccessKeyEnv: "AKIDEXAMPLE", backup.SecretKeyEnv: secretKey}[name]
}

// s3Server is a service with one bucket, over TLS with an authority of its own.
type s3Server struct {
	*httptest.Server
	backend *s3mem.Backend
	down    atomic.Bool
	options backup.S3Options
}

func newS3(t testing.TB) *s3Server {
	t.Helper()
	s := &s3Server{backend: s3mem.New()}
	if err := s.backend.CreateBucket("backups"); err != nil {
		t.Fatal(err)
	}
	serve := gofakes3.New(s.backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server()
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.down.Load() {
			// As a service may that repeats what it was sent.
			http.Error(w, "<Error><Code>AccessDenied</Code><Message>no "+r.Header.Get("Authorization")+" "+secretKey+"</Message></Error>", http.StatusForbidden)
			return
		}
		serve.ServeHTTP(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that don't trust it
	s.StartTLS()
	t.Cleanup(s.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	s.options = backup.S3Options{Endpoint: s.URL, Bucket: "backups", Prefix: "/site/a/", Region: "us-east-1", CAFile: ca}
	return s
}

func (s *s3Server) bucket(t testing.TB) backup.Bucket {
	t.Helper()
	b, err := s.options.Open(env)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (s *s3Server) keys(t testing.TB) []string {
	t.Helper()
	list, err := s.backend.ListBucket("backups", nil, gofakes3.ListBucketPage{})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, o := range list.Contents {
		keys = append(keys, o.Key)
	}
	return keys
}

func TestCopiesInABucketArePrunedAndFetched(t *testing.T) {
	t.Parallel()
	s := newS3(t)
	dir := t.TempDir()
	// Someone else's, under the same prefix and beside it.
	for _, key := range []string{"site/a/README", "site/b/20260101t000000z-manual.sql.gz"} {
		if _, err := s.backend.PutObject("backups", key, map[string]string{}, strings.NewReader("x"), 1, nil); err != nil {
			t.Fatal(err)
		}
	}
	var last backup.Result
	for i := range 5 {
		var err error
		if last, err = keep(t, dir, backup.Scheduled, i, start.Add(time.Duration(i)*time.Hour), s.bucket(t)); err != nil || !last.Uploaded {
			t.Fatalf("%+v, %v", last, err)
		}
	}
	want := []string{"site/a/README"}
	for _, name := range names(t, dir) {
		want = append(want, "site/a/"+name+".json", "site/a/"+name+".sql.gz")
	}
	if got := s.keys(t); !slices.Equal(sorted(got), sorted(append(want, "site/b/20260101t000000z-manual.sql.gz"))) {
		t.Errorf("the bucket holds %v, want %v", got, want)
	}

	// The volume is lost.
	to := filepath.Join(t.TempDir(), "out.sql.gz")
	r, err := backup.Fetch(t.Context(), backup.FetchOptions{Dir: "/nonexistent", Name: backup.Latest, To: to, Now: later, Bucket: s.bucket(t)})
	if err != nil || r.Name != last.Name || r.SHA256 != last.SHA256 || r.Rows["multi_claim"] != 4 || len(r.Available) != 3 {
		t.Errorf("fetched %+v, %v; want %+v", r, err, last)
	}
	here, _ := os.ReadFile(filepath.Join(dir, last.Name+".sql.gz"))
	if there, _ := os.ReadFile(to); !bytes.Equal(here, there) {
		t.Error("what was fetched is not what was kept")
	}
	// Damaged in the bucket.
	if _, err := s.backend.PutObject("backups", "site/a/"+last.Name+".sql.gz", map[string]string{}, strings.NewReader("damaged"), 7, nil); err != nil {
		t.Fatal(err)
	}
	os.Remove(to)
	if _, err := backup.Fetch(t.Context(), backup.FetchOptions{Dir: t.TempDir(), Name: last.Name, To: to, Now: later, Bucket: s.bucket(t)}); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("a damaged copy: %v", err)
	}
	if _, err := os.Stat(to); err == nil {
		t.Error("a damaged copy is there")
	}
}

// TestThoseWhoShareABucketDoNotMeet: neither the copies of two clusters, nor those that lie
// before them, as an earlier version put them.
func TestThoseWhoShareABucketDoNotMeet(t *testing.T) {
	t.Parallel()
	s := newS3(t)
	at := func(folder string) backup.Bucket {
		o := s.options
		o.Prefix = "multinic" + folder
		b, err := o.Open(env)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	dirs := map[string]string{"": t.TempDir(), "/one/multinic-system": t.TempDir(), "/two/multinic-system": t.TempDir(), "/two/team-a": t.TempDir()}
	for i := range 4 {
		for folder, dir := range dirs {
			if r, err := keep(t, dir, backup.Scheduled, i, start.Add(time.Duration(i*10+len(folder))*time.Hour), at(folder)); err != nil || len(r.Available) != min(i+1, 3) {
				t.Errorf("%q: %+v, %v", folder, r, err)
			}
		}
	}
	for folder, dir := range dirs {
		r, err := backup.Fetch(t.Context(), backup.FetchOptions{Dir: t.TempDir(), Name: backup.Latest, To: filepath.Join(t.TempDir(), "out.sql.gz"), Now: later, Bucket: at(folder)})
		if want := names(t, dir); err != nil || r.Name != want[0] || !slices.Equal(r.Available, want) {
			t.Errorf("%q: the latest is %q of %v, %v; want %v", folder, r.Name, r.Available, err, want)
		}
	}
}

func TestABucketThatWasAwayGetsWhatItMissed(t *testing.T) {
	t.Parallel()
	s := newS3(t)
	dir := t.TempDir()
	s.down.Store(true)
	for i := range 2 {
		r, err := keep(t, dir, backup.Scheduled, i, start.Add(time.Duration(i)*time.Hour), s.bucket(t))
		if err != nil || r.Name == "" || r.Uploaded {
			t.Fatalf("%+v, %v; want a backup that is kept", r, err)
		}
		if strings.Contains(r.Error, secretKey) || strings.Contains(r.Error, "AKIDEXAMPLE") || !strings.Contains(r.Error, "s3://backups/site/a/") {
			t.Errorf("what failed is to name the bucket and no key: %q", r.Error)
		}
	}
	s.down.Store(false)
	if r, err := keep(t, dir, backup.Scheduled, 2, start.Add(3*time.Hour), s.bucket(t)); err != nil || r.Error != "" || !r.Uploaded || len(s.keys(t)) != 6 {
		t.Errorf("%+v, %v, with %v in the bucket; want all three", r, err, s.keys(t))
	}
}

func TestABucketIsNamedWholeAndItsServerVerified(t *testing.T) {
	t.Parallel()
	s := newS3(t)
	for name, change := range map[string]func(*backup.S3Options){
		"credentials in the URL": func(o *backup.S3Options) { o.Endpoint = "https://me:" + secretKey + "@s3.example.com" },
		"another scheme":         func(o *backup.S3Options) { o.Endpoint = "ftp://s3.example.com" },
		"no endpoint":            func(o *backup.S3Options) { o.Endpoint = "" },
		"no CA":                  func(o *backup.S3Options) { o.CAFile = "/nonexistent" },
	} {
		o := s.options
		change(&o)
		if _, err := o.Open(env); err == nil || strings.Contains(err.Error(), secretKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.options.Open(func(string) string { return "" }); err == nil || !strings.Contains(err.Error(), backup.SecretKeyEnv) {
		t.Errorf("without keys: %v", err)
	}
	if b, err := (backup.S3Options{}).Open(env); b != nil || err != nil {
		t.Errorf("no bucket named: %v, %v", b, err)
	}
	o := s.options
	o.CAFile = ""
	b, err := o.Open(env)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.List(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a server that the system does not trust: %v", err)
	}
}
