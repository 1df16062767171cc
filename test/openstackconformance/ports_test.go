// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

//nolint:thelper // sentences are tests, not helpers
package openstackconformance

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/attributestags"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
)

var portSentences = []sentence{
	{"a port made in a subnet gets one address of it and is DOWN, free and without binding details", func(t *testing.T, s *suite) {
		p := s.makePort(t, s.me, ports.CreateOpts{NetworkID: s.net.ID, FixedIPs: []ports.IP{{SubnetID: s.subnet.ID}}, Description: "conformance"})
		if len(p.FixedIPs) != 1 || p.FixedIPs[0].SubnetID != s.subnet.ID || p.Status != "DOWN" || p.DeviceID != "" || p.DeviceOwner != "" {
			t.Errorf("a fresh port: %+v", p)
		}
		a := call(t, s.me.network, http.MethodGet, "/ports/"+p.ID, "")
		a.expect(t, "read back", http.StatusOK, `"binding:vnic_type":"normal"`, `"description":"conformance"`, `"revision_number":1`, `"project_id":"`+s.me.projectID+`"`)
		if a.has("binding:host_id") || a.has("binding:vif_type") {
			t.Errorf("a member sees the binding: %s", a.body)
		}
	}},
	{"tags in POST /ports are accepted and ignored, alone and in bulk", tagsIgnored},
	{"tags are replaced by PUT, added and removed one by one, and hold slashes and 255 characters", tagging},
	{"tags filter with AND, tags-any with OR, not-tags with neither", tagFilters},
	{"a bulk create makes all ports or none", bulkCreate},
	{"an empty fixed_ips makes a port without an address", func(t *testing.T, s *suite) {
		p := s.makePort(t, s.me, ports.CreateOpts{NetworkID: s.net.ID, FixedIPs: []ports.IP{}})
		if len(p.FixedIPs) != 0 {
			t.Errorf("addresses %v", p.FixedIPs)
		}
	}},
	{"a dual-stack network adds the SLAAC address even if only IPv4 was asked for", func(t *testing.T, s *suite) {
		for _, opts := range []ports.CreateOpts{{NetworkID: s.dual.ID}, {NetworkID: s.dual.ID, FixedIPs: []ports.IP{{SubnetID: s.v4.ID}}}} {
			p := s.makePort(t, s.me, opts)
			var kinds []string
			for _, ip := range p.FixedIPs {
				kinds = append(kinds, ip.SubnetID)
				if a := netip.MustParseAddr(ip.IPAddress); a.Is6() && !strings.Contains(ip.IPAddress, "ff:fe") {
					t.Errorf("%s isn't made of the MAC", ip.IPAddress)
				}
			}
			if len(kinds) != 2 || !slices.Contains(kinds, s.v4.ID) || !slices.Contains(kinds, s.v6.ID) {
				t.Errorf("addresses %v", p.FixedIPs)
			}
		}
	}},
	{"what neutron can't make it refuses, each with its own error", portRefusals},
	{"a full subnet is 409 IpAddressGenerationFailure, with and without naming the subnet", func(t *testing.T, s *suite) {
		for range 2 {
			s.makePort(t, s.me, ports.CreateOpts{NetworkID: s.tiny.ID})
		}
		for _, opts := range []ports.CreateOpts{{NetworkID: s.tiny.ID}, {NetworkID: s.tiny.ID, FixedIPs: []ports.IP{{SubnetID: s.tinySubnet.ID}}}} {
			_, err := ports.Create(t.Context(), s.me.network, opts).Extract()
			wantStatus(t, "no address left", err, http.StatusConflict, "IpAddressGenerationFailure", "No more IP addresses available on network "+s.tiny.ID)
		}
	}},
	{"on a shared network a member chooses the subnet, but no address, MAC or port security", func(t *testing.T, s *suite) {
		s.makePort(t, s.me, ports.CreateOpts{NetworkID: s.shared.ID, FixedIPs: []ports.IP{{SubnetID: s.sharedSubnet}}})
		for _, extra := range []string{`"fixed_ips":[{"ip_address":"10.80.0.77"}]`, `"mac_address":"fa:16:3e:00:00:01"`, `"port_security_enabled":false`} {
			call(t, s.me.network, http.MethodPost, "/ports", fmt.Sprintf(`{"port":{"network_id":%q,%s}}`, s.shared.ID, extra)).
				expect(t, extra, http.StatusForbidden, "PolicyNotAuthorized")
		}
	}},
	{"If-Match with an old revision is 412, with the current one 200, and each PUT counts one up", revisions},
	{"a port's address can be changed and found by fixed_ips filters", addressFilters},
	{"device_id filters find a server's ports, and none for an unknown one", func(t *testing.T, s *suite) {
		call(t, s.me.network, http.MethodGet, "/ports?fields=device_id&device_id="+s.serverOne, "").expect(t, "own", http.StatusOK, `{"ports":[{"device_id":"`+s.serverOne+`"}]}`)
		call(t, s.me.network, http.MethodGet, "/ports?device_id="+nobody, "").expect(t, "none", http.StatusOK, `{"ports":[]}`)
		a := call(t, s.me.network, http.MethodGet, "/ports?fields=device_id&device_id="+s.serverOne+"&device_id="+s.serverTwo, "")
		a.expect(t, "two", http.StatusOK, s.serverOne, s.serverTwo)
	}},
	{"a deleted port is 404", func(t *testing.T, s *suite) {
		p := s.makePort(t, s.me, ports.CreateOpts{NetworkID: s.net.ID})
		if err := ports.Delete(t.Context(), s.me.network, p.ID).ExtractErr(); err != nil {
			t.Fatal(err)
		}
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			call(t, s.me.network, method, "/ports/"+p.ID, "").expect(t, method, http.StatusNotFound, `"type":"PortNotFound"`, "Port "+p.ID+" could not be found.")
		}
	}},
}

