// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory_test

import (
	"slices"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

func TestASecondIdenticalRunWritesNothing(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.many(5)
	b.vm("two", port("p-20", "10.0.0.20", "2001:db8::20"), port("p-21", "10.0.0.21"))
	b.vm("bare")
	b.node("worker", "id-vm-03", "10.0.0.4")
	six := object("six", "two")
	six.SubnetName = "data6"
	objects := []inventory.Object{
		object("a", "vm-00", "vm-01", "vm-03", "missing"), object("b", "vm-01", "two", "bare"), six, object("none", "missing"),
	}
	b.run(objects...)
	before := b.db.Clone()
	for range 3 {
		b.later(time.Minute, objects...)
		b.wantEmpty()
	}
	slices.Reverse(objects)
	b.run(objects...)
	b.wantEmpty()
	if len(before.Interfaces) != 5 {
		t.Errorf("%d rows are stored, want 5", len(before.Interfaces))
	}
}

func TestAPlanAppliedTwiceIsTheSame(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	names := b.many(4)
	b.run(object("o", names...), object("p", names[:2]...))
	b.removePort("p-00")
	b.editServer("id-vm-01", func(s *inventory.Server) { s.Name = "new" })
	b.secondLook(object("o", names...), object("p", names[:2]...))
	if b.plan.Empty() {
		t.Fatal("nothing was planned")
	}
	once := b.db.Interfaces["p-01"]
	b.apply(b.plan)
	b.wantSeen("vm-00")
	b.wantSeen("new", "p-01 10.0.0.2")
	if b.db.Interfaces["p-01"] != once {
		t.Errorf("the row is %+v, was %+v", b.db.Interfaces["p-01"], once)
	}
}

func TestAnAddressChangesAtOnceAndTheAgentAppliesOnlyRealChanges(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sentence string
		change   func(b *bed, o *inventory.Object)
		looks    int
		reset    bool
	}{
		{"nothing", func(*bed, *inventory.Object) {}, 1, false},
		{"Neutron's status", func(b *bed, _ *inventory.Object) { b.editPort("p-01", func(p *inventory.Port) { p.Status = "DOWN" }) }, 1, false},
		{"a second, higher address", func(b *bed, _ *inventory.Object) {
			b.editPort("p-01", func(p *inventory.Port) { p.FixedIPs = port("xx", "10.0.0.9", "10.0.0.1").FixedIPs })
		}, 1, false},
		{"the subnet's name", func(b *bed, o *inventory.Object) {
			b.facts.Subnets = slices.Clone(b.facts.Subnets)
			b.facts.Subnets[0].Name, o.SubnetName = "renamed", "renamed"
		}, 1, false},
		{"another object that claims the port", func(b *bed, _ *inventory.Object) { b.run(object("second", "web")) }, 1, false},
		{"the owner that goes", func(b *bed, _ *inventory.Object) {
			b.run(object("aa", "web"))
			b.release(object("o", "web"))
		}, 0, false},
		{"the address", func(b *bed, _ *inventory.Object) {
			b.editPort("p-01", func(p *inventory.Port) { p.FixedIPs = port("xx", "10.0.0.7").FixedIPs })
		}, 1, true},
		{"the MAC", func(b *bed, _ *inventory.Object) {
			b.editPort("p-01", func(p *inventory.Port) { p.MAC = "fa:16:3e:ff:ff:ff" })
		}, 1, true},
		{"the MTU", func(b *bed, _ *inventory.Object) {
			b.facts.Subnets = slices.Clone(b.facts.Subnets)
			b.facts.Subnets[0].MTU = 9000
		}, 1, true},
		{"the subnet", func(b *bed, o *inventory.Object) { o.SubnetName = "data6" }, 1, true},
		{"the node", func(b *bed, _ *inventory.Object) { b.node("worker", "id-web") }, 2, true},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.vm("web", port("p-01", "10.0.0.1", "2001:db8::1"))
			o := object("o", "web")
			b.run(o)
			b.db.Configured("p-01")
			tt.change(b, &o)
			for range tt.looks {
				b.later(time.Minute, o)
			}
			row := b.db.Interfaces["p-01"]
			if row.Applied == tt.reset {
				t.Errorf("netplan_success is %v after a change of %s", row.Applied, tt.sentence)
			}
			if row.ID != 1 || !row.Visible() {
				t.Errorf("the row is %+v", row)
			}
		})
	}
}

