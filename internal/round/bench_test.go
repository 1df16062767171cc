// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package round

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/openstack"
	"github.com/xormsdhkdwk/multinic/internal/publication"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/test/openstacksim"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// The size of the contract's section 11.
const (
	vms     = 10_000
	objects = 1_000
	subnets = 3
)

// BenchmarkRound is a round of 1,000 objects with 10 VMs each, from the tickets
// to the results: the simulator without any latency, and a real MariaDB, but no
// Kubernetes. first writes everything into an empty database, unchanged finds it
// there.
func BenchmarkRound(b *testing.B) {
	sim := openstacksim.New(openstacksim.Options{})
	sim.Start()
	b.Cleanup(sim.Close)
	tickets := ticketsOf(sim, sim.SeedScale(vms, subnets), objects)
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			w := newWriter(b)
			b.StartTimer()
			w.run(b, tickets)
		}
	})
	b.Run("unchanged", func(b *testing.B) {
		w := newWriter(b)
		w.run(b, tickets)
		calls, statements := sim.TotalCalls(), w.store.Statements()
		for b.Loop() {
			w.run(b, tickets)
		}
		b.ReportMetric(float64(sim.TotalCalls()-calls)/float64(b.N), "calls/op")
		b.ReportMetric(float64(w.store.Statements()-statements)/float64(b.N), "statements/op")
	})
}

// ticketsOf shares the VMs out among n objects, each on one subnet.
func ticketsOf(sim *openstacksim.Sim, scale *openstacksim.Scale, n int) []Ticket {
	credentials := openstack.Credentials{
		AuthURL: sim.AuthURL(), Username: scale.User.Name, Password: scale.User.Password, DomainName: "Default", ProjectID: scale.Project.ID,
	}
	tickets := make([]Ticket, n)
	for i := range tickets {
		tickets[i] = Ticket{Credentials: credentials, Object: inventory.Object{
			Key: inventory.Key{Namespace: "bench", Name: fmt.Sprintf("config-%04d", i)}, UID: fmt.Sprint(i), Cloud: credentials.Cloud(),
			SubnetName: scale.Subnets[i%subnets].Name, Limits: inventory.DefaultLimits(),
		}}
	}
	for i, v := range scale.Servers {
		t := &tickets[i%subnets+i/subnets%(n/subnets)*subnets]
		t.Object.VMNames = append(t.Object.VMNames, v.Name)
	}
	return tickets
}

// writer is Rounds over a database of its own.
type writer struct {
	*Rounds
	store *store.Store
}

func newWriter(b testing.TB) *writer {
	b.Helper()
	db := testenv.Database(b)
	s, err := store.Open(store.Config{Host: db.Host, Port: db.Port, User: db.User, Password: db.Password, Database: db.Name, Cluster: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	pub := publication.New(publication.Options{
		Store: s, Cluster: nobody{}, Clock: clock.RealClock{}, Log: logr.Discard(), Wake: func([]inventory.Key) {}, CheckEvery: time.Hour,
	})
	ctx, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() { _ = pub.Start(ctx) })
	b.Cleanup(func() {
		cancel()
		ended.Wait()
		_ = s.Close()
	})
	for deadline := time.Now().Add(time.Minute); pub.Err() != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatal(pub.Err())
		}
	}
	return &writer{store: s, Rounds: New(Options{
		Cloud:       openstack.New(openstack.Options{Rate: 10_000, Burst: 10_000}),
		Publication: pub, Clock: clock.RealClock{}, Log: logr.Discard(), Quiet: 4 * time.Millisecond,
		Nodes: func(context.Context) (*inventory.Nodes, error) { return inventory.NewNodes(nil), nil },
	})}
}

// run sends all tickets to one round.
func (w *writer) run(b testing.TB, tickets []Ticket) {
	b.Helper()
	seats := make([]*Seat, len(tickets))
	for i := range seats {
		seats[i] = w.Coming()
	}
	var all sync.WaitGroup
	for i, seat := range seats {
		all.Go(func() {
			result, err := seat.Run(b.Context(), tickets[i])
			if err != nil || len(result.Outcome.Interfaces) != len(tickets[i].Object.VMNames) {
				b.Errorf("%s: %+v, %v", tickets[i].Object.Name, result.Outcome, err)
			}
		})
	}
	all.Wait()
}

// nobody is a cluster without objects.
type nobody struct{}

func (nobody) Objects(context.Context) ([]publication.Object, error) { return nil, nil }

func (nobody) Admits(context.Context, string) (bool, error) { return false, nil }
