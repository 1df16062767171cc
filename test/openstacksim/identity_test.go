// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim_test

import (
	"net/http"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/xormsdhkdwk/multinic/test/openstacksim"
)

func TestTokensEndByExpiryRevocationKeyRotationAndNewPassword(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(g *ground){
		"expired":  func(g *ground) { g.ExpireTokens() },
		"revoked":  func(g *ground) { g.RevokeTokens(g.lab.User.ID) },
		"rotated":  func(g *ground) { g.RotateKeys() },
		"password": func(g *ground) { g.SetPassword(g.lab.User.ID, "another") },
		"disabled": func(g *ground) { g.DisableUser(g.lab.User.ID, true) },
	} {
		g := lab(t, openstacksim.Options{})
		if r := g.get(t, g.compute+"/servers"); r.status != 200 {
			t.Fatalf("before: %d", r.status)
		}
		end(g)
		for _, url := range []string{g.compute + "/servers", g.network + "/ports"} {
			if r := g.get(t, url); r.status != 401 || r.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s, %s: %d", name, url, r.status)
			}
		}
	}
}

func TestATokenLivesAsLongAsTheClockSays(t *testing.T) {
	t.Parallel()
	clock := clocktesting.NewFakePassiveClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	g := lab(t, openstacksim.Options{Clock: clock, TokenLifetime: time.Minute})
	clock.SetTime(clock.Now().Add(59 * time.Second))
	if r := g.get(t, g.network+"/networks"); r.status != 200 {
		t.Errorf("after 59 s: %d", r.status)
	}
	clock.SetTime(clock.Now().Add(2 * time.Second))
	if r := g.get(t, g.network+"/networks"); r.status != 401 {
		t.Errorf("after 61 s: %d", r.status)
	}
}

func TestAServiceGoesOnWithATokenItHasCached(t *testing.T) {
	t.Parallel()
	clock := clocktesting.NewFakePassiveClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	g := lab(t, openstacksim.Options{Clock: clock, TokenCache: 10 * time.Second})
	g.get(t, g.compute+"/servers") // nova has seen it, neutron hasn't
	g.RevokeTokens("")
	if nova, neutron := g.get(t, g.compute+"/servers").status, g.get(t, g.network+"/ports").status; nova != 200 || neutron != 401 {
		t.Errorf("right after the revocation: nova %d, neutron %d", nova, neutron)
	}
	clock.SetTime(clock.Now().Add(11 * time.Second))
	if nova := g.get(t, g.compute+"/servers").status; nova != 401 {
		t.Errorf("when the cache has run out: nova %d", nova)
	}
}

func TestAStoppedServiceRefusesConnectionsAndComesBackOnItsPort(t *testing.T) {
	t.Parallel()
	g := lab(t, openstacksim.Options{})
	g.StopService(openstacksim.Network)
	if _, err := do(g.token, http.MethodGet, g.network+"/ports", ""); err == nil {
		t.Error("a stopped neutron answers")
	}
	if r := g.get(t, g.compute+"/servers/"+g.lab.Servers[0].ID); r.status != 500 {
		t.Errorf("nova without neutron: %d", r.status)
	}
	if r := g.get(t, g.compute+"/servers/detail"); r.status != 200 {
		t.Errorf("a list needs no neutron: %d", r.status)
	}
	g.StartService(openstacksim.Network)
	if r := g.get(t, g.network+"/ports"); r.status != 200 {
		t.Errorf("started again: %d", r.status)
	}
}
