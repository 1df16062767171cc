// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// TestOnGalera is one test so that a cluster is started once. The parts have a
// database each and leave the cluster whole; they run one after the other.
func TestOnGalera(t *testing.T) {
	t.Parallel()
	g := &galera{testenv.NewGalera(t)}
	t.Run("replicas on two nodes migrate one after the other", g.migrateOneAfterTheOther)
	t.Run("replicas on three nodes migrate at once", g.migrateAtOnce)
	t.Run("a conflict with another node is retried", g.conflict)
	t.Run("many conflicts with other nodes are retried", g.storm)
	t.Run("a leader is fenced from another node", g.fencedFromAnotherNode)
	t.Run("a leader that froze before COMMIT is fenced from another node", g.fencedBeforeCommit)
	t.Run("a leader that froze while it opened the gate opens none of another node's", g.fencedGate)
	t.Run("connections spread over all nodes see one database", g.spread)
	t.Run("a node that is late answers agents with all or late", g.lateNode)
	t.Run("an account that another node does not know yet is waited for", g.agentsAccountLags)
	t.Run("a COMMIT that is held up on another node comes too late", g.heldUpCommit)
	t.Run("a node that is cut off is left", g.cutOffNodeIsLeft)
	t.Run("a COMMIT whose node is cut off meanwhile is made again on another", g.commitAtTheCut)
	t.Run("a COMMIT whose node dies is found out on another", g.commitOfADeadNode)
}

type galera struct{ *testenv.Galera }

// on is a test's database as seen from a node.
func on(db testenv.DB, node *testenv.MariaDB) testenv.DB {
	db.Host, db.Port, db.Socket, db.Server = node.Host, node.Port, node.Socket, node
	return db
}

// database gives a test a database, as seen from each node.
func (g *galera) database(t *testing.T) (nodes [testenv.GaleraNodes]testenv.DB) {
	t.Helper()
	db := g.Nodes[2].Database(t)
	for i, node := range g.Nodes {
		nodes[i] = on(db, node)
		g.caughtUp(t, nodes[i])
	}
	return nodes
}

// caughtUp waits until a node has what the others had when it was called.
func (g *galera) caughtUp(t *testing.T, db testenv.DB) {
	t.Helper()
	asRoot(t, db.Server, "SET STATEMENT wsrep_sync_wait = 15 FOR SELECT 1")
}

// wantAlike says that all nodes hold the same rows, and returns them.
func (g *galera) wantAlike(t *testing.T, nodes [testenv.GaleraNodes]testenv.DB) string {
	t.Helper()
	var all []string
	for _, db := range nodes {
		g.caughtUp(t, db)
		all = append(all, contents(t, db))
	}
	if all[0] != all[1] || all[0] != all[2] {
		t.Errorf("the nodes hold different rows:\n%s", strings.Join(all, "\n\n"))
	}
	return all[0]
}

func (g *galera) migrateOneAfterTheOther(t *testing.T) {
	nodes := g.database(t)
	judge, frozen, release := freeze("CREATE TABLE IF NOT EXISTS node_table")
	defer release()
	first := open(t, through(t, nodes[0], config(t, nodes[0]), judge))
	var tries, tables atomic.Int64
	second := open(t, through(t, nodes[1], config(t, nodes[1]), func(text string) verdict {
		switch {
		case strings.HasPrefix(text, "INSERT IGNORE INTO multi_schema_lock"):
			tries.Add(1)
		case strings.HasPrefix(text, "CREATE TABLE IF NOT EXISTS"):
			tables.Add(1)
		}
		return pass
	}))
	var led sync.WaitGroup
	led.Go(func() {
		if _, err := first.Lead(t.Context(), store.Mark{}); err != nil && !errors.Is(err, store.ErrDeposed) {
			t.Errorf("the first replica: %v", err)
		}
	})
	<-frozen
	led.Go(func() {
		if _, err := second.Lead(t.Context(), store.Mark{}); err != nil && !errors.Is(err, store.ErrDeposed) {
			t.Errorf("the second replica: %v", err)
		}
	})
	eventually(t, "the second replica asks for the lock again", func(context.Context) bool { return tries.Load() > 2 })
	if n := tables.Load(); n != 0 {
		t.Errorf("while the first replica migrated on node 0, the second made %d tables on node 1", n)
	}
	release()
	led.Wait()
	if n := tables.Load(); n != 0 {
		t.Errorf("the second replica migrated what was migrated: %d tables", n)
	}
	g.wantMigrated(t, nodes)
}

