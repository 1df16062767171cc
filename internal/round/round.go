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
	// Longest how long it gathers while one joins after the other (3s),
	// Patience how long it waits for those who are on their way (30s), Timeout
	// how long it may take (5m).
	Quiet, Longest, Patience, Timeout time.Duration
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
	coming int // seats that are neither taken nor given up
	work   sync.WaitGroup
}

// group is everything of one set of credentials: the round that gathers and
// the lock of the one that works.
type group struct {
	// process answers every entry, whatever happens.
	process func(context.Context, []entry)
	working sync.Mutex
	users   int // rounds that gather or work
	open    *gathering
}

type gathering struct {
	since   time.Time
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
	if o.Patience == 0 {
		o.Patience = 30 * time.Second
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

// Seat is kept for someone who is on the way to a round, so that rounds don't
// leave without them: before an object can take part, its finalizer may have to
// be written, and its Secret read.
type Seat struct {
	rounds *Rounds
	once   sync.Once
}

// Coming keeps a seat. It is to be given up by Leave, or taken by Run.
func (r *Rounds) Coming() *Seat {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.coming++
	return &Seat{rounds: r}
}

// Leave gives the seat up; after Run, or a second time, it does nothing.
func (s *Seat) Leave() {
	s.once.Do(func() {
		s.rounds.mu.Lock()
		defer s.rounds.mu.Unlock()
		s.rounds.coming--
	})
}

// Run takes part in the next round of the ticket's credentials and waits for
// its end. Errors are *openstack.Error, *publication.UnavailableError, the
// store's, or the context's.
func (s *Seat) Run(ctx context.Context, t Ticket) (Result, error) {
	r := s.rounds
	return r.takePart(ctx, sha256.Sum256(t.Credentials.Content()), t, s, r.process)
}

// Run is Seat.Run for someone who comes by surprise.
func (r *Rounds) Run(ctx context.Context, t Ticket) (Result, error) { return r.Coming().Run(ctx, t) }

func (r *Rounds) takePart(ctx context.Context, key [sha256.Size]byte, t Ticket, s *Seat, process func(context.Context, []entry)) (Result, error) {
	done := make(chan answer, 1)
	r.join(key, entry{t, done}, s, process)
	select {
	case a := <-done:
		return a.Result, a.err
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
}

// join adds an entry and takes its seat in one step: whoever counts the seats
// finds it in either place.
func (r *Rounds) join(key [sha256.Size]byte, e entry, s *Seat, process func(context.Context, []entry)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.once.Do(func() { r.coming-- })
	g := r.groups[key]
	if g == nil {
		g = &group{process: process}
		r.groups[key] = g
	}
	if g.open == nil {
		g.open = &gathering{since: r.Clock.Now(), joined: make(chan struct{}, 1)}
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
	start := r.Clock.Now()
	g.process(ctx, mine.tickets)
	r.Log.Info("Round ended", "objects", len(mine.tickets), "gathered", start.Sub(mine.since).String(), "took", r.Clock.Since(start).String())
	cancel()

	g.working.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if g.users--; g.users == 0 {
		delete(r.groups, key)
	}
}

// quietSteps is how many looks in a row must find nobody new. Several short
// looks instead of a long one: a process whose processor time is throttled
// would find a single timer expired before the others had their turn.
const quietSteps = 4

// gather returns when nobody has joined for a while and nobody is on the way.
func (r *Rounds) gather(mine *gathering) {
	longest, patience := r.Clock.NewTimer(r.Longest), r.Clock.NewTimer(r.Patience)
	defer longest.Stop()
	defer patience.Stop()
	overdue := false
	for quiet := 0; ; {
		step := r.Clock.NewTimer(r.Quiet / quietSteps)
		select {
		case <-mine.joined:
			quiet = 0
		case <-step.C():
			quiet++
		case <-longest.C():
			overdue = true
		case <-patience.C():
			step.Stop()
			return
		}
		step.Stop()
		if (overdue || quiet >= quietSteps) && r.noneComing() {
			return
		}
	}
}

func (r *Rounds) noneComing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.coming == 0
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
