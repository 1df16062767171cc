// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"strings"
	"testing"
	"time"

	testclock "k8s.io/utils/clock/testing"
)

func TestAnotherDefaultProjectIsNotReadAsIfItWereTheOneBefore(t *testing.T) {
	t.Parallel()
	home := map[string]any{"id": "f00", "name": "home"}
	other := map[string]any{"id": "ba5", "name": "other"}
	cloud := startCloud(t)
	move := func(to map[string]any) {
		cloud.mu.Lock()
		defer cloud.mu.Unlock()
		cloud.project = to
	}
	move(home)
	cred := cloud.credentials()
	cred.ProjectID = ""
	clock := testclock.NewFakeClock(time.Now())
	c := newClient(t, Options{Clock: clock})
	mustSnapshot(t, c, cred, oneVM)
	move(other)
	mustSnapshot(t, c, cred, oneVM) // by the token of before
	clock.Step(time.Hour)
	asked := cloud.calls(serversCall)
	for _, idle := range []time.Duration{0, time.Minute, 25 * time.Hour} { // past the life of the login too
		clock.Step(idle)
		e := mustFail(t, c, cred, oneVM, WrongScope)
		for _, says := range []string{"ba5", "f00", "projectID"} {
			if !strings.Contains(e.Message, says) {
				t.Errorf("want %q in %q", says, e.Message)
			}
		}
	}
	if cloud.calls(serversCall) != asked {
		t.Error("the other project was asked")
	}
	named := cred
	named.ProjectID = "ba5" // a person says so
	mustSnapshot(t, c, named, oneVM)
	move(home)
	clock.Step(time.Minute)
	mustSnapshot(t, c, cred, oneVM)
}

func TestCredentialsThatNobodyUsesAreForgottenAfterAMonth(t *testing.T) {
	t.Parallel()
	cloud := startCloud(t)
	clock := testclock.NewFakeClock(time.Now())
	c := newClient(t, Options{Clock: clock})
	for range 5 {
		cred := cloud.credentials()
		cred.Password += clock.Now().String()
		mustSnapshot(t, c, cred, oneVM)
		clock.Step(20 * 24 * time.Hour)
	}
	if n := len(c.pasts); n != 2 {
		t.Errorf("%d credentials are remembered, want those of the last month", n)
	}
}
