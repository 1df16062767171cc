// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

func TestWithdrawalsOverTheLimitsAreHeld(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sentence string
		objects  []int // their VMs
		lost     []int // of each
		held     bool
		rebuilt  bool // others under their names take their place
	}{
		{"all three of an object", []int{3, 97}, []int{3, 0}, false, false},
		{"half of an object", []int{8, 92}, []int{4, 0}, false, false},
		{"more than half and more than three of an object", []int{7, 93}, []int{4, 0}, true, false},
		{"all of an object of four", []int{4, 96}, []int{4, 0}, true, false},
		{"ten of a cloud", []int{20, 5}, []int{10, 0}, false, false},
		{"a fifth of a cloud", []int{25, 30}, []int{11, 0}, false, false},
		{"more than a fifth and more than ten of a cloud", []int{24, 30}, []int{11, 0}, true, false},
		{"eleven of a cloud in two objects", []int{27, 27}, []int{5, 6}, true, false},
		{"ten of a cloud in two objects", []int{20, 20}, []int{5, 5}, false, false},
		{"all three of an object, rebuilt", []int{3, 97}, []int{3, 0}, false, true},
		{"half of an object, rebuilt", []int{8, 92}, []int{4, 0}, false, true},
		{"all of an object, by another project's", []int{8, 92}, []int{8, 0}, true, true},
		{"a fifth of a cloud, rebuilt", []int{25, 30}, []int{11, 0}, false, true},
		{"more than a fifth of a cloud, by another project's", []int{24, 30}, []int{11, 0}, true, true},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			var objects []inventory.Object
			total, lost := 0, 0
			for i, n := range tt.objects {
				var names []string
				for j := range n {
					name := fmt.Sprintf("vm-%d-%02d", i, j)
					b.vm(name, port(fmt.Sprintf("p-%d-%02d", i, j), fmt.Sprintf("10.0.0.%d", total+1)))
					names, total = append(names, name), total+1
				}
				objects = append(objects, object(fmt.Sprint("o", i), names...))
			}
			b.run(objects...)
			b.now = b.now.Add(time.Second)
			rebuilt := 0
			for i, n := range tt.lost {
				for j := range n {
					b.removeServer(fmt.Sprintf("id-vm-%d-%02d", i, j))
					if lost++; tt.rebuilt {
						b.server(fmt.Sprintf("new-%d-%02d", i, j), fmt.Sprintf("vm-%d-%02d", i, j), port(fmt.Sprintf("n-%d-%02d", i, j), fmt.Sprintf("10.0.0.%d", total+lost)))
						rebuilt++
					}
				}
			}
			out := b.secondLook(objects...)
			held := out[0].Held()
			if len(out) > 1 {
				held += out[1].Held()
			}
			want, wantSeen := 0, total-lost+rebuilt
			if tt.held {
				want, wantSeen = lost, total+rebuilt
			}
			if held != want || len(seen(b)) != wantSeen {
				t.Errorf("%d are held and %d seen, want %d and %d", held, len(seen(b)), want, wantSeen)
			}
		})
	}
}

func TestAnObjectsOwnLimitsAreUsed(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	o := object("o", b.many(10)...)
	o.Limits.PercentOfObject, o.Limits.OfObject = 10, 1
	b.run(o)
	b.removePort("p-00")
	b.secondLook(o)
	b.wantSeen("vm-00")
	b.removePort("p-01")
	if out := b.secondLook(o)[0]; out.Held() != 1 {
		t.Errorf("%d are held, want the second of ten with the first of late", out.Held())
	}
}

func TestLimitsThatSayNothingAreTheDefaults(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	o := object("o", b.many(30)...)
	o.Limits = inventory.Limits{}
	b.run(o)
	b.facts.Ports, b.facts.Servers = nil, nil
	b.run(o)
	if len(seen(b)) != 30 {
		t.Error("everything was withdrawn at the first look")
	}
	if out := b.later(time.Minute, o)[0]; out.Held() != 30 {
		t.Errorf("%d are held, want all", out.Held())
	}
}

// empty is a cloud of thirty VMs whose lists are empty all at once; it
// returns the object, whose withdrawals are held.
func empty(b *bed) inventory.Object {
	b.Helper()
	o := object("o", b.many(30)...)
	b.run(o)
	b.facts.Ports, b.facts.Servers = nil, nil
	out := b.secondLook(o)[0]
	if out.Held() != 30 || len(seen(b)) != 30 {
		b.Fatalf("%d are held and %d seen, want all", out.Held(), len(seen(b)))
	}
	return o
}