func (g *galera) migrateAtOnce(t *testing.T) {
	nodes := g.database(t)
	var led sync.WaitGroup
	for _, db := range nodes {
		s := open(t, config(t, db))
		led.Go(func() {
			if _, err := s.Lead(t.Context(), store.Mark{}); err != nil && !errors.Is(err, store.ErrDeposed) {
				t.Errorf("a replica: %v", err)
			}
		})
	}
	led.Wait()
	g.wantMigrated(t, nodes)
	apply(t, lead(t, open(t, config(t, nodes[1])), store.Mark{}), FirstRun(2, 1))
	g.wantAlike(t, nodes)
}

// wantMigrated says that each migration took place once.
func (g *galera) wantMigrated(t *testing.T, nodes [testenv.GaleraNodes]testenv.DB) {
	t.Helper()
	if versions := lines(t, nodes[0], "SELECT version_id FROM multi_schema_version WHERE version_id > 0"); len(versions) != latestVersion {
		t.Errorf("migrations %v are written down, want each of %d once", versions, latestVersion)
	}
	g.wantAlike(t, nodes)
}

// conflict has another session on another node change the row that the store is about
// to change, at each of two places in its transaction. Row locks don't reach there: who
// commits second is the one that is refused.
func (g *galera) conflict(t *testing.T) {
	for _, place := range []string{"INSERT INTO multi_history", "COMMIT"} {
		nodes := g.database(t)
		judge, frozen, release := freeze(place)
		defer release()
		judge, armed := whenArmed(judge)
		l := lead(t, open(t, through(t, nodes[0], config(t, nodes[0]), judge)), store.Mark{})
		apply(t, l, FirstRun(2, 1))
		before := g.conflicts(t)
		armed.Store(true)
		result := make(chan error, 1)
		go func() {
			_, err := l.Apply(t.Context(), rename(0, "renamed"), nil)
			result <- err
		}()
		<-frozen
		g.caughtUp(t, nodes[1])
		exec(t, nodes[1], "UPDATE multi_interface SET netplan_success = 1") // as agents do
		g.caughtUp(t, nodes[0])
		release()
		if err := <-result; err != nil {
			t.Errorf("Apply after a conflict at %s: %v", place, err)
		}
		if g.conflicts(t) == before {
			t.Errorf("no node counts the conflict at %s: nothing was retried", place)
		}
		wantOnce(t, nodes[0], "renamed", 2)
		g.wantAlike(t, nodes)
	}
}

// conflicts counts those that the nodes have had so far.
func (g *galera) conflicts(t *testing.T) int {
	t.Helper()
	certification, aborts, err := g.Conflicts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return certification + aborts
}

// storm has a session on each other node change one of the store's rows after the
// other, as fast as it can.
func (g *galera) storm(t *testing.T) {
	nodes := g.database(t)
	l := lead(t, open(t, config(t, nodes[0])), store.Mark{})
	const rows = 20
	apply(t, l, FirstRun(rows, 1))
	before := g.conflicts(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var touched, refused atomic.Int64
	var others sync.WaitGroup
	for _, db := range nodes[1:] {
		g.caughtUp(t, db)
		pool := db.Open(t)
		others.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				_, err := pool.ExecContext(ctx, "UPDATE multi_interface SET netplan_success = 1 - netplan_success WHERE port_id = ?", UUID('p', i%rows))
				if err != nil {
					refused.Add(1)
				} else {
					touched.Add(1)
				}
			}
		})
	}
	plans, seen := 0, 0
	for ; plans < 100 || seen < 5; plans++ {
		apply(t, l, rename(plans%rows, fmt.Sprintf("renamed-%d", plans)))
		seen = g.conflicts(t) - before
	}
	stop()
	others.Wait()
	t.Logf("%d plans beside %d transactions on other nodes: %d conflicts, of which the others met %d", plans, touched.Load(), seen, refused.Load())
	if n := number(t, nodes[0], "SELECT COUNT(*) FROM multi_history WHERE kind = 'renamed'"); n != int64(plans) {
		t.Errorf("%d plans were applied %d times", plans, n)
	}
	if got := l.Mark().Sequence; got != int64(plans)+1 {
		t.Errorf("the sequence is %d, want %d", got, plans+1)
	}
	g.wantAlike(t, nodes)
}

