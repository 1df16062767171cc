// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package system

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/openstack"
	"github.com/xormsdhkdwk/multinic/internal/publication"
	"github.com/xormsdhkdwk/multinic/internal/round"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/test/openstacksim"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

var (
	lieSeed = flag.Uint64("lies.seed", 0, "seed of the lying cloud; 0 takes a new one")
	lieRuns = flag.Int("lies.runs", 1000, "how many runs it answers")
)

// TestAgentMNeverMissesARowWhateverTheCloudAnswers runs objects a thousand
// times against the simulator, with the real client, rounds and MariaDB, and
// without Kubernetes. The cloud changes (VMs made anew under their names,
// renamed, NICs attached and detached, addresses), so do the Nodes and the
// objects, and the answers are wrong: errors, bodies cut short, lists that
// lack entries or are empty, answers of an earlier time, a cell that is down,
// Nodes missing from the cache.
//
// The contract asks for two complete answers, a minute apart, that agree; so a
// wrong answer that looks whole may come again and again, but not for a whole
// minute without a true one between, unless so much would go that the limits
// hold it: then for up to 25 minutes. After a NIC has come back the next
// answer is true, since the one that showed it gone was too.
//
// Judged by agent M's statement alone: a NIC that it was shown, and that is
// still attached to a VM that an object names, is in every one of its answers.
// Whenever the cloud stands still and answers truly for a while, agent M sees
// exactly what is there.
func TestAgentMNeverMissesARowWhateverTheCloudAnswers(t *testing.T) {
	t.Parallel()
	seed := *lieSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("go test -run %s -args -lies.seed=%d -lies.runs=%d", t.Name(), seed, *lieRuns)
	c := newLyingCloud(t, seed)
	for i := range *lieRuns {
		c.step()
		if (i+1)%50 == 0 {
			c.settle()
		}
		if t.Failed() {
			t.Fatalf("in run %d; the last of what happened:\n%s", i, strings.Join(c.log[max(0, len(c.log)-40):], "\n"))
		}
	}
	t.Logf("%d runs, %d with a wrong answer, %d NICs judged, %d withdrawn at the end", *lieRuns, c.wrong, c.judged, c.withdrawn())
	if c.wrong < *lieRuns/10 || c.judged < *lieRuns {
		t.Error("the test has hardly tested anything")
	}
}

// setClock is the real clock, put forward by the test; timers run as ever.
type setClock struct {
	clock.RealClock
	mu     sync.Mutex
	offset time.Duration
}

func (c *setClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.RealClock.Now().Add(c.offset)
}