func TestWhatTheObjectsOwnChangeExplainsGoesAtOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sentence string
		change   func(o *inventory.Object)
		seen     int
	}{
		{"VMs taken out of vmNames", func(o *inventory.Object) { o.VMNames = o.VMNames[:5] }, 5},
		{"another subnet", func(o *inventory.Object) { o.SubnetName = "other" }, 0},
		{"names written as IDs", func(o *inventory.Object) {
			for i, name := range o.VMNames {
				o.VMNames[i] = "id-" + name
			}
		}, 30},
		{"the subnet's name written as its ID", func(o *inventory.Object) { o.SubnetName = "s-data" }, 30},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			o := object("o", b.many(30)...)
			b.run(o)
			tt.change(&o)
			out := b.run1(o)
			b.wantPending(out)
			if got := len(seen(b)); got != tt.seen || len(out.Interfaces) != tt.seen {
				t.Errorf("%d rows are seen and %d reported, want %d", got, len(out.Interfaces), tt.seen)
			}
			for _, e := range b.db.History {
				if !e.Explained {
					t.Errorf("%+v counts as unexplained", e)
				}
			}
			b.run(o)
			b.wantEmpty()
		})
	}
}

// An edit must not turn an answer that lacks something into a withdrawal.
func TestAnEditThatStillMeansTheVMExplainsNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sentence      string
		before, after string
		lose          func(b *bed)
	}{
		{"the ID for the name, and the answer lacks the server", "web", "id-web", func(b *bed) { b.removeServer("id-web") }},
		{"the name for the ID, and the answer lacks the server", "id-web", "web", func(b *bed) { b.removeServer("id-web") }},
		{"the ID for the name, and the answer lacks the port", "web", "id-web", func(b *bed) { b.removePort("p-01") }},
		{"the name for the ID, and the answer lacks the port", "id-web", "web", func(b *bed) { b.removePort("p-01") }},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.vm("web", port("p-01", "10.0.0.1"))
			b.run(object("o", tt.before))
			whole := b.facts
			tt.lose(b)
			b.wantPending(b.run1(object("o", tt.after)), "p-01 withdraw")
			b.wantSeen("web", "p-01 10.0.0.1")
			b.facts = whole
			b.wantPending(b.run1(object("o", tt.after)))
			b.wantSeen("web", "p-01 10.0.0.1")
		})
	}
}

func TestAVMTakenOutAfterItWasDeletedGoesAtOnce(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	names := b.many(30)
	b.run(object("o", names...))
	for _, name := range names[5:] {
		b.removeServer("id-" + name)
	}
	for range 3 {
		if out := b.later(time.Minute, object("o", names...))[0]; len(out.Pendings) != 25 {
			t.Fatalf("%d are pending", len(out.Pendings))
		}
	}
	b.wantPending(b.run1(object("o", names[:5]...)))
	if got := len(seen(b)); got != 5 {
		t.Errorf("%d rows are seen, want 5: the edit says that the others shall go", got)
	}
}

func TestAnAmbiguousEntryStillMeansThePublishedVM(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.server("id-1", "web", port("p-01", "10.0.0.1"))
	b.server("id-2", "web", port("p-02", "10.0.0.2"))
	b.run(object("o", "id-2"))
	b.wantProblems(b.run1(object("o", "web")), "web Ambiguous")
	b.wantSeen("web", "p-02 10.0.0.2")
}

func TestAPortThatVanishesGoesAtTheSecondLook(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sentence string
		lose     func(b *bed)
		problems []string
	}{
		{"detached, the only one", func(b *bed) { b.removePort("p-01"); b.removePort("p-02") }, []string{"web NoPort"}},
		{"the VM deleted", func(b *bed) { b.removeServer("id-web") }, []string{"web Deleted"}},
		{"the VM deleted and still listed as such", func(b *bed) {
			b.editServer("id-web", func(s *inventory.Server) { s.Status = "DELETED" })
			b.removePort("p-01")
			b.removePort("p-02")
		}, []string{"web Deleted"}},
		{"its address moved to another subnet", func(b *bed) {
			b.editPort("p-01", func(p *inventory.Port) { p.FixedIPs = port("xx", "10.9.0.1").FixedIPs })
			b.removePort("p-02")
		}, []string{"web NoPort"}},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.vm("web", port("p-01", "10.0.0.1"), port("p-02", "10.0.0.2"))
			o := object("o", "web")
			b.run(o)
			tt.lose(b)
			out := b.run1(o)
			b.wantProblems(out, tt.problems...)
			b.wantPending(out, "p-01 withdraw", "p-02 withdraw")
			if want := b.now.Add(time.Minute); !out.NextLook.Equal(want) {
				t.Errorf("the second look is at %v, want %v", out.NextLook, want)
			}
			b.later(59*time.Second, o)
			b.wantSeen("web", "p-01 10.0.0.1", "p-02 10.0.0.2")
			b.later(time.Second, o)
			b.wantSeen("web")
			if len(b.db.AgentG("web")) != 0 {
				t.Error("agent G still sees it")
			}
			b.run(o)
			b.wantEmpty()
		})
	}
}

