// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package round

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/openstack"
	"github.com/xormsdhkdwk/multinic/internal/publication"
	"github.com/xormsdhkdwk/multinic/internal/store"
)

// Cloud is the one question to OpenStack.
type Cloud interface {
	Snapshot(ctx context.Context, cred openstack.Credentials, queries []inventory.Query) (*inventory.Snapshot, error)
}

// Ticket is one object's part in a round.
type Ticket struct {
	Object      inventory.Object
	Credentials openstack.Credentials
	// State is what is to be remembered if the run succeeds; the round adds
	// the time, the epoch and the next look.
	State store.ObjectState
}

// Result is what a round did for one object. Outcome is nil where the
// reading failed.
type Result struct {
	Outcome *inventory.Outcome
	State   store.ObjectState
	Mark    store.Mark
}

// Options of Rounds. Zero times take the defaults.
type Options struct {
	Cloud       Cloud
	Publication *publication.Publication
	// Nodes are the cluster's Nodes as the cache has them.
	Nodes func(ctx context.Context) (*inventory.Nodes, error)
	Clock clock.WithTicker
	Log   logr.Logger
	// Quiet is how long a round waits for another object to join (100ms),
	// Longest how long it gathers at most (3s), Timeout how long it may take
	// (5m).
	Quiet, Longest, Timeout time.Duration
	// Observe is told of every finished round.
	Observe func(objects int, changed bool, err error)
}

// Rounds gathers tickets by credentials. It is a manager runnable.
type Rounds struct {
	Options
	base context.Context
	jump clockJump

	mu     sync.Mutex
	groups map[[sha256.Size]byte]*group
	work   sync.WaitGroup
}

// group is everything of one set of credentials: the round that gathers and
// the lock of the one that works.
type group struct {
	working sync.Mutex
	users   int // rounds that gather or work
	open    *gathering
}

type gathering struct {
	tickets []entry
	joined  chan struct{}
}

type entry struct {
	Ticket
	done chan<- answer
}

type answer struct {
	Result
	err error
}

// New makes Rounds that run once they are started.
func New(o Options) *Rounds {
	if o.Quiet == 0 {
		o.Quiet = 100 * time.Millisecond
	}
	if o.Longest == 0 {
		o.Longest = 3 * time.Second
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Minute
	}
	return &Rounds{Options: o, base: context.Background(), groups: map[[sha256.Size]byte]*group{}}
}

// Start waits for ctx to end and then for the rounds at work.
func (r *Rounds) Start(ctx context.Context) error {
	<-ctx.Done()
	r.work.Wait()
	return nil
}

// Run takes part in the next round of the ticket's credentials and waits for
// its end. Errors are *openstack.Error, *publication.UnavailableError, the
// store's, or the context's.
func (r *Rounds) Run(ctx context.Context, t Ticket) (Result, error) {
	done := make(chan answer, 1)
	r.join(sha256.Sum256(t.Credentials.Content()), entry{t, done})
	select {
	case a := <-done:
		return a.Result, a.err
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
}

func (r *Rounds) join(key [sha256.Size]byte, e entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.groups[key]
	if g == nil {
		g = &group{}
		r.groups[key] = g
	}
	if g.open == nil {
		g.open = &gathering{joined: make(chan struct{}, 1)}
		g.users++
		r.work.Add(1)
		go r.conduct(key, g, g.open)
	}
	g.open.tickets = append(g.open.tickets, e)
	select {
	case g.open.joined <- struct{}{}:
	default:
	}
}

// conduct gathers until it has been quiet, and until the round before it has
// ended, and then works.
func (r *Rounds) conduct(key [sha256.Size]byte, g *group, mine *gathering) {
	defer r.work.Done()
	r.gather(mine)
	g.working.Lock()
	r.mu.Lock()
	g.open = nil // whoever comes now is in the next round
	r.mu.Unlock()

	ctx, cancel := context.WithTimeout(r.base, r.Timeout)
	r.process(ctx, mine.tickets)
	cancel()

	g.working.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if g.users--; g.users == 0 {
		delete(r.groups, key)
	}
}

func (r *Rounds) gather(mine *gathering) {
	longest := r.Clock.NewTimer(r.Longest)
	defer longest.Stop()
	for {
		quiet := r.Clock.NewTimer(r.Quiet)
		select {
		case <-mine.joined:
			quiet.Stop()
		case <-quiet.C():
			return
		case <-longest.C():
			quiet.Stop()
			return
		}
	}
}

// process answers every ticket, whatever happens.
func (r *Rounds) process(ctx context.Context, tickets []entry) {
	snap, err := r.read(ctx, tickets)
	if err != nil {
		r.observe(len(tickets), false, err)
		for _, t := range tickets {
			t.done <- answer{err: err}
		}
		return
	}
	answers, changed, err := r.publish(ctx, snap, tickets)
	if err != nil && len(tickets) > 1 && !unavailable(err) {
		r.Log.Error(err, "A round could not be written: writing its objects one by one", "objects", len(tickets))
		for _, t := range tickets {
			single, changedOne, err := r.publish(ctx, snap, []entry{t})
			r.observe(1, changedOne, err)
			if err != nil {
				single = []answer{{err: err}}
			}
			t.done <- single[0]
		}
		return
	}
	r.observe(len(tickets), changed, err)
	for i, t := range tickets {
		if err != nil {
			t.done <- answer{err: err}
			continue
		}
		t.done <- answers[i]
	}
}

func (r *Rounds) observe(objects int, changed bool, err error) {
	if r.Observe != nil {
		r.Observe(objects, changed, err)
	}
}

func unavailable(err error) bool {
	var u *publication.UnavailableError
	return errors.As(err, &u) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
