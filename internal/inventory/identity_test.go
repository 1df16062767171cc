// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory_test

import (
	"strings"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

func TestTheHostNameIsTheNodesElseNovasElseTheVMs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sentence   string
		arrange    func(b *bed)
		host, node string
	}{
		{"the VM's name", func(b *bed) {}, "vm", "vm.example.com"},
		{"Nova's host name where it is shown", func(b *bed) {
			b.editServer("id-1", func(s *inventory.Server) { s.HostName = "guest.example.com" })
		}, "guest", "vm.example.com"},
		{"the name of the Node that says by ID that it is the VM", func(b *bed) {
			b.editServer("id-1", func(s *inventory.Server) { s.HostName = "guest" })
			b.node("worker-1.cluster.local", "id-1")
		}, "worker-1", "worker-1.cluster.local"},
		{"the name of a Node without any ID that bears the VM's name", func(b *bed) {
			b.editServer("id-1", func(s *inventory.Server) { s.HostName = "guest" })
			b.node("vm.example.com", "")
		}, "vm", "vm.example.com"},
		{"not the name of a Node that says it is another VM", func(b *bed) {
			b.editServer("id-1", func(s *inventory.Server) { s.HostName = "guest" })
			b.node("vm.example.com", "id-7")
		}, "guest", "vm.example.com"},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.server("id-1", "vm.example.com", port("p-01", "10.0.0.1"))
			tt.arrange(b)
			b.run(object("o", "id-1"))
			b.wantSeen(tt.host, "p-01 10.0.0.1")
			if got := b.db.AgentG(tt.node); len(got) != 1 {
				t.Errorf("agent G on %q reads %v; the nodes are %v", tt.node, got, b.db.Nodes)
			}
			b.run(object("o", "id-1"))
			b.wantEmpty()
		})
	}
}

func TestANodeNameThatIsFirstSeenLateWaitsForASecondLook(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1"), port("p-02", "10.0.0.2"))
	o := object("o", "web")
	b.run(o)
	b.node("worker-1", "id-web")
	b.wantPending(b.run1(o), "p-01 rename", "p-02 rename")
	b.wantSeen("web", "p-01 10.0.0.1", "p-02 10.0.0.2")
	if len(b.db.AgentG("web")) != 2 {
		t.Error("agent G lost the rows of a node whose renaming is pending")
	}
	b.wantPending(b.later(59*time.Second, o)[0], "p-01 rename", "p-02 rename")
	b.wantSeen("web", "p-01 10.0.0.1", "p-02 10.0.0.2")
	b.wantPending(b.later(time.Second, o)[0])
	b.wantSeen("worker-1", "p-01 10.0.0.1", "p-02 10.0.0.2")
	b.wantSeen("web")
	if len(b.db.AgentG("worker-1")) != 2 {
		t.Error("agent G does not see the renamed node")
	}
	b.run(o)
	b.wantEmpty()
}

func TestANameThatChangesAgainStartsAnew(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1"))
	o := object("o", "id-web")
	b.run(o)
	b.editServer("id-web", func(s *inventory.Server) { s.Name = "one" })
	b.run(o)
	b.editServer("id-web", func(s *inventory.Server) { s.Name = "two" })
	b.wantPending(b.later(time.Minute, o)[0], "p-01 rename")
	b.wantSeen("web", "p-01 10.0.0.1")
	b.later(time.Minute, o)
	b.wantSeen("two", "p-01 10.0.0.1")
}

func TestANewPortOfAVMWhoseRenamingIsPendingJoinsTheOthers(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1"))
	o := object("o", "id-web")
	b.run(o)
	b.editServer("id-web", func(s *inventory.Server) { s.Name = "www" })
	p := port("p-02", "10.0.0.2")
	p.DeviceID = "id-web"
	b.facts.Ports = append(b.facts.Ports, p)
	b.run(o)
	b.wantSeen("web", "p-01 10.0.0.1", "p-02 10.0.0.2")
	b.later(time.Minute, o)
	b.later(time.Minute, o)
	b.wantSeen("www", "p-01 10.0.0.1", "p-02 10.0.0.2")
	b.run(o)
	b.wantEmpty()
}

