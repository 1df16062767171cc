// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/test/openstacksim"
)

// ground is a lab with a member's token.
type ground struct {
	*openstacksim.Sim
	lab              *openstacksim.Lab
	token            string
	network, compute string
}

func lab(t *testing.T, o openstacksim.Options) *ground {
	t.Helper()
	sim := start(t, o)
	g := &ground{Sim: sim, lab: sim.SeedLab(6)}
	g.token = login(t, sim, g.lab.User)
	g.network, g.compute = sim.URL(openstacksim.Network)+"/v2.0", sim.URL(openstacksim.Compute)+"/v2.1"
	sim.ResetJournal()
	return g
}

func (g *ground) get(t *testing.T, url string, headers ...string) reply {
	t.Helper()
	return get(t, g.token, url, headers...)
}

func count(t *testing.T, body []byte, kind string) int {
	t.Helper()
	var doc map[string][]any
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatalf("%v in %.200s", err, body)
	}
	return len(doc[kind])
}

func TestAFaultStrikesWhatItNamesAsOftenAsItSays(t *testing.T) {
	t.Parallel()
	g := lab(t, openstacksim.Options{})
	f := g.Inject(openstacksim.Fault{Service: openstacksim.Network, Method: "GET", Path: "/v2.0/ports", Query: "limit=", Skip: 1, Count: 2, Status: 503, Header: http.Header{"Retry-After": {"7"}}})
	var got []int
	for range 4 {
		r := g.get(t, g.network+"/ports?limit=2")
		got = append(got, r.status)
		if r.status == 503 && (r.header.Get("Retry-After") != "7" || !strings.Contains(string(r.body), "NeutronError")) {
			t.Errorf("the 503: %v %s", r.header, r.body)
		}
	}
	if want := []int{200, 503, 503, 200}; !equal(got, want) || f.Hits() != 2 {
		t.Errorf("%v instead of %v, %d hits", got, want, f.Hits())
	}
	g.Inject(openstacksim.Fault{Path: "/v2.1/servers/*", Status: 500})
	for url, want := range map[string]int{g.compute + "/servers/" + g.lab.Servers[0].ID: 500, g.compute + "/servers": 200, g.network + "/ports": 200} {
		if r := g.get(t, url); r.status != want {
			t.Errorf("%s: %d instead of %d", url, r.status, want)
		}
	}
	g.ClearFaults()
	if r := g.get(t, g.compute+"/servers/"+g.lab.Servers[0].ID); r.status != 200 {
		t.Errorf("after ClearFaults: %d", r.status)
	}
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestAFaultOfAProbabilityIsRepeatable(t *testing.T) {
	t.Parallel()
	run := func() (out []int) {
		g := lab(t, openstacksim.Options{Seed: 7})
		g.Inject(openstacksim.Fault{Path: "/v2.0/subnets", Probability: 0.5, Status: 500})
		for range 40 {
			out = append(out, g.get(t, g.network+"/subnets").status)
		}
		return out
	}
	a, b := run(), run()
	failed := 0
	for _, s := range a {
		if s == 500 {
			failed++
		}
	}
	if !equal(a, b) || failed < 8 || failed > 32 {
		t.Errorf("%d of 40 failed; %v and %v", failed, a, b)
	}
}

func TestASpoiledBodyLooksAsItShould(t *testing.T) {
	t.Parallel()
	g := lab(t, openstacksim.Options{})
	whole := g.get(t, g.network+"/ports?limit=4")
	for name, row := range map[string]struct {
		body  openstacksim.BodyFault
		check func(r reply, err error) bool
	}{
		"cut": {openstacksim.BodyCut, func(r reply, err error) bool {
			return err == nil && r.status == 200 && errors.Is(r.err, io.ErrUnexpectedEOF) && bytes.HasPrefix(whole.body, r.body) && len(r.body) == len(whole.body)/2
		}},
		"broken JSON": {openstacksim.BodyBrokenJSON, func(r reply, err error) bool {
			return err == nil && r.err == nil && r.status == 200 && !json.Valid(r.body) && bytes.HasPrefix(whole.body, r.body)
		}},
		"HTML": {openstacksim.BodyHTML, func(r reply, err error) bool {
			return err == nil && r.status == 200 && strings.Contains(r.header.Get("Content-Type"), "html") && bytes.Contains(r.body, []byte("<html>"))
		}},
		"empty list": {openstacksim.BodyEmptyList, func(r reply, _ error) bool { return string(r.body) == `{"ports":[]}` }},
		"empty":      {openstacksim.BodyEmpty, func(r reply, _ error) bool { return r.status == 200 && len(r.body) == 0 }},
		"short page": {openstacksim.BodyShortPage, func(r reply, _ error) bool {
			return count(t, r.body, "ports") == 2 && !bytes.Contains(r.body, []byte("ports_links"))
		}},
		"reset": {openstacksim.BodyReset, func(_ reply, err error) bool { return err != nil }},
	} {
		f := g.Inject(openstacksim.Fault{Path: "/v2.0/ports", Body: row.body})
		r, err := do(g.token, http.MethodGet, g.network+"/ports?limit=4", "")
		if f.Remove(); !row.check(r, err) {
			t.Errorf("%s: %d, %.300s, %v, %v", name, r.status, r.body, r.err, err)
		}
	}
}

func TestAHugeBodyIsAsLongAsItSaysAndStillJSON(t *testing.T) {
	t.Parallel()
	g := lab(t, openstacksim.Options{})
	g.Inject(openstacksim.Fault{Path: "/v2.0/networks", Body: openstacksim.BodyHuge, HugeBytes: 3 << 20})
	r := g.get(t, g.network+"/networks")
	if len(r.body) != 3<<20 || !json.Valid(r.body) {
		t.Errorf("%d bytes, valid %v", len(r.body), json.Valid(r.body))
	}
}

func TestAnEndlessBodyGoesOnUntilTheClientGivesUp(t *testing.T) {
	t.Parallel()
	g := lab(t, openstacksim.Options{})
	g.Inject(openstacksim.Fault{Path: "/v2.0/networks", Body: openstacksim.BodyEndless})
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, g.network+"/networks", nil)
	req.Header.Set("X-Auth-Token", g.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if n, err := io.CopyN(io.Discard, resp.Body, 20_000); err != nil {
		t.Fatalf("it ended after %d bytes: %v", n, err)
	}
	cancel()
	if _, err := io.Copy(io.Discard, resp.Body); !errors.Is(err, context.Canceled) {
		t.Errorf("after giving up: %v", err)
	}
}

func TestAHungWriteIsCarriedOutThoughTheClientGaveUp(t *testing.T) {
	t.Parallel()
	g := lab(t, openstacksim.Options{})
	g.Inject(openstacksim.Fault{Method: "POST", Path: "/v2.0/ports", Hang: true, Count: 1})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	body := `{"port":{"name":"left behind","network_id":"` + g.lab.Networks["internal-net"].ID + `"}}`
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, g.network+"/ports", strings.NewReader(body))
	req.Header.Set("X-Auth-Token", g.token)
	if resp, err := http.DefaultClient.Do(req); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("an answer: %v, %v", resp, err)
	}
	if r := g.get(t, g.network+"/ports?name=left%20behind"); count(t, r.body, "ports") != 1 {
		t.Errorf("the port wasn't made: %s", r.body)
	}
}