func TestWhatIsHeldGoesWhenTheHoldHasPassed(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	start := b.now
	o := empty(b)
	var out *inventory.Outcome
	for b.now.Before(start.Add(30*time.Minute - time.Second)) {
		b.now = b.now.Add(5 * time.Minute)
		if last := start.Add(30*time.Minute - time.Second); b.now.After(last) {
			b.now = last
		}
		out = b.run1(o)
		if len(seen(b)) != 30 {
			t.Fatalf("withdrawn after %v", b.now.Sub(start))
		}
	}
	if want := start.Add(30 * time.Minute); !out.NextLook.Equal(want) {
		t.Errorf("the next look is at %v, want %v, when the hold has passed", out.NextLook, want)
	}
	b.wantPending(b.later(time.Second, o)[0])
	if len(seen(b)) != 0 {
		t.Errorf("%d are still seen", len(seen(b)))
	}
	for _, e := range b.db.History {
		if !e.Explained {
			t.Fatalf("%+v counts as unexplained, though it was held", e)
		}
	}
}

func TestWhileItIsHeldItIsLookedAtEveryFewMinutes(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	o := empty(b)
	out := b.run1(o)
	if want := b.now.Add(5 * time.Minute); !out.NextLook.Equal(want) {
		t.Errorf("the next look is at %v, want %v", out.NextLook, want)
	}
}

func TestAHoldPassesOnlyOverAnswersThatAgree(t *testing.T) {
	t.Parallel()
	t.Run("an answer in between shows everything", func(t *testing.T) {
		t.Parallel()
		b := newBed(t)
		o := object("o", b.many(30)...)
		whole := b.facts
		b.run(o)
		for range 4 {
			b.facts.Ports, b.facts.Servers = nil, nil
			for range 5 {
				b.later(5*time.Minute, o)
			}
			b.facts = whole
			b.wantPending(b.later(5*time.Minute, o)[0])
		}
		if len(seen(b)) != 30 {
			t.Errorf("%d are seen, want all", len(seen(b)))
		}
	})
	t.Run("there is no answer for most of the time", func(t *testing.T) {
		t.Parallel()
		b := newBed(t)
		o := empty(b)
		b.later(31*time.Minute, o)
		b.later(time.Minute, o)
		if len(seen(b)) != 30 {
			t.Errorf("%d are seen, want all: OpenStack was away, it did not agree for half an hour", len(seen(b)))
		}
	})
}

func TestAPersonConfirmsWhatWasSeenBefore(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	o := empty(b)
	o.ConfirmedAt = b.now
	b.wantPending(b.later(time.Second, o)[0])
	if len(seen(b)) != 0 {
		t.Errorf("%d are still seen", len(seen(b)))
	}
	for _, e := range b.db.History {
		if !e.Explained {
			t.Fatalf("%+v counts as unexplained, though a person confirmed it", e)
		}
	}
}

func TestAConfirmationIsWorthNothingForWhatCameAfterIt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sentence string
		ago      time.Duration
	}{{"an old one", time.Hour}, {"one from the future", -1000 * time.Hour}} {
		t.Run(tt.sentence, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			o := empty(b)
			o.ConfirmedAt = b.now.Add(-tt.ago)
			for range 3 {
				b.later(time.Minute, o)
			}
			if len(seen(b)) != 30 {
				t.Errorf("%d are seen, want all", len(seen(b)))
			}
		})
	}
}

func TestAConfirmationDoesNotReplaceTheSecondLook(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	o := object("o", b.many(30)...)
	b.run(o)
	b.facts.Ports, b.facts.Servers = nil, nil
	b.run(o)
	o.ConfirmedAt = b.now
	b.later(30*time.Second, o)
	if len(seen(b)) != 30 {
		t.Error("withdrawn after one answer")
	}
}

