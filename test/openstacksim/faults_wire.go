// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const htmlPage = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Sign in to continue</h1></body></html>\n"

// transform spoils what can be spoiled in memory.
func (e *effect) transform(a answer) answer {
	switch e.body {
	case BodyBrokenJSON:
		a.body = a.body[:len(a.body)/2]
	case BodyEmpty:
		a.body = nil
	case BodyHTML:
		return answer{status: http.StatusOK, header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, body: []byte(htmlPage)}
	case BodyEmptyList:
		a.body = shortenList(a.body, func(int) int { return 0 })
	case BodyShortPage:
		a.body = shortenList(a.body, func(n int) int { return n / 2 })
	}
	return a
}

// shortenList keeps some items of each list of a document like
// {"ports": [...], "ports_links": [...]} and drops the links. Another document
// stays as it is.
func shortenList(body []byte, keep func(n int) int) []byte {
	var doc map[string]json.RawMessage
	if json.Unmarshal(body, &doc) != nil {
		return body
	}
	for k, v := range doc {
		var items []json.RawMessage
		if json.Unmarshal(v, &items) != nil {
			continue
		}
		if strings.HasSuffix(k, "_links") {
			delete(doc, k)
			continue
		}
		doc[k] = mustJSON(append([]json.RawMessage{}, items[:keep(len(items))]...))
	}
	return mustJSON(doc)
}

// damages tells whether the wire has to do it.
func (e *effect) damages() bool {
	return e.hang || e.body == BodyCut || e.body == BodyEndless || e.body == BodyHuge || e.body == BodyReset
}

// damage gives an answer that the wire spoils.
func (s *Sim) damage(w http.ResponseWriter, r *http.Request, a answer, eff effect) {
	switch {
	case eff.hang:
		select {
		case <-r.Context().Done():
		case <-s.stop.Done():
		}
		panic(http.ErrAbortHandler)
	case eff.body == BodyReset:
		reset(w)
	case eff.body == BodyCut:
		w.Header().Set("Content-Length", strconv.Itoa(max(len(a.body), 2)))
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body[:len(a.body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case eff.body == BodyEndless:
		s.endless(w, r, a)
	case eff.body == BodyHuge:
		huge(w, a, eff.huge)
	}
}

// reset ends the connection with a TCP RST.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// endless starts as the real answer does and then drips white space.
func (s *Sim) endless(w http.ResponseWriter, r *http.Request, a answer) {
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body[:len(a.body)/2])
	rc := http.NewResponseController(w)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	drip := bytes.Repeat([]byte(" "), 256)
	for {
		if _, err := w.Write(drip); err != nil || rc.Flush() != nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		case <-s.stop.Done():
			panic(http.ErrAbortHandler)
		}
	}
}

// huge is valid JSON of size bytes: the real answer with white space before
// its last bracket.
func huge(w http.ResponseWriter, a answer, size int64) {
	if size == 0 {
		size = 100 << 20
	}
	last := max(len(a.body)-1, 0)
	w.Header().Set("Content-Length", strconv.FormatInt(max(size, int64(len(a.body))), 10))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body[:last])
	pad := bytes.Repeat([]byte(" "), 64<<10)
	for left := size - int64(len(a.body)); left > 0; {
		n := min(left, int64(len(pad)))
		if _, err := w.Write(pad[:n]); err != nil {
			return
		}
		left -= n
	}
	_, _ = w.Write(a.body[last:])
}

// rateLimits count calls in windows, as a proxy in front of a cloud does.
type rateLimits struct {
	mu sync.Mutex
	by map[Service]*rateLimit
}

type rateLimit struct {
	calls  int
	window time.Duration
	status int
	until  time.Time
	left   int
}

func newRateLimits() *rateLimits { return &rateLimits{by: map[Service]*rateLimit{}} }

// LimitRate lets a service answer that many calls in each window; the rest get
// status (429, or 503) with a Retry-After of the window's remainder in whole
// seconds, at least 1. 0 calls ends the limit.
func (s *Sim) LimitRate(svc Service, calls int, window time.Duration, status int) {
	s.limits.mu.Lock()
	defer s.limits.mu.Unlock()
	delete(s.limits.by, svc)
	if calls > 0 {
		s.limits.by[svc] = &rateLimit{calls: calls, window: window, status: status}
	}
}

func (l *rateLimits) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.by)
}

func (l *rateLimits) check(svc Service, now time.Time) (answer, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.by[svc]
	if r == nil {
		return answer{}, false
	}
	if !now.Before(r.until) {
		r.until, r.left = now.Add(r.window), r.calls
	}
	if r.left > 0 {
		r.left--
		return answer{}, false
	}
	a := errorOf(svc, r.status)
	wait := int(r.until.Sub(now).Seconds() + 0.999)
	a.header.Set("Retry-After", strconv.Itoa(max(wait, 1)))
	return a, true
}
