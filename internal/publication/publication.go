// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package publication

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/store"
)

// Object is what the cluster remembers of one OpenstackConfig.
type Object struct {
	Key inventory.Key
	UID string
	// Mark is the state of the database that its status speaks of; zero if
	// it never published.
	Mark     store.Mark
	Deleting bool
}

// Cluster is what the publication asks Kubernetes.
type Cluster interface {
	// Objects lists every OpenstackConfig that this controller serves.
	Objects(ctx context.Context) ([]Object, error)
	// Admits says whether a person wants the gate of an epoch open.
	Admits(ctx context.Context, epoch string) (bool, error)
}

// Options of a Publication. Zero intervals take the defaults.
type Options struct {
	Store   *store.Store
	Cluster Cluster
	Clock   clock.WithTicker
	Log     logr.Logger
	// Wake is called for objects whose decision may have changed: nil means
	// all of them.
	Wake func(keys []inventory.Key)
	// CheckEvery is how often the database is looked at (2s), AppliedEvery
	// how often the agents' marks are read (15s).
	CheckEvery, AppliedEvery, PurgeEvery time.Duration
}

// Publication is a manager runnable for the leader.
type Publication struct {
	Options

	// write serialises everything that writes to the database.
	write sync.Mutex

	mu      sync.Mutex // guards what follows
	leader  *store.Leader
	err     error      // why there is no leader, or what it can't do
	led     store.Mark // the latest of leaders that were lost
	probed  time.Time  // when writing was last tried, while it fails
	states  map[inventory.Key]store.ObjectState
	applied map[inventory.Key]map[string]bool
	// stale are the objects whose rows were written after applied was read, by
	// the number of the writing.
	stale   map[inventory.Key]int
	writes  int
	holders []inventory.Key
	// agentsErr is why the agents' account could not be made when it was last
	// tried.
	agentsErr   error
	agentsTried time.Time
	kick        chan struct{}
}

// New makes a Publication that leads nothing until it is started.
func New(o Options) *Publication {
	if o.CheckEvery == 0 {
		o.CheckEvery = 2 * time.Second
	}
	if o.AppliedEvery == 0 {
		o.AppliedEvery = 15 * time.Second
	}
	if o.PurgeEvery == 0 {
		o.PurgeEvery = time.Hour
	}
	return &Publication{Options: o, err: errStarting, states: map[inventory.Key]store.ObjectState{}, stale: map[inventory.Key]int{}, kick: make(chan struct{}, 1)}
}

// NeedLeaderElection tells the manager to start it in the leader only.
func (p *Publication) NeedLeaderElection() bool { return true }

// Start leads until ctx ends, or until another leader is newer: that error
// ends the process.
func (p *Publication) Start(ctx context.Context) error {
	ticker := p.Clock.NewTicker(p.CheckEvery)
	defer ticker.Stop()
	ctx, cancel := context.WithCancel(ctx)
	tended := make(chan struct{}, 1)
	var chores sync.WaitGroup
	chores.Go(func() { p.doChores(ctx, tended) })
	defer chores.Wait()
	defer cancel()
	for {
		if err := p.tend(ctx); err != nil {
			return err
		}
		select {
		case tended <- struct{}{}:
		default:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		case <-p.kick:
		}
	}
}

// doChores reads the agents' marks and purges, when it is time. They have a
// goroutine of their own so that one that hangs doesn't keep the outage secret.
func (p *Publication) doChores(ctx context.Context, tended <-chan struct{}) {
	var lastApplied, lastPurge time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-tended:
		}
		now := p.Clock.Now()
		if p.Err() == nil && now.Sub(lastApplied) >= p.AppliedEvery {
			lastApplied = now
			p.refreshApplied(ctx)
		}
		if p.Err() == nil && now.Sub(lastPurge) >= p.PurgeEvery && p.write.TryLock() { // else a little later
			lastPurge = now
			p.purge(ctx)
			p.write.Unlock()
		}
	}
}

// tend takes the lead where there is none and checks it where there is one. The
// check does not wait for whoever writes: that may be what hangs.
func (p *Publication) tend(ctx context.Context) error {
	leader, before := p.current()
	if errors.Is(before, store.ErrDeposed) {
		return before // a write found out; leading again would depose the newer one
	}
	if leader == nil {
		p.takeLead(ctx, before)
		return nil
	}
	err, wrote := leader.Check(ctx), false
	if err == nil && p.probeDue(before) {
		err, wrote = leader.Probe(ctx), true
	}
	if err = p.judge(ctx, leader, err, wrote); errors.Is(err, store.ErrDeposed) {
		return err
	}
	switch {
	case err != nil:
	case leader.GateOpen():
		p.retryAgents(ctx, leader)
	case p.write.TryLock(): // else the writer does it
		defer p.write.Unlock()
		p.tryAdmit(ctx, leader)
	}
	return nil
}

