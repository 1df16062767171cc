// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

func TestAnAnswerThatIsNotWholeIsAnErrorAndNoSnapshot(t *testing.T) {
	t.Parallel()
	const asJSON = "application/json"
	next := func(href string) string { return `"ports_links": [{"rel": "next", "href": "` + href + `"}]` }
	for name, tc := range map[string]struct {
		call string
		with http.HandlerFunc
	}{
		"HTML with status 200":                 {serversCall, raw(200, "text/html; charset=utf-8", "<html><title>Sign in</title>")},
		"HTML that claims to be JSON":          {portsCall, raw(200, asJSON, "<html>")},
		"JSON cut in the middle":               {serversCall, raw(200, asJSON, `{"servers": [{"id": "a", "name": "b", "status": "ACTIVE"}`)},
		"JSON cut between list and end":        {serversCall, raw(200, asJSON, `{"servers": []`)},
		"no body":                              {subnetsCall, raw(200, asJSON, "")},
		"list is null":                         {serversCall, raw(200, asJSON, `{"servers": null}`)},
		"document is null":                     {portsCall, raw(200, asJSON, `null`)},
		"list under another name":              {serversCall, raw(200, asJSON, `{"instances": []}`)},
		"list is an object":                    {subnetsCall, raw(200, asJSON, `{"subnets": {}}`)},
		"list comes twice":                     {serversCall, raw(200, asJSON, `{"servers": [], "servers": []}`)},
		"two documents in one body":            {serversCall, raw(200, asJSON, `{"servers": []}{"servers": []}`)},
		"server without id":                    {serversCall, raw(200, asJSON, `{"servers": [{"name": "vm-1", "status": "ACTIVE"}]}`)},
		"server without name (cell is down)":   {serversCall, raw(200, asJSON, `{"servers": [{"id": "a", "status": "UNKNOWN", "links": []}]}`)},
		"server of status UNKNOWN":             {serversCall, raw(200, asJSON, `{"servers": [{"id": "a", "name": "vm-1", "status": "UNKNOWN"}]}`)},
		"empty objects (fields not honoured)":  {portsCall, raw(200, asJSON, `{"ports": [{}]}`)},
		"port without device_id":               {portsCall, raw(200, asJSON, `{"ports": [{"id": "a", "mac_address": "b", "network_id": "c", "fixed_ips": []}]}`)},
		"port without fixed_ips":               {portsCall, raw(200, asJSON, `{"ports": [{"id": "a", "mac_address": "b", "network_id": "c", "device_id": ""}]}`)},
		"port with fixed_ips null":             {portsCall, raw(200, asJSON, `{"ports": [{"id": "a", "mac_address": "b", "network_id": "c", "device_id": "", "fixed_ips": null}]}`)},
		"port with an address that is none":    {portsCall, raw(200, asJSON, `{"ports": [{"id": "a", "mac_address": "b", "network_id": "c", "device_id": "d", "fixed_ips": [{"subnet_id": "s", "ip_address": "nonsense"}]}]}`)},
		"id of the wrong type":                 {portsCall, raw(200, asJSON, `{"ports": [{"id": 7}]}`)},
		"subnet without cidr":                  {subnetsCall, raw(200, asJSON, `{"subnets": [{"id": "a", "name": "data", "network_id": "c"}]}`)},
		"network of the subnet is missing":     {networksCall, raw(200, asJSON, `{"networks": []}`)},
		"next link without marker":             {portsCall, raw(200, asJSON, `{"ports": [], `+next("http://127.0.0.1/ports")+`}`)},
		"next link on an empty page":           {portsCall, raw(200, asJSON, `{"ports": [], `+next("http://127.0.0.1/ports?marker=x")+`}`)},
		"pages go in a circle":                 {serversCall, raw(200, asJSON, `{"servers": [{"id": "a", "name": "b", "status": "c"}], "servers_links": [{"rel": "next", "href": "/x?marker=a"}]}`)},
		"deeply nested":                        {serversCall, raw(200, asJSON, `{"servers": `+strings.Repeat("[", 100_000))},
		"status 204":                           {serversCall, raw(204, asJSON, "")},
		"status 202 with the list":             {serversCall, raw(202, asJSON, `{"servers": []}`)},
		"token document without header":        {loginCall, raw(201, asJSON, `{"token": {}}`)},
		"HTML in answer to the login":          {loginCall, raw(201, "text/html", "<html>")},
		"the login's document is cut":          {loginCall, raw(201, asJSON, `{"token": {"project"`)},
		"the version document is HTML":         {versionCall, raw(200, "text/html", "<html>")},
		"the version document is broken":       {versionCall, raw(200, asJSON, `{"version":`)},
		"a body shorter than its length":       {serversCall, cut},
		"the list again on a page of its own":  {serversCall, raw(200, asJSON, `{"servers": [], "x": {"servers": []}`)},
		"a 100 MB answer":                      {portsCall, huge(100 << 20)},
		"a 100 MB item":                        {serversCall, hugeItem(100 << 20)},
		"a 100 MB value of a key nobody needs": {subnetsCall, hugeKey(100 << 20)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := startCloud(t)
			cloud.on(tc.call, tc.with)
			e := mustFail(t, newClient(t, Options{MaxBody: 1 << 20}), cloud.credentials(), oneVM, BadAnswer)
			if !e.Temporary() {
				t.Error("an answer that was spoilt on its way must be asked for again")
			}
			if len(e.Error()) > 700 {
				t.Errorf("the message has %d bytes: it quotes too much of the answer", len(e.Error()))
			}
		})
	}
}

