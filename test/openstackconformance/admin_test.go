// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

//nolint:thelper // sentences are tests, not helpers
package openstackconformance

import (
	"fmt"
	"net/http"
	"testing"
)

// adminSentences need an admin: quotas, and what only an admin sees.
var adminSentences = []sentence{
	{"a port quota that is used up is 409 OverQuota from neutron and 403 from nova", func(t *testing.T, s *suite) {
		quota := func(limit int) {
			t.Helper()
			call(t, s.admin.network, http.MethodPut, "/quotas/"+s.me.projectID, fmt.Sprintf(`{"quota":{"port":%d}}`, limit)).expect(t, "set the quota", http.StatusOK)
		}
		quota(0)
		defer quota(-1)
		call(t, s.me.network, http.MethodPost, "/ports", fmt.Sprintf(`{"port":{"network_id":%q}}`, s.net.ID)).
			expect(t, "neutron", http.StatusConflict, `"type":"OverQuota"`, "Quota exceeded for resources: ['port'].")
		s.attachRaw(t, fmt.Sprintf(`{"net_id":%q}`, s.net.ID)).expect(t, "nova", http.StatusForbidden, `{"forbidden":{"code":403,"message":"Maximum number of ports exceeded"}}`)
	}},
	{"an admin sees bindings and provider attributes, and every project", func(t *testing.T, s *suite) {
		call(t, s.admin.network, http.MethodGet, "/ports?device_id="+s.serverOne, "").expect(t, "binding", http.StatusOK, `"binding:host_id":"`, `"binding:vif_type":"ovs"`)
		call(t, s.admin.network, http.MethodGet, "/networks/"+s.strangerNet.ID, "").expect(t, "provider", http.StatusOK, `"provider:network_type":"`)
		call(t, s.admin.compute, http.MethodGet, "/servers?all_tenants=1&uuid="+s.strangerServer, "").expect(t, "all projects", http.StatusOK, s.strangerServer)
	}},
	{"an admin sees a host name from 2.3 on", func(t *testing.T, s *suite) {
		path := "/servers/" + s.serverOne
		call(t, s.admin.compute, http.MethodGet, path, "", microversion("2.3")...).expect(t, "2.3", http.StatusOK, `"OS-EXT-SRV-ATTR:hostname":"`+s.prefix+`-1"`)
		if a := call(t, s.admin.compute, http.MethodGet, path, "", microversion("2.2")...); a.status != http.StatusOK || a.has("OS-EXT-SRV-ATTR:hostname") {
			t.Errorf("at 2.2: %d %s", a.status, a.body)
		}
	}},
	{"an admin's uuid filter counts", func(t *testing.T, s *suite) {
		a := call(t, s.admin.compute, http.MethodGet, "/servers?all_tenants=1&uuid="+s.serverTwo, "")
		a.expect(t, "uuid", http.StatusOK, s.serverTwo)
		if a.has(s.serverOne) {
			t.Errorf("the filter was ignored: %s", a.body)
		}
	}},
}