func TestConfirmedWithdrawalsDoNotHoldUpOthers(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	names := b.many(40)
	big, small := object("big", names[:20]...), object("small", names[20:]...)
	b.run(big, small)
	for i := range 15 {
		b.removePort(fmt.Sprintf("p-%02d", i))
	}
	b.removePort("p-30")
	if out := b.secondLook(big, small); out[0].Held() != 15 || out[1].Held() != 1 {
		t.Fatalf("%d and %d are held", out[0].Held(), out[1].Held())
	}
	big.ConfirmedAt = b.now
	b.later(time.Second, small, big)
	if len(seen(b)) != 24 {
		t.Errorf("%d are seen, want 24", len(seen(b)))
	}
}

func TestATrickleIsAsBadAsAFlood(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	o := object("o", b.many(10)...)
	b.run(o)
	for i := range 10 {
		b.removePort(fmt.Sprintf("p-%02d", i))
		b.later(2*time.Minute, o)
		b.later(time.Minute, o)
	}
	// More than half of ten are held: five have gone.
	if got := len(seen(b)); got != 5 {
		t.Errorf("%d are seen, want 5: one every three minutes is as bad as ten at once", got)
	}
}

func TestATrickleOverAWholeCloudIsHeldToo(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	names := b.many(50)
	objects := []inventory.Object{object("a", names[:25]...), object("b", names[25:]...)}
	b.run(objects...)
	for i := range 12 {
		b.removePort(fmt.Sprintf("p-%02d", i*4))
		b.later(time.Minute, objects...)
		b.later(time.Minute, objects...)
	}
	if got := len(seen(b)); got != 40 {
		t.Errorf("%d of 50 are seen, want 40", got)
	}
}

func TestASlowTrickleIsNormal(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	o := object("o", b.many(10)...)
	b.run(o)
	for i := range 10 {
		b.removePort(fmt.Sprintf("p-%02d", i))
		b.later(19*time.Minute, o)
		b.later(time.Minute, o)
	}
	if got := len(seen(b)); got != 0 {
		t.Errorf("%d are seen, want none", got)
	}
}

func TestRenamingManyIsHeldLikeWithdrawingThem(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	o := object("o", b.many(8)...)
	b.run(o)
	for i := range 5 {
		b.node(fmt.Sprintf("worker-%d", i), fmt.Sprintf("id-vm-%02d", i))
	}
	if out := b.secondLook(o)[0]; out.Held() != 5 {
		t.Errorf("%d are held, want 5", out.Held())
	}
	b.wantSeen("vm-00", "p-00 10.0.0.1")
	b.wantSeen("worker-0")
}

func TestASuspendedObjectsPendingsDoNotHoldUpTheCloudForEver(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	names := b.many(40)
	suspended, o := object("s", names[:20]...), object("o", names[20:]...)
	b.run(suspended, o)
	for i := range 15 {
		b.removePort(fmt.Sprintf("p-%02d", i))
	}
	b.run(suspended, o)
	b.now = b.now.Add(time.Hour)
	b.removePort("p-30")
	b.secondLook(o)
	b.wantSeen("vm-30")
}

func TestAClockThatGoesBackDelaysAWithdrawalAndNoMore(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1"))
	o := object("o", "web")
	b.run(o)
	b.removePort("p-01")
	b.run(o)
	b.wantPending(b.later(-24*time.Hour, o)[0], "p-01 withdraw")
	b.wantSeen("web", "p-01 10.0.0.1")
	b.later(time.Minute, o)
	b.wantSeen("web")
}

func TestAClockThatJumpsForwardIsNoSecondLook(t *testing.T) {
	t.Parallel()
	t.Run("by hours", func(t *testing.T) {
		t.Parallel()
		b := newBed(t)
		o := object("o", b.many(4)...)
		b.run(o)
		b.removePort("p-01")
		b.run(o)
		b.later(24*time.Hour, o)
		b.wantSeen("vm-01", "p-01 10.0.0.2")
	})
	t.Run("by little, and the caller saw it", func(t *testing.T) {
		t.Parallel()
		b := newBed(t)
		o, other := object("o", b.many(4)...), object("other", "vm-02")
		b.run(o, other)
		b.removePort("p-01")
		b.removePort("p-02")
		b.run(o, other)
		b.now = b.now.Add(2 * time.Minute)
		b.runIn(b.facts, b.now, o)
		b.wantSeen("vm-01", "p-01 10.0.0.2")
		b.later(10*time.Second, o, other) // of the same cloud: it counts for the other as well
		b.wantSeen("vm-02", "p-02 10.0.0.3")
		b.later(50*time.Second, o, other)
		b.wantSeen("vm-01")
	})
}
