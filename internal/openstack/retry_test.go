// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/utils/clock"
	testclock "k8s.io/utils/clock/testing"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

// skippingClock lets every wait pass at once and notes its length.
type skippingClock struct {
	*testclock.FakeClock
	waits chan time.Duration
}

func newSkippingClock() *skippingClock {
	return &skippingClock{FakeClock: testclock.NewFakeClock(time.Now()), waits: make(chan time.Duration, 1000)}
}

// NewTimer implements clock.Clock.
func (c *skippingClock) NewTimer(d time.Duration) clock.Timer {
	c.waits <- d
	t := c.FakeClock.NewTimer(d)
	c.Step(d)
	return t
}

func TestAfter429And503TheCallIsMadeAgain(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status     int
		retryAfter string
		min, max   time.Duration
	}{
		"429 with Retry-After in seconds": {429, "7", 7 * time.Second, 7 * time.Second},
		"503 with Retry-After in seconds": {503, "2", 2 * time.Second, 2 * time.Second},
		"413 of old rate limits":          {413, "3", 3 * time.Second, 3 * time.Second},
		"429 without":                     {429, "", firstBackoff / 2, firstBackoff},
		"503 without":                     {503, "", firstBackoff / 2, firstBackoff},
		"503 with nonsense":               {503, "soon", firstBackoff / 2, firstBackoff},
		"503 with a date in the past":     {503, "Wed, 21 Oct 2015 07:28:00 GMT", firstBackoff / 2, firstBackoff},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := startCloud(t)
			var n atomic.Int64
			cloud.on(serversCall, func(w http.ResponseWriter, r *http.Request) {
				if n.Add(1) == 1 {
					if tc.retryAfter != "" {
						w.Header().Set("Retry-After", tc.retryAfter)
					}
					w.WriteHeader(tc.status)
					return
				}
				cloud.good(w, r)
			})
			clock := newSkippingClock()
			mustSnapshot(t, newClient(t, Options{Clock: clock}), cloud.credentials(), oneVM)
			select {
			case d := <-clock.waits:
				if d < tc.min || d > tc.max {
					t.Errorf("waited %s, want %s to %s", d, tc.min, tc.max)
				}
			default:
				t.Error("tried again at once")
			}
		})
	}
}

func TestACloudThatGoesOnRefusingIsLeftToTheCaller(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status     int
		retryAfter time.Duration
		kind       Kind
		calls      int
	}{
		{429, time.Second, RateLimited, 4},
		{503, 0, ServerError, 4},
		{429, 10 * time.Minute, RateLimited, 1}, // longer than a call may wait
		{503, 10 * time.Minute, ServerError, 1},
		{500, 0, ServerError, 1}, // not said to be passing
	} {
		cloud := startCloud(t)
		cloud.on(serversCall, func(w http.ResponseWriter, _ *http.Request) {
			if tc.retryAfter > 0 {
				w.Header().Set("Retry-After", strconv.Itoa(int(tc.retryAfter.Seconds())))
			}
			w.WriteHeader(tc.status)
		})
		e := mustFail(t, newClient(t, Options{Clock: newSkippingClock()}), cloud.credentials(), oneVM, tc.kind)
		if e.RetryAfter != tc.retryAfter || !e.Temporary() {
			t.Errorf("%d: RetryAfter %s, want %s", tc.status, e.RetryAfter, tc.retryAfter)
		}
		if n := cloud.calls(serversCall); n != tc.calls {
			t.Errorf("%d: %d calls, want %d", tc.status, n, tc.calls)
		}
	}
}

func TestABackoffDoesNotOutlastTheCallersDeadline(t *testing.T) {
	t.Parallel()
	cloud := startCloud(t)
	cloud.on(serversCall, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "25")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err := newClient(t, Options{}).Snapshot(ctx, cloud.credentials(), oneVM)
	var e *Error
	if !errors.As(err, &e) || e.Kind != RateLimited || e.RetryAfter != 25*time.Second {
		t.Errorf("want RateLimited at once, with the time to wait: %v", err)
	}
}

