// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package system

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/test/openstacksim"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// onGalera is a system whose database is a Galera cluster behind a balancer.
type onGalera struct {
	*system
	cluster  *testenv.Galera
	balancer *testenv.Balancer
	database string
	vms      int64 // of the lab; it has some more, of odd names

	// published are VMs with an object each that is, or was, Ready.
	published atomic.Int64
	// changes counts what was published so far: VMs and new addresses.
	changes atomic.Int64
}

func newOnGalera(t *testing.T, vms int) *onGalera {
	t.Helper()
	cluster := testenv.NewGalera(t)
	// As a Service does: connections to a node that is cut off stay open.
	balancer := cluster.Balancer(t, testenv.BalancerOptions{Keep: true})
	db := cluster.Nodes[0].Database(t)
	db.Port = balancer.Port
	s := &onGalera{system: newSystemOn(t, vms, db), cluster: cluster, balancer: balancer, database: db.Name, vms: int64(vms)}
	s.env = asRootAt(balancer.Port, cluster.Nodes[0], db.Name)
	return s
}

// TestAGaleraNodeIsKilledAndAnotherCutOffWhileTheControllerWrites loses and doubles
// nothing, and no agent is told less than it was before, whichever node it asks.
func TestAGaleraNodeIsKilledAndAnotherCutOffWhileTheControllerWrites(t *testing.T) {
	t.Parallel()
	s := newOnGalera(t, 15)
	s.manual()
	stop := s.start()
	s.publish() // so that there is something to lose from the start
	agents := s.watchNodes()

	faults := make(chan error, 1)
	go func() { faults <- s.disturb(t.Context()) }()
	for done := false; !done; {
		s.publish()
		select {
		case err := <-faults:
			if err != nil {
				t.Fatal(err)
			}
			done = true
		default:
		}
	}
	stop()
	answers, failures := agents()
	s.wantWhole()
	t.Logf("%d VMs and %d new addresses were published meanwhile; agents: %d answers, %d errors, none short",
		s.published.Load(), s.changes.Load()-s.published.Load(), answers, failures)
	if answers == 0 || failures == 0 {
		t.Errorf("agents got %d answers and %d errors: the test saw nothing", answers, failures)
	}
}

// vm is the nth of the lab that is published, in an object of its own.
func (s *onGalera) vm(n int64) (object string, server openstacksim.Server) {
	return fmt.Sprintf("c-%d", n), s.lab.Servers[n]
}

// publish makes an object for the next VM, or gives one a new address where all are
// published, and waits until agents could know.
func (s *onGalera) publish() {
	s.t.Helper()
	if n := s.published.Load(); n < s.vms {
		object, server := s.vm(n)
		s.config(object, "k8s-subnet", server.Name)
		s.waitReady(object, v1alpha1.ReasonSynced)
		s.published.Add(1)
	} else {
		change := s.changes.Load()
		object, server := s.vm(change % n)
		subnet := s.lab.Subnets["k8s-subnet"].ID
		s.sim.SetFixedIP(s.portOn(server, subnet), subnet, fmt.Sprintf("10.10.%d.%d", 100+change/200, 1+change%200))
		s.run(object)
	}
	s.changes.Add(1)
}

// disturb kills the node that is written to, starts it again, and cuts off the one that
// is then written to. While one is away, and afterwards, there is something published.
func (s *onGalera) disturb(ctx context.Context) error {
	killed := s.balancer.Writer()
	s.cluster.Kill(killed)
	if err := s.waitChanges(3); err != nil {
		return fmt.Errorf("node %d is dead: %w", killed, err)
	}
	if err := s.cluster.Restart(ctx, killed); err != nil {
		return err
	}
	cut := s.balancer.Writer()
	if err := s.cluster.CutOff(ctx, cut); err != nil {
		return err
	}
	if err := s.waitChanges(3); err != nil {
		return fmt.Errorf("node %d is cut off: %w", cut, err)
	}
	if at := s.balancer.Writer(); at == cut {
		return fmt.Errorf("the controller writes to node %d, which is cut off", cut)
	}
	if err := s.cluster.Rejoin(ctx, cut); err != nil {
		return err
	}
	return s.waitChanges(3)
}

