// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	seed   = flag.Uint64("seed", 0, "seed of the random worlds; 0 takes a new one")
	world1 = flag.Uint64("world", 0, "run this world of the seed alone")
	worlds = flag.Uint64("worlds", 2000, "how many random worlds are run")
)

// Thousands of random worlds, with some ten runs each. In each, a cloud, a cluster and the objects
// change, and OpenStack answers: truly, as of an earlier time, or having lost
// an arbitrary share of its servers and ports, all of them, or the subnets.
// Some answers are narrow, and some runs are of some objects alone.
//
// What the contract promises, and so the faults that are made. A withdrawal
// that the objects' changes do not explain needs two answers a minute apart
// that agree, with none in between that contradicts; if it is one of too many,
// half an hour of such answers. So wrong answers may say anything, and follow
// one upon the other, as long as for no claim
//
//   - they have said the same thing wrongly for a minute or longer, unless
//     with this answer so much would go that the limits hold it, and
//   - they have done so for half an hour, in any case.
//
// An answer that would break this is replaced by the truth. What an answer
// said while it was still true counts as well: a port detached for a moment,
// and then denied by stale answers, has two that agree.
//
// Judged by agent M's query alone: a row that it was shown, and whose port is
// truly still attached to a VM that an object names, stays in its answer. When
// the cloud stands still and answers truly, the rows become the truth.
func TestNoRowIsEverMissingThatShouldBeThere(t *testing.T) {
	t.Parallel()
	base := *seed
	if base == 0 {
		base = rand.Uint64()
	}
	t.Logf("seed %d", base)
	from, to := uint64(1), *worlds
	if *world1 != 0 {
		from, to = *world1, *world1
	}
	var next, runs, wrong atomic.Uint64
	next.Store(from)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i <= to && !t.Failed(); i = next.Add(1) - 1 {
				err := newWorld(base, i, false).live(&runs, &wrong)
				if err != nil {
					w := newWorld(base, i, true) // the same once more, telling all
					err = w.live(&runs, &wrong)
					t.Errorf("world %d (go test -run %s -args -seed=%d -world=%d): %v\n%s", i, t.Name(), base, i, err, strings.Join(w.log, "\n"))
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d runs, %d with a wrong answer", runs.Load(), wrong.Load())
}

// live lets the world change and answer for a while, and then stand still.
func (w *world) live(runs, wrong *atomic.Uint64) error {
	for range 4 + w.rng.IntN(16) {
		for range w.rng.IntN(3) {
			w.change()
		}
		w.past = append(w.past, w.facts)
		w.now = w.now.Add(time.Duration(1+w.rng.IntN(90)) * time.Second)
		runs.Add(1)
		lied, err := w.step()
		if lied {
			wrong.Add(1)
		}
		if err != nil {
			return err
		}
	}
	return w.settle()
}

// step is one run with a random answer.
func (w *world) step() (lied bool, err error) {
	names := slices.Sorted(maps.Keys(w.objects))
	all := true
	if w.rng.IntN(4) == 0 {
		all = false
		names = slices.DeleteFunc(names, func(string) bool { return w.rng.IntN(2) == 0 })
	}
	narrow := w.rng.IntN(4) == 0
	facts, how := w.answer()
	truth := w.read(w.facts)
	said := w.read(facts)
	if how != "true" && !w.allowed(said, truth, names) {
		how, facts, said = "true, for a wrong one is not allowed", w.facts, truth
	}
	w.note("run of %v, narrow %v, answer %s", names, narrow, how)
	before := w.mustStay(truth, said)
	w.remember(said, names)
	db := w.db.Clone()
	plan, err := w.run(facts, names, narrow)
	if err != nil {
		return false, err
	}
	if len(plan.PutClaims)+len(plan.DropClaims) > 0 { // the answer may call for what was made to go, and a row's next owner for its hiding
		w.remember(w.read(facts), names)
	}
	for _, row := range plan.Interfaces {
		w.note("  %+v", row)
	}
	for _, p := range plan.PutPendings {
		w.note("  %s %s of %v since %s: %s", p.PortID, p.Kind, p.Object, p.FirstSeen.Format("15:04:05"), p.Reason)
	}
	truly := strings.HasPrefix(how, "true")
	if err := w.check(before); err != nil {
		return !truly, err
	}
	if w.rng.IntN(8) == 0 {
		after := w.db
		w.db = db
		again, err := w.run(facts, names, narrow)
		if err != nil || !reflect.DeepEqual(plan, again) {
			return !truly, fmt.Errorf("the same run twice planned %+v and %+v: %w", plan, again, err)
		}
		if err := w.db.Apply(plan); err != nil || !reflect.DeepEqual(w.db.Interfaces, after.Interfaces) || !reflect.DeepEqual(w.db.Pendings, after.Pendings) {
			return !truly, fmt.Errorf("a plan applied twice is not the same: %w", err)
		}
		w.db = after
	}
	if all && truly && !narrow {
		return false, w.checkTrue()
	}
	return !truly, nil
}