func TestTheRateOfOneCloudIsBoundedOverAllCredentials(t *testing.T) {
	t.Parallel()
	clock := newSkippingClock()
	b := newBucket(clock, 10, 5)
	start := clock.Now()
	for range 25 {
		if err := b.wait(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if took := clock.Since(start); took < 1900*time.Millisecond || took > 2100*time.Millisecond {
		t.Errorf("25 calls at 10 a second after a burst of 5 took %s, want 2 s", took)
	}
	cloud := startCloud(t)
	c := newClient(t, Options{})
	mustSnapshot(t, c, cloud.credentials(), oneVM)
	other := cloud.credentials()
	other.Username = "other"
	mustSnapshot(t, c, other, oneVM)
	if len(c.sessions) != 2 || len(c.buckets) != 1 {
		t.Errorf("%d sessions, %d buckets, want 2 and 1", len(c.sessions), len(c.buckets))
	}
}

func TestAWaitForTheBucketThatPassesTheDeadlineFailsAtOnce(t *testing.T) {
	t.Parallel()
	cloud := startCloud(t)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err := newClient(t, Options{Rate: 0.001, Burst: 2}).Snapshot(ctx, cloud.credentials(), oneVM)
	var e *Error
	if !errors.As(err, &e) || e.Kind != RateLimited {
		t.Errorf("want RateLimited, got %v", err)
	}
}

// pagedServers gives one server a page and links to the next.
func pagedServers(cloud *fakeCloud, total int, href func(marker string) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		at := 0
		if m := r.URL.Query().Get("marker"); m != "" {
			at, _ = strconv.Atoi(m)
			at++
		}
		body := map[string]any{"servers": []any{}}
		if at < total {
			body["servers"] = []any{goodServer(strconv.Itoa(at), "vm-"+strconv.Itoa(at))}
			body["servers_links"] = []any{map[string]any{"rel": "next", "href": href(strconv.Itoa(at))}}
		}
		reply(w, 200, body)
	}
}

func TestALinkToANextPageElsewhereIsReadForItsMarkerOnly(t *testing.T) {
	t.Parallel()
	cloud := startCloud(t)
	cloud.on(serversCall, pagedServers(cloud, 3, func(marker string) string {
		return "http://other-host.invalid/v2.1/servers/detail?limit=1&marker=" + marker
	}))
	s := mustSnapshot(t, newClient(t, Options{}), cloud.credentials(), []inventory.Query{{Servers: []string{"vm-2"}, Subnet: "data"}})
	if len(s.Servers("vm-2")) != 1 {
		t.Error("the last page was not read")
	}
	if n := cloud.calls(serversCall); n != 4 {
		t.Errorf("%d pages, want 3 and an empty one", n)
	}
}

func TestAListThatChangesUnderThePagingIsReadAgain(t *testing.T) {
	t.Parallel()
	gone := map[string]http.HandlerFunc{
		serversCall: raw(400, "application/json", `{"badRequest": {"code": 400, "message": "marker [0] not found"}}`),
		portsCall:   raw(404, "application/json", `{"NeutronError": {"type": "PortNotFound", "message": "Port 0 could not be found.", "detail": ""}}`),
	}
	for call, answer := range gone {
		for _, times := range []int64{1, 100} {
			cloud := startCloud(t)
			var hits atomic.Int64
			cloud.on(call, func(w http.ResponseWriter, r *http.Request) {
				first := r.URL.Query().Get("marker") == ""
				switch {
				case !first && hits.Add(1) <= times:
					answer(w, r)
				case first && call == serversCall:
					s := goodServer("0", "vm-0")
					reply(w, 200, map[string]any{"servers": []any{s, goodServer(vmID, "vm-1")}, "servers_links": []any{link{"next", "/?marker=0"}}})
				case first:
					p := goodPort()
					reply(w, 200, map[string]any{"ports": []any{p}, "ports_links": []any{link{"next", "/?marker=0"}}})
				case call == serversCall:
					reply(w, 200, map[string]any{"servers": []any{}})
				default:
					reply(w, 200, map[string]any{"ports": []any{}})
				}
			})
			c := newClient(t, Options{})
			if times == 1 {
				s := mustSnapshot(t, c, cloud.credentials(), oneVM)
				if n := len(s.Ports(vmID, subnetID)); n != 1 {
					t.Errorf("%s: %d ports, want 1: the first reading must be forgotten", call, n)
				}
				continue
			}
			mustFail(t, c, cloud.credentials(), oneVM, BadAnswer)
			if n := cloud.calls(call); n != 2*(maxRestarts+1) {
				t.Errorf("%s: %d calls, want %d", call, n, 2*(maxRestarts+1))
			}
		}
	}
}

func TestAFullPageWithoutALinkIsNotTakenForTheLast(t *testing.T) {
	t.Parallel()
	cloud := startCloud(t)
	mustSnapshot(t, newClient(t, Options{PageSize: 1}), cloud.credentials(), oneVM)
	if n := cloud.calls(portsCall); n != 2 {
		t.Errorf("%d pages, want 2", n)
	}
}
