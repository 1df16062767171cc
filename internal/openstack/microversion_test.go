// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

// serves makes it a Nova of another version.
func (f *fakeCloud) serves(highest string) {
	f.on(versionCall, func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, map[string]any{"version": map[string]any{"id": "v2.1", "version": highest, "min_version": "2.1"}})
	})
}

// lastMicroversion that was asked for.
func (f *fakeCloud) lastMicroversion() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := ""
	for _, h := range f.headers {
		if v := h.Get("OpenStack-API-Version"); v != "" {
			last = v
		}
	}
	return last
}

func TestAVersionThatCouldNotBeReadIsAskedForAgainBeforeTheSecondLook(t *testing.T) {
	t.Parallel()
	for what, answer := range map[string]http.HandlerFunc{
		"404":                      raw(404, "text/html", "not here"),
		"403":                      raw(403, "text/html", "not you"),
		"a document of no version": raw(200, "application/json", `{}`),
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			cloud := startCloud(t)
			cloud.on(versionCall, answer)
			clock := clocktesting.NewFakeClock(time.Now())
			c := newClient(t, Options{Clock: clock})
			for range 3 {
				mustSnapshot(t, c, cloud.credentials(), oneVM)
			}
			if n := cloud.calls(versionCall); n != 1 {
				t.Errorf("the version was asked for %d times within one reading's time, want 1", n)
			}
			if v := cloud.lastMicroversion(); v != "" {
				t.Errorf("microversion %q, want none", v)
			}
			cloud.serves("2.93")
			clock.Step(time.Minute)
			mustSnapshot(t, c, cloud.credentials(), oneVM)
			if v := cloud.lastMicroversion(); v != "compute 2.90" {
				t.Errorf("microversion %q, want 2.90: host names would stay hidden, and rows be renamed for it", v)
			}
		})
	}
}

func TestALowerMicroversionThanBeforeIsAnErrorUntilItLasts(t *testing.T) {
	t.Parallel()
	for what, lower := range map[string]http.HandlerFunc{
		"an older Nova": raw(200, "application/json", `{"version": {"id": "v2.1", "version": "2.79", "min_version": "2.1"}}`),
		"a proxy's 404": raw(404, "text/html", "not here"),
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			cloud := startCloud(t)
			clock := clocktesting.NewFakeClock(time.Now())
			c := newClient(t, Options{Clock: clock, IdleTimeout: 24 * time.Hour})
			mustSnapshot(t, c, cloud.credentials(), oneVM)
			relogin := func() { clock.Step(59 * time.Minute) } // the fake token lives an hour
			relogin()
			cloud.on(versionCall, lower)
			for range 2 { // two looks
				e := mustFail(t, c, cloud.credentials(), oneVM, BadAnswer)
				if !e.Temporary() || !strings.Contains(e.Message, "2.90") {
					t.Errorf("temporary %v: %v", e.Temporary(), e)
				}
				clock.Step(time.Minute)
			}
			cloud.serves("2.93") // another worker
			mustSnapshot(t, c, cloud.credentials(), oneVM)
			relogin()
			cloud.on(versionCall, lower)
			mustFail(t, c, cloud.credentials(), oneVM, BadAnswer)
			clock.Step(9 * time.Minute)
			mustFail(t, c, cloud.credentials(), oneVM, BadAnswer)
			clock.Step(-time.Hour) // the clock jumps back
			mustFail(t, c, cloud.credentials(), oneVM, BadAnswer)
			clock.Step(11 * time.Minute)
			mustSnapshot(t, c, cloud.credentials(), oneVM)
		})
	}
}

func TestAWorkerThatDoesNotKnowTheMicroversionIsAPassingFault(t *testing.T) {
	t.Parallel()
	cloud := startCloud(t)
	clock := clocktesting.NewFakeClock(time.Now())
	c := newClient(t, Options{Clock: clock})
	cloud.on(serversCall, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("OpenStack-API-Version") == "compute 2.90" {
			raw(406, "application/json", `{"computeFault": {"code": 406, "message": "Version 2.90 is not supported by the API. Minimum is 2.1 and maximum is 2.79."}}`)(w, r)
			return
		}
		cloud.good(w, r)
	})
	for range 2 {
		e := mustFail(t, c, cloud.credentials(), oneVM, BadAnswer)
		if !e.Temporary() || !strings.Contains(e.Error(), "not supported by the API") {
			t.Errorf("temporary %v: %v", e.Temporary(), e)
		}
	}
	if n := cloud.calls(versionCall); n != 2 {
		t.Errorf("the version was asked for %d times, want anew after it proved wrong", n)
	}
	cloud.serves("2.79") // the whole of Nova went back
	mustFail(t, c, cloud.credentials(), oneVM, BadAnswer)
	clock.Step(10 * time.Minute)
	if _, err := c.Snapshot(context.Background(), cloud.credentials(), oneVM); err != nil {
		t.Errorf("a downgrade that lasts fails for ever: %v", err)
	}
}
