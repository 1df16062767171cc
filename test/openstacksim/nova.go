// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Nova's microversions (Zed): 2.1 to 2.93.
const maxMicroversion = 93

// imageID and flavorID stand for the only image and flavour there are.
const (
	imageID  = "946b2b8a-7f37-4e32-a61f-0ac0901d58d1"
	flavorID = "51d15da5-79e3-4451-b3e0-848e800a749c"
	hostID   = "f31ab75e4bc89ff2d60cee5b6f99266a64e9f109a4c1d96d6c27666c"
	hostName = "lab-compute-1"
)

func (s *Sim) novaHandler() http.Handler {
	rt := &router{sim: s, svc: Compute, mux: http.NewServeMux()}
	token := s.withServiceToken(newTokenCache())
	auth := func(h handler) handler { return token(withMicroversion(h)) }
	rt.handle("GET /{$}", novaVersions)
	rt.handle("GET /v2.1", withMicroversion(novaVersion))
	rt.handle("GET /v2.1/{$}", withMicroversion(novaVersion))

	rt.handle("GET /v2.1/servers", auth(func(c *call) answer { return listServers(c, false) }))
	rt.handle("GET /v2.1/servers/detail", auth(func(c *call) answer { return listServers(c, true) }))
	rt.handle("POST /v2.1/servers", auth(createServers))
	rt.handle("GET /v2.1/servers/{id}", auth(getServer))
	rt.handle("PUT /v2.1/servers/{id}", auth(updateServer))
	rt.handle("DELETE /v2.1/servers/{id}", auth(deleteServer))
	rt.handle("POST /v2.1/servers/{id}/action", auth(serverAction))
	rt.handle("GET /v2.1/servers/{id}/os-instance-actions", auth(listInstanceActions))
	rt.handle("GET /v2.1/servers/{id}/os-instance-actions/{request}", auth(getInstanceAction))

	rt.handle("GET /v2.1/servers/{id}/os-interface", auth(listInterfaces))
	rt.handle("POST /v2.1/servers/{id}/os-interface", auth(attachInterface))
	rt.handle("GET /v2.1/servers/{id}/os-interface/{port}", auth(getInterface))
	rt.handle("DELETE /v2.1/servers/{id}/os-interface/{port}", auth(detachInterface))

	rt.handle("GET /v2.1/flavors", auth(listFlavors))
	rt.handle("GET /v2.1/flavors/detail", auth(listFlavors))
	rt.handle("GET /v2.1/limits", auth(getLimits))
	rt.handle("/", token(func(*call) answer { return novaPlain(http.StatusNotFound, "The resource could not be found.") }))
	return rt.mux
}

// requestedMicroversion is the header's value for compute; empty without one.
func requestedMicroversion(r *http.Request) string {
	for _, v := range r.Header.Values("Openstack-Api-Version") {
		if svc, version, ok := strings.Cut(strings.TrimSpace(v), " "); ok && svc == "compute" {
			return strings.TrimSpace(version)
		}
	}
	return r.Header.Get("X-Openstack-Nova-Api-Version")
}

// withMicroversion settles the microversion and marks the answer with it.
func withMicroversion(h handler) handler {
	return func(c *call) answer {
		a := negotiate(c, h)
		a.header.Set("Openstack-Api-Version", fmt.Sprintf("compute 2.%d", c.mv))
		a.header.Set("X-Openstack-Nova-Api-Version", fmt.Sprintf("2.%d", c.mv))
		a.header.Set("Vary", "OpenStack-API-Version, X-OpenStack-Nova-API-Version")
		return a
	}
}

func negotiate(c *call, h handler) answer {
	c.mv = 1
	switch v := requestedMicroversion(c.r); v {
	case "":
	case "latest":
		c.mv = maxMicroversion
	default:
		major, minor, ok := strings.Cut(v, ".")
		m, err1 := strconv.Atoi(major)
		n, err2 := strconv.Atoi(minor)
		if !ok || err1 != nil || err2 != nil || m < 1 || n < 0 {
			return novaError(http.StatusBadRequest, "API Version String %s is of invalid format. Must be of format MajorNum.MinorNum.", v)
		}
		if m != 2 || n < 1 || n > maxMicroversion {
			return novaError(http.StatusNotAcceptable, "Version %s is not supported by the API. Minimum is 2.1 and maximum is 2.%d.", v, maxMicroversion)
		}
		c.mv = n
	}
	if len(c.body) > maxBody {
		return novaPlain(http.StatusRequestEntityTooLarge, fmt.Sprintf("Request is too large. Larger than max_request_body_size (%d).", maxBody))
	}
	return h(c)
}

func novaVersions(c *call) answer {
	return jsonAnswer(http.StatusOK, fmt.Appendf(nil, `{"versions": [{"id": "v2.0", "status": "SUPPORTED", "version": "", "min_version": "", "updated": "2011-01-21T11:33:21Z", "links": [{"rel": "self", "href": "%[1]s/v2/"}]}, {"id": "v2.1", "status": "CURRENT", "version": "2.%[2]d", "min_version": "2.1", "updated": "2013-07-23T11:33:21Z", "links": [{"rel": "self", "href": "%[1]s/v2.1/"}]}]}`, c.base(), maxMicroversion))
}

func novaVersion(c *call) answer {
	return jsonAnswer(http.StatusOK, fmt.Appendf(nil, `{"version": {"id": "v2.1", "status": "CURRENT", "version": "2.%d", "min_version": "2.1", "updated": "2013-07-23T11:33:21Z", "links": [{"rel": "self", "href": "%s/v2.1/"}, {"rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/"}], "media-types": [{"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1"}]}}`, maxMicroversion, c.base()))
}

func listFlavors(c *call) answer {
	return jsonAnswer(http.StatusOK, fmt.Appendf(nil, `{"flavors": [{"id": "%[1]s", "name": "tiny", "ram": 64, "disk": 1, "swap": "", "OS-FLV-EXT-DATA:ephemeral": 0, "OS-FLV-DISABLED:disabled": false, "vcpus": 1, "os-flavor-access:is_public": true, "rxtx_factor": 1.0, "links": [{"rel": "self", "href": "%[2]s/v2.1/flavors/%[1]s"}, {"rel": "bookmark", "href": "%[2]s/flavors/%[1]s"}]}]}`, flavorID, c.base()))
}

func getLimits(c *call) answer {
	return c.read(func(st *state) answer {
		used := 0
		for _, s := range st.serverOrder {
			if s.ProjectID == c.project() {
				used++
			}
		}
		limit := -1
		if l, ok := st.serverQuota[c.project()]; ok {
			limit = l
		}
		return jsonAnswer(http.StatusOK, fmt.Appendf(nil, `{"limits": {"rate": [], "absolute": {"maxTotalInstances": %d, "maxTotalCores": -1, "maxTotalRAMSize": -1, "maxServerMeta": 128, "totalInstancesUsed": %d, "totalCoresUsed": %d, "totalRAMUsed": %d}}}`, limit, used, used, 64*used))
	})
}

// seesServer: one's own project's; nobody sees anything with an unscoped token.
func (c *call) seesServer(s *Server) bool {
	return c.admin() || c.project() != "" && s.ProjectID == c.project()
}

// ownServer is the server of the path, or the 404 that hides other projects'.
func (c *call) ownServer(st *state) (*Server, answer) {
	s := st.servers[c.r.PathValue("id")]
	if s == nil || !c.seesServer(s) {
		return nil, novaError(http.StatusNotFound, "Instance %s could not be found.", c.r.PathValue("id"))
	}
	return s, answer{}
}
