// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// heldUpCommit loses a client in the middle of a COMMIT that arrives later, as one does
// that a slow network or node holds up. On another node no row lock tells of it: what
// the leader finds out there must stay true all the same.
func (g *galera) heldUpCommit(t *testing.T) {
	nodes := g.database(t)
	p := newProxy(t, nodes[0])
	judge, frozen, release := freeze("COMMIT")
	defer release()
	var armed *atomic.Bool
	p.judge, armed = whenArmed(judge)
	l := lead(t, open(t, p.serve(config(t, nodes[0]))), store.Mark{})
	apply(t, l, FirstRun(2, 1))
	armed.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		_, err := l.Apply(ctx, rename(0, "held up"), nil)
		result <- err
	}()
	<-frozen
	cancel() // or it would be written again at once
	p.turn(nodes[1])
	if err := <-result; err == nil || errors.Is(err, store.ErrUncertain) {
		t.Fatalf("Apply: %v, want an error that leaves nothing open", err)
	}
	before := g.wantAlike(t, nodes)
	release()
	eventually(t, "node 0 has had the COMMIT and noticed that its client is gone", func(context.Context) bool {
		return number(t, nodes[0], "SELECT COUNT(*) FROM information_schema.processlist WHERE user = ? AND id <> CONNECTION_ID()", nodes[0].User) == 0
	})
	if after := g.wantAlike(t, nodes); after != before {
		t.Errorf("the COMMIT took place after all:\nbefore\n%s\nafter\n%s", before, after)
	}
	apply(t, l, rename(0, "renamed"))
	wantOnce(t, nodes[1], "renamed", 2)
}

// A holder's connection holds up what a node is told by the others, and lets it go.
const (
	holdUp = "FLUSH TABLES WITH READ LOCK"
	letGo  = "UNLOCK TABLES"
)

func holder(t *testing.T, node *testenv.MariaDB) *sql.DB {
	t.Helper()
	root, err := node.Root()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	root.SetMaxOpenConns(1) // the lock is its connection's
	return root
}

// lateNode shows why agents that may come to any node need wsrep_sync_wait there: one
// that is late knows less than another has told them, unless it waits.
func (g *galera) lateNode(t *testing.T) {
	nodes := g.database(t)
	l := lead(t, open(t, config(t, nodes[0])), store.Mark{})
	apply(t, l, FirstRun(1, 1))
	g.caughtUp(t, nodes[1])
	root := holder(t, g.Nodes[1])
	if _, err := root.ExecContext(t.Context(), holdUp); err != nil {
		t.Fatal(err)
	}
	apply(t, l, FirstRun(2, 1))
	const rows = "SELECT COUNT(*) FROM multi_interface"
	if n := number(t, nodes[1], rows); n != 1 {
		t.Errorf("the late node has %d rows, want the old one: it is not late", n)
	}
	answer := make(chan int64, 1)
	go func() { answer <- number(t, nodes[1], "SET STATEMENT wsrep_sync_wait = 1 FOR "+rows) }()
	eventually(t, "the agent waits, or has its answer", func(ctx context.Context) bool {
		var waiting int
		err := root.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.processlist WHERE user = ? AND info LIKE 'SET STATEMENT%'", nodes[1].User).Scan(&waiting)
		return err == nil && waiting == 1 || len(answer) == 1
	})
	if _, err := root.ExecContext(t.Context(), letGo); err != nil {
		t.Fatal(err)
	}
	if n := <-answer; n != 2 {
		t.Errorf("an agent that waits was told of %d rows, want 2", n)
	}
}

// agentsAccountLags makes the agents' account on one node and has it tried on another,
// which does not know it yet.
func (g *galera) agentsAccountLags(t *testing.T) {
	nodes := g.database(t)
	p := newProxy(t, nodes[0])
	cfg := config(t, nodes[0])
	cfg.AgentUser, cfg.AgentPassword = "a"+cfg.User, "agent-password"
	asRoot(t, g.Nodes[0], "GRANT CREATE USER ON *.* TO "+cfg.User+"@'%'", "GRANT GRANT OPTION ON "+cfg.Database+".* TO "+cfg.User+"@'%'")
	g.caughtUp(t, nodes[1])
	root := holder(t, g.Nodes[1])
	denied := func() (n int) {
		var name string
		if err := root.QueryRowContext(t.Context(), "SHOW GLOBAL STATUS LIKE 'Access_denied_errors'").Scan(&name, &n); err != nil {
			t.Error(err)
		}
		return n
	}
	before := denied()
	p.judge = func(text string) verdict {
		if strings.HasPrefix(text, "CREATE USER") {
			if _, err := root.ExecContext(t.Context(), holdUp); err != nil {
				t.Error(err)
			}
			p.point(nodes[1])
		}
		return pass
	}
	s := open(t, p.serve(cfg))
	led := make(chan error, 1)
	go func() {
		l, err := s.Lead(t.Context(), store.Mark{})
		if err == nil {
			err = l.EnsureAgents(t.Context())
		}
		led <- err
	}()
	eventually(t, "node 1 refuses the account", func(context.Context) bool { return denied() > before })
	if _, err := root.ExecContext(t.Context(), letGo); err != nil {
		t.Fatal(err)
	}
	if err := <-led; err != nil {
		t.Errorf("making the agents' account: %v", err)
	}
}

