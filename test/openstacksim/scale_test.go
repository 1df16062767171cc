// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/xormsdhkdwk/multinic/test/openstacksim"
)

// pages follows a service's next links to the end and counts the objects.
func pages(tb testing.TB, token, url, kind string) (objects, requests int) {
	tb.Helper()
	for url != "" {
		req, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			tb.Fatal(err)
		}
		req.Header.Set("X-Auth-Token", token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			tb.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			tb.Fatalf("%s: %s %v", url, resp.Status, err)
		}
		var doc map[string][]struct {
			ID   string `json:"id"`
			Rel  string `json:"rel"`
			Href string `json:"href"`
		}
		if err := json.Unmarshal(body, &doc); err != nil {
			tb.Fatal(err)
		}
		requests++
		objects += len(doc[kind])
		url = ""
		for _, l := range doc[kind+"_links"] {
			if l.Rel == "next" {
				url = l.Href
			}
		}
	}
	return objects, requests
}

func TestTenThousandServersAndPortsArePagedWhole(t *testing.T) {
	t.Parallel()
	sim := start(t, openstacksim.Options{})
	scale := sim.SeedScale(10_000, 3)
	token := login(t, sim, scale.User)
	if n, calls := pages(t, token, sim.URL(openstacksim.Compute)+"/v2.1/servers/detail", "servers"); n != 10_000 || calls != 11 {
		t.Errorf("%d servers in %d pages; 10 full ones and the empty end expected", n, calls)
	}
	if n, calls := pages(t, token, sim.URL(openstacksim.Network)+"/v2.0/ports?limit=1000", "ports"); n != 10_000 || calls != 11 {
		t.Errorf("%d ports in %d pages", n, calls)
	}
	sum := 0
	for _, sn := range scale.Subnets {
		n, _ := pages(t, token, fmt.Sprintf("%s/v2.0/ports?limit=1000&fields=id&fixed_ips=subnet_id%%3D%s", sim.URL(openstacksim.Network), sn.ID), "ports")
		sum += n
	}
	if sum != 10_000 {
		t.Errorf("%d ports by subnet", sum)
	}
}

// BenchmarkListing is one full listing of 10,000 servers and their ports, with
// the client's share.
func BenchmarkListing(b *testing.B) {
	sim := openstacksim.New(openstacksim.Options{})
	sim.Start()
	defer sim.Close()
	scale := sim.SeedScale(10_000, 3)
	token := login(b, sim, scale.User)
	for b.Loop() {
		pages(b, token, sim.URL(openstacksim.Compute)+"/v2.1/servers/detail", "servers")
		pages(b, token, sim.URL(openstacksim.Network)+"/v2.0/ports?limit=1000", "ports")
	}
}

func BenchmarkSeed(b *testing.B) {
	for b.Loop() {
		openstacksim.New(openstacksim.Options{}).SeedScale(10_000, 3)
	}
}