func TestANodeThatVanishesChangesNothing(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1"), port("p-02", "10.0.0.2"))
	b.node("worker-1", "id-web", "10.0.0.1")
	o := object("o", "web")
	b.run(o)
	b.nodes = nil
	for range 40 {
		b.wantPending(b.later(time.Minute, o)[0])
		b.wantEmpty()
	}
	b.wantSeen("worker-1", "p-02 10.0.0.2")
	b.wantSeen("web")

	t.Run("and a port that comes back meanwhile is under that name and hidden as it was", func(t *testing.T) {
		whole := b.facts
		b.removePort("p-01")
		b.removePort("p-02")
		b.secondLook(o)
		b.wantSeen("worker-1")
		b.facts = whole
		b.run(o)
		b.wantSeen("worker-1", "p-02 10.0.0.2")
		if got := b.db.Interfaces["p-01"].Status; got != inventory.Primary {
			t.Errorf("the primary NIC came back as %s", got)
		}
	})
}

func TestANodeThatMovesToAnotherVMTakesItsNameAlong(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("one", port("p-01", "10.0.0.1"))
	b.vm("two", port("p-02", "10.0.0.2"))
	b.node("worker", "id-one")
	o := object("o", "one", "two")
	b.run(o)
	b.wantSeen("worker", "p-01 10.0.0.1")
	b.nodes = nil
	b.node("worker", "id-two")
	b.wantProblems(b.run1(o), "two DuplicateHostName") // until the first one is renamed
	b.wantSeen("worker", "p-01 10.0.0.1")
	b.later(time.Minute, o)
	b.wantSeen("one", "p-01 10.0.0.1")
	b.later(time.Minute, o)
	b.wantSeen("worker", "p-02 10.0.0.2")
	b.wantSeen("two")
}

func TestAVMThatIsRenamedStaysPublished(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sentence, entry string
		problems        []string
	}{
		{"named by its ID", "id-web", nil},
		{"named by its old name", "web", []string{"web Renamed"}},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.vm("web", port("p-01", "10.0.0.1"))
			o := object("o", tt.entry)
			b.run(o)
			id := b.db.Interfaces["p-01"].ID
			b.editServer("id-web", func(s *inventory.Server) { s.Name = "www" })
			out := b.secondLook(o)[0]
			b.wantProblems(out, tt.problems...)
			b.wantSeen("www", "p-01 10.0.0.1")
			b.wantSeen("web")
			if b.db.Interfaces["p-01"].ID != id {
				t.Error("the row's id changed with the name")
			}
			o.VMNames = []string{"www"}
			b.wantProblems(b.run1(o))
			if b.plan.TouchesAgents() {
				t.Errorf("writing the new name into vmNames changed rows: %+v", b.plan.Interfaces)
			}
		})
	}
}

func TestAVMRebuiltUnderItsOldNameIsPublishedAtOnceAndTheOldOneGoes(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.server("id-1", "web", port("p-01", "10.0.0.1"))
	o := object("o", "web")
	b.run(o)
	b.removeServer("id-1")
	b.server("id-2", "web", port("p-02", "10.0.0.2"))
	out := b.run1(o)
	b.wantProblems(out)
	b.wantPending(out, "p-01 withdraw")
	b.wantSeen("web", "p-01 10.0.0.1", "p-02 10.0.0.2")
	b.later(time.Minute, o)
	b.wantSeen("web", "p-02 10.0.0.2")
	b.run(o)
	b.wantEmpty()
}

