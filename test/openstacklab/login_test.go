// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacklab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheSecureYAMLLiesOverTheCloudsYAMLAndTheCAGoesIntoTheSecret(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{
		"clouds.yaml": "clouds:\n  mine:\n    auth: {auth_url: https://a, username: me}\n    cacert: " + dir + "/ca.pem\n  other: {}\n",
		"secure.yaml": "clouds:\n  mine:\n    auth: {password: hidden}\n",
		"ca.pem":      "PEM",
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("OS_CLIENT_CONFIG_FILE", filepath.Join(dir, "clouds.yaml"))
	l, err := FindLogin("mine")
	if err != nil {
		t.Fatal(err)
	}
	const want = "clouds:\n  mine:\n    auth:\n      auth_url: https://a\n      password: hidden\n      username: me\n"
	if got := string(l.Data["clouds.yaml"]); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if string(l.Data["cacert"]) != "PEM" {
		t.Errorf("cacert is %q", l.Data["cacert"])
	}
	if _, err := FindLogin("absent"); err == nil || !strings.Contains(err.Error(), "mine, other") {
		t.Errorf("the error %v should name the clouds that there are", err)
	}
}