func cut(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "1000")
	_, _ = w.Write([]byte(`{"servers": []}`))
}

func huge(size int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"ports": [`))
		for i, n := 0, 0; n < size; i++ {
			m, err := fmt.Fprintf(w, `{"id":"%d","mac_address":"b","network_id":"c","device_id":"d","fixed_ips":[]},`, i)
			if err != nil {
				return
			}
			n += m
		}
	}
}

func hugeItem(size int) http.HandlerFunc { return repeated(`{"servers": [{"id": "`, size) }
func hugeKey(size int) http.HandlerFunc  { return repeated(`{"x": "`, size) }

func repeated(head string, size int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(head))
		block := []byte(strings.Repeat("x", 64<<10))
		for n := 0; n < size; n += len(block) {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
}

func TestAnErrorPageThatNeverEndsIsReadOnlyAtItsBeginning(t *testing.T) {
	t.Parallel()
	cloud := startCloud(t)
	cloud.on(serversCall, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		for {
			if _, err := w.Write([]byte(strings.Repeat("firewall ", 1000))); err != nil {
				return
			}
		}
	})
	e := mustFail(t, newClient(t, Options{}), cloud.credentials(), oneVM, ServerError)
	if e.Status != 500 || e.RequestID != "req-test" {
		t.Errorf("status %d and request %q, want those of the answer", e.Status, e.RequestID)
	}
}

func TestAnAnswerThatNeverComesOrNeverEndsTimesOut(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"never comes": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"never ends": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"servers": [`))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
		"trickles blanks": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte(" "))
				w.(http.Flusher).Flush()
				runtime.Gosched()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := startCloud(t)
			cloud.on(serversCall, h)
			e := mustFail(t, newClient(t, Options{Timeout: 300 * time.Millisecond, MaxBody: 1 << 40}), cloud.credentials(), oneVM, Timeout)
			if !e.Temporary() || !errors.Is(e, context.DeadlineExceeded) {
				t.Errorf("want a temporary deadline, got %v", e)
			}
		})
	}
}

func TestACancelledCallerGetsItsOwnReasonBack(t *testing.T) {
	t.Parallel()
	cloud := startCloud(t)
	ctx, cancel := context.WithCancel(context.Background())
	cloud.on(serversCall, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := newClient(t, Options{}).Snapshot(ctx, cloud.credentials(), oneVM)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("want context.Canceled, got %v", err)
	}
}

func TestStatusesAreClassified(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		call   string
		status int
		body   string
		kind   Kind
		says   string
	}{
		{serversCall, 400, `{"badRequest": {"code": 400, "message": "Invalid input for query parameters name."}}`, BadRequest, "Invalid input"},
		{serversCall, 403, `{"forbidden": {"code": 403, "message": "Policy doesn't allow os_compute_api:servers:detail to be performed."}}`, Forbidden, "Policy doesn't allow"},
		{serversCall, 404, `{"message": "The resource could not be found.", "code": "404 Not Found"}`, EndpointUnknown, "/compute/v2.1/servers/detail"},
		{portsCall, 404, `<html>nginx</html>`, EndpointUnknown, "/network/v2.0/ports"},
		{portsCall, 405, ``, EndpointUnknown, "correct the endpoint"},
		{portsCall, 409, `{"NeutronError": {"type": "Conflict", "message": "odd", "detail": ""}}`, BadRequest, "odd"},
		{portsCall, 414, ``, BadRequest, "414"},
		{portsCall, 500, `{"NeutronError": {"type": "HTTPInternalServerError", "message": "Request Failed", "detail": ""}}`, ServerError, "Request Failed"},
		{portsCall, 502, `<html>Bad Gateway</html>`, ServerError, "Bad Gateway"},
		{portsCall, 504, ``, ServerError, "504"},
		{loginCall, 400, `{"error": {"code": 400, "message": "'identity' is a required property\n\nOn instance: {'password': 'x'}"}}`, BadRequest, "required property"},
		{loginCall, 404, `{"error": {"code": 404}}`, EndpointUnknown, "/identity/v3/auth/tokens"},
		{loginCall, 403, `<html>CSRF verification failed</html>`, Forbidden, "forbids"},
		{loginCall, 200, `<html>Welcome</html>`, BadAnswer, "identity"},
		{loginCall, 500, `{"error": {"code": 500, "message": "An unexpected error prevented the server from fulfilling your request."}}`, ServerError, "unexpected error"},
		{subnetsCall, 599, ``, ServerError, "599"},
	} {
		t.Run(tc.call+" "+strconv.Itoa(tc.status), func(t *testing.T) {
			t.Parallel()
			cloud := startCloud(t)
			cloud.on(tc.call, raw(tc.status, "application/json", tc.body))
			e := mustFail(t, newClient(t, Options{}), cloud.credentials(), oneVM, tc.kind)
			if e.Status != tc.status || !strings.Contains(e.Error(), tc.says) {
				t.Errorf("want status %d and %q in %q", tc.status, tc.says, e.Error())
			}
			if strings.Contains(e.Error(), "On instance") {
				t.Error("the message goes on to Keystone's copy of the request")
			}
		})
	}
}

func TestOnlyNovasOwnNotFoundSaysThatAServerIsGone(t *testing.T) {
	t.Parallel()
	known := []struct {
		name string
		with http.HandlerFunc
		gone bool
	}{
		{"itemNotFound", raw(404, "application/json", `{"itemNotFound": {"code": 404, "message": "Instance could not be found."}}`), true},
		{"a proxy's 404", raw(404, "text/html", "<html>not here</html>"), false},
		{"a 404 of the route", raw(404, "application/json", `{"message": "The resource could not be found.", "code": "404 Not Found"}`), false},
		{"500, as for a cell that is down before 2.69", raw(500, "application/json", `{"computeFault": {"code": 500, "message": "Unexpected API Error."}}`), false},
		{"a server without name, as for a cell that is down", raw(200, "application/json", `{"server": {"id": "`+otherVMID+`", "status": "UNKNOWN"}}`), false},
		{"an empty document", raw(200, "application/json", `{}`), false},
	}
	for _, tc := range known {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cloud := startCloud(t)
			cloud.on("GET /compute/v2.1/servers/"+otherVMID, tc.with)
			query := oneVM[0]
			query.KnownServers = []string{vmID, otherVMID}
			s, err := newClient(t, Options{}).Snapshot(context.Background(), cloud.credentials(), append(oneVM[:0:0], query))
			if tc.gone != (err == nil) {
				t.Fatalf("a published server is missing: err = %v", err)
			}
			if err == nil {
				if _, presence := s.Server(otherVMID); presence != inventory.Absent {
					t.Errorf("presence %v, want Absent", presence)
				}
			}
		})
	}
}
