// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

//nolint:thelper // sentences are tests, not helpers
package openstackconformance

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// memberSentences hold the shape of the objects: what a member sees, no more
// and no less. They are as OpenStack Zed answers; another release may add.
var memberSentences = []sentence{
	{"network, subnet and port have exactly the members they are known to have", func(t *testing.T, s *suite) {
		sameMembers(t, call(t, s.me.network, http.MethodGet, "/networks/"+s.net.ID, ""), "network", `id name tenant_id admin_state_up mtu status subnets shared
			availability_zone_hints availability_zones ipv4_address_scope ipv6_address_scope router:external description port_security_enabled
			qos_policy_id tags created_at updated_at revision_number project_id`)
		sameMembers(t, call(t, s.me.network, http.MethodGet, "/subnets/"+s.subnet.ID, ""), "subnet", `id name tenant_id network_id ip_version subnetpool_id
			enable_dhcp ipv6_ra_mode ipv6_address_mode gateway_ip cidr allocation_pools host_routes dns_nameservers description service_types tags
			created_at updated_at revision_number project_id`)
		sameMembers(t, call(t, s.me.network, http.MethodGet, "/ports/"+s.portsOfServer(t, s.serverOne)[0].ID, ""), "port", `id name network_id tenant_id
			mac_address admin_state_up status device_id device_owner fixed_ips allowed_address_pairs extra_dhcp_opts security_groups description
			binding:vnic_type port_security_enabled qos_policy_id qos_network_policy_id tags created_at updated_at revision_number project_id`)
	}},
	{"a server has exactly the members of its microversion", func(t *testing.T, s *suite) {
		oldest := `id name status tenant_id user_id metadata hostId image flavor created updated addresses accessIPv4 accessIPv6 links OS-DCF:diskConfig
			progress OS-EXT-AZ:availability_zone config_drive key_name OS-SRV-USG:launched_at OS-SRV-USG:terminated_at security_groups
			OS-EXT-STS:task_state OS-EXT-STS:vm_state OS-EXT-STS:power_state os-extended-volumes:volumes_attached`
		path := "/servers/" + s.serverOne
		for version, more := range map[string]string{
			"2.1": "", "2.8": "", "2.9": "locked", "2.19": "locked description", "2.26": "locked description tags",
			"2.63": "locked description tags trusted_image_certificates", "2.71": "locked description tags trusted_image_certificates server_groups",
			"2.73": "locked description tags trusted_image_certificates server_groups locked_reason",
			"2.90": "locked description tags trusted_image_certificates server_groups locked_reason OS-EXT-SRV-ATTR:hostname",
		} {
			sameMembers(t, call(t, s.me.compute, http.MethodGet, path, "", microversion(version)...), "server", oldest+" "+more)
		}
	}},
	{"a token has exactly the members it is known to have", func(t *testing.T, s *suite) {
		sameMembers(t, s.authenticate(t, s.cloud.member.password, ""), "token", "methods user audit_ids expires_at issued_at project is_domain roles catalog")
		sameMembers(t, s.authenticate(t, s.cloud.member.password, `"unscoped"`), "token", "methods user audit_ids expires_at issued_at")
	}},
}

// sameMembers compares the names of an object's members.
func sameMembers(t *testing.T, a answer, object, want string) {
	t.Helper()
	var doc map[string]map[string]any
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
		t.Errorf("%s: %v in %d %.200s", object, err, a.status, a.body)
		return
	}
	wanted := strings.Fields(want)
	for name := range doc[object] {
		if !slices.Contains(wanted, name) {
			t.Errorf("%s has %s too", object, name)
		}
	}
	for _, name := range wanted {
		if _, ok := doc[object][name]; !ok {
			t.Errorf("%s lacks %s: %.600s", object, name, a.body)
		}
	}
}
