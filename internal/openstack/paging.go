// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

const (
	// maxPages ends a listing that never ends.
	maxPages = 10000
	// maxRestarts is how often a listing begins again because an item that
	// the next page was to follow has gone.
	maxRestarts = 3
)

// listing is a paged list.
type listing struct {
	service, op string
	// path below the resource base, and the list's key.
	path, key string
	// query without limit and marker.
	query url.Values
	// unlimited sends no limit: the service has one of its own.
	unlimited bool
	// item decodes one item and gives its ID.
	item func(*json.Decoder) (id string, err error)
	// restart forgets everything that item was given.
	restart func()
}

// list reads all pages.
func (s *session) list(ctx context.Context, l listing) error {
	for restarts := 0; ; restarts++ {
		l.restart()
		err := s.pages(ctx, l)
		var e *Error
		if !errors.As(err, &e) || !e.markerGone() {
			return err
		}
		if restarts == maxRestarts {
			e.Kind = BadAnswer
			e.Message = "the list changes faster than its pages can be read; " + e.Message
			return e
		}
	}
}

// markerGone says that the item that a page was to follow does not exist any
// more. (nova: 400 "marker [...] not found"; neutron: 404 PortNotFound and
// the like.)
func (e *Error) markerGone() bool { return e.Kind == errMarkerGone }

// errMarkerGone stays inside: list answers it or turns it into BadAnswer.
const errMarkerGone Kind = "marker gone"

func (s *session) pages(ctx context.Context, l listing) error {
	seen := map[string]bool{} // item IDs
	markers := map[string]bool{}
	marker, base := "", ""
	for range maxPages {
		var links []link
		var count, fresh int
		var last string
		query := l.pageQuery(s.opts.PageSize, marker)
		err := s.get(ctx, call{service: l.service, op: l.op, decode: func(resp *http.Response) error {
			count, fresh = 0, 0
			var err error
			links, err = decodeList(resp.Body, l.key, func(dec *json.Decoder) error {
				id, err := l.item(dec)
				if err != nil {
					return err
				}
				if id == "" {
					return badAnswer("an item of the list %q has no id", l.key)
				}
				count++
				last = id
				if !seen[id] {
					seen[id] = true
					fresh++
				}
				return nil
			})
			return err
		}}, func(where *login) string {
			base = s.resource(where, l.service)
			return base + l.path + "?" + query
		})
		if err != nil {
			return markMarker(err, marker)
		}
		next, err := nextMarker(links, count, s.opts.PageSize, last)
		if err != nil {
			return s.badList(l, base, err)
		}
		if next == "" {
			return nil
		}
		// A page that brings nothing new, or the same marker again, leads
		// nowhere.
		if markers[next] || (fresh == 0 && count > 0) {
			return s.badList(l, base, badAnswer("the pages of the list %q go in a circle at marker %q", l.key, next))
		}
		markers[next] = true
		marker = next
	}
	return s.badList(l, base, badAnswer("the list %q has more than %d pages", l.key, maxPages))
}

func (l listing) pageQuery(limit int, marker string) string {
	paging := url.Values{}
	if !l.unlimited {
		paging.Set("limit", strconv.Itoa(limit))
	}
	if marker != "" {
		paging.Set("marker", marker)
	}
	return strings.Trim(l.query.Encode()+"&"+paging.Encode(), "&")
}

// nextMarker tells where the next page begins; empty: there is none. Of the
// link only the marker is taken: behind a proxy Nova and Neutron often name
// an internal host or http:, and the token must not follow a foreign link.
//
// A full page without a link is not trusted to be the last.
func nextMarker(links []link, count, limit int, last string) (string, error) {
	for _, l := range links {
		if l.Rel != "next" {
			continue
		}
		u, err := url.Parse(l.Href)
		if err != nil {
			return "", badAnswer("the link to the next page is no URL")
		}
		marker := u.Query().Get("marker")
		if marker == "" {
			return "", badAnswer("the link to the next page has no marker")
		}
		if count == 0 {
			return "", badAnswer("an empty page has a link to a next one")
		}
		return marker, nil
	}
	if count == limit {
		return last, nil
	}
	return "", nil
}

func markMarker(err error, marker string) error {
	var e *Error
	if marker == "" || !errors.As(err, &e) {
		return err
	}
	switch {
	case e.Status == http.StatusNotFound && (e.fault.name == "PortNotFound" || e.fault.name == "SubnetNotFound" || e.fault.name == "NetworkNotFound"),
		e.Status == http.StatusBadRequest && e.fault.name == "badRequest" && strings.Contains(e.fault.message, marker):
		e.Kind = errMarkerGone
	}
	return e
}

// badList is a fault of the list as a whole, not of one answer.
func (s *session) badList(l listing, base string, err error) error {
	return s.classify(context.Background(), call{service: l.service, op: l.op, url: base}, nil, err)
}

func (s *session) resource(l *login, service string) string {
	if service == computeService {
		return l.endpoints.compute
	}
	return l.endpoints.network
}
