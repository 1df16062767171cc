// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"
)

// pollEvery is how often each node's agents ask.
const pollEvery = 80 * time.Millisecond

// tally is what agents met with during an event.
type tally struct {
	Event            string
	Server           string
	Polls, Errors    int
	Fewer            int // answers that lacked a row: what must never be
	Longest          time.Duration
	Recovered        time.Duration
	lastError, worst string
}

// stream is one agent on one node.
type stream struct {
	lastGood time.Time
	failing  bool
}

// poller plays the agents of all nodes against one server.
type poller struct {
	name   string
	server *server
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu      sync.Mutex
	want    map[string]map[string]nic
	streams map[string]*stream
	now     *tally
}

var tallies []*tally

// poll begins to ask for every host of the wanted rows.
func poll(name string, s *server, want map[string]map[string]nic) *poller {
	ctx, cancel := context.WithCancel(context.Background())
	p := &poller{name: name, server: s, cancel: cancel, want: want, streams: map[string]*stream{}, now: &tally{}}
	for host := range want {
		p.done.Go(func() {
			ticker := time.NewTicker(pollEvery)
			defer ticker.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-ticker.C:
					p.ask(ctx, "M", host, s.agentM)
					p.ask(ctx, "G", host, s.agentG)
				}
			}
		})
	}
	return p
}

func (p *poller) stop() {
	p.cancel()
	p.done.Wait()
	_ = p.server.sql.Close()
}

func (p *poller) ask(ctx context.Context, agent, host string, read func(context.Context, string) (map[string]nic, error)) {
	rows, err := read(ctx, host)
	if ctx.Err() != nil {
		return
	}
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.streams[agent+host]
	if s == nil {
		s = &stream{lastGood: now}
		p.streams[agent+host] = s
	}
	p.now.Polls++
	if err != nil {
		p.now.Errors++
		p.now.lastError = err.Error()
		s.failing = true
		return
	}
	if s.failing {
		p.now.Longest = max(p.now.Longest, now.Sub(s.lastGood))
	}
	s.lastGood, s.failing = now, false
	if problem := missing(p.want[host], rows, agent); problem != "" {
		p.now.Fewer++
		if p.now.worst == "" {
			p.now.worst = fmt.Sprintf("%s: agent %s on %s: %s", now.Format(time.TimeOnly), agent, host, problem)
		}
	}
}

// missing says what of the wanted rows is not as wanted; an address that is not given
// may be any. Agent G reads neither address nor MTU.
func missing(want, have map[string]nic, agent string) string {
	for mac, w := range want {
		h, ok := have[mac]
		switch {
		case !ok:
			return fmt.Sprintf("no row for %s among %d", mac, len(have))
		case h.CIDR != w.CIDR, agent == "M" && w.Address != "" && (h.Address != w.Address || h.MTU != w.MTU):
			return fmt.Sprintf("%s is %+v, want %+v", mac, h, w)
		}
	}
	return ""
}

// begin starts a new tally.
func (p *poller) begin(event string) *tally {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = &tally{Event: event, Server: p.name}
	tallies = append(tallies, p.now)
	return p.now
}

// settled waits until every agent has had an answer again: one may hang on a connection
// to a server that is no more for as long as its driver waits.
func (p *poller) settled(t *testing.T) {
	t.Helper()
	eventually(t, "every agent has an answer again", func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		for name, s := range p.streams {
			if s.failing || time.Since(s.lastGood) > time.Second {
				return fmt.Errorf("agent %s has had none since %s: %s", name, s.lastGood.Format(time.TimeOnly), p.now.lastError)
			}
		}
		return nil
	})
}

// end closes it: one that still gets errors has its window counted up to now.
func (p *poller) end(t *testing.T, recovered time.Duration) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now
	for _, s := range p.streams {
		if s.failing {
			now.Longest = max(now.Longest, time.Since(s.lastGood))
		}
	}
	now.Recovered = recovered
	t.Logf("%s", now)
	if now.Fewer > 0 {
		t.Errorf("%d answers lacked rows; the first: %s", now.Fewer, now.worst)
	}
	if now.Polls == 0 {
		t.Errorf("no agent has asked")
	}
	p.now = &tally{}
}

func (t *tally) String() string {
	return fmt.Sprintf("%-56s %-9s %6d polls %5d errors, longest window %5.1f s, %d with fewer rows; recovered after %5.1f s",
		t.Event, t.Server, t.Polls, t.Errors, t.Longest.Seconds(), t.Fewer, t.Recovered.Seconds())
}

// report prints all figures.
func report(w io.Writer) {
	if len(tallies) == 0 && len(figures) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%-56s %-9s %7s %7s %10s %6s %10s\n", "event", "server", "polls", "errors", "longest", "fewer", "recovered")
	for _, t := range tallies {
		fmt.Fprintf(w, "%-56s %-9s %7d %7d %8.1f s %6d %8.1f s\n", t.Event, t.Server, t.Polls, t.Errors, t.Longest.Seconds(), t.Fewer, t.Recovered.Seconds())
	}
	for _, f := range figures {
		fmt.Fprintf(w, "%-66s %8.2f s\n", f.what, f.took.Seconds())
	}
}

type figure struct {
	what string
	took time.Duration
}

var figures []figure