func tagsIgnored(t *testing.T, s *suite) {
	single := call(t, s.me.network, http.MethodPost, "/ports", fmt.Sprintf(`{"port":{"network_id":%q,"name":"%s-tagged","tags":["a"]}}`, s.net.ID, s.prefix))
	bulk := call(t, s.me.network, http.MethodPost, "/ports", fmt.Sprintf(`{"ports":[{"network_id":%q,"name":"%s-tagged","tags":["a"]}]}`, s.net.ID, s.prefix))
	single.expect(t, "single", http.StatusCreated, `"tags":[]`)
	bulk.expect(t, "bulk", http.StatusCreated, `"tags":[]`)
	a := call(t, s.me.network, http.MethodGet, "/ports?fields=tags&name="+s.prefix+"-tagged", "")
	a.expect(t, "read back", http.StatusOK, `{"ports":[{"tags":[]},{"tags":[]}]}`)
	s.deletePortsNamed(t, s.prefix+"-tagged")
}

func (s *suite) deletePortsNamed(t *testing.T, name string) {
	t.Helper()
	pages, err := ports.List(s.me.network, ports.ListOpts{Name: name}).AllPages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found, _ := ports.ExtractPorts(pages)
	for _, p := range found {
		if err := ports.Delete(t.Context(), s.me.network, p.ID).ExtractErr(); err != nil {
			t.Errorf("delete %s: %v", name, err)
		}
	}
}

func tagging(t *testing.T, s *suite) {
	p := s.makePort(t, s.me, ports.CreateOpts{NetworkID: s.net.ID})
	tags, err := attributestags.ReplaceAll(t.Context(), s.me.network, "ports", p.ID, attributestags.ReplaceAllOpts{Tags: []string{"b=c", "a", "multinic/owner", strings.Repeat("x", 255)}}).Extract()
	if err != nil || len(tags) != 4 {
		t.Fatalf("replace: %v, %v", tags, err)
	}
	if _, err := attributestags.ReplaceAll(t.Context(), s.me.network, "ports", p.ID, attributestags.ReplaceAllOpts{Tags: []string{"only"}}).Extract(); err != nil {
		t.Fatal(err)
	}
	path := "/ports/" + p.ID + "/tags"
	call(t, s.me.network, http.MethodPut, path+"/one-more", "").expect(t, "add", http.StatusCreated)
	call(t, s.me.network, http.MethodGet, path, "").expect(t, "list", http.StatusOK, `"one-more"`, `"only"`)
	call(t, s.me.network, http.MethodDelete, path+"/one-more", "").expect(t, "delete", http.StatusNoContent)
	call(t, s.me.network, http.MethodDelete, path+"/one-more", "").expect(t, "delete again", http.StatusNotFound, "TagNotFound")
	call(t, s.me.network, http.MethodPut, "/ports/"+nobody+"/tags", `{"tags":["a"]}`).expect(t, "no port", http.StatusNotFound, "TagResourceNotFound")
}