// cutOffNodeIsLeft stands behind a balancer that leaves connections alone: the node
// takes them and answers every statement with an error.
func (g *galera) cutOffNodeIsLeft(t *testing.T) {
	nodes := g.database(t)
	balancer := g.Balancer(t, testenv.BalancerOptions{Keep: true})
	cfg := config(t, nodes[0])
	cfg.Port = balancer.Port
	l := lead(t, open(t, cfg), store.Mark{})
	apply(t, l, FirstRun(2, 1))
	cut := balancer.Writer()
	t.Cleanup(func() { g.Rejoin(context.Background(), cut) }) // whatever fails here
	if err := g.CutOff(t.Context(), cut); err != nil {
		t.Fatal(err)
	}
	apply(t, l, rename(0, "renamed"))
	if at := balancer.Writer(); at == cut {
		t.Errorf("the leader's last connection was to node %d, which is cut off", at)
	}
	if err := l.Check(t.Context()); err != nil {
		t.Errorf("Check: %v", err)
	}

	stuck := open(t, config(t, nodes[cut]))
	if err := stuck.Ping(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Ping of a node that is cut off: %v, want ErrUnavailable", err)
	}
	if _, err := stuck.Lead(t.Context(), store.Mark{}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Lead over a node that is cut off: %v, want ErrUnavailable", err)
	}
	if err := g.Rejoin(t.Context(), cut); err != nil {
		t.Fatal(err)
	}
	wantOnce(t, nodes[cut], "renamed", 2)
	g.wantAlike(t, nodes)
}

// commitAtTheCut cuts a node off while it commits: the COMMIT waits for the group, and
// fails when the node finds itself alone.
func (g *galera) commitAtTheCut(t *testing.T) {
	nodes := g.database(t)
	balancer := g.Balancer(t, testenv.BalancerOptions{Keep: true})
	cut := balancer.Writer()
	t.Cleanup(func() { g.Rejoin(context.Background(), cut) }) // whatever fails here
	behind := nodes[0]
	behind.Port = balancer.Port
	settled := make(chan error, 1)
	var once atomic.Bool
	judge, armed := whenArmed(func(text string) verdict {
		if text == "COMMIT" && once.CompareAndSwap(false, true) {
			cut = balancer.Writer()
			isolate(t, g.Nodes[cut])
			go func() { settled <- g.CutOff(t.Context(), cut) }()
		}
		return pass
	})
	l := lead(t, open(t, through(t, behind, config(t, nodes[0]), judge)), store.Mark{})
	apply(t, l, FirstRun(2, 1))
	armed.Store(true)
	apply(t, l, rename(0, "renamed"))
	if err := <-settled; err != nil {
		t.Fatal(err)
	}
	wantOnce(t, nodes[balancer.Writer()], "renamed", 2)
	if err := g.Rejoin(t.Context(), cut); err != nil {
		t.Fatal(err)
	}
	g.wantAlike(t, nodes)
}

// isolate is what CutOff does, without waiting for anybody to notice.
func isolate(t *testing.T, node *testenv.MariaDB) {
	t.Helper()
	asRoot(t, node, "SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'")
}

// commitOfADeadNode kills the node of the COMMIT, before it and after it.
func (g *galera) commitOfADeadNode(t *testing.T) {
	for name, how := range map[string]verdict{"not committed": cut, "committed": swallow} {
		t.Run(name, func(t *testing.T) {
			nodes := g.database(t)
			balancer := g.Balancer(t, testenv.BalancerOptions{})
			behind := nodes[0]
			behind.Port = balancer.Port
			p := newProxy(t, behind)
			var dead int
			kill := func() {
				dead = balancer.Writer()
				g.Kill(dead)
			}
			judge, armed := whenArmed(once("COMMIT", how))
			p.judge = func(text string) verdict {
				v := judge(text)
				if v == cut {
					kill()
				}
				return v
			}
			p.swallowed = kill
			l := lead(t, open(t, p.serve(config(t, nodes[0]))), store.Mark{})
			apply(t, l, FirstRun(2, 1))
			armed.Store(true)
			apply(t, l, rename(0, "renamed"))
			if at := balancer.Writer(); at == dead {
				t.Fatalf("node %d is dead and the last connection went to it", at)
			}
			wantOnce(t, nodes[balancer.Writer()], "renamed", 2)
			if err := g.Restart(t.Context(), dead); err != nil {
				t.Fatal(err)
			}
			g.wantAlike(t, nodes)
		})
	}
}