// probeFullEvery is how often a full database is asked whether it takes a small
// write again; that it does, says little of the large ones.
const probeFullEvery = time.Minute

// probeDue says that writing is to be tried: reading says nothing of it.
func (p *Publication) probeDue(trouble error) bool {
	if !writesFail(trouble) {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if errors.Is(trouble, store.ErrFull) && p.Clock.Since(p.probed) < probeFullEvery {
		return false
	}
	p.probed = p.Clock.Now()
	return true
}

func (p *Publication) takeLead(ctx context.Context, before error) {
	p.write.Lock()
	defer p.write.Unlock()
	err := p.lead(ctx)
	if err == nil || ctx.Err() != nil {
		return
	}
	if troubleOf(before) != troubleOf(err) { //nolint:errorlint // classes are values
		p.Log.Error(err, "The database can't be led")
		p.setErr(err)
		p.Wake(nil) // their conditions tell
	}
}

// lead opens the database for writing and reads what it remembers.
func (p *Publication) lead(ctx context.Context) error {
	objects, err := p.Cluster.Objects(ctx)
	if err != nil {
		return fmt.Errorf("listing OpenstackConfigs: %w", err)
	}
	// The statuses lag behind: what this process itself has led counts too.
	remembered := p.lastLed()
	for _, o := range objects {
		if o.Mark.After(remembered) {
			remembered = o.Mark
		}
	}
	leader, err := p.Store.Lead(ctx, remembered)
	if err != nil {
		return err
	}
	states, err := leader.States(ctx)
	if err != nil {
		return fmt.Errorf("reading the objects' states: %w", err)
	}
	p.mu.Lock()
	p.leader, p.err, p.states, p.applied = leader, nil, states, nil
	p.mu.Unlock()
	mark := leader.Mark()
	p.Log.Info("Leading the database", "epoch", mark.Epoch, "generation", mark.Generation, "gateOpen", leader.GateOpen())
	if leader.GateOpen() {
		p.setHolders(nil)
		p.ensureAgents(ctx, leader)
	} else {
		p.tryAdmit(ctx, leader)
	}
	p.Wake(nil)
	return nil
}

// Write runs fn with the database to itself. Where there is no database, or
// fn finds that it has gone, the error is an *UnavailableError.
func (p *Publication) Write(ctx context.Context, fn func(*store.Leader) error) error {
	p.write.Lock()
	defer p.write.Unlock()
	leader, cause := p.current()
	if leader == nil {
		return &UnavailableError{cause}
	}
	writes := leader.Writes()
	err := fn(leader)
	err = p.judge(ctx, leader, err, leader.Writes() > writes)
	if err != nil && (unusable(err) || lost(err)) {
		return &UnavailableError{err}
	}
	if err == nil && !leader.GateOpen() {
		p.tryAdmit(ctx, leader)
	}
	return err
}

// Kick makes Start look at the database now.
func (p *Publication) Kick() {
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

// Err is why the database can't be used, an *UnavailableError; nil if it can.
func (p *Publication) Err() error {
	if _, err := p.current(); err != nil {
		return &UnavailableError{err}
	}
	return nil
}

// Starting says that the database has neither been reached nor given up yet.
func (p *Publication) Starting() bool { return errors.Is(p.Err(), errStarting) }

// Mark is the state of the database; zero while there is none.
func (p *Publication) Mark() store.Mark {
	if leader, _ := p.current(); leader != nil {
		return leader.Mark()
	}
	return store.Mark{}
}

// Gate says whether agents see the rows, and if not, which objects have not
// been published again yet.
func (p *Publication) Gate() (open bool, holders []inventory.Key) {
	leader, _ := p.current()
	p.mu.Lock()
	defer p.mu.Unlock()
	return leader != nil && leader.GateOpen(), slices.Clone(p.holders)
}

// State is what the object's last runs left; known is false while the
// database has never been read.
func (p *Publication) State(k inventory.Key) (state store.ObjectState, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.states[k], p.leader != nil
}

// States are those of all objects, also of some that no longer exist.
func (p *Publication) States() map[inventory.Key]store.ObjectState {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.states)
}

// Remember takes note of states that are written. If rows were written with
// them, what is known of the agents' marks is out of date.
func (p *Publication) Remember(states []store.ObjectState, rows bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writes++
	for _, s := range states {
		p.states[s.Key] = s
		if rows {
			p.stale[s.Key] = p.writes
		}
	}
}

// Forget takes note of states that are deleted.
func (p *Publication) Forget(keys ...inventory.Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range keys {
		delete(p.states, k)
		delete(p.applied, k)
	}
}

func (p *Publication) current() (*store.Leader, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.leader, p.err
}

func (p *Publication) setErr(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

func (p *Publication) lastLed() store.Mark {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.led
}