func tagFilters(t *testing.T, s *suite) {
	p := s.makePort(t, s.me, ports.CreateOpts{NetworkID: s.net.ID})
	mine := s.prefix
	if _, err := attributestags.ReplaceAll(t.Context(), s.me.network, "ports", p.ID, attributestags.ReplaceAllOpts{Tags: []string{"a", mine}}).Extract(); err != nil {
		t.Fatal(err)
	}
	for query, found := range map[string]bool{
		"tags=a," + mine: true, "tags=zzz," + mine: false, "tags-any=zzz," + mine: true, "tags-any=zzz,yyy": false,
		"not-tags=a," + mine: false, "not-tags=zzz," + mine: true, "not-tags-any=zzz," + mine: false,
	} {
		if a := call(t, s.me.network, http.MethodGet, "/ports?fields=id&id="+p.ID+"&"+query, ""); a.has(p.ID) != found {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
}

func bulkCreate(t *testing.T, s *suite) {
	name := s.prefix + "-bulk"
	one := func(network string) string { return fmt.Sprintf(`{"network_id":%q,"name":%q}`, network, name) }
	call(t, s.me.network, http.MethodPost, "/ports", `{"ports":[`+one(s.net.ID)+`,`+one(nobody)+`]}`).expect(t, "one bad", http.StatusNotFound, "NetworkNotFound")
	call(t, s.me.network, http.MethodGet, "/ports?fields=id&name="+name, "").expect(t, "none made", http.StatusOK, `{"ports":[]}`)
	a := call(t, s.me.network, http.MethodPost, "/ports", `{"ports":[`+one(s.net.ID)+`,`+one(s.net.ID)+`,`+one(s.net.ID)+`]}`)
	a.expect(t, "three", http.StatusCreated)
	if n := len(readPorts(t, a)); n != 3 {
		t.Errorf("%d ports made instead of 3", n)
	}
	s.deletePortsNamed(t, name)
}

func readPorts(t *testing.T, a answer) []object {
	t.Helper()
	a.status = http.StatusOK
	return readPage(t, a).Ports
}

func portRefusals(t *testing.T, s *suite) {
	p := s.makePort(t, s.me, ports.CreateOpts{NetworkID: s.net.ID})
	in := fmt.Sprintf(`"network_id":%q`, s.net.ID)
	for _, row := range []struct {
		why, body string
		status    int
		texts     []string
	}{
		{"no network", `"name":"x"`, 400, []string{"Required attribute 'network_id' not specified"}},
		{"unknown network", fmt.Sprintf(`"network_id":%q`, nobody), 404, []string{"NetworkNotFound"}},
		{"another project's network", fmt.Sprintf(`"network_id":%q`, s.strangerNet.ID), 404, []string{"NetworkNotFound"}},
		{"unknown subnet", in + fmt.Sprintf(`,"fixed_ips":[{"subnet_id":%q}]`, nobody), 404, []string{"SubnetNotFound"}},
		{"subnet of another network", in + fmt.Sprintf(`,"fixed_ips":[{"subnet_id":%q}]`, s.tinySubnet.ID), 400, []string{"InvalidInput", "included invalid subnet"}},
		{"address outside", in + `,"fixed_ips":[{"ip_address":"192.0.2.1"}]`, 400, []string{"InvalidIpForNetwork"}},
		{"address in use", in + fmt.Sprintf(`,"fixed_ips":[{"ip_address":%q}]`, p.FixedIPs[0].IPAddress), 409, []string{"IpAddressAlreadyAllocated"}},
		{"MAC in use", in + fmt.Sprintf(`,"mac_address":%q`, p.MACAddress), 409, []string{"MacAddressInUse"}},
		{"unknown attribute", in + `,"nonsense":1`, 400, []string{"Unrecognized attribute(s) 'nonsense'"}},
		{"name too long", in + `,"name":"` + strings.Repeat("x", 256) + `"`, 400, []string{"exceeds maximum length of 255."}},
		{"unknown security group", in + fmt.Sprintf(`,"security_groups":[%q]`, nobody), 404, []string{"SecurityGroupNotFound"}},
		{"group without port security", in + fmt.Sprintf(`,"port_security_enabled":false,"security_groups":[%q]`, p.SecurityGroups[0]), 400, []string{"PortSecurityAndIPRequiredForSecurityGroups"}},
		{"host", in + `,"binding:host_id":"x"`, 403, []string{"PolicyNotAuthorized", "rule:create_port:binding:host_id"}},
	} {
		call(t, s.me.network, http.MethodPost, "/ports", `{"port":{`+row.body+`}}`).expect(t, row.why, row.status, row.texts...)
	}
	call(t, s.me.network, http.MethodPost, "/ports", `{`).expect(t, "no JSON", http.StatusBadRequest, "Body contains invalid data")
	call(t, s.me.network, http.MethodPut, "/ports/"+p.ID, `{"port":{"binding:host_id":"x"}}`).expect(t, "update host", http.StatusForbidden, "PolicyNotAuthorized")
	call(t, s.me.network, http.MethodPut, "/ports/"+nobody, `{"port":{"name":"x"}}`).expect(t, "update nothing", http.StatusNotFound, "PortNotFound")
}

func revisions(t *testing.T, s *suite) {
	p := s.makePort(t, s.me, ports.CreateOpts{NetworkID: s.net.ID})
	update := func(revision *int, name string) (*ports.Port, error) {
		return ports.Update(t.Context(), s.me.network, p.ID, ports.UpdateOpts{Name: &name, RevisionNumber: revision}).Extract()
	}
	first := p.RevisionNumber
	second, err := update(nil, "second")
	if err != nil || second.RevisionNumber != first+1 {
		t.Fatalf("a PUT: %+v, %v", second, err)
	}
	_, err = update(&first, "stale")
	wantStatus(t, "stale", err, http.StatusPreconditionFailed, "RevisionNumberConstraintFailed", fmt.Sprintf("Constrained to %d, but current revision is %d", first, first+1))
	third, err := update(&second.RevisionNumber, "third")
	if err != nil || third.Name != "third" {
		t.Errorf("current revision: %+v, %v", third, err)
	}
}

func addressFilters(t *testing.T, s *suite) {
	p := s.makePort(t, s.me, ports.CreateOpts{NetworkID: s.net.ID})
	wanted := []ports.IP{{SubnetID: s.subnet.ID, IPAddress: "10.201.0.231"}}
	p, err := ports.Update(t.Context(), s.me.network, p.ID, ports.UpdateOpts{FixedIPs: wanted}).Extract()
	if err != nil || len(p.FixedIPs) != 1 || p.FixedIPs[0].IPAddress != "10.201.0.231" {
		t.Fatalf("a new address: %+v, %v", p, err)
	}
	for query, found := range map[string]bool{
		"ip_address=10.201.0.231": true, "ip_address=10.201.0.23": false, "ip_address_substr=10.201.0.23": true,
		"subnet_id=" + s.subnet.ID: true, "subnet_id=" + s.tinySubnet.ID: false,
	} {
		a := call(t, s.me.network, http.MethodGet, "/ports?fields=id&fixed_ips="+url.QueryEscape(query)+"&network_id="+s.net.ID, "")
		if a.has(p.ID) != found {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
	a := call(t, s.me.network, http.MethodGet, "/ports?fields=id&fixed_ips="+url.QueryEscape("subnet_id="+s.subnet.ID)+"&fixed_ips="+url.QueryEscape("subnet_id="+s.tinySubnet.ID), "")
	a.expect(t, "two subnets are OR", http.StatusOK, p.ID)
	_, err = ports.Update(context.WithoutCancel(t.Context()), s.me.network, p.ID, ports.UpdateOpts{FixedIPs: []ports.IP{{SubnetID: s.subnet.ID, IPAddress: "10.201.0.1"}}}).Extract()
	if err != nil {
		wantStatus(t, "the gateway's address", err, http.StatusConflict)
	}
}
