// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

// BodyFault is a way to spoil an answer that was otherwise right.
type BodyFault int

// Ways to spoil a body. The request itself is carried out.
const (
	BodyWhole      BodyFault = iota
	BodyCut                  // Content-Length of the whole, half of it, then the end of the connection
	BodyBrokenJSON           // half of the document, with a Content-Length that fits
	BodyHTML                 // an HTML page with status 200, as a captive portal or proxy gives
	BodyEmptyList            // the list of the answer without its items and links
	BodyEmpty                // no body at all
	BodyShortPage            // the first half of the items and no links: a page that looks like the last
	BodyEndless              // never ends
	BodyHuge                 // HugeBytes of valid JSON
	BodyReset                // the connection is reset instead of an answer
)

// Fault is one thing that goes wrong, as data. Its first half says when, its
// second what.
type Fault struct {
	// Service and Method; empty is any.
	Service Service
	Method  string
	// Path is a pattern (path.Match) for the template ("/v2.0/ports/{id}") or
	// the path itself ("/v2.1/servers/*"); empty is any.
	Path string
	// Query must be part of the raw query; empty is any.
	Query string
	// Skip lets that many matching calls pass first.
	Skip int
	// Count ends the fault after that many hits; 0 is no end.
	Count int
	// Probability of a hit of each call that matches; 0 is always. Drawn from
	// the simulator's seed.
	Probability float64

	// Latency comes before the request is carried out.
	Latency time.Duration
	// Status answers with that status instead of carrying the request out,
	// with Header and Data (an error document of the service when empty).
	Status int
	Header http.Header
	Data   []byte
	// CarryOut carries the request out all the same before Status is answered.
	CarryOut bool
	// Body spoils the answer.
	Body BodyFault
	// HugeBytes is the size of BodyHuge; 0 is 100 MB.
	HugeBytes int64
	// Stale makes reads answer from that snapshot.
	Stale *Snapshot
	// Hang carries the request out and never answers; it ends when the client
	// gives up or the simulator closes.
	Hang bool
}

// Injected is a fault in force.
type Injected struct {
	table *faultTable
	fault Fault
	seen  int
	hits  int
	gone  bool
}

// Remove ends the fault.
func (i *Injected) Remove() {
	i.table.mu.Lock()
	defer i.table.mu.Unlock()
	i.gone = true
}

// Hits is how many calls it struck.
func (i *Injected) Hits() int {
	i.table.mu.Lock()
	defer i.table.mu.Unlock()
	return i.hits
}

type faultTable struct {
	mu     sync.Mutex
	faults []*Injected
	rng    *rand.Rand
}

func newFaultTable(seed uint64) *faultTable {
	return &faultTable{rng: rand.New(rand.NewPCG(seed, 0x6661756c74))}
}

// Inject puts a fault in force. Several may strike one call: latencies add up,
// for the rest the earliest injected wins.
func (s *Sim) Inject(f Fault) *Injected {
	if _, err := path.Match(f.Path, ""); err != nil {
		panic(fmt.Sprintf("openstacksim: fault path %q: %v", f.Path, err))
	}
	i := &Injected{table: s.faults, fault: f}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.faults = append(s.faults.faults, i)
	return i
}

// ClearFaults removes all faults and rate limits.
func (s *Sim) ClearFaults() {
	s.faults.mu.Lock()
	for _, i := range s.faults.faults {
		i.gone = true
	}
	s.faults.faults = nil
	s.faults.mu.Unlock()
	s.limits.clear()
}

// effect is what all faults together do to one call.
type effect struct {
	hit      bool
	latency  time.Duration
	status   int
	header   http.Header
	data     []byte
	carryOut bool
	body     BodyFault
	huge     int64
	stale    *Snapshot
	hang     bool
	svc      Service
}

func (t *faultTable) match(c *call) effect {
	t.mu.Lock()
	defer t.mu.Unlock()
	eff := effect{svc: c.svc}
	keep := t.faults[:0]
	for _, i := range t.faults {
		if i.gone {
			continue
		}
		if i.fault.matches(c) && i.strikes(t.rng) {
			eff.add(i.fault)
		}
		if i.fault.Count == 0 || i.hits < i.fault.Count {
			keep = append(keep, i)
		}
	}
	t.faults = keep
	return eff
}

func (f *Fault) matches(c *call) bool {
	if f.Service != "" && f.Service != c.svc || f.Method != "" && f.Method != c.r.Method {
		return false
	}
	if f.Query != "" && !strings.Contains(c.r.URL.RawQuery, f.Query) {
		return false
	}
	if f.Path == "" || f.Path == c.template {
		return true
	}
	byTemplate, _ := path.Match(f.Path, c.template)
	byPath, _ := path.Match(f.Path, c.r.URL.Path)
	return byTemplate || byPath
}

func (i *Injected) strikes(rng *rand.Rand) bool {
	i.seen++
	if i.seen <= i.fault.Skip {
		return false
	}
	if p := i.fault.Probability; p > 0 && rng.Float64() >= p {
		return false
	}
	i.hits++
	return true
}

func (e *effect) add(f Fault) {
	e.hit = true
	e.latency += f.Latency
	if e.status == 0 && f.Status != 0 {
		e.status, e.header, e.data, e.carryOut = f.Status, f.Header, f.Data, f.CarryOut
	}
	if e.body == BodyWhole && f.Body != BodyWhole {
		e.body, e.huge = f.Body, f.HugeBytes
	}
	if e.stale == nil {
		e.stale = f.Stale
	}
	e.hang = e.hang || f.Hang
}

// answer is the answer of a fault's Status.
func (e *effect) answer() answer {
	a := answer{status: e.status, header: http.Header{}, body: e.data}
	if a.body == nil {
		a = errorOf(e.svc, e.status)
	}
	for k, vs := range e.header {
		a.header[http.CanonicalHeaderKey(k)] = vs
	}
	return a
}
