// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package system

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/test/openstacksim"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// assassin kills the controller at one of its writes.
type assassin struct {
	mu     sync.Mutex
	left   int // writes until the stroke; 0 is none
	writes int
	what   string // where it struck
	victim *child
}

// at is called at every write, before it or after it.
func (a *assassin) at(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.writes++
	if a.left == 0 {
		return
	}
	if a.left--; a.left == 0 {
		a.what = what
		a.victim.kill() // before the write goes on, or its answer comes back
	}
}

// arm makes it strike at the nth write from now on.
func (a *assassin) arm(n int, victim *child) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.left, a.writes, a.what, a.victim = n, 0, "", victim
}

// disarm lets it strike no more, and tells where it has.
func (a *assassin) disarm() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.left = 0
	return a.what
}

func (a *assassin) struck() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.what
}

// TestACrashAtAnyWriteLeavesNothingUndoneAndNothingWithdrawn kills the
// controller before and after each of its writes in turn (SQL commits,
// finalizers, statuses), in an object's whole life: made, changed in the
// cloud, changed by its owner, deleted.
func TestACrashAtAnyWriteLeavesNothingUndoneAndNothingWithdrawn(t *testing.T) {
	t.Parallel()
	server := testenv.NewMariaDB(t, testenv.MariaDBOptions{})
	db := server.Database(t)
	s := newSystemOn(t, 4, db)
	killer := &assassin{}
	f := newFront(t, fmt.Sprintf("127.0.0.1:%d", server.Port))
	f.commit = func(answered bool) { killer.at(fmt.Sprintf("COMMIT, answered %t", answered)) }
	s.env = asRoot(f, server, db.Name)
	proxy := s.newKubeProxy(
		func(r *http.Request) { killer.note("before", r) },
		func(r *http.Request) { killer.note("after", r) })
	kubeconfig := s.kubeconfig(proxy.config)

	// One VM is published throughout: nobody may ever miss it.
	running := s.startChild(kubeconfig, false)
	s.config("steady", "k8s-subnet", "test-vm-4")
	s.waitReady("steady", v1alpha1.ReasonSynced)
	stop := s.watch(f, db.Name, map[string]string{"test-vm-4": s.address(s.lab.Servers[3])})

	var places []string
	for n := 1; ; n++ {
		killer.arm(n, running)
		s.live(fmt.Sprintf("life-%d", n), func() {
			if killer.struck() != "" && ended(running) {
				running = s.startChild(kubeconfig, false)
			}
		})
		struck := killer.disarm()
		if struck == "" {
			break // the whole life takes fewer writes
		}
		if ended(running) { // by the last write, which ends the life as well
			running = s.startChild(kubeconfig, false)
		}
		places = append(places, struck)
	}
	if len(places) < 10 {
		t.Errorf("the controller was killed %d times only: %v", len(places), places)
	}
	answers, _ := stop()
	t.Logf("killed at %d places, agent M asked %d times: %s", len(places), answers, strings.Join(places, "; "))
}

// note is at for requests to the API server; leases and events do not count.
func (a *assassin) note(when string, r *http.Request) {
	if strings.Contains(r.URL.Path, "openstackconfigs") {
		a.at(when + " " + r.Method + " " + r.URL.Path[strings.LastIndex(r.URL.Path, "openstackconfigs"):])
	}
}

func ended(c *child) bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// live takes an object through its whole life. tend is called while it waits.
func (s *system) live(name string, tend func()) {
	s.t.Helper()
	subnet := s.lab.Subnets["k8s-subnet"].ID
	wait := func(what string, truth map[string]string) {
		s.t.Helper()
		s.eventually(name+" "+what, func() error {
			tend()
			return s.compare(truth)
		})
	}
	one, two, three := s.lab.Servers[0], s.lab.Servers[1], s.lab.Servers[2]
	s.config(name, "k8s-subnet", one.Name, two.Name)
	wait("is published", map[string]string{one.Name: s.address(one), two.Name: s.address(two), three.Name: ""})

	port := s.portOn(one, subnet)
	address := "10.10.200.1"
	if s.address(one) == address {
		address = "10.10.200.2"
	}
	s.sim.SetFixedIP(port, subnet, address)
	s.edit(name, func(o *v1alpha1.OpenstackConfig) { o.Spec.VMNames = []string{one.Name, three.Name} })
	wait("follows", map[string]string{one.Name: address, two.Name: "", three.Name: s.address(three)})

	o := s.get(name)
	if err := s.client.Delete(s.t.Context(), o); err != nil {
		s.t.Fatal(err)
	}
	wait("is withdrawn", map[string]string{one.Name: "", two.Name: "", three.Name: ""})
	s.eventually(name+" is gone", func() error {
		tend()
		if err := s.client.Get(s.t.Context(), client.ObjectKeyFromObject(o), o); err == nil {
			return fmt.Errorf("finalizers %v", o.Finalizers)
		}
		return nil
	})
	s.noDoubles()
}