func TestARebuiltVMKeepsItsPortAndMovesWithIt(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.server("id-1", "web", port("p-01", "10.0.0.1"))
	o := object("o", "web")
	b.run(o)
	b.db.Configured("p-01")
	b.removeServer("id-1")
	b.server("id-2", "web", port("p-01", "10.0.0.1"))
	b.run(o)
	b.wantSeen("web", "p-01 10.0.0.1")
	b.later(time.Minute, o)
	row := b.db.Interfaces["p-01"]
	if row.ServerID != "id-2" || row.Applied || row.ID != 1 {
		t.Errorf("the row is %+v: want it on id-2, to be applied anew, with its id", row)
	}
	b.wantSeen("web", "p-01 10.0.0.1")
}

func TestTwoLiveVMsOfOneHostNameAreNotBothPublished(t *testing.T) {
	t.Parallel()
	t.Run("in one snapshot the first goes and the second says why", func(t *testing.T) {
		t.Parallel()
		b := newBed(t)
		b.server("id-1", "web.a.example.com", port("p-01", "10.0.0.1"))
		b.server("id-2", "WEB.b.example.com", port("p-02", "10.0.0.2"))
		out := b.run1(object("o", "id-1", "id-2"))
		b.wantSeen("web", "p-01 10.0.0.1")
		b.wantProblems(out, "id-2 DuplicateHostName")
		b.run(object("o", "id-1", "id-2"))
		b.wantEmpty()
		t.Run("and takes over at once when the first is taken out", func(t *testing.T) {
			b.wantProblems(b.run1(object("o", "id-2")))
			b.wantSeen("web", "p-02 10.0.0.2")
		})
	})
	t.Run("in another project, whose list lacks the first", func(t *testing.T) {
		t.Parallel()
		b := newBed(t)
		b.server("id-1", "web", port("p-01", "10.0.0.1"))
		b.run(object("o", "web"))
		elsewhere := newBed(t)
		elsewhere.server("id-2", "web", port("p-02", "10.0.0.2"))
		for range 3 {
			b.now = b.now.Add(time.Minute)
			out := b.runIn(elsewhere.facts, time.Time{}, object("p", "web"))[0]
			b.wantProblems(out, "web DuplicateHostName")
		}
		b.wantSeen("web", "p-01 10.0.0.1")
	})
	t.Run("in one project, published by another object that is not due", func(t *testing.T) {
		t.Parallel()
		b := newBed(t)
		b.server("id-1", "web", port("p-01", "10.0.0.1"))
		b.run(object("o", "id-1"))
		b.server("id-2", "web", port("p-02", "10.0.0.2"))
		b.wantProblems(b.run1(object("p", "id-2")), "id-2 DuplicateHostName")
		b.wantSeen("web", "p-01 10.0.0.1")
	})
	t.Run("also when two are renamed to one name at once", func(t *testing.T) {
		t.Parallel()
		b := newBed(t)
		b.vm("one", port("p-01", "10.0.0.1"))
		b.vm("two", port("p-02", "10.0.0.2"))
		o := object("o", "id-one", "id-two")
		b.run(o)
		for _, id := range []string{"id-one", "id-two"} {
			b.editServer(id, func(s *inventory.Server) { s.Name = "same" })
		}
		out := b.secondLook(o)[0]
		b.wantProblems(out, "id-two DuplicateHostName")
		b.wantSeen("same", "p-01 10.0.0.1")
		b.wantSeen("two", "p-02 10.0.0.2")
	})
	t.Run("also when one is renamed to a name that another project's bears", func(t *testing.T) {
		t.Parallel()
		b := newBed(t)
		b.vm("one", port("p-01", "10.0.0.1"))
		b.vm("two", port("p-02", "10.0.0.2"))
		b.run(object("o", "one"))
		b.run(object("p", "two"))
		b.editServer("id-two", func(s *inventory.Server) { s.Name = "one" })
		for range 3 {
			b.wantProblems(b.later(time.Minute, object("p", "two"))[0], "two DuplicateHostName", "two Renamed")
		}
		b.wantSeen("one", "p-01 10.0.0.1")
		b.wantSeen("two", "p-02 10.0.0.2")
	})
}

