// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"bytes"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

// flood answers with head and then 100 MB of one character.
func flood(status int, head string, of byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Subject-Token", "gAAAA-secret-token")
		w.WriteHeader(status)
		_, err := w.Write([]byte(head))
		chunk := bytes.Repeat([]byte{of}, 64<<10)
		for i := 0; i < 100<<20 && err == nil; i += len(chunk) {
			_, err = w.Write(chunk)
		}
	}
}

// Not parallel: it counts what the process allocates.
func TestOneHugeValueIsNotTakenIntoMemory(t *testing.T) {
	const getCall = "GET /compute/v2.1/servers/" + vmID
	byID := oneVM[0]
	byID.Servers = []string{vmID}
	for what, tc := range map[string]struct {
		call string
		with http.HandlerFunc
	}{
		"the login":                {loginCall, flood(201, `{"token": {"project": {"id": "`, 'x')},
		"the version":              {versionCall, flood(200, `{"version": {"version": "`, '2')},
		"a subnet's name":          {subnetsCall, flood(200, `{"subnets": [{"name": "`, 'x')},
		"a network of many fields": {networksCall, flood(200, `{"networks": [{"x": [1`, '1')},
		"a server":                 {getCall, flood(200, `{"server": {"metadata": "`, 'x')},
		"a port's second item":     {portsCall, flood(200, `{"ports": [`+string(asJSON(goodPort()))+`, {"id": "`, 'x')},
		"a key":                    {portsCall, flood(200, `{"`, 'x')},
		"a value that nobody asks": {portsCall, flood(200, `{"more": "`, 'x')},
		"the links":                {portsCall, flood(200, `{"ports_links": [{"href": "`, 'x')},
		"blanks before the answer": {portsCall, flood(200, ``, ' ')},
		"blanks between items":     {portsCall, flood(200, `{"ports": [`, ' ')},
		"blanks after the answer":  {getCall, flood(200, `{"server": `+string(asJSON(goodServer(vmID, "vm-1")))+`}`, ' ')},
	} {
		cloud := startCloud(t)
		cloud.on(tc.call, tc.with)
		c := newClient(t, Options{})
		queries := oneVM
		if tc.call == getCall {
			queries = []inventory.Query{byID}
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		e := mustFail(t, c, cloud.credentials(), queries, BadAnswer)
		runtime.ReadMemStats(&after)
		// A buffer that doubles up to 1 MiB, and what copies of it there are.
		if took := after.TotalAlloc - before.TotalAlloc; took > 12<<20 {
			t.Errorf("%s: %d MiB were allocated", what, took>>20)
		}
		if !strings.Contains(e.Message, "larger than") {
			t.Errorf("%s: %v", what, e)
		}
		cloud.Close()
	}
}

func TestAListMayBeLargerThanAnyOfItsItems(t *testing.T) {
	t.Parallel()
	cloud := startCloud(t)
	cloud.on(serversCall, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("marker") != "" {
			cloud.good(w, r)
			return
		}
		items := make([]any, 0, 21)
		for i := range 20 {
			v := goodServer(ids(20)[i], "another")
			v["metadata"] = strings.Repeat("x", 900<<10)
			items = append(items, v)
		}
		reply(w, 200, map[string]any{"servers": append(items, goodServer(vmID, "vm-1"))})
	})
	s := mustSnapshot(t, newClient(t, Options{}), cloud.credentials(), oneVM)
	if n := len(s.Servers("vm-1")); n != 1 {
		t.Errorf("%d servers, want the one behind 18 MB of others", n)
	}
}

func TestANameThatIsMuchLongerThanAnyServiceAllowsIsABadAnswer(t *testing.T) {
	t.Parallel()
	cloud := startCloud(t)
	longest := goodServer(vmID, strings.Repeat("\U0001F600", 255)) // 3 kB of JSON escapes
	cloud.on(serversCall, func(w http.ResponseWriter, r *http.Request) {
		raw(200, "application/json", `{"servers": [`+strings.ReplaceAll(string(asJSON(longest)), "\U0001F600", `\ud83d\ude00`)+`]}`)(w, r)
	})
	mustSnapshot(t, newClient(t, Options{}), cloud.credentials(), oneVM)
	cloud.on(serversCall, func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, map[string]any{"servers": []any{goodServer(vmID, strings.Repeat("x", 100_000))}})
	})
	mustFail(t, newClient(t, Options{}), cloud.credentials(), oneVM, BadAnswer)
}
