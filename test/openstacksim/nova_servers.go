// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"net/http"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"
)

// serverFilter is a parsed list request of nova.
type serverFilter struct {
	name       *regexp.Regexp
	exact      map[string][]string
	ip         string
	since      time.Time
	allTenants bool
	// filtered tells that there is any filter but all_tenants.
	filtered bool
}

// memberFilters are what a member's filters may be; nova ignores all others
// that it asks for, uuid among them (nova: servers.py, remove_invalid_options).
var memberFilters = []string{"status", "image", "flavor", "user_id", "power_state", "vm_state", "task_state", "locked"}

var adminFilters = []string{"uuid", "host", "hostname", "project_id", "tenant_id"}

// parseServers checks a list request.
func (c *call) parseServers() (*serverFilter, *answer) {
	fail := func(a answer) (*serverFilter, *answer) { return nil, &a }
	f := &serverFilter{exact: map[string][]string{}}
	if c.serverLimit() < 0 {
		v := c.query.Get("limit")
		return fail(novaError(http.StatusBadRequest, "Invalid input for query parameters limit. Value: %[1]s. '%[1]s' does not match '^[0-9]*$'", v))
	}
	if v := c.query["name"]; len(v) > 0 {
		re := namePattern(v[len(v)-1])
		if re == nil {
			return fail(novaError(http.StatusBadRequest, "Invalid input for query parameters name. Value: %[1]s. '%[1]s' is not a 'regex'", v[len(v)-1]))
		}
		f.name, f.filtered = re, true
	}
	if v := c.query.Get("all_tenants"); v != "" && v != "0" && !strings.EqualFold(v, "false") {
		if !c.admin() {
			return fail(novaError(http.StatusForbidden, "Policy doesn't allow os_compute_api:servers:index:get_all_tenants to be performed."))
		}
		f.allTenants = true
	}
	if v := c.query.Get("changes-since"); v != "" {
		t, err := time.Parse(time.RFC3339, v)
		if err != nil {
			return fail(novaError(http.StatusBadRequest, "Invalid input for query parameters changes-since. Value: %[1]s. '%[1]s' is not a 'date-time'", v))
		}
		f.since, f.filtered = t, true
	}
	if f.ip = c.query.Get("ip"); f.ip != "" {
		f.filtered = true
	}
	known := memberFilters
	if c.admin() {
		known = append(slices.Clone(known), adminFilters...)
	}
	for _, k := range known {
		if vs := c.query[k]; len(vs) > 0 {
			f.exact[k], f.filtered = vs, true
		}
	}
	return f, nil
}

// namePattern is nil for what is no regular expression. Nova checks it as it
// came and then escapes every vertical bar for MySQL, so that there is no
// alternation (nova: db/main/api.py, _safe_regex_mysql).
func namePattern(expr string) *regexp.Regexp {
	if _, err := regexp.Compile(expr); err != nil {
		return nil
	}
	re, err := regexp.Compile("(?i)" + strings.ReplaceAll(expr, "|", `\|`))
	if err != nil {
		return nil
	}
	return re
}

func (f *serverFilter) matches(st *state, s *Server) bool {
	if f.name != nil && !f.name.MatchString(s.Name) || s.Updated.Before(f.since) {
		return false
	}
	if f.ip != "" && !st.hasAddress(s, f.ip) {
		return false
	}
	for k, wants := range f.exact {
		if !slices.ContainsFunc(wants, func(w string) bool { return strings.EqualFold(w, s.filterValue(k)) }) {
			return false
		}
	}
	return true
}

func (v *Server) filterValue(k string) string {
	switch k {
	case "status":
		return v.Status
	case "image":
		return imageID
	case "flavor":
		return flavorID
	case "user_id":
		return v.UserID
	case "vm_state":
		return v.VMState
	case "task_state":
		return v.TaskState
	case "uuid":
		return v.ID
	case "host":
		return hostName
	case "hostname":
		return v.Hostname
	case "project_id", "tenant_id":
		return v.ProjectID
	case "locked":
		if v.Locked {
			return "true"
		}
		return "false"
	}
	return ""
}

// hasAddress: nova asks neutron for addresses that contain the text.
func (st *state) hasAddress(s *Server, part string) bool {
	for _, p := range st.devicePorts(s.ID) {
		for _, f := range p.FixedIPs {
			if strings.Contains(f.Address, part) {
				return true
			}
		}
	}
	return false
}

