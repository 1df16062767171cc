// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// writeLinks appends ports_links and the like as neutron does (neutron:
// api/api_common.py, get_pagination_links): next on every full page, also when
// nothing follows; previous on every page, the first one too.
func (c *call) writeLinks(w *jsonWriter, q *listQuery, kind string, page []resource) {
	full := len(page) >= q.limit
	var first, last string
	if len(page) > 0 {
		first, last = page[0].id(), page[len(page)-1].id()
	}
	w.key(kind + "_links")
	w.begin('[')
	if full || q.pageReverse {
		c.writeLink(w, "next", last, "")
	}
	if full || !q.pageReverse {
		c.writeLink(w, "previous", first, "True")
	}
	w.end(']')
}

// writeLink repeats the request's own parameters in their order, then the
// marker.
func (c *call) writeLink(w *jsonWriter, rel, marker, reverse string) {
	var params []string
	for part := range strings.SplitSeq(c.r.URL.RawQuery, "&") {
		k, v, _ := strings.Cut(part, "=")
		k, _ = url.QueryUnescape(k)
		v, _ = url.QueryUnescape(v)
		if k != "" && k != "marker" && k != "page_reverse" {
			params = append(params, url.QueryEscape(k)+"="+url.QueryEscape(v))
		}
	}
	if marker != "" {
		params = append(params, "marker="+url.QueryEscape(marker))
	}
	if reverse != "" {
		params = append(params, "page_reverse="+reverse)
	}
	w.sep()
	w.begin('{')
	w.str("rel", rel)
	w.str("href", c.base()+c.r.URL.Path+"?"+strings.Join(params, "&"))
	w.end('}')
}

// serverNextLink is nova's: all parameters sorted, the marker of the page's
// last server (nova: api/openstack/common.py, _get_next_link).
func (c *call) serverNextLink(marker string) string {
	params := url.Values{}
	for k, vs := range c.query {
		params.Set(k, vs[len(vs)-1])
	}
	params.Del("marker")
	keys := make([]string, 0, len(params)+1)
	for k := range params {
		keys = append(keys, k)
	}
	keys = append(keys, "marker")
	sort.Strings(keys)
	params.Set("marker", marker)
	var parts []string
	for _, k := range keys {
		parts = append(parts, url.QueryEscape(k)+"="+url.QueryEscape(params.Get(k)))
	}
	return c.base() + c.r.URL.Path + "?" + strings.Join(parts, "&")
}

// serverLimit reads nova's limit: -1 when it is malformed. A limit above the
// maximum is capped silently.
func (c *call) serverLimit() int {
	raw := c.query.Get("limit")
	if raw == "" {
		return c.sim.opts.ServerPageLimit
	}
	if strings.IndexFunc(raw, func(r rune) bool { return !slices.Contains([]rune("0123456789"), r) }) >= 0 {
		return -1
	}
	n, err := strconv.Atoi(raw)
	if err != nil {
		return c.sim.opts.ServerPageLimit
	}
	return min(n, c.sim.opts.ServerPageLimit)
}
