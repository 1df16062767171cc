// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// resource is a network, subnet or port as far as lists are concerned.
type resource interface {
	// id is the object's ID.
	id() string
	// attribute is the value of a filter; false for one that can't be filtered.
	attribute(name string) ([]string, bool)
	tags() []string
	// write appends the object as this caller sees it.
	write(c *call, st *state, w *jsonWriter)
}

// listQuery is a parsed list request of neutron.
type listQuery struct {
	filters     map[string][]string
	fields      map[string]bool
	limit       int // 0 is none
	marker      string
	pageReverse bool
	sortKeys    []string
	sortDirs    []string
}

var tagFilters = []string{"tags", "tags-any", "not-tags", "not-tags-any"}

// parseList checks a list request; sample is any object of the kind and tells
// which filters there are.
func (c *call) parseList(sample resource) (*listQuery, *answer) {
	q := &listQuery{filters: map[string][]string{}}
	var unknown []string
	for _, k := range queryOrder(c.r.URL.RawQuery) {
		vs := c.query[k]
		switch k {
		case "fields":
			q.fields = map[string]bool{}
			for _, f := range vs {
				q.fields[f] = true
			}
		case "limit":
			n, err := strconv.Atoi(vs[0])
			if err != nil || n < 0 {
				a := neutronError(http.StatusBadRequest, "BadRequest", "Bad limit request: Limit must be an integer 0 or greater and not '%s'.", vs[0])
				return nil, &a
			}
			q.limit = n
		case "marker":
			q.marker = vs[0]
		case "page_reverse":
			q.pageReverse = strings.EqualFold(vs[0], "true") || vs[0] == "1"
		case "sort_key":
			q.sortKeys = vs
		case "sort_dir":
			q.sortDirs = vs
		default:
			if _, ok := sample.attribute(k); !ok && !slices.Contains(tagFilters, k) {
				unknown = append(unknown, "'"+k+"'")
				continue
			}
			q.filters[k] = vs
		}
	}
	if unknown != nil {
		a := neutronError(http.StatusBadRequest, "HTTPBadRequest", "[%s] is invalid attribute for filtering", strings.Join(unknown, ", "))
		return nil, &a
	}
	return q, nil
}

// queryOrder are the keys of a query, each once, in the order they came.
func queryOrder(raw string) []string {
	var keys []string
	for part := range strings.SplitSeq(raw, "&") {
		k, _, _ := strings.Cut(part, "=")
		if k, err := url.QueryUnescape(k); err == nil && k != "" && !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}

// matches tells whether an object passes all filters. A repeated key is OR,
// several keys are AND; MariaDB's collation ignores the case.
func (q *listQuery) matches(r resource) bool {
	for k, wants := range q.filters {
		if slices.Contains(tagFilters, k) {
			if !matchTags(k, wants, r.tags()) {
				return false
			}
			continue
		}
		if k == "fixed_ips" {
			if !matchFixedIPs(wants, r.(portResource).FixedIPs) {
				return false
			}
			continue
		}
		have, _ := r.attribute(k)
		if !slices.ContainsFunc(have, func(h string) bool {
			return slices.ContainsFunc(wants, func(w string) bool { return strings.EqualFold(h, w) })
		}) {
			return false
		}
	}
	return true
}

func matchTags(kind string, wants, have []string) bool {
	var want []string
	for _, w := range wants {
		want = append(want, strings.Split(w, ",")...)
	}
	n := 0
	for _, w := range want {
		if slices.ContainsFunc(have, func(h string) bool { return strings.EqualFold(h, w) }) {
			n++
		}
	}
	switch kind {
	case "tags":
		return n == len(want)
	case "tags-any":
		return n > 0
	case "not-tags":
		return n < len(want)
	default:
		return n == 0
	}
}

// matchFixedIPs: values of one sub-key are OR, different sub-keys AND.
func matchFixedIPs(wants []string, have []FixedIP) bool {
	by := map[string][]string{}
	for _, w := range wants {
		k, v, _ := strings.Cut(w, "=")
		by[k] = append(by[k], v)
	}
	for k, vs := range by {
		if !slices.ContainsFunc(have, func(f FixedIP) bool {
			return slices.ContainsFunc(vs, func(v string) bool {
				switch k {
				case "subnet_id":
					return strings.EqualFold(f.SubnetID, v)
				case "ip_address":
					return f.Address == v
				default: // ip_address_substr
					return strings.Contains(f.Address, v)
				}
			})
		}) {
			return false
		}
	}
	return true
}

// list answers a list request over candidates, which come ordered by ID and
// which the caller may see. kind names the collection, markerKind the thing in
// the 404 of an unknown marker.
func (c *call) list(st *state, q *listQuery, kind, markerKind string, n int, at func(int) resource) answer {
	start, ok := 0, true
	if q.marker != "" && len(q.sortKeys) == 0 {
		start = sort.Search(n, func(i int) bool { return at(i).id() >= q.marker })
		ok = start < n && at(start).id() == q.marker
	}
	var page []resource
	switch {
	case !ok:
		return notFound(markerKind, q.marker)
	case len(q.sortKeys) > 0:
		page, ok = q.sortedPage(n, at)
		if !ok {
			return notFound(markerKind, q.marker)
		}
	case q.pageReverse:
		page = q.backwards(start, n, at)
	default:
		if q.marker != "" {
			start++
		}
		for i := start; i < n && (q.limit == 0 || len(page) < q.limit); i++ {
			if r := at(i); q.matches(r) {
				page = append(page, r)
			}
		}
	}
	w := compactJSON()
	w.begin('{')
	w.key(kind)
	w.begin('[')
	for _, r := range page {
		w.sep()
		w.fields = q.fields
		r.write(c, st, w)
		w.fields = nil
	}
	w.end(']')
	if q.limit > 0 {
		c.writeLinks(w, q, kind, page)
	}
	w.end('}')
	return jsonAnswer(http.StatusOK, w.buf)
}

// backwards is the page before the marker, or the last one without a marker,
// in the usual order.
func (q *listQuery) backwards(marker, n int, at func(int) resource) []resource {
	var page []resource
	if q.marker == "" {
		marker = n
	}
	for i := marker - 1; i >= 0 && (q.limit == 0 || len(page) < q.limit); i-- {
		if r := at(i); q.matches(r) {
			page = append(page, r)
		}
	}
	slices.Reverse(page)
	return page
}

// sortedPage sorts by the keys asked for, then by ID; false is an unknown
// marker.
func (q *listQuery) sortedPage(n int, at func(int) resource) ([]resource, bool) {
	var all []resource
	for i := range n {
		if r := at(i); q.matches(r) || r.id() == q.marker {
			all = append(all, r)
		}
	}
	value := func(r resource, k string) string {
		v, _ := r.attribute(k)
		return strings.ToLower(strings.Join(v, ","))
	}
	sort.SliceStable(all, func(i, j int) bool {
		for k, key := range q.sortKeys {
			a, b := value(all[i], key), value(all[j], key)
			if a != b {
				return (a < b) != (k < len(q.sortDirs) && q.sortDirs[k] == "desc")
			}
		}
		return false
	})
	if q.marker != "" {
		i := slices.IndexFunc(all, func(r resource) bool { return r.id() == q.marker })
		if i < 0 {
			return nil, false
		}
		if q.pageReverse {
			all = all[:i]
		} else {
			all = all[i+1:]
		}
	}
	if q.limit > 0 && len(all) > q.limit {
		if q.pageReverse {
			return all[len(all)-q.limit:], true
		}
		all = all[:q.limit]
	}
	return all, true
}
