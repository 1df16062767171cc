// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/openstack"
	"github.com/xormsdhkdwk/multinic/test/openstacksim"
)

// start serves a cloud with the lab's networks and n servers named
// test-vm-1 to n.
func start(t *testing.T, o openstacksim.Options, n int) (*openstacksim.Sim, *openstacksim.Lab) {
	t.Helper()
	sim := openstacksim.New(o)
	sim.Start()
	t.Cleanup(sim.Close)
	return sim, sim.SeedLab(n)
}

func credentials(sim *openstacksim.Sim, lab *openstacksim.Lab) openstack.Credentials {
	return openstack.Credentials{
		AuthURL: sim.AuthURL(), Region: "RegionOne",
		Username: lab.User.Name, Password: lab.User.Password, DomainName: "Default", ProjectID: lab.Project.ID,
	}
}

func newClient(t *testing.T, o openstack.Options) *openstack.Client {
	t.Helper()
	o.Rate, o.Burst = 100_000, 100_000
	c := openstack.New(o)
	t.Cleanup(c.Close)
	return c
}

func kindOf(err error) openstack.Kind {
	if e, ok := errors.AsType[*openstack.Error](err); ok {
		return e.Kind
	}
	return ""
}

func names(from, to int) []string {
	var out []string
	for i := from; i <= to; i++ {
		out = append(out, fmt.Sprintf("test-vm-%d", i))
	}
	return out
}

func TestASnapshotIsWhatTheCloudHolds(t *testing.T) {
	t.Parallel()
	sim, lab := start(t, openstacksim.Options{}, 20)
	c := newClient(t, openstack.Options{})
	for what, cred := range map[string]openstack.Credentials{
		"by password": credentials(sim, lab),
		"by application credential": {
			AuthURL: sim.AuthURL(), ApplicationCredentialID: lab.AppCredential.ID, ApplicationCredentialSecret: lab.AppCredential.Secret,
		},
		"by overrides": func() openstack.Credentials {
			cred := credentials(sim, lab)
			cred.NetworkEndpoint, cred.ComputeEndpoint = sim.URL(openstacksim.Network), sim.URL(openstacksim.Compute)+"/v2.1/"
			return cred
		}(),
	} {
		s, err := c.Snapshot(context.Background(), cred, []inventory.Query{
			{Servers: append(names(1, 20), "twin-vm", "no-such-vm"), Subnet: "k8s-subnet"},
			{Servers: []string{lab.Servers[0].ID}, Subnet: lab.Subnets["k8s-subnet"].ID},
			{Servers: []string{"test-vm-1"}, Subnet: "dup-subnet"},
		})
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		subnet := lab.Subnets["k8s-subnet"]
		got := s.Subnets("k8s-subnet")
		if len(got) != 1 || got[0].ID != subnet.ID || got[0].CIDR.String() != subnet.CIDR || got[0].NetworkID != subnet.NetworkID || got[0].MTU != lab.Networks["k8s-net"].MTU {
			t.Errorf("%s: subnet %+v, want %+v", what, got, subnet)
		}
		if n := len(s.Subnets("dup-subnet")); n != 2 {
			t.Errorf("%s: %d subnets named dup-subnet, want both, to report them", what, n)
		}
		if n := len(s.Servers("twin-vm")); n != 2 {
			t.Errorf("%s: %d servers named twin-vm, want both", what, n)
		}
		if n := len(s.Servers("no-such-vm")); n != 0 {
			t.Errorf("%s: %d servers of a name that does not exist", what, n)
		}
		for _, v := range lab.Servers {
			var want []string
			for _, p := range sim.ServerPorts(v.ID) {
				want = append(want, p.ID+" "+p.MAC)
			}
			var have []string
			for _, p := range s.Ports(v.ID, subnet.ID) {
				have = append(have, p.ID+" "+p.MAC)
			}
			if strings.Join(have, ",") != strings.Join(want, ",") {
				t.Errorf("%s: %s has ports %v, want %v", what, v.Name, have, want)
			}
		}
	}
}

