// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

const (
	testPassword = "pa55-\"word\"-<never>&tell"
	testProject  = "0123456789abcdef0123456789abcdef"
	vmID         = "11111111-1111-4111-8111-111111111111"
	otherVMID    = "22222222-2222-4222-8222-222222222222"
	subnetID     = "33333333-3333-4333-8333-333333333333"
	networkID    = "44444444-4444-4444-8444-444444444444"
	portID       = "55555555-5555-4555-8555-555555555555"
)

// fakeCloud answers as one small project does, on one address, until a test
// replaces the answer to an operation. For whole clouds see openstacksim.
type fakeCloud struct {
	*httptest.Server

	mu sync.Mutex
	// answers by "GET /network/v2.0/ports"; they replace the good ones.
	answers map[string]http.HandlerFunc
	// count of requests by the same key.
	count   map[string]int
	headers []http.Header
	// project of tokens; nil: unscoped.
	project map[string]any
	// catalogue; nil: network and compute at this address.
	catalogue []any
	life      time.Duration
	tokens    int
}

func startCloud(t *testing.T) *fakeCloud {
	t.Helper()
	f := newFakeCloud()
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func newFakeCloud() *fakeCloud {
	return &fakeCloud{
		answers: map[string]http.HandlerFunc{}, count: map[string]int{}, life: time.Hour,
		project: map[string]any{"id": testProject, "name": "k8s", "domain": map[string]any{"id": "default", "name": "Default"}},
	}
}

func (f *fakeCloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := r.Method + " " + r.URL.Path
	f.mu.Lock()
	f.count[key]++
	f.headers = append(f.headers, r.Header.Clone())
	answer := f.answers[key]
	f.mu.Unlock()
	if answer == nil {
		answer = f.good
	}
	w.Header().Set("X-Openstack-Request-Id", "req-test")
	answer(w, r)
}

// on replaces the answer to an operation.
func (f *fakeCloud) on(key string, h http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[key] = h
}

func (f *fakeCloud) calls(key string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count[key]
}

const (
	loginCall    = "POST /identity/v3/auth/tokens"
	subnetsCall  = "GET /network/v2.0/subnets"
	networksCall = "GET /network/v2.0/networks"
	portsCall    = "GET /network/v2.0/ports"
	serversCall  = "GET /compute/v2.1/servers/detail"
	versionCall  = "GET /compute/v2.1/"
)

func (f *fakeCloud) good(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("marker") != "" {
		key := path.Base(strings.TrimSuffix(r.URL.Path, "/detail"))
		reply(w, 200, map[string]any{key: []any{}})
		return
	}
	switch r.Method + " " + r.URL.Path {
	case loginCall:
		f.login(w)
	case subnetsCall:
		reply(w, 200, map[string]any{"subnets": []any{goodSubnet()}})
	case networksCall:
		reply(w, 200, map[string]any{"networks": []any{map[string]any{"id": networkID, "mtu": 1450}}})
	case portsCall:
		reply(w, 200, map[string]any{"ports": []any{goodPort()}})
	case serversCall:
		reply(w, 200, map[string]any{"servers": []any{goodServer(vmID, "vm-1")}})
	case "GET /compute/v2.1/servers/" + vmID:
		reply(w, 200, map[string]any{"server": goodServer(vmID, "vm-1")})
	case versionCall:
		reply(w, 200, map[string]any{"version": map[string]any{"id": "v2.1", "version": "2.93", "min_version": "2.1"}})
	default:
		if strings.HasPrefix(r.URL.Path, "/compute/v2.1/servers/") {
			reply(w, 404, map[string]any{"itemNotFound": map[string]any{"code": 404, "message": "Instance could not be found."}})
			return
		}
		http.Error(w, "no such route", http.StatusNotFound)
	}
}

func (f *fakeCloud) login(w http.ResponseWriter) {
	f.mu.Lock()
	f.tokens++
	token := map[string]any{
		"issued_at":  time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"),
		"expires_at": time.Now().Add(f.life).UTC().Format("2006-01-02T15:04:05.000000Z"),
		"catalog":    f.catalogue,
	}
	if f.catalogue == nil {
		token["catalog"] = []any{entry("network", "RegionOne", f.URL+"/network"), entry("compute", "RegionOne", f.URL+"/compute/v2.1")}
	}
	if f.project != nil {
		token["project"] = f.project
	}
	w.Header().Set("X-Subject-Token", fmt.Sprintf("gAAAA-secret-token-%d", f.tokens))
	f.mu.Unlock()
	reply(w, 201, map[string]any{"token": token})
}

func entry(kind, region, url string) map[string]any {
	return map[string]any{"type": kind, "name": kind, "endpoints": []any{
		map[string]any{"interface": "public", "region": region, "region_id": region, "url": url},
	}}
}

func goodSubnet() map[string]any {
	return map[string]any{"id": subnetID, "name": "data", "cidr": "10.0.0.0/24", "network_id": networkID}
}

func goodServer(id, name string) map[string]any {
	return map[string]any{"id": id, "name": name, "status": "ACTIVE", "OS-EXT-SRV-ATTR:hostname": name, "addresses": map[string]any{}}
}

func goodPort() map[string]any {
	return map[string]any{
		"id": portID, "mac_address": "FA:16:3E:00:00:01", "network_id": networkID, "device_id": vmID,
		"device_owner": "compute:nova", "status": "ACTIVE",
		"fixed_ips": []any{map[string]any{"subnet_id": subnetID, "ip_address": "10.0.0.7"}},
	}
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
}

func raw(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func (f *fakeCloud) credentials() Credentials {
	return Credentials{
		AuthURL: f.URL + "/identity", Username: "multinic", Password: testPassword, DomainName: "Default", ProjectID: testProject,
	}
}

// quiet swallows what httptest's servers log of the clients' handshakes.
var quiet = log.New(io.Discard, "", 0)

// oneVM asks for the VM that the good answers hold.
var oneVM = []inventory.Query{{Servers: []string{"vm-1"}, Subnet: "data"}}

// newClient waits for nothing longer than a test should.
func newClient(t *testing.T, o Options) *Client {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Rate == 0 {
		o.Rate, o.Burst = 10000, 10000
	}
	c := New(o)
	t.Cleanup(c.Close)
	return c
}

func mustFail(t *testing.T, c *Client, cred Credentials, queries []inventory.Query, kind Kind) *Error {
	t.Helper()
	snapshot, err := c.Snapshot(context.Background(), cred, queries)
	if err == nil {
		t.Fatalf("a snapshot came, want an error of kind %s", kind)
	}
	if snapshot != nil {
		t.Fatal("a snapshot came beside the error: it could be mistaken for a whole one")
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("error is %T, want *Error: %v", err, err)
	}
	if e.Kind != kind {
		t.Fatalf("kind %s, want %s: %v", e.Kind, kind, err)
	}
	return e
}

func mustSnapshot(t *testing.T, c *Client, cred Credentials, queries []inventory.Query) *inventory.Snapshot {
	t.Helper()
	s, err := c.Snapshot(context.Background(), cred, queries)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
