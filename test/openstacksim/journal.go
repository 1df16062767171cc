// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"maps"
	"sync"
	"time"
)

// Call is one request in the journal. It holds no header, body, password or
// token.
type Call struct {
	Time    time.Time
	Service Service
	Method  string
	// Path is the template ("/v2.0/ports/{id}"), URI what was asked for.
	Path, URI string
	Query     string
	Status    int   // 0 when the connection was cut before any status
	Bytes     int64 // of the answer's body, as sent
	// RequestID is the answer's; ClientRequestID the caller's own
	// X-OpenStack-Request-ID, the "global" one.
	RequestID, ClientRequestID string
	UserAgent                  string
	Microversion               string // as asked for, nova only
	ProjectID                  string // of the token; empty when unscoped or none
	Duration                   time.Duration
	// Faulted tells that an injected fault had a hand in the answer.
	Faulted bool
}

// Operation is the method and the path template: "GET /v2.0/ports".
func (c Call) Operation() string { return c.Method + " " + c.Path }

// journalLimit bounds the calls that are kept; counters go on.
const journalLimit = 100_000

type journal struct {
	mu    sync.Mutex
	calls []Call
	count map[Service]map[string]int
	bytes map[Service]int64
}

func newJournal() *journal {
	j := &journal{}
	j.reset()
	return j
}

func (j *journal) reset() {
	j.calls, j.count, j.bytes = nil, map[Service]map[string]int{}, map[Service]int64{}
}

func (j *journal) add(c Call) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.calls) >= journalLimit {
		j.calls = append(j.calls[:0], j.calls[journalLimit/2:]...)
	}
	j.calls = append(j.calls, c)
	if j.count[c.Service] == nil {
		j.count[c.Service] = map[string]int{}
	}
	j.count[c.Service][c.Operation()]++
	j.bytes[c.Service] += c.Bytes
}

// Calls are the requests answered so far, in the order of their ends (the
// newest 50,000 at least).
func (s *Sim) Calls() []Call {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	return append([]Call(nil), s.journal.calls...)
}

// Counters tells how often each operation ("GET /v2.0/ports") was called.
func (s *Sim) Counters() map[Service]map[string]int {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	out := map[Service]map[string]int{}
	for svc, m := range s.journal.count {
		out[svc] = maps.Clone(m)
	}
	return out
}

// Count is the number of calls of one operation, such as "GET /v2.0/ports";
// of the whole service when operation is empty.
func (s *Sim) Count(svc Service, operation string) int {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	if operation != "" {
		return s.journal.count[svc][operation]
	}
	n := 0
	for _, c := range s.journal.count[svc] {
		n += c
	}
	return n
}

// TotalCalls is the number of calls of all services.
func (s *Sim) TotalCalls() int {
	return s.Count(Identity, "") + s.Count(Network, "") + s.Count(Compute, "")
}

// Bytes is the size of all bodies sent.
func (s *Sim) Bytes() int64 {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	var n int64
	for _, b := range s.journal.bytes {
		n += b
	}
	return n
}

// ResetJournal forgets all calls and zeroes the counters.
func (s *Sim) ResetJournal() {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	s.journal.reset()
}