func TestNamesThatMeanSomethingToSQLOrARegularExpressionAreFoundExactly(t *testing.T) {
	t.Parallel()
	sim, lab := start(t, openstacksim.Options{}, 3)
	odd := []string{
		`vm'; DROP TABLE instances; --`, `vm"quoted"`, "vm.example.com", "vm|or|not", "vm[0-9]", "vm(", "vm\\d+", "vm*", "^vm$", "vm%_", "",
		"서울-vm", "vm-😀", strings.Repeat("n", 255), strings.Repeat("길", 85), "vm a", "TEST-VM-1", "vm&name=x", "vm#1", "vm+1", "vm?", "{vm}", "vm\ttab",
	}
	for _, n := range odd {
		if n != "" {
			sim.AddServer(openstacksim.Server{Name: n, ProjectID: lab.Project.ID}, lab.Networks["k8s-net"].ID)
		}
	}
	sim.AddServer(openstacksim.Server{Name: "vmXexampleXcom", ProjectID: lab.Project.ID}, lab.Networks["k8s-net"].ID)
	c := newClient(t, openstack.Options{})
	for _, n := range odd {
		s, err := c.Snapshot(context.Background(), credentials(sim, lab), []inventory.Query{{Servers: []string{n}, Subnet: "k8s-subnet"}})
		if err != nil {
			t.Fatalf("%q: %v", n, err)
		}
		want := 1
		if n == "" {
			want = 0
		}
		if got := s.Servers(n); len(got) != want || (want == 1 && len(s.Ports(got[0].ID, lab.Subnets["k8s-subnet"].ID)) != 1) {
			t.Errorf("%q: %d servers, want %d with a port", n, len(got), want)
		}
		subnets, err := c.Snapshot(context.Background(), credentials(sim, lab), []inventory.Query{{Subnet: n}})
		if err != nil || len(subnets.Subnets(n)) != 0 {
			t.Errorf("subnet %q: %v", n, err)
		}
	}
	s, err := c.Snapshot(context.Background(), credentials(sim, lab), []inventory.Query{{Servers: odd, Subnet: "k8s-subnet"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range odd[:len(odd)-1] {
		if n != "" && len(s.Servers(n)) != 1 {
			t.Errorf("all at once: %q: %d servers, want 1", n, len(s.Servers(n)))
		}
	}
}

func TestTheNumberOfCallsFollowsPagesAndNotObjectsOrServers(t *testing.T) {
	t.Parallel()
	const vms, objects = 10_000, 1000
	sim, lab := start(t, openstacksim.Options{}, 0)
	sim.AddServers(lab.Project.ID, "test-vm", vms, lab.Networks["k8s-net"].ID)
	cred := credentials(sim, lab)

	t.Run("a thousand objects on all servers", func(t *testing.T) {
		c := newClient(t, openstack.Options{})
		queries := make([]inventory.Query, objects)
		for i := range queries {
			queries[i] = inventory.Query{Servers: names(i*vms/objects+1, (i+1)*vms/objects), Subnet: "k8s-subnet"}
		}
		sim.ResetJournal()
		s, err := c.Snapshot(context.Background(), cred, queries)
		if err != nil {
			t.Fatal(err)
		}
		subnet := s.Subnets("k8s-subnet")[0].ID
		for i := range vms {
			found := s.Servers(fmt.Sprintf("test-vm-%d", i+1))
			if len(found) != 1 || len(s.Ports(found[0].ID, subnet)) != 1 {
				t.Fatalf("test-vm-%d: %d servers, or no port", i+1, len(found))
			}
		}
		// test-vm-1 is also one of SeedLab's other project, and twin-vm is
		// two of ours: 10,002 servers are 11 pages.
		for what, want := range map[string][3]any{
			"logins":         {openstacksim.Identity, "POST /v3/auth/tokens", 1},
			"subnet calls":   {openstacksim.Network, "GET /v2.0/subnets", 1},
			"network calls":  {openstacksim.Network, "GET /v2.0/networks", 1},
			"server pages":   {openstacksim.Compute, "GET /v2.1/servers/detail", 11},
			"port pages":     {openstacksim.Network, "GET /v2.0/ports", 11},
			"version calls":  {openstacksim.Compute, "GET /v2.1/", 1},
			"single servers": {openstacksim.Compute, "GET /v2.1/servers/{id}", 0},
		} {
			if n := sim.Count(want[0].(openstacksim.Service), want[1].(string)); n != want[2].(int) {
				t.Errorf("%d %s, want %d", n, what, want[2])
			}
		}
		if n := sim.TotalCalls(); n != 26 {
			t.Errorf("%d calls in all, want 26: %v", n, sim.Counters())
		}
		before := sim.TotalCalls()
		if _, err := c.Snapshot(context.Background(), cred, queries); err != nil {
			t.Fatal(err)
		}
		if n := sim.TotalCalls() - before; n != 24 {
			t.Errorf("%d calls in the second reading, want 24: login and version are known", n)
		}
		runtime.KeepAlive(s)
	})

	for _, vms := range [][]string{
		{"test-vm-7", "test-vm-4242", "test-vm-9999"},
		{"test-vm-1234", "test-vm-5678", "test-vm-9012"},
		{"test-vm-1", "test-vm-10", "test-vm-100"},
		{"test-vm-12", "test-vm-345", "test-vm-6789"},
	} {
		t.Run("one object on "+strings.Join(vms, " "), func(t *testing.T) {
			c := newClient(t, openstack.Options{})
			sim.ResetJournal()
			s, err := c.Snapshot(context.Background(), cred, []inventory.Query{{Servers: vms, Subnet: "k8s-subnet"}})
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range vms {
				if len(s.Servers(n)) != 1 {
					t.Errorf("%s: %d servers", n, len(s.Servers(n)))
				}
			}
			// Discovery of Nova's version comes once in the life of a login.
			if n := sim.TotalCalls() - sim.Count(openstacksim.Compute, "GET /v2.1/"); n > 6 {
				t.Errorf("%d calls, want at most 6: %v", n, sim.Counters())
			}
			if n := sim.Bytes(); n > 50_000 {
				t.Errorf("%d bytes, want at most 50 kB", n)
			}
		})
	}
}

func TestAKnownServerIsPresentOrAbsentWhateverItIsCalledNow(t *testing.T) {
	t.Parallel()
	sim, lab := start(t, openstacksim.Options{}, 20)
	c := newClient(t, openstack.Options{})
	renamed, deleted := lab.Servers[1], lab.Servers[2]
	sim.RenameServer(renamed.ID, "another-name")
	sim.DeleteServer(deleted.ID)
	for what, wanted := range map[string][]string{"few": {"test-vm-1", "test-vm-2", "test-vm-3"}, "none": nil, "all": names(1, 300)} {
		s, err := c.Snapshot(context.Background(), credentials(sim, lab), []inventory.Query{{
			Servers: wanted, Subnet: "k8s-subnet", KnownServers: []string{renamed.ID, deleted.ID, lab.Servers[0].ID},
		}})
		if err != nil {
			t.Fatal(err)
		}
		for id, want := range map[string]inventory.Presence{
			renamed.ID: inventory.Present, deleted.ID: inventory.Absent, lab.Servers[0].ID: inventory.Present,
		} {
			if _, got := s.Server(id); got != want {
				t.Errorf("asked for %s: server %s is %v, want %v", what, id, got, want)
			}
		}
	}
}

func TestServersInACellThatIsDownAreNeverAbsent(t *testing.T) {
	t.Parallel()
	sim, lab := start(t, openstacksim.Options{}, 150)
	var down []string
	for _, v := range lab.Servers[:100] {
		down = append(down, v.ID)
	}
	sim.SetCellDown(true, down...)
	c := newClient(t, openstack.Options{})
	for what, q := range map[string]inventory.Query{
		"one, published":        {Servers: []string{"test-vm-1"}, KnownServers: down[:1]},
		"one, by its ID":        {Servers: down[:1]},
		"five, published":       {Servers: names(1, 5), KnownServers: down[:5]},
		"a hundred, published":  {Servers: names(1, 100), KnownServers: down},
		"the project":           {Servers: append(names(1, 150), names(1000, 1200)...)},
		"the project, publishd": {Servers: append(names(1, 150), names(1000, 1200)...), KnownServers: down},
	} {
		q.Subnet = "k8s-subnet"
		s, err := c.Snapshot(context.Background(), credentials(sim, lab), []inventory.Query{q})
		if err == nil {
			for _, id := range q.KnownServers {
				if _, p := s.Server(id); p == inventory.Absent {
					t.Errorf("%s: server %s counts as gone", what, id)
				}
			}
			t.Errorf("%s: a snapshot came although a cell is down", what)
		} else if kind := kindOf(err); kind != openstack.BadAnswer {
			t.Errorf("%s: %v", what, err)
		}
	}
	sim.SetCellDown(false, down...)
	if _, err := c.Snapshot(context.Background(), credentials(sim, lab), []inventory.Query{{Servers: names(1, 100), Subnet: "k8s-subnet", KnownServers: down}}); err != nil {
		t.Fatal(err)
	}
}

func TestAWholeListIsReadWhateverThePagesAndALoginSurvivesRevocation(t *testing.T) {
	t.Parallel()
	sim, lab := start(t, openstacksim.Options{ServerPageLimit: 7}, 100)
	c := newClient(t, openstack.Options{PageSize: 9})
	queries := []inventory.Query{{Servers: append(names(1, 100), names(1000, 1200)...), Subnet: "k8s-subnet"}}
	for range 3 {
		s, err := c.Snapshot(context.Background(), credentials(sim, lab), queries)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, name := range names(1, 100) {
			for _, v := range s.Servers(name) {
				n += len(s.Ports(v.ID, lab.Subnets["k8s-subnet"].ID))
			}
		}
		if n != 100 {
			t.Errorf("%d ports, want 100", n)
		}
		sim.RevokeTokens(lab.User.ID)
	}
}

func TestAnyFaultOnTheWayGivesAnErrorOrTheWholeTruth(t *testing.T) {
	t.Parallel()
	sim, lab := start(t, openstacksim.Options{}, 20)
	queries := []inventory.Query{{Servers: names(1, 20), Subnet: "k8s-subnet"}}
	operations := []string{"/v3/auth/tokens", "/v2.0/subnets", "/v2.0/networks", "/v2.1/", "/v2.1/servers/detail", "/v2.0/ports"}
	faults := map[string]openstacksim.Fault{
		"cut":         {Body: openstacksim.BodyCut},
		"broken JSON": {Body: openstacksim.BodyBrokenJSON},
		"HTML":        {Body: openstacksim.BodyHTML},
		"empty":       {Body: openstacksim.BodyEmpty},
		"endless":     {Body: openstacksim.BodyEndless},
		"huge":        {Body: openstacksim.BodyHuge},
		"reset":       {Body: openstacksim.BodyReset},
		"hang":        {Hang: true},
		"401":         {Status: 401},
		"403":         {Status: 403},
		"404":         {Status: 404},
		"500":         {Status: 500},
		"503":         {Status: 503},
		"429":         {Status: 429},
	}
	for _, path := range operations {
		for name, fault := range faults {
			fault.Path = path
			injected := sim.Inject(fault)
			c := newClient(t, openstack.Options{Timeout: 500 * time.Millisecond, Retries: -1, MaxBody: 1 << 20})
			s, err := c.Snapshot(context.Background(), credentials(sim, lab), queries)
			hits := injected.Hits()
			injected.Remove()
			if hits == 0 {
				t.Errorf("%s at %s: never struck", name, path)
			}
			if err == nil {
				if path != "/v2.1/" { // Nova's version document can be done without
					t.Errorf("%s at %s: a snapshot came", name, path)
				}
				if n := len(s.Servers("test-vm-7")); n != 1 {
					t.Errorf("%s at %s: %d servers", name, path, n)
				}
				continue
			}
			if kindOf(err) == "" {
				t.Errorf("%s at %s: %T is not classified: %v", name, path, err, err)
			}
		}
	}
}

func TestAnotherProjectsServersAndPortsDoNotShow(t *testing.T) {
	t.Parallel()
	sim, lab := start(t, openstacksim.Options{}, 3)
	c := newClient(t, openstack.Options{})
	s, err := c.Snapshot(context.Background(), credentials(sim, lab), []inventory.Query{{Servers: []string{"test-vm-1"}, Subnet: "other-subnet"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Servers("test-vm-1")) != 1 || len(s.Subnets("other-subnet")) != 0 {
		t.Error("the other project's server or subnet shows")
	}
	cred := credentials(sim, lab)
	cred.ProjectID = lab.OtherProject.ID
	if _, err := c.Snapshot(context.Background(), cred, nil); kindOf(err) != openstack.Unauthorized {
		t.Errorf("a project without a role: %v", err)
	}
}

func TestASimulatedCloudBehindAPrivateCA(t *testing.T) {
	t.Parallel()
	sim, lab := start(t, openstacksim.Options{TLS: true}, 3)
	c := newClient(t, openstack.Options{})
	cred := credentials(sim, lab)
	if _, err := c.Snapshot(context.Background(), cred, nil); kindOf(err) != openstack.TLS {
		t.Errorf("without the CA: %v", err)
	}
	cred.CACert = sim.CAPEM()
	if _, err := c.Snapshot(context.Background(), cred, []inventory.Query{{Servers: []string{"test-vm-1"}, Subnet: "k8s-subnet"}}); err != nil {
		t.Error(err)
	}
}