func (c *setClock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

func (c *setClock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// lyingCloud is the test's world.
type lyingCloud struct {
	t      *testing.T
	rng    *rand.Rand
	clock  *setClock
	agents *system // for agent M's statement
	sim    *openstacksim.Sim
	lab    *openstacksim.Lab
	rounds *round.Rounds
	cred   openstack.Credentials

	objects []*inventory.Object
	taken   map[string]string // object/VM that was taken out, to be put back
	nodes   map[string]inventory.Node
	// cached are the Nodes as the controller has them.
	cached  map[string]inventory.Node
	hosts   map[string]bool          // every short host name that there ever was
	primary map[string]bool          // ports that ever bore a Node's address
	shown   map[string]bool          // ports that agent M was shown last
	past    []*openstacksim.Snapshot // states of the cloud
	faults  []*openstacksim.Injected // in force in this run
	down    string                   // a server whose cell does not answer
	big     bool                     // the lie of the hour is one that the limits hold
	lying   time.Time                // since when no true answer came; zero: the last one was
	honest  bool                     // the next answer must be true
	log     []string
	wrong   int
	judged  int
}

func newLyingCloud(t *testing.T, seed uint64) *lyingCloud {
	t.Helper()
	c := &lyingCloud{
		t: t, rng: rand.New(rand.NewPCG(seed, 1)), clock: &setClock{}, sim: openstacksim.New(openstacksim.Options{Seed: seed | 1}),
		taken: map[string]string{}, nodes: map[string]inventory.Node{}, hosts: map[string]bool{}, primary: map[string]bool{}, shown: map[string]bool{},
	}
	c.sim.Start()
	t.Cleanup(c.sim.Close)
	c.lab = c.sim.SeedLab(30)
	c.cred = openstack.Credentials{
		AuthURL: c.sim.AuthURL(), Username: c.lab.User.Name, Password: c.lab.User.Password, ProjectID: c.lab.Project.ID,
	}
	for i, server := range c.lab.Servers[:30] {
		c.hosts[server.Name] = true
		if i%2 == 0 {
			c.sim.AddInterface(server.ID, c.lab.Networks["data-net"].ID)
		}
	}
	for i := range 12 { // six VMs each, every VM in two objects or more
		o := &inventory.Object{
			Key: inventory.Key{Namespace: "lies", Name: fmt.Sprintf("o%d", i)}, UID: fmt.Sprint(i), Cloud: c.cred.Cloud(),
			SubnetName: []string{"k8s-subnet", "data-subnet"}[i%2], Limits: inventory.DefaultLimits(),
		}
		for j := range 6 {
			o.VMNames = append(o.VMNames, c.ref((i*5+j)%30))
		}
		c.objects = append(c.objects, o)
	}
	for i := range 10 {
		c.makeNode(c.lab.Servers[i*3])
	}
	c.connect(testenv.Database(t))
	return c
}

// ref is how objects name a VM: some by ID (those can be renamed), the others
// by name (those can be made anew).
func (c *lyingCloud) ref(i int) string {
	if i%3 == 0 {
		return c.lab.Servers[i].ID
	}
	return c.lab.Servers[i].Name
}

func (c *lyingCloud) connect(db testenv.DB) {
	c.agents = &system{t: c.t, sql: db.Open(c.t)}
	s, err := store.Open(store.Config{
		Host: db.Host, Port: db.Port, User: db.User, Password: db.Password, Database: db.Name, Cluster: "lies", Clock: c.clock, Log: logr.Discard(),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	pub := publication.New(publication.Options{
		Store: s, Cluster: noCluster{}, Clock: c.clock, Log: logr.Discard(), Wake: func([]inventory.Key) {}, CheckEvery: time.Hour,
	})
	c.rounds = round.New(round.Options{
		Cloud:       openstack.New(openstack.Options{Rate: 10_000, Burst: 10_000, Retries: -1, Timeout: 5 * time.Second, Clock: c.clock}),
		Publication: pub, Clock: c.clock, Log: logr.Discard(), Quiet: 4 * time.Millisecond,
		Nodes: func(context.Context) (*inventory.Nodes, error) {
			return inventory.NewNodes(slices.Collect(maps.Values(c.cached))), nil
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() { _ = pub.Start(ctx) })
	c.t.Cleanup(func() {
		cancel()
		ended.Wait()
		_ = s.Close()
	})
	c.agents.eventually("the database is led", pub.Err)
}

// noCluster is a cluster that remembers nothing.
type noCluster struct{}

func (noCluster) Objects(context.Context) ([]publication.Object, error) { return nil, nil }
func (noCluster) Admits(context.Context, string) (bool, error)          { return false, nil }

func (c *lyingCloud) note(format string, args ...any) {
	c.log = append(c.log, c.clock.Now().Format("15:04:05 ")+fmt.Sprintf(format, args...))
}

// step changes something, lets time pass and runs every object.
func (c *lyingCloud) step() {
	for range c.rng.IntN(3) {
		c.change()
	}
	c.past = append(c.past, c.sim.Snapshot())
	c.clock.forward(time.Duration(5+c.rng.IntN(36)) * time.Second)
	c.lie()
	c.run()
	c.truth()
	c.judge()
}

// run sends all objects to one round. Errors are expected.
func (c *lyingCloud) run() {
	seats := make([]*round.Seat, len(c.objects))
	for i := range seats {
		seats[i] = c.rounds.Coming()
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	failed := map[string]int{}
	for i, seat := range seats {
		wg.Go(func() {
			if _, err := seat.Run(context.Background(), round.Ticket{Object: *c.objects[i], Credentials: c.cred}); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed[err.Error()]++
			}
		})
	}
	wg.Wait()
	for text, n := range failed {
		c.note("%d objects: %s", n, text)
	}
	if len(failed) == 0 && c.lying.IsZero() {
		c.honest = false
	}
}

// judge holds agent M's answers against what is attached.
func (c *lyingCloud) judge() {
	attached := c.attached()
	seen := c.seen()
	for id := range c.shown {
		if port, there := attached[id]; there && !c.primary[id] {
			c.judged++
			if !seen[port.MAC] {
				c.t.Errorf("agent M no longer sees port %s (%s), which is attached to %s", id, port.MAC, port.DeviceID)
			}
		}
	}
	clear(c.shown)
	for id, port := range attached {
		if seen[port.MAC] {
			c.shown[id] = true
		}
	}
}

// attached are the ports that should be published: on a VM that an object
// names, on the object's subnet.
func (c *lyingCloud) attached() map[string]openstacksim.Port {
	out := map[string]openstacksim.Port{}
	for _, o := range c.objects {
		for _, ref := range o.VMNames {
			server, ok := c.sim.Server(ref)
			if !ok {
				server, ok = c.byName(ref)
			}
			if !ok {
				continue
			}
			for _, port := range c.sim.ServerPorts(server.ID) {
				if slices.ContainsFunc(port.FixedIPs, func(ip openstacksim.FixedIP) bool { return ip.SubnetID == c.lab.Subnets[o.SubnetName].ID }) {
					out[port.ID] = port
				}
			}
		}
	}
	return out
}

func (c *lyingCloud) byName(name string) (openstacksim.Server, bool) {
	for _, s := range c.sim.Servers() {
		if s.Name == name && s.ProjectID == c.lab.Project.ID {
			return s, true
		}
	}
	return openstacksim.Server{}, false
}

// seen are the MACs that agent M is told on any host.
func (c *lyingCloud) seen() map[string]bool {
	out := map[string]bool{}
	for host := range c.hosts {
		nics, err := c.agents.agentM(host)
		if err != nil {
			c.t.Fatal(err)
		}
		for _, n := range nics {
			out[n.MAC] = true
		}
	}
	return out
}

// settle lets the cloud stand still and answer truly, past the longest hold,
// and compares exactly.
func (c *lyingCloud) settle() {
	c.cached = c.nodes
	for _, d := range []time.Duration{time.Second, 65 * time.Second, 65 * time.Second, 10 * time.Minute, 10 * time.Minute, 11 * time.Minute, 65 * time.Second, 65 * time.Second} {
		c.clock.forward(d)
		c.lying = time.Time{}
		c.run()
		c.judge()
	}
	want := map[string]bool{}
	for id, port := range c.attached() {
		if !c.isPrimary(port) {
			want[port.MAC] = true
		} else {
			c.primary[id] = true
		}
	}
	if got := c.seen(); !maps.Equal(got, want) {
		for mac := range want {
			if !got[mac] {
				c.t.Errorf("everything stands still, but agent M does not see %s", mac)
			}
		}
		for mac := range got {
			if !want[mac] {
				c.t.Errorf("everything stands still, but agent M still sees %s", mac)
			}
		}
	}
	c.agents.noDoubles()
}

// isPrimary says whether the NIC bears its Node's address, or last did before
// the Node went.
func (c *lyingCloud) isPrimary(port openstacksim.Port) bool {
	for _, n := range c.nodes {
		if slices.Contains(n.ServerIDs, port.DeviceID) {
			return slices.ContainsFunc(port.FixedIPs, func(ip openstacksim.FixedIP) bool {
				return slices.Contains(n.Addresses, netip.MustParseAddr(ip.Address))
			})
		}
	}
	var status string
	err := c.agents.sql.QueryRow("SELECT status FROM multi_interface WHERE port_id = ?", port.ID).Scan(&status)
	return err == nil && status == "primary" // sticky
}

// withdrawn counts the rows that are hidden for good.
func (c *lyingCloud) withdrawn() (n int) {
	if err := c.agents.sql.QueryRow("SELECT COUNT(*) FROM multi_interface WHERE status = 'deleted'").Scan(&n); err != nil {
		c.t.Fatal(err)
	}
	return n
}
