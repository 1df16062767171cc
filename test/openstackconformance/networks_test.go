// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

//nolint:thelper // sentences are tests, not helpers
package openstackconformance

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"
)

var networkSentences = []sentence{
	{"a subnet's name filter is exact but for the case", func(t *testing.T, s *suite) {
		for name, want := range map[string]int{
			s.subnet.Name: 1, strings.ToUpper(s.subnet.Name): 1, s.subnet.Name[:len(s.subnet.Name)-1]: 0, "no-such-subnet": 0,
		} {
			if got := s.subnetsNamed(t, name); len(got) != want {
				t.Errorf("%d subnets named %q instead of %d", len(got), name, want)
			}
		}
	}},
	{"two subnets may have one name, even on one network", func(t *testing.T, s *suite) {
		n, first := s.makeNet(t, s.me, "twin", subnets.CreateOpts{CIDR: "10.205.0.0/24", IPVersion: 4})
		s.makeSubnet(t, s.me, n, "twin", subnets.CreateOpts{CIDR: "10.206.0.0/24", IPVersion: 4})
		if got := s.subnetsNamed(t, first.Name); len(got) != 2 {
			t.Errorf("%d subnets named %q instead of 2", len(got), first.Name)
		}
	}},
	{"subnets of one network don't overlap", func(t *testing.T, s *suite) {
		_, err := subnets.Create(t.Context(), s.me.network, subnets.CreateOpts{NetworkID: s.net.ID, CIDR: "10.201.0.0/25", IPVersion: 4}).Extract()
		wantStatus(t, "overlap", err, http.StatusBadRequest, "InvalidInput", "overlaps")
	}},
	{"a subnet's pool leaves out the gateway, which is the first address or none", func(t *testing.T, s *suite) {
		if p := s.subnet.AllocationPools; s.subnet.GatewayIP != "10.201.0.1" || len(p) != 1 || p[0].Start != "10.201.0.2" || p[0].End != "10.201.0.254" {
			t.Errorf("gateway %s, pools %v", s.subnet.GatewayIP, p)
		}
		if s.tinySubnet.GatewayIP != "" {
			t.Errorf("a subnet without a gateway has %s", s.tinySubnet.GatewayIP)
		}
		if s.v6.GatewayIP == "" || s.v6.IPVersion != 6 || s.v6.IPv6AddressMode != "slaac" {
			t.Errorf("SLAAC subnet: %+v", s.v6)
		}
	}},
	{"a network shows its MTU and its subnets, and no provider attributes to a member", func(t *testing.T, s *suite) {
		a := call(t, s.me.network, http.MethodGet, "/networks/"+s.net.ID, "")
		a.expect(t, "network", http.StatusOK, `"mtu":1`, `"subnets":["`+s.subnet.ID+`"]`, `"project_id":"`+s.me.projectID+`"`)
		if a.has("provider:") {
			t.Errorf("a member sees provider attributes: %s", a.body)
		}
	}},
	{"a member lists its own networks and the shared ones", func(t *testing.T, s *suite) {
		pages, err := networks.List(s.me.network, nil).AllPages(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		found, err := networks.ExtractNetworks(pages)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, n := range found {
			seen[n.ID] = true
		}
		if !seen[s.net.ID] || !seen[s.shared.ID] || seen[s.strangerNet.ID] {
			t.Errorf("own %v, shared %v, another's %v", seen[s.net.ID], seen[s.shared.ID], seen[s.strangerNet.ID])
		}
	}},
	{"another project's network, subnet and port are 404, not 403", func(t *testing.T, s *suite) {
		_, err := networks.Get(t.Context(), s.me.network, s.strangerNet.ID).Extract()
		wantStatus(t, "network", err, http.StatusNotFound, "NetworkNotFound")
		strangers, err := networks.Get(t.Context(), s.stranger.network, s.strangerNet.ID).Extract()
		if err != nil {
			t.Fatal(err)
		}
		_, err = subnets.Get(t.Context(), s.me.network, strangers.Subnets[0]).Extract()
		wantStatus(t, "subnet", err, http.StatusNotFound, "SubnetNotFound")
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			call(t, s.me.network, method, "/ports/"+s.strangerPort.ID, "").expect(t, method+" port", http.StatusNotFound, "PortNotFound")
		}
		call(t, s.me.network, http.MethodPut, "/ports/"+s.strangerPort.ID, `{"port":{"name":"x"}}`).expect(t, "PUT port", http.StatusNotFound, "PortNotFound")
	}},
	{"an unknown filter is 400, an unknown field leaves the objects empty", func(t *testing.T, s *suite) {
		call(t, s.me.network, http.MethodGet, "/ports?nonsense=1", "").expect(t, "filter", http.StatusBadRequest, "HTTPBadRequest", "['nonsense'] is invalid attribute for filtering")
		call(t, s.me.network, http.MethodGet, "/subnets?fields=nonsense&id="+s.subnet.ID, "").expect(t, "field", http.StatusOK, `{"subnets":[{}]}`)
	}},
	{"fields choose the members, also of a single object", func(t *testing.T, s *suite) {
		want := fmt.Sprintf(`{"id":%q,"name":%q}`, s.subnet.ID, s.subnet.Name)
		call(t, s.me.network, http.MethodGet, "/subnets?fields=name&fields=id&id="+s.subnet.ID, "").expect(t, "list", http.StatusOK, `{"subnets":[`+want+`]}`)
		call(t, s.me.network, http.MethodGet, "/subnets/"+s.subnet.ID+"?fields=name&fields=id", "").expect(t, "single", http.StatusOK, `{"subnet":`+want+`}`)
	}},
	{"a repeated filter is OR, different filters are AND", func(t *testing.T, s *suite) {
		both := "/subnets?fields=id&id=" + s.subnet.ID + "&id=" + s.tinySubnet.ID
		a := call(t, s.me.network, http.MethodGet, both, "")
		a.expect(t, "OR", http.StatusOK, s.subnet.ID, s.tinySubnet.ID)
		a = call(t, s.me.network, http.MethodGet, both+"&network_id="+s.net.ID, "")
		a.expect(t, "AND", http.StatusOK, s.subnet.ID)
		if a.has(s.tinySubnet.ID) {
			t.Errorf("different filters aren't AND: %s", a.body)
		}
	}},
	{"a subnet and a network in use can't be deleted", func(t *testing.T, s *suite) {
		call(t, s.me.network, http.MethodDelete, "/subnets/"+s.subnet.ID, "").expect(t, "subnet", http.StatusConflict, "SubnetInUse")
		call(t, s.me.network, http.MethodDelete, "/networks/"+s.net.ID, "").expect(t, "network", http.StatusConflict, "NetworkInUse")
	}},
	{"a member may not set provider attributes or share a network", func(t *testing.T, s *suite) {
		call(t, s.me.network, http.MethodPost, "/networks", `{"network":{"name":"x","shared":true}}`).expect(t, "shared", http.StatusForbidden, "PolicyNotAuthorized")
		call(t, s.me.network, http.MethodPost, "/networks", `{"network":{"name":"x","provider:network_type":"vlan"}}`).expect(t, "provider", http.StatusForbidden, "PolicyNotAuthorized")
	}},
	{"an unknown route of neutron is 404 with its error document", func(t *testing.T, s *suite) {
		call(t, s.me.network, http.MethodGet, "/nonsense", "").expect(t, "route", http.StatusNotFound, `"type":"HTTPNotFound"`)
	}},
	{"every answer of neutron and nova has a request ID", func(t *testing.T, s *suite) {
		for _, client := range []*gophercloud.ServiceClient{s.me.network, s.me.compute} {
			a := call(t, client, http.MethodGet, "/nonsense", "")
			if !strings.HasPrefix(a.header.Get("X-Openstack-Request-Id"), "req-") {
				t.Errorf("no request ID in %v", a.header)
			}
		}
	}},
}

func (s *suite) subnetsNamed(t *testing.T, name string) []subnets.Subnet {
	t.Helper()
	pages, err := subnets.List(s.me.network, subnets.ListOpts{Name: name}).AllPages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found, err := subnets.ExtractSubnets(pages)
	if err != nil {
		t.Fatal(err)
	}
	return found
}