func listServers(c *call, detail bool) answer {
	f, bad := c.parseServers()
	if bad != nil {
		return *bad
	}
	limit := c.serverLimit()
	return c.read(func(st *state) answer {
		start := 0
		if m := c.query.Get("marker"); m != "" {
			s := st.servers[m]
			if s == nil || !c.seesServer(s) || s.CellDown {
				return novaError(http.StatusBadRequest, "marker [%s] not found", m)
			}
			start = st.serverIndex(s) + 1
		}
		order := st.serverOrder
		if keys := c.query["sort_key"]; len(keys) > 0 {
			order, start = c.sortServers(st, keys, c.query["sort_dir"])
		}
		// Servers of a cell that is down are left out in silence, except that
		// from 2.69 on a list without filter, paging and sorting shows stubs
		// (nova: servers.py, _is_cell_down_supported).
		stubs := c.mv >= 69 && !f.filtered && !c.query.Has("limit") && !c.query.Has("marker") && !c.query.Has("sort_key") && !c.query.Has("sort_dir")
		var page []*Server
		for _, s := range order[start:] {
			if len(page) == limit {
				break
			}
			own := s.ProjectID == c.project() && c.project() != "" || f.allTenants
			if own && (stubs || !s.CellDown) && f.matches(st, s) {
				page = append(page, s)
			}
		}
		return c.serverPage(st, page, detail, limit)
	})
}

// sortServers orders by nova's keys; the second result is where the page after
// the marker starts.
func (c *call) sortServers(st *state, keys, dirs []string) ([]*Server, int) {
	value := func(s *Server, k string) string {
		switch k {
		case "display_name":
			return strings.ToLower(s.Name)
		case "created_at":
			return s.Created.Format(time.RFC3339)
		case "updated_at":
			return s.Updated.Format(time.RFC3339)
		case "id", "uuid":
			return s.ID
		default:
			return s.filterValue(k)
		}
	}
	order := slices.Clone(st.serverOrder)
	sort.SliceStable(order, func(i, j int) bool {
		for n, k := range keys {
			a, b := value(order[i], k), value(order[j], k)
			if a != b {
				// nova sorts downwards unless told otherwise.
				return (a < b) == (n < len(dirs) && dirs[n] == "asc")
			}
		}
		return false
	})
	if m := c.query.Get("marker"); m != "" {
		return order, slices.IndexFunc(order, func(s *Server) bool { return s.ID == m }) + 1
	}
	return order, 0
}

// serverPage writes a page; next is there exactly when the page is full.
func (c *call) serverPage(st *state, page []*Server, detail bool, limit int) answer {
	w := spacedJSON()
	w.buf = make([]byte, 0, 64+len(page)*map[bool]int{true: 1700, false: 300}[detail])
	w.begin('{')
	w.key("servers")
	w.begin('[')
	for _, s := range page {
		w.sep()
		switch {
		case s.CellDown:
			c.writeStub(w, s, detail)
		case detail:
			c.writeServer(w, st, s, false)
		default:
			w.begin('{')
			w.str("id", s.ID)
			w.str("name", s.Name)
			c.writeServerLinks(w, s)
			w.end('}')
		}
	}
	w.end(']')
	if len(page) > 0 && len(page) == limit {
		w.key("servers_links")
		w.begin('[')
		w.sep()
		w.begin('{')
		w.str("rel", "next")
		w.str("href", c.serverNextLink(page[len(page)-1].ID))
		w.end('}')
		w.end(']')
	}
	w.end('}')
	return jsonAnswer(http.StatusOK, w.buf)
}

// getServer asks neutron for the security groups, so it fails while neutron is
// away.
func getServer(c *call) answer {
	neutronAway := c.sim.serviceDown(Network)
	return c.read(func(st *state) answer {
		s, missing := c.ownServer(st)
		if s == nil {
			return missing
		}
		if neutronAway {
			return novaCrash("keystoneauth1.exceptions.connection.ConnectFailure")
		}
		if s.CellDown && c.mv < 69 {
			return novaError(http.StatusInternalServerError, "Cell %s is not responding or returned an exception, hence instance info is not available.", hostID[:32])
		}
		return c.serverAnswer(http.StatusOK, st, s)
	})
}

func (c *call) serverAnswer(status int, st *state, s *Server) answer {
	w := spacedJSON()
	w.begin('{')
	w.key("server")
	if s.CellDown {
		c.writeStub(w, s, true)
	} else {
		c.writeServer(w, st, s, true)
	}
	w.end('}')
	return jsonAnswer(status, w.buf)
}