func (g *galera) fencedFromAnotherNode(t *testing.T) {
	nodes := g.database(t)
	old := lead(t, open(t, config(t, nodes[0])), store.Mark{})
	mark := apply(t, old, FirstRun(3, 3), store.ObjectState{Key: Object(0)})
	l := lead(t, open(t, config(t, nodes[1])), mark)
	g.caughtUp(t, nodes[0])
	wantPowerless(t, nodes[0], old, store.ErrDeposed)
	apply(t, l, FirstRun(4, 4))
	g.caughtUp(t, nodes[0])
	wantPowerless(t, nodes[0], old, store.ErrDeposed)
	g.wantAlike(t, nodes)
}

// fencedBeforeCommit: the old leader has passed its guard before the new one came, on
// a node where no lock told either of the other.
func (g *galera) fencedBeforeCommit(t *testing.T) {
	nodes := g.database(t)
	judge, frozen, release := freeze("COMMIT")
	defer release()
	judge, armed := whenArmed(judge)
	old := lead(t, open(t, through(t, nodes[0], config(t, nodes[0]), judge)), store.Mark{})
	armed.Store(true)
	result := make(chan error, 1)
	go func() {
		_, err := old.Apply(t.Context(), FirstRun(3, 3), nil)
		result <- err
	}()
	<-frozen
	apply(t, lead(t, open(t, config(t, nodes[1])), store.Mark{}), FirstRun(1, 1))
	before := g.wantAlike(t, nodes)
	release()
	if err := <-result; !errors.Is(err, store.ErrDeposed) {
		t.Errorf("the old leader's Apply: %v, want ErrDeposed", err)
	}
	if after := g.wantAlike(t, nodes); after != before {
		t.Errorf("the old leader wrote:\nbefore\n%s\nafter\n%s", before, after)
	}
}

func (g *galera) fencedGate(t *testing.T) {
	nodes := g.database(t)
	remembered := store.Mark{Epoch: "lost", Generation: 3, Sequence: 7}
	judge, frozen, release := freeze("RENAME TABLE `multi_interface_shut_1` TO `multi_interface`")
	defer release()
	old := lead(t, open(t, through(t, nodes[0], config(t, nodes[0]), judge)), remembered)
	result := make(chan error, 1)
	go func() { result <- old.Admit(t.Context()) }()
	<-frozen
	l := lead(t, open(t, config(t, nodes[1])), store.Mark{Epoch: "also lost", Generation: 9, Sequence: 1})
	release()
	if err := <-result; err == nil {
		t.Error("the old leader believes that it opened the gate")
	}
	gates := func() (open int64) {
		for _, db := range nodes {
			g.caughtUp(t, db)
			open += number(t, db, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'multi_interface'")
		}
		return open
	}
	if n := gates(); n != 0 || l.GateOpen() {
		t.Errorf("the old leader opened its successor's gate on %d nodes", n)
	}
	apply(t, l, FirstRun(1, 1))
	if err := l.Admit(t.Context()); err != nil {
		t.Errorf("opening the gate: %v", err)
	}
	if n := gates(); n != int64(len(nodes)) {
		t.Errorf("the gate is open on %d nodes, want all", n)
	}
	g.wantAlike(t, nodes)
}

// spread leads a store over a balancer that sends each connection to another node: no
// node may tell it less than another has taken.
func (g *galera) spread(t *testing.T) {
	nodes := g.database(t)
	cfg := config(t, nodes[0])
	cfg.Port = g.Balancer(t, testenv.BalancerOptions{Spread: true}).Port
	cfg.MaxIdle = 1
	cfg.AgentUser, cfg.AgentPassword = "a"+nodes[0].User, "agent-password"
	asRoot(t, g.Nodes[0], "GRANT CREATE USER ON *.* TO "+cfg.User+"@'%'", "GRANT GRANT OPTION ON "+cfg.Database+".* TO "+cfg.User+"@'%'")
	l := lead(t, open(t, cfg), store.Mark{}) // which makes the agents' account
	apply(t, l, FirstRun(20, 1))
	for i := range 30 {
		name := fmt.Sprintf("renamed-%d", i)
		apply(t, l, rename(i%20, name))
		// Two at a time, so that one of them has a new connection, to another node.
		var readers sync.WaitGroup
		for range 2 {
			readers.Go(func() {
				if err := l.Check(t.Context()); err != nil {
					t.Errorf("after %d plans: %v", i+1, err)
				}
				out, err := l.View(t.Context(), store.ViewQuery{Objects: []inventory.Key{Object(i % 20)}})
				if err != nil || out.Interfaces[UUID('p', i%20)].HostName != name {
					t.Errorf("after %d plans the view is older than the last: %v", i+1, err)
				}
			})
		}
		readers.Wait()
	}
	g.wantAlike(t, nodes)
}