// compare holds what agent M sees on each host against the truth; "" is nothing.
func (s *system) compare(truth map[string]string) error {
	for host, address := range truth {
		nics, err := s.agentM(host)
		if err != nil {
			return err
		}
		if (address == "") != (len(nics) == 0) || (len(nics) > 0 && (len(nics) != 1 || nics[0].Address != address)) {
			return fmt.Errorf("agent M on %s sees %+v, the truth is %q", host, nics, address)
		}
	}
	return nil
}

// noDoubles checks that no port and no claim was written twice.
func (s *system) noDoubles() {
	s.t.Helper()
	for _, query := range []string{
		"SELECT COUNT(*) FROM (SELECT port_id FROM multi_interface GROUP BY port_id HAVING COUNT(*) > 1) d",
		"SELECT COUNT(*) FROM multi_claim c LEFT JOIN multi_interface i ON i.port_id = c.port_id WHERE i.id IS NULL OR i.status = 'deleted'",
	} {
		var n int
		if err := s.sql.QueryRow(query).Scan(&n); err != nil || n != 0 {
			s.t.Errorf("%s: %d (%v)", query, n, err)
		}
	}
}

func (s *system) portOn(server openstacksim.Server, subnetID string) string {
	s.t.Helper()
	for _, port := range s.sim.ServerPorts(server.ID) {
		for _, ip := range port.FixedIPs {
			if ip.SubnetID == subnetID {
				return port.ID
			}
		}
	}
	s.t.Fatalf("server %s has no port on %s", server.Name, subnetID)
	return ""
}

// TestAFailureOfAnyCallToOpenStackIsFinishedLaterAndWithdrawsNothing spoils
// every call of a run in turn, in every way.
func TestAFailureOfAnyCallToOpenStackIsFinishedLaterAndWithdrawsNothing(t *testing.T) {
	t.Parallel()
	s := newSystem(t, 6)
	s.manual()
	s.start()
	vms := make([]string, 6)
	truth := map[string]string{}
	for i, vm := range s.lab.Servers[:6] {
		vms[i] = vm.Name
		truth[vm.Name] = s.address(vm)
	}
	s.config("c", "k8s-subnet", vms...)
	s.waitReady("c", v1alpha1.ReasonSynced)
	before := s.tables()
	for _, call := range []openstacksim.Fault{
		{Service: openstacksim.Network, Path: "/v2.0/subnets"}, {Service: openstacksim.Network, Path: "/v2.0/networks"},
		{Service: openstacksim.Compute, Path: "/v2.1/servers/detail"}, {Service: openstacksim.Network, Path: "/v2.0/ports"},
	} {
		for name, spoil := range map[string]func(*openstacksim.Fault){
			"500":         func(f *openstacksim.Fault) { f.Status = 500 },
			"401":         func(f *openstacksim.Fault) { f.Status = 401 },
			"403":         func(f *openstacksim.Fault) { f.Status = 403 },
			"cut":         func(f *openstacksim.Fault) { f.Body = openstacksim.BodyCut },
			"broken JSON": func(f *openstacksim.Fault) { f.Body = openstacksim.BodyBrokenJSON },
			"HTML":        func(f *openstacksim.Fault) { f.Body = openstacksim.BodyHTML },
			"empty list":  func(f *openstacksim.Fault) { f.Body = openstacksim.BodyEmptyList },
			"no body":     func(f *openstacksim.Fault) { f.Body = openstacksim.BodyEmpty },
			"short page":  func(f *openstacksim.Fault) { f.Body = openstacksim.BodyShortPage },
			"reset":       func(f *openstacksim.Fault) { f.Body = openstacksim.BodyReset },
		} {
			fault := call
			spoil(&fault)
			fault.Count = 1
			injected := s.sim.Inject(fault)
			s.ask("c")
			s.eventually(call.Path+" "+name+" was met", func() error {
				if injected.Hits() == 0 {
					return fmt.Errorf("no call came")
				}
				return nil
			})
			if err := s.compare(truth); err != nil {
				t.Errorf("%s, %s: %v", call.Path, name, err)
			}
			injected.Remove()
			s.run("c") // a new request does not wait for the retry
			if err := s.compare(truth); err != nil {
				t.Errorf("%s, %s, after it was mended: %v", call.Path, name, err)
			}
		}
	}
	s.run("c")
	if after := s.tables(); stripSequence(after) != stripSequence(before) {
		t.Errorf("the rows changed; before:\n%s\nafter:\n%s", before, after)
	}
}

// stripSequence leaves the number of transactions away: notes of what is
// pending are transactions too.
func stripSequence(tables string) string {
	return tables[:strings.LastIndex(tables, "sequence=")]
}
