// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xormsdhkdwk/multinic/internal/backup"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// run runs multinic backup with some arguments, and reads the result.
func run(t testing.TB, args ...string) (output string, r backup.Result, err error) {
	t.Helper()
	result := filepath.Join(t.TempDir(), "result")
	if args[0] != "list" {
		args = append(args, "--result", result)
	}
	cmd := backupCommand()
	var all bytes.Buffer
	cmd.SetOut(&all)
	cmd.SetErr(&all)
	cmd.SetArgs(args)
	cmd.SilenceUsage = true
	err = cmd.ExecuteContext(t.Context())
	if text, readErr := os.ReadFile(result); readErr == nil {
		if jsonErr := json.Unmarshal(text, &r); jsonErr != nil {
			t.Errorf("the result is %s: %v", text, jsonErr)
		}
	} else if args[0] != "list" {
		t.Errorf("no result was written: %v", readErr)
	}
	return all.String(), r, err
}

func TestABackupGoesThroughAllItsSteps(t *testing.T) {
	t.Parallel()
	db := testenv.Database(t)
	s, err := store.Open(store.Config{Host: db.Host, Port: db.Port, User: db.User, Password: db.Password, Database: db.Name, Cluster: "c"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Lead(t.Context(), store.Mark{}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	dump, work := filepath.Join(dir, ".unfinished", "x.sql.gz"), filepath.Join(t.TempDir(), "dump.sql.gz")
	script := func(text, file string) {
		cmd := exec.CommandContext(t.Context(), "/bin/sh", "-ec", text)
		cmd.Env = append(append(cmd.Environ(), db.Env()...), "BACKUP_FILE="+file)
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
	}
	script(backup.DumpScript, dump)
	if _, r, err := run(t, "keep", "--dir", dir, "--file", dump, "--reason", "manual", "--keep", "0"); err == nil || r.Error == "" || r.Name != "" {
		t.Errorf("keeping none: %+v, %v", r, err)
	}
	_, kept, err := run(t, "keep", "--dir", dir, "--file", dump, "--reason", "manual", "--keep", "2")
	if err != nil || kept.Name == "" || kept.Error != "" || kept.Uploaded || len(kept.Available) != 1 {
		t.Fatalf("%+v, %v", kept, err)
	}
	script(backup.DumpScript, dump)
	output, second, err := run(t, "keep", "--dir", dir, "--file", dump, "--reason", "manual", "--s3-bucket", "b", "--s3-endpoint", "s3.example.com")
	if err != nil || second.Name == "" || second.Uploaded || !strings.Contains(second.Error, backup.SecretKeyEnv) || !strings.Contains(output, second.Error) {
		t.Errorf("a kept backup is a success, whatever its bucket says: %+v, %v\n%s", second, err, output)
	}
	if output, _, err := run(t, "list", "--dir", dir); err != nil || !strings.Contains(output, kept.Name) {
		t.Errorf("listed: %q, %v", output, err)
	}
	if _, r, err := run(t, "fetch", "--dir", dir, "--name", "20200101t000000z-manual", "--to", work); err == nil || !strings.Contains(r.Error, kept.Name) {
		t.Errorf("fetching what isn't there: %+v, %v", r, err)
	}
	if _, r, err := run(t, "fetch", "--dir", dir, "--to", work); err != nil || r.Name != second.Name || r.Rows["multi_epoch"] != 1 {
		t.Errorf("fetching the latest: %+v, %v", r, err)
	}
	script(backup.LoadScript, work)
	if l, err := s.Lead(t.Context(), store.Mark{}); err != nil || !l.GateOpen() {
		t.Errorf("leading what was restored: %v", err)
	}
	if _, r, err := run(t, "fetch", "--dir", dir, "--to", work, "--s3-bucket", "b", "--s3-endpoint", "s3.example.com"); err == nil || !strings.Contains(r.Error, backup.SecretKeyEnv) {
		t.Errorf("a bucket without keys: %+v, %v", r, err)
	}
}