func TestAnErrorMayHideAWriteThatWasCarriedOut(t *testing.T) {
	t.Parallel()
	g := lab(t, openstacksim.Options{})
	body := `{"port":{"name":"x","network_id":"` + g.lab.Networks["internal-net"].ID + `"}}`
	for _, row := range []struct {
		carryOut bool
		made     int
	}{{false, 0}, {true, 1}} {
		g.Inject(openstacksim.Fault{Method: "POST", Status: 504, CarryOut: row.carryOut, Count: 1})
		if r, err := do(g.token, http.MethodPost, g.network+"/ports", body); err != nil || r.status != 504 {
			t.Errorf("%d, %v", r.status, err)
		}
		if n := count(t, g.get(t, g.network+"/ports?name=x").body, "ports"); n != row.made {
			t.Errorf("carry out %v: %d ports", row.carryOut, n)
		}
	}
}

func TestAStaleReadAnswersFromAnEarlierMoment(t *testing.T) {
	t.Parallel()
	g := lab(t, openstacksim.Options{})
	victim, moved := g.lab.Servers[0].ID, g.ServerPorts(g.lab.Servers[1].ID)[0]
	earlier := g.Snapshot()
	g.DeleteServer(victim)
	g.SetFixedIP(moved.ID, g.lab.Subnets["k8s-subnet"].ID, "10.10.99.9")
	f := g.Inject(openstacksim.Fault{Stale: earlier})
	if r := g.get(t, g.compute+"/servers/"+victim); r.status != 200 {
		t.Errorf("stale nova has forgotten the server: %d", r.status)
	}
	if r := g.get(t, g.network+"/ports/"+moved.ID); !bytes.Contains(r.body, []byte(moved.FixedIPs[0].Address)) {
		t.Errorf("stale neutron knows the new address: %s", r.body)
	}
	f.Remove()
	if r := g.get(t, g.compute+"/servers/"+victim); r.status != 404 {
		t.Errorf("now: %d", r.status)
	}
	if r := g.get(t, g.network+"/ports/"+moved.ID); !bytes.Contains(r.body, []byte("10.10.99.9")) {
		t.Errorf("now: %s", r.body)
	}
}

func TestARateLimitAnswers429WithRetryAfterAndEnds(t *testing.T) {
	t.Parallel()
	g := lab(t, openstacksim.Options{})
	g.LimitRate(openstacksim.Compute, 2, time.Hour, http.StatusTooManyRequests)
	var got []int
	for range 3 {
		got = append(got, g.get(t, g.compute+"/servers").status)
	}
	if !equal(got, []int{200, 200, 429}) {
		t.Errorf("%v", got)
	}
	if r := g.get(t, g.compute+"/servers"); r.header.Get("Retry-After") == "" {
		t.Errorf("no Retry-After: %v", r.header)
	}
	if r := g.get(t, g.network+"/ports"); r.status != 200 {
		t.Errorf("neutron is limited too: %d", r.status)
	}
	g.LimitRate(openstacksim.Compute, 0, 0, 0)
	if r := g.get(t, g.compute+"/servers"); r.status != 200 {
		t.Errorf("after the limit: %d", r.status)
	}
}