func TestOneOfSeveralPortsDetachedIsReported(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1"), port("p-02", "10.0.0.2"))
	b.run(object("o", "web"))
	b.removePort("p-01")
	out := b.run1(object("o", "web"))
	b.wantProblems(out, "web Detached")
	b.wantPending(out, "p-01 withdraw")
}

func TestNovasSilenceAloneWithdrawsNothing(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1"))
	b.run(object("o", "web"))
	b.facts.Servers = nil
	for range 3 {
		b.wantPending(b.later(time.Minute, object("o", "web"))[0])
	}
	b.wantSeen("web", "p-01 10.0.0.1")
}

func TestTheSameAnswerTwiceIsNoSecondLook(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1"))
	b.run(object("o", "web"))
	b.removePort("p-01")
	b.facts.TakenAt = b.now
	snap := inventory.NewSnapshot(b.facts)
	for range 3 {
		o := object("o", "web")
		planner := inventory.NewPlanner(b.now, inventory.NewNodes(nil), b.view(snap, []inventory.Object{o}), time.Time{})
		planner.Object(o, snap)
		b.apply(planner.Finish())
		b.now = b.now.Add(time.Hour)
	}
	b.wantSeen("web", "p-01 10.0.0.1")
}

func TestTheSecondLookBeginsAMinuteAfterTheFirstHasEnded(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1"))
	o := object("o", "web")
	b.run(o)
	b.removePort("p-01")
	slow, start := b.facts, b.now
	slow.EndedAt = start.Add(70 * time.Second) // throttled; the ports were read last
	b.now = slow.EndedAt.Add(time.Second)
	slow.TakenAt = start
	snap := inventory.NewSnapshot(slow)
	planner := inventory.NewPlanner(b.now, inventory.NewNodes(nil), b.view(snap, []inventory.Object{o}), time.Time{})
	out := planner.Object(o, snap)
	b.apply(planner.Finish())
	if want := slow.EndedAt.Add(time.Minute); !out.NextLook.Equal(want) {
		t.Errorf("the second look is at %v, want %v", out.NextLook, want)
	}
	b.wantPending(b.later(time.Second, o)[0], "p-01 withdraw")
	b.wantSeen("web", "p-01 10.0.0.1")
	b.now = slow.EndedAt
	b.later(time.Minute, o)
	b.wantSeen("web")
}

func TestAnAnswerThatShowsThePortAgainContradictsTheFirst(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1"))
	whole := b.facts
	for range 5 {
		b.facts = whole
		b.later(40*time.Second, object("o", "web"))
		b.removePort("p-01")
		b.wantPending(b.later(40*time.Second, object("o", "web"))[0], "p-01 withdraw")
	}
	b.wantSeen("web", "p-01 10.0.0.1")
}

func TestAPortThatComesBackRevivesItsRowWithItsID(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("first", port("p-00", "10.0.0.10"))
	b.vm("web", port("p-01", "10.0.0.1"))
	o := object("o", "web", "first")
	b.run(o)
	id := b.db.Interfaces["p-01"].ID
	b.db.Configured("p-01")
	whole := b.facts
	b.removePort("p-01")
	b.secondLook(o)
	b.wantSeen("web")
	if b.db.Nodes["id-web"].Status != inventory.Deleted {
		t.Error("the node without rows is not deleted")
	}
	b.facts = whole
	b.run(o)
	b.wantSeen("web", "p-01 10.0.0.1")
	if row := b.db.Interfaces["p-01"]; row.ID != id || row.Applied {
		t.Errorf("the row is %+v, want the id %d, to be applied anew", row, id)
	}
	if len(b.db.AgentG("web")) != 1 {
		t.Errorf("agent G does not see it: %+v", b.db.Nodes)
	}
	if e := b.db.History[len(b.db.History)-1]; e.Kind != "revived" {
		t.Errorf("the last event is %+v", e)
	}
}

// seen are all rows that agents see, by port.
func seen(b *bed) []string {
	var out []string
	for id, row := range b.db.Interfaces {
		if row.HostName != "" {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}
