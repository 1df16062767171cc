// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"fmt"
	"net/http"
	"strings"
)

func (s *Sim) neutronHandler() http.Handler {
	rt := &router{sim: s, svc: Network, mux: http.NewServeMux()}
	auth := s.withServiceToken(newTokenCache())
	rt.handle("GET /{$}", func(c *call) answer {
		return jsonAnswer(http.StatusOK, fmt.Appendf(nil, `{"versions": [{"id": "v2.0", "status": "CURRENT", "links": [{"rel": "self", "href": "%s/v2.0/"}]}]}`, c.base()))
	})
	rt.handle("GET /v2.0/{$}", auth(neutronResources))
	rt.handle("GET /v2.0/extensions", auth(listExtensions))
	rt.handle("GET /v2.0/agents", auth(func(*call) answer { return jsonAnswer(http.StatusOK, []byte(`{"agents":[]}`)) }))
	rt.handle("GET /v2.0/security-groups", auth(listSecurityGroups))

	rt.handle("GET /v2.0/networks", auth(listNetworks))
	rt.handle("POST /v2.0/networks", auth(createNetwork))
	rt.handle("GET /v2.0/networks/{id}", auth(getNetwork))
	rt.handle("PUT /v2.0/networks/{id}", auth(updateNetwork))
	rt.handle("DELETE /v2.0/networks/{id}", auth(deleteNetwork))
	rt.handle("GET /v2.0/network-ip-availabilities/{id}", auth(getIPAvailability))

	rt.handle("GET /v2.0/subnets", auth(listSubnets))
	rt.handle("POST /v2.0/subnets", auth(createSubnet))
	rt.handle("GET /v2.0/subnets/{id}", auth(getSubnet))
	rt.handle("PUT /v2.0/subnets/{id}", auth(updateSubnet))
	rt.handle("DELETE /v2.0/subnets/{id}", auth(deleteSubnet))

	rt.handle("GET /v2.0/ports", auth(listPorts))
	rt.handle("POST /v2.0/ports", auth(createPorts))
	rt.handle("GET /v2.0/ports/{id}", auth(getPort))
	rt.handle("PUT /v2.0/ports/{id}", auth(updatePort))
	rt.handle("DELETE /v2.0/ports/{id}", auth(deletePort))

	for _, kind := range []string{"networks", "subnets", "ports"} {
		rt.handle("GET /v2.0/"+kind+"/{id}/tags", auth(getTags(kind)))
		rt.handle("PUT /v2.0/"+kind+"/{id}/tags", auth(putTags(kind)))
		rt.handle("DELETE /v2.0/"+kind+"/{id}/tags", auth(deleteTags(kind)))
		rt.handle("GET /v2.0/"+kind+"/{id}/tags/{tag}", auth(getTag(kind)))
		rt.handle("PUT /v2.0/"+kind+"/{id}/tags/{tag}", auth(putTag(kind)))
		rt.handle("DELETE /v2.0/"+kind+"/{id}/tags/{tag}", auth(deleteTag(kind)))
	}

	rt.handle("GET /v2.0/quotas/{project}", auth(getQuota))
	rt.handle("PUT /v2.0/quotas/{project}", auth(putQuota))
	rt.handle("GET /v2.0/quotas/{project}/details.json", auth(getQuotaDetails))
	rt.handle("/", auth(func(*call) answer {
		return neutronError(http.StatusNotFound, "HTTPNotFound", "The resource could not be found.")
	}))
	return rt.mux
}

func neutronResources(c *call) answer {
	var parts []string
	for _, n := range []string{"network", "subnet", "subnetpool", "port"} {
		parts = append(parts, fmt.Sprintf(`{"name": "%[1]s", "collection": "%[1]ss", "links": [{"rel": "self", "href": "%[2]s/v2.0/%[1]ss"}]}`, n, c.base()))
	}
	return jsonAnswer(http.StatusOK, []byte(`{"resources": [`+strings.Join(parts, ", ")+`]}`))
}

func listExtensions(*call) answer {
	var parts []string
	for _, alias := range []string{
		"allowed-address-pairs", "binding", "ip-substring-filtering", "net-mtu", "network-ip-availability", "pagination", "port-security",
		"project-id", "provider", "quota_details", "quotas", "revision-if-match", "security-group", "sorting", "standard-attr-description",
		"standard-attr-revisions", "standard-attr-tag", "standard-attr-timestamp", "tag-ports-during-bulk-creation",
	} {
		parts = append(parts, fmt.Sprintf(`{"name":"%[1]s","alias":"%[1]s","description":"","updated":"2019-01-01T00:00:00-00:00","links":[]}`, alias))
	}
	return jsonAnswer(http.StatusOK, []byte(`{"extensions":[`+strings.Join(parts, ",")+`]}`))
}

// seesNet: one's own and the shared ones; an admin sees all.
func (c *call) seesNet(n *Net) bool { return c.admin() || n.Shared || n.ProjectID == c.project() }

func (c *call) seesSubnet(st *state, sn *Subnet) bool {
	return sn.ProjectID == c.project() || c.seesNet(st.networks[sn.NetworkID])
}

// seesPort: one's own, and all on one's own networks (neutron's policy
// get_port: admin, owner or the network's owner).
func (c *call) seesPort(st *state, p *Port) bool {
	if c.admin() || p.ProjectID == c.project() {
		return true
	}
	n := st.networks[p.NetworkID]
	return c.project() != "" && n != nil && n.ProjectID == c.project()
}

func notFound(kind, id string) answer {
	return neutronError(http.StatusNotFound, kind+"NotFound", "%s %s could not be found.", kind, id)
}

func noContent() answer { return answer{status: http.StatusNoContent, header: http.Header{}} }

const neutronTime = "2006-01-02T15:04:05Z"

// ifMatch is the revision that the request insists on; false when it names
// none (neutron: api-ref, "Revisions", If-Match: revision_number=N).
func (c *call) ifMatch() (string, bool) {
	return strings.CutPrefix(c.r.Header.Get("If-Match"), "revision_number=")
}

// staleRevision refuses a change of an object that isn't at the revision asked
// for.
func (c *call) staleRevision(revision int) (answer, bool) {
	want, ok := c.ifMatch()
	if !ok || want == fmt.Sprint(revision) {
		return answer{}, false
	}
	return neutronError(http.StatusPreconditionFailed, "RevisionNumberConstraintFailed", "Constrained to %s, but current revision is %d", want, revision), true
}

func listSecurityGroups(c *call) answer {
	return c.read(func(st *state) answer {
		w := compactJSON()
		w.begin('{')
		w.key("security_groups")
		w.begin('[')
		for _, g := range st.groups {
			if g.ProjectID == c.project() || c.admin() {
				w.sep()
				w.begin('{')
				w.str("id", g.ID)
				w.str("name", g.Name)
				w.str("tenant_id", g.ProjectID)
				w.str("project_id", g.ProjectID)
				w.raw("security_group_rules", "[]")
				w.end('}')
			}
		}
		w.end(']')
		w.end('}')
		return jsonAnswer(http.StatusOK, w.buf)
	})
}
