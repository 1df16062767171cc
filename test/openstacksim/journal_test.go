// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/xormsdhkdwk/multinic/test/openstacksim"
)

func TestTheJournalTellsEveryCallAndNoSecret(t *testing.T) {
	t.Parallel()
	g := lab(t, openstacksim.Options{})
	port := g.ServerPorts(g.lab.Servers[0].ID)[0]
	r := g.get(t, g.network+"/ports/"+port.ID+"?fields=id", "X-OpenStack-Request-ID", "req-11111111-2222-4333-8444-555555555555", "User-Agent", "multinic-test")
	g.get(t, g.compute+"/servers", "X-OpenStack-Nova-API-Version", "2.90")
	login(t, g.Sim, g.lab.User)
	calls := g.Calls()
	if len(calls) != 3 || g.TotalCalls() != 3 {
		t.Fatalf("%d calls: %+v", len(calls), calls)
	}
	c := calls[0]
	if c.Operation() != "GET /v2.0/ports/{id}" || c.Status != 200 || c.Bytes != int64(len(r.body)) || c.Query != "fields=id" || c.UserAgent != "multinic-test" ||
		c.ClientRequestID != "req-11111111-2222-4333-8444-555555555555" || c.RequestID != r.header.Get("X-Openstack-Request-Id") || c.ProjectID != g.lab.Project.ID {
		t.Errorf("%+v", c)
	}
	if calls[1].Microversion != "2.90" || calls[2].Operation() != "POST /v3/auth/tokens" || calls[2].Service != openstacksim.Identity {
		t.Errorf("%+v", calls[1:])
	}
	if n := g.Count(openstacksim.Network, "GET /v2.0/ports/{id}"); n != 1 {
		t.Errorf("count %d", n)
	}
	everything := fmt.Sprintf("%+v %v", calls, g.Counters())
	for _, secret := range append(g.Tokens(), g.lab.User.Password) {
		if strings.Contains(everything, secret) {
			t.Errorf("the journal holds %s", secret)
		}
	}
	g.ResetJournal()
	if len(g.Calls()) != 0 || g.Bytes() != 0 || g.TotalCalls() != 0 {
		t.Error("something is left after ResetJournal")
	}
}

func TestOneSeedMakesOneCloud(t *testing.T) {
	t.Parallel()
	ids := func(seed uint64) string {
		sim := openstacksim.New(openstacksim.Options{Seed: seed})
		sim.SeedLab(3)
		var all []string
		for _, v := range sim.Servers() {
			all = append(all, v.ID, sim.ServerPorts(v.ID)[0].MAC)
		}
		return strings.Join(all, " ")
	}
	if a, b, c := ids(3), ids(3), ids(4); a != b || a == c {
		t.Errorf("seed 3 twice and 4:\n%s\n%s\n%s", a, b, c)
	}
}

func TestWithTLSOnlyTheSimulatorsOwnCAIsBelieved(t *testing.T) {
	t.Parallel()
	sim := start(t, openstacksim.Options{TLS: true})
	if !strings.HasPrefix(sim.AuthURL(), "https://127.0.0.1:") {
		t.Fatalf("%s", sim.AuthURL())
	}
	if _, err := do("", http.MethodGet, sim.AuthURL(), ""); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown CA was believed: %v", err)
	}
	client := clientTrusting(t, sim.CAPEM())
	resp, err := client.Get(sim.AuthURL())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%s", resp.Status)
	}
}
