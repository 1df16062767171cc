// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package round

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/go-logr/logr"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/openstack"
	"github.com/xormsdhkdwk/multinic/internal/publication"
)

// desk is Rounds over a database that is never there: every round fails, after
// telling how many took part.
type desk struct {
	*Rounds
	t      *testing.T
	clock  *clocktesting.FakeClock
	start  time.Time
	rounds chan int
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, start: time.Now(), rounds: make(chan int, 100)}
	d.clock = clocktesting.NewFakeClock(d.start)
	d.Rounds = New(Options{
		Publication: publication.New(publication.Options{Clock: d.clock}), Clock: d.clock, Log: logr.Discard(),
		Observe: func(objects int, _ bool, _ error) { d.rounds <- objects },
	})
	return d
}

// pass lets time go by in the steps in which a round looks around.
func (d *desk) pass(total time.Duration) {
	d.t.Helper()
	for step := d.Quiet / quietSteps; total > 0; total -= step {
		d.settle()
		d.clock.Step(step)
	}
	d.settle()
}

// settle waits until every gathering round has set its timers, or has ended.
func (d *desk) settle() {
	d.t.Helper()
	timers := 1 // the step's
	for _, limit := range []time.Duration{d.Longest, d.Patience} {
		if d.clock.Since(d.start) < limit {
			timers++
		}
	}
	deadline := time.Now().Add(time.Minute)
	for d.clock.Waiters() < timers*d.gathering() {
		if time.Now().After(deadline) {
			d.t.Fatal("the round neither waits nor ends")
		}
		time.Sleep(100 * time.Microsecond)
	}
}

func (d *desk) gathering() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, g := range d.groups {
		if g.open != nil {
			n++
		}
	}
	return n
}

// run sends somebody to a round and waits until they have joined it.
func (d *desk) run(s *Seat, name string) {
	d.t.Helper()
	go func() {
		_, err := s.Run(context.Background(), Ticket{Object: inventory.Object{Key: inventory.Key{Name: name}}})
		if _, ok := errors.AsType[*publication.UnavailableError](err); !ok {
			d.t.Errorf("%s: %v", name, err)
		}
	}()
	deadline := time.Now().Add(time.Minute)
	for !d.has(name) && len(d.rounds) == 0 {
		if time.Now().After(deadline) {
			d.t.Fatalf("%s does not join", name)
		}
		time.Sleep(100 * time.Microsecond)
	}
}

func (d *desk) has(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, g := range d.groups {
		if g.open == nil {
			continue
		}
		for _, t := range g.open.tickets {
			if t.Object.Name == name {
				return true
			}
		}
	}
	return false
}

// ended is the number of objects of the round that has ended; 0 if none has.
func (d *desk) ended() int {
	d.t.Helper()
	d.work.Wait()
	select {
	case n := <-d.rounds:
		return n
	default:
		return 0
	}
}

func (d *desk) stillGathers(why string) {
	d.t.Helper()
	if len(d.rounds) > 0 || d.gathering() == 0 {
		d.t.Fatalf("the round has left: %s", why)
	}
}

func TestARoundLeavesWhenItHasBeenQuiet(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.run(d.Coming(), "a")
	d.pass(d.Quiet / 2)
	d.run(d.Coming(), "b")
	d.stillGathers("b has just come")
	d.pass(2 * d.Quiet)
	if n := d.ended(); n != 2 {
		t.Errorf("%d objects were in the round, both should have been", n)
	}
}

func TestARoundWaitsForWhoeverIsOnTheWay(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	late, never := d.Coming(), d.Coming()
	d.run(d.Coming(), "early")
	d.pass(d.Longest + d.Quiet)
	d.stillGathers("a seat is kept: its object's finalizer is still being written")
	d.run(late, "late")
	d.pass(d.Quiet)
	d.stillGathers("another seat is kept")
	never.Leave()
	d.pass(2 * d.Quiet)
	if n := d.ended(); n != 2 {
		t.Errorf("%d objects were in the round, both should have been", n)
	}
	never.Leave() // a second time: nobody else's seat may go with it
	if d.coming != 0 {
		t.Errorf("%d seats are kept, all are taken or given up", d.coming)
	}
}

func TestNobodyIsWaitedForForEver(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	stuck := d.Coming()
	defer stuck.Leave()
	d.run(d.Coming(), "ready")
	d.pass(d.Patience - d.Quiet)
	d.stillGathers("patience is not at its end")
	d.pass(2 * d.Quiet)
	if n := d.ended(); n != 1 {
		t.Errorf("%d objects were in the round, the one that was ready should have been", n)
	}
}

func TestARoundLeavesAtLastAlthoughOneComesAfterTheOther(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for i := 0; d.clock.Since(d.start) < d.Longest+5*d.Quiet && len(d.rounds) == 0; i++ {
		d.run(d.Coming(), fmt.Sprint(i))
		d.pass(d.Quiet / 2)
	}
	select {
	case <-d.rounds:
	case <-time.After(10 * time.Second):
		t.Fatalf("the round still gathers after %s", d.clock.Since(d.start))
	}
	d.pass(2 * d.Quiet) // whoever was too late
	d.work.Wait()
}

func TestDifferentCredentialsMakeDifferentRounds(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, user := range []string{"a", "b"} {
		go func() {
			_, _ = d.Run(context.Background(), Ticket{
				Object: inventory.Object{Key: inventory.Key{Name: user}}, Credentials: openstack.Credentials{Username: user},
			})
		}()
	}
	deadline := time.Now().Add(time.Minute)
	for !d.has("a") || !d.has("b") {
		if time.Now().After(deadline) {
			t.Fatal("they don't join")
		}
		time.Sleep(100 * time.Microsecond)
	}
	d.pass(2 * d.Quiet)
	d.work.Wait()
	if len(d.rounds) != 2 || <-d.rounds != 1 || <-d.rounds != 1 {
		t.Error("somebody's token would have been used for somebody else's objects")
	}
}