// An answer that lacks a live server makes its name seem free for a moment.
func TestATwinThatABadAnswerLetInIsTakenDownAfterASecondLook(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.server("id-1", "web", port("p-01", "10.0.0.1"))
	b.server("id-2", "web", port("p-02", "10.0.0.2"))
	o := object("o", "id-1", "id-2")
	b.run(o)
	whole := b.facts
	b.removeServer("id-1")
	b.run(o)
	b.wantSeen("web", "p-01 10.0.0.1", "p-02 10.0.0.2")
	b.facts = whole
	out := b.run1(o)
	b.wantPending(out, "p-02 withdraw")
	b.wantProblems(out, "id-2 DuplicateHostName")
	b.later(time.Minute, o)
	b.wantSeen("web", "p-01 10.0.0.1")
}

func TestARebuiltVMIsNotTakenDownWhileItsPredecessorIsNotLookedAt(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.server("id-1", "web", port("p-01", "10.0.0.1"))
	b.run(object("old", "id-1"))
	b.removeServer("id-1")
	b.server("id-2", "web", port("p-02", "10.0.0.2"))
	b.run(object("new", "id-2"), object("old", "id-1"))
	b.wantSeen("web", "p-01 10.0.0.1", "p-02 10.0.0.2")
	for range 5 { // the old object is suspended
		b.wantPending(b.later(time.Minute, object("new", "id-2"))[0])
	}
	b.wantSeen("web", "p-01 10.0.0.1", "p-02 10.0.0.2")
}

func TestAHostNameThatNovaStopsShowingIsNoRename(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web_1", port("p-01", "10.0.0.1"))
	b.editServer("id-web_1", func(s *inventory.Server) { s.HostName = "web-1" })
	o := object("o", "web_1", "id-web_1")
	b.run(o)
	b.editServer("id-web_1", func(s *inventory.Server) { s.HostName = "" }) // microversion 2.1
	b.wantPending(b.run1(o))
	b.wantEmpty()
	b.vm("other", port("p-02", "10.0.0.2"))
	b.run(o, object("p", "other"))
	b.wantSeen("other", "p-02 10.0.0.2") // its host name was never shown: its name

	t.Run("though the VM is renamed", func(t *testing.T) {
		b.editServer("id-web_1", func(s *inventory.Server) { s.Name = "db" })
		b.editServer("id-other", func(s *inventory.Server) { s.Name = "new" })
		b.secondLook(o, object("p", "id-other"))
		b.later(time.Minute, o, object("p", "id-other"))
		b.wantSeen("web-1", "p-01 10.0.0.1")
		b.wantSeen("new", "p-02 10.0.0.2")
		if got := b.db.AgentG("db"); len(got) != 1 {
			t.Errorf("agent G reads %+v under the VM's new name", got)
		}
	})
	t.Run("but one that it shows anew is", func(t *testing.T) {
		b.editServer("id-web_1", func(s *inventory.Server) { s.HostName = "db-1" })
		b.secondLook(o)
		b.wantSeen("db-1", "p-01 10.0.0.1")
	})
}

func TestARenamingToTheLongestNamesWaitsAndIsDone(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1"))
	o := object("o", "id-web")
	b.run(o)
	long := strings.Repeat("长", 254)
	b.editServer("id-web", func(s *inventory.Server) { s.Name = long + "1" })
	out := b.run1(o)
	b.wantPending(out, "p-01 rename")
	if n := len(out.Pendings[0].Value); n > 255 {
		t.Errorf("its value has %d bytes; the database refuses more than 255", n)
	}
	b.editServer("id-web", func(s *inventory.Server) { s.Name = long + "2" })
	b.wantPending(b.later(time.Minute, o)[0], "p-01 rename") // another one
	b.later(time.Minute, o)
	b.wantSeen(long+"2", "p-01 10.0.0.1")
}
