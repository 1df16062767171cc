// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

//nolint:thelper // sentences are tests, not helpers
package openstackconformance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
)

// hostnameMicroversion is the first that shows the host name to members.
const hostnameMicroversion = "2.90"

func microversion(v string) []string {
	return []string{"OpenStack-API-Version", "compute " + v, "X-OpenStack-Nova-API-Version", v}
}

var serverSentences = []sentence{
	{"a name filter is an unanchored regular expression that ignores the case", func(t *testing.T, s *suite) {
		p := s.prefix
		for pattern, want := range map[string]string{
			p + "-1": "-1 -10", "^" + p + "-1$": "-1", "^" + strings.ToUpper(p) + "-1$": "-1", p + ".1$": "-1",
			"^(" + p + "-1)$": "-1", p + "-[12]$": "-1 -2", p + "-1{1,2}0?$": "-1 -10", p + "-3": "", "^" + strings.ReplaceAll(p, "-", "\\-") + "\\-10$": "-10",
		} {
			if got := s.serverNames(t, pattern); got != want {
				t.Errorf("%q finds %q instead of %q", pattern, got, want)
			}
		}
	}},
	{"a vertical bar in a name filter is a plain character: no alternation", func(t *testing.T, s *suite) {
		// nova: db/main/api.py, _safe_regex_mysql
		p := s.prefix
		for _, pattern := range []string{"^(" + p + "-1|" + p + "-2)$", p + "-1|" + p + "-2", "^" + p + "-(1|2)$", "^" + p + "-1$|^" + p + "-2$"} {
			if got := s.serverNames(t, pattern); got != "" {
				t.Errorf("%q finds %q instead of nothing", pattern, got)
			}
		}
	}},
	{"a name filter that is no regular expression is 400", func(t *testing.T, s *suite) {
		for encoded, plain := range map[string]string{"%5B": "[", "*": "*", "a%28": "a("} {
			call(t, s.me.compute, http.MethodGet, "/servers?name="+encoded, "").expect(t, plain, http.StatusBadRequest,
				fmt.Sprintf("Invalid input for query parameters name. Value: %[1]s. '%[1]s' is not a 'regex'", plain))
		}
	}},
	{"two servers may share a name; a rename leaves the host name alone", func(t *testing.T, s *suite) {
		twin := s.prefix + "-2"
		last := s.serverIDs[2]
		if _, err := servers.Update(t.Context(), s.me.compute, last, servers.UpdateOpts{Name: twin}).Extract(); err != nil {
			t.Fatal(err)
		}
		if got := s.serverNames(t, "^"+twin+"$"); got != "-2 -2" {
			t.Errorf("twins: %q", got)
		}
		call(t, s.me.compute, http.MethodGet, "/servers/"+last, "", microversion(hostnameMicroversion)...).
			expect(t, "host name", http.StatusOK, `"name":"`+twin+`"`, `"OS-EXT-SRV-ATTR:hostname":"`+s.prefix+`-10"`)
		if _, err := servers.Update(t.Context(), s.me.compute, last, servers.UpdateOpts{Name: s.prefix + "-10"}).Extract(); err != nil {
			t.Fatal(err)
		}
	}},
	{"a member sees a host name from 2.90 on", func(t *testing.T, s *suite) {
		for _, path := range []string{"/servers/" + s.serverOne, "/servers/detail?name=^" + s.prefix + "-1$"} {
			a := call(t, s.me.compute, http.MethodGet, path, "", microversion(hostnameMicroversion)...)
			a.expect(t, path, http.StatusOK, `"OS-EXT-SRV-ATTR:hostname":"`+s.prefix+`-1"`)
			for _, older := range []string{"2.1", "2.3", "2.89"} {
				if a := call(t, s.me.compute, http.MethodGet, path, "", microversion(older)...); a.status != http.StatusOK || a.has("OS-EXT-SRV-ATTR:hostname") {
					t.Errorf("%s at %s: %d %s", path, older, a.status, a.body)
				}
			}
		}
	}},
	{"an unsupported microversion is 406, a malformed one 400, none is 2.1", func(t *testing.T, s *suite) {
		path := "/servers/" + s.serverOne
		call(t, s.me.compute, http.MethodGet, path, "", microversion("2.999")...).expect(t, "2.999", http.StatusNotAcceptable, `{"computeFault":{"code":406,"message":"Version 2.999 is not supported by the API. Minimum is 2.1 and maximum is 2.`)
		call(t, s.me.compute, http.MethodGet, path, "", microversion("banana")...).expect(t, "banana", http.StatusBadRequest, `{"badRequest":{"code":400,"message":"API Version String banana is of invalid format. Must be of format MajorNum.MinorNum."}}`)
		if v := call(t, s.me.compute, http.MethodGet, path, "").header.Get("Openstack-Api-Version"); v != "compute 2.1" {
			t.Errorf("without a header: %q", v)
		}
	}},
	{"the version document tells the microversions", func(t *testing.T, s *suite) {
		call(t, s.me.compute, http.MethodGet, "", "").expect(t, "version", http.StatusOK, `"id":"v2.1"`, `"version":"2.`, `"min_version":"2.1"`)
	}},
	{"all_tenants is 403 for a member", func(t *testing.T, s *suite) {
		call(t, s.me.compute, http.MethodGet, "/servers?all_tenants=1", "").expect(t, "all tenants", http.StatusForbidden, `{"forbidden":{"code":403,"message":"Policy doesn't allow os_compute_api:servers:`)
	}},
	{"a member's unknown filter is ignored, and so is uuid", func(t *testing.T, s *suite) {
		for _, filter := range []string{"nonsense=1", "uuid=" + s.serverTwo, "uuid=" + nobody} {
			call(t, s.me.compute, http.MethodGet, "/servers?"+filter, "").expect(t, filter, http.StatusOK, s.serverOne, s.serverTwo)
		}
	}},
	{"an unknown status is an empty list", func(t *testing.T, s *suite) {
		call(t, s.me.compute, http.MethodGet, "/servers?status=NONSENSE", "").expect(t, "status", http.StatusOK, `{"servers":[]}`)
		a := call(t, s.me.compute, http.MethodGet, "/servers?status=ACTIVE&name="+s.prefix, "")
		a.expect(t, "ACTIVE", http.StatusOK, s.serverOne)
	}},
	{"an unknown server, another project's and what is no UUID are 404", func(t *testing.T, s *suite) {
		for _, id := range []string{nobody, s.strangerServer, "not-a-uuid"} {
			call(t, s.me.compute, http.MethodGet, "/servers/"+id, "").expect(t, id, http.StatusNotFound, `{"itemNotFound":{"code":404,"message":"Instance `+id+` could not be found."}}`)
		}
	}},
	{"addresses go by network name, with MAC and without port IDs", func(t *testing.T, s *suite) {
		v, err := servers.Get(t.Context(), s.me.compute, s.serverOne).Extract()
		if err != nil {
			t.Fatal(err)
		}
		port := s.portsOfServer(t, s.serverOne)[0]
		a := call(t, s.me.compute, http.MethodGet, "/servers/"+s.serverOne, "")
		a.expect(t, "addresses", http.StatusOK, `"addresses":{"`+s.net.Name+`":[{"version":4,"addr":"`+port.FixedIPs[0].IPAddress+`","OS-EXT-IPS:type":"fixed","OS-EXT-IPS-MAC:mac_addr":"`+port.MACAddress+`"}]}`)
		if len(v.Addresses) != 1 || a.has(port.ID) {
			t.Errorf("addresses: %v", v.Addresses)
		}
	}},
	{"the detailed list shows what the single server shows", func(t *testing.T, s *suite) {
		a := call(t, s.me.compute, http.MethodGet, "/servers/detail?name=^"+s.prefix+"-1$", "")
		a.expect(t, "detail", http.StatusOK, `"id":"`+s.serverOne+`"`, `"status":"ACTIVE"`, `"tenant_id":"`+s.me.projectID+`"`, `"metadata":{}`,
			`"OS-EXT-STS:vm_state":"active"`, `"OS-EXT-STS:task_state":null`, `"OS-EXT-STS:power_state":1`, `"security_groups":[{"name":"default"}]`, `"key_name":null`)
	}},
	{"an unknown route of nova is 404 with a code in words", func(t *testing.T, s *suite) {
		call(t, s.me.compute, http.MethodGet, "/nonsense", "").expect(t, "route", http.StatusNotFound, `"code":"404 Not Found"`)
	}},
}

// serverNames are the name endings of the suite's servers that a pattern finds.
func (s *suite) serverNames(t *testing.T, pattern string) string {
	t.Helper()
	pages, err := servers.List(s.me.compute, servers.ListOpts{Name: pattern}).AllPages(t.Context())
	if err != nil {
		t.Fatalf("list %q: %v", pattern, err)
	}
	found, err := servers.ExtractServers(pages)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range found {
		names = append(names, strings.TrimPrefix(v.Name, s.prefix))
	}
	sort.Strings(names)
	return strings.Join(names, " ")
}

// gone waits, after the test's end, until a server is deleted.
func (s *suite) gone(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, s.cloud.patience)
	defer cancel()
	tick := time.NewTicker(s.cloud.patience / 400)
	defer tick.Stop()
	for {
		_, err := servers.Get(ctx, s.me.compute, id).Extract()
		if gophercloud.ResponseCodeIs(err, http.StatusNotFound) {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-tick.C:
		}
	}
}