// waitChanges waits until some more changes are published. It is not the test's
// goroutine that calls it.
func (s *onGalera) waitChanges(more int64) error {
	want := s.changes.Load() + more
	for deadline := time.Now().Add(patience); s.changes.Load() < want; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			return errors.New("nothing is published any more")
		}
	}
	return nil
}

// watchNodes has an agent at each node, and one behind the balancer, ask for all VMs that
// were published, until it is stopped. What an agent was shown once it may be answered
// with an error, never with nothing. A node that lags behind may show an old address.
func (s *onGalera) watchNodes() (stop func() (answers, failures int64)) {
	ctx, cancel := context.WithCancel(context.Background())
	var answers, failures atomic.Int64
	var watchers sync.WaitGroup
	watch := func(where string, port int) {
		pool := s.agentPool(net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), s.database)
		defer pool.Close()
		pool.SetMaxIdleConns(-1) // each question is a new connection's, as a new agent's
		agent := &system{t: s.t, sql: pool}
		seen := map[string]bool{}
		for ctx.Err() == nil {
			for n := range s.published.Load() {
				_, server := s.vm(n)
				nics, err := agent.agentM(server.Name)
				if err != nil {
					failures.Add(1)
					time.Sleep(time.Millisecond) // a dead node refuses faster than an agent asks
					continue
				}
				answers.Add(1)
				if len(nics) > 1 || len(nics) == 0 && seen[server.Name] {
					s.t.Errorf("the agent on %s was told %+v by %s", server.Name, nics, where)
					return
				}
				seen[server.Name] = seen[server.Name] || len(nics) == 1
			}
		}
	}
	watchers.Go(func() { watch("the balancer", s.balancer.Port) })
	for i, node := range s.cluster.Nodes {
		watchers.Go(func() { watch(fmt.Sprintf("node %d", i), node.Port) })
	}
	stop = func() (int64, int64) { cancel(); watchers.Wait(); return answers.Load(), failures.Load() }
	s.t.Cleanup(func() { stop() })
	return stop
}

// wantWhole says that all nodes hold the same rows, and those are the cloud's.
func (s *onGalera) wantWhole() {
	s.t.Helper()
	truth := map[string]string{}
	for n := range s.published.Load() {
		_, server := s.vm(n)
		truth[server.Name] = s.address(server)
	}
	var tables [testenv.GaleraNodes]string
	for i, node := range s.cluster.Nodes {
		pool := s.nodePool(node)
		here := &system{t: s.t, sql: pool}
		if err := here.compare(truth); err != nil {
			s.t.Errorf("node %d: %v", i, err)
		}
		here.noDoubles()
		tables[i] = here.tables()
		var rows, generation int
		if err := pool.QueryRow("SELECT (SELECT COUNT(*) FROM multi_interface), (SELECT generation FROM multi_epoch)").Scan(&rows, &generation); err != nil {
			s.t.Fatal(err)
		}
		if rows != len(truth) {
			s.t.Errorf("node %d has %d rows, want %d", i, rows, len(truth))
		}
		if generation != 1 {
			s.t.Errorf("node %d has generation %d: the database was taken for another", i, generation)
		}
	}
	if tables[0] != tables[1] || tables[0] != tables[2] {
		s.t.Errorf("the nodes hold different rows:\n%s\n%s\n%s", tables[0], tables[1], tables[2])
	}
}

// nodePool reads what the other nodes have committed, too.
func (s *onGalera) nodePool(node *testenv.MariaDB) *sql.DB {
	s.t.Helper()
	db := s.db
	db.Port = node.Port
	pool := db.Open(s.t)
	pool.SetMaxOpenConns(1) // the setting is its connection's
	if _, err := pool.Exec("SET wsrep_sync_wait = 1"); err != nil {
		s.t.Fatal(err)
	}
	return pool
}
