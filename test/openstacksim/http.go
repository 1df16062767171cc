// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// answer is a whole response, before faults and the wire.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func jsonAnswer(status int, body []byte) answer {
	return answer{status: status, header: http.Header{"Content-Type": {"application/json"}}, body: body}
}

// call is one request under way.
type call struct {
	sim       *Sim
	svc       Service
	template  string
	r         *http.Request
	query     url.Values
	token     *token // who asks; nil where no token is needed
	stale     *Snapshot
	requestID string
	mv        int // nova's minor microversion
	body      []byte
}

type handler func(*call) answer

// read runs f on the cloud as this call sees it.
func (c *call) read(f func(st *state) answer) answer {
	if c.stale != nil {
		return f(c.stale.st)
	}
	c.sim.mu.RLock()
	defer c.sim.mu.RUnlock()
	return f(c.sim.live)
}

// write runs f on the real cloud alone.
func (c *call) write(f func(st *state) answer) answer {
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	return f(c.sim.live)
}

// base is the service's root as the client addressed it, as the real services
// make their links.
func (c *call) base() string {
	scheme := "http"
	if c.r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + c.r.Host
}

func (c *call) admin() bool { return c.token != nil && slices.Contains(c.token.roles, "admin") }

// project is the token's; empty for an unscoped one.
func (c *call) project() string {
	if c.token == nil {
		return ""
	}
	return c.token.projectID
}

// decode reads the body as JSON; false when it is none.
func (c *call) decode(v any) bool { return json.Unmarshal(c.body, v) == nil }

// eventlet's wsgi server refuses a request line of 8 KiB and more with 414 and
// no body (eventlet: url_length_limit); neutron-server and nova-api run on it.
const maxRequestLine = 8192

func requestLineTooLong(r *http.Request) bool {
	return len(r.Method)+len(r.RequestURI)+len("  HTTP/1.1\r\n") >= maxRequestLine
}

// maxBody is oslo.middleware's max_request_body_size, which nova uses.
const maxBody = 114688

// router is the mux of one service; every route goes through Sim.serve.
type router struct {
	sim *Sim
	svc Service
	mux *http.ServeMux
}

// handle serves a pattern of net/http ("GET /v2.0/ports/{id}") with h.
func (rt *router) handle(pattern string, h handler) {
	_, template, found := strings.Cut(pattern, " ")
	if !found {
		template = pattern
	}
	template = strings.TrimSuffix(template, "{$}")
	rt.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		rt.sim.serve(w, r, rt.svc, template, h)
	})
}

func (s *Sim) newCall(r *http.Request, svc Service, template string) *call {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		q = r.URL.Query() // what could be parsed
	}
	return &call{sim: s, svc: svc, template: template, r: r, query: q, requestID: requestID()}
}

// serve carries one request from the wire through the faults to its handler
// and back.
func (s *Sim) serve(w http.ResponseWriter, r *http.Request, svc Service, template string, h handler) {
	start := time.Now()
	c := s.newCall(r, svc, template)
	if svc != Identity && requestLineTooLong(r) {
		c.template = "(too long)"
		w.Header().Set("Connection", "close")
		s.finish(w, c, answer{status: http.StatusRequestURITooLong}, effect{}, start)
		return
	}
	// The body is read whole before anything waits: a client that gives up
	// then doesn't stop what it asked for, as with the real services.
	c.body, _ = io.ReadAll(io.LimitReader(r.Body, 64<<20))
	eff := s.faults.match(c)
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		c.stale = eff.stale
	}
	s.sleep(s.opts.Latency + eff.latency)
	var a answer
	switch limited, ok := s.limits.check(svc, time.Now()); {
	case ok:
		a = limited
	case eff.status != 0 && !eff.carryOut:
		a = eff.answer()
	default:
		a = h(c)
		if eff.status != 0 {
			a = eff.answer()
		}
	}
	s.finish(w, c, a, eff, start)
}

// finish writes the journal first, so that a client that has its answer finds
// the call counted, and then the answer.
func (s *Sim) finish(w http.ResponseWriter, c *call, a answer, eff effect, start time.Time) {
	a = eff.transform(a)
	entry := Call{
		Time: s.now(), Service: c.svc, Method: c.r.Method, Path: c.template, URI: c.r.URL.Path, Query: c.r.URL.RawQuery,
		Status: a.status, Bytes: int64(len(a.body)), RequestID: c.requestID,
		ClientRequestID: c.r.Header.Get("X-Openstack-Request-Id"), UserAgent: c.r.UserAgent(),
		ProjectID: c.project(), Duration: time.Since(start), Faulted: eff.hit,
	}
	if c.svc == Compute {
		entry.Microversion = requestedMicroversion(c.r)
	}
	if eff.body == BodyReset || eff.hang {
		entry.Status, entry.Bytes = 0, 0
	}
	s.journal.add(entry)
	h := w.Header()
	maps.Copy(h, a.header)
	switch c.svc {
	case Identity:
		h.Set("Connection", "close") // uwsgi as Debian sets it up
		h.Set("Vary", "X-Auth-Token")
	case Compute:
		h.Set("X-Compute-Request-Id", c.requestID)
	}
	h.Set("X-Openstack-Request-Id", c.requestID)
	if eff.damages() {
		s.damage(w, c.r, a, eff)
		return
	}
	writeWhole(w, a)
}

func writeWhole(w http.ResponseWriter, a answer) {
	if a.status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}
