// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build openstack

package openstackconformance

import (
	"os"
	"testing"
	"time"
)

// TestRealCloud judges the cloud that the usual OS_* variables name. The second
// account is MULTINIC_TEST_OTHER_USERNAME, _PASSWORD and _PROJECT (stranger,
// the member's password and other, as the lab is seeded); an admin's is
// MULTINIC_TEST_ADMIN_USERNAME, _PASSWORD and _PROJECT (without a password: no
// admin sentences).
func TestRealCloud(t *testing.T) {
	env := func(name, otherwise string) string {
		if v := os.Getenv(name); v != "" {
			return v
		}
		if otherwise == "" {
			t.Fatalf("%s isn't set: source an openrc of the cloud to judge", name)
		}
		return otherwise
	}
	c := &cloud{
		authURL: env("OS_AUTH_URL", ""), region: env("OS_REGION_NAME", "RegionOne"), patience: 4 * time.Minute,
		member: login{env("OS_USERNAME", ""), env("OS_PASSWORD", ""), env("OS_PROJECT_NAME", "")},
	}
	c.other = login{
		env("MULTINIC_TEST_OTHER_USERNAME", "stranger"), env("MULTINIC_TEST_OTHER_PASSWORD", c.member.password),
		env("MULTINIC_TEST_OTHER_PROJECT", "other"),
	}
	if password := os.Getenv("MULTINIC_TEST_ADMIN_PASSWORD"); password != "" {
		c.admin = &login{env("MULTINIC_TEST_ADMIN_USERNAME", "admin"), password, env("MULTINIC_TEST_ADMIN_PROJECT", "admin")}
	}
	run(t, c)
}
