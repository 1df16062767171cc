// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/xormsdhkdwk/multinic/test/openstacksim"
)

func start(t *testing.T, o openstacksim.Options) *openstacksim.Sim {
	t.Helper()
	sim := openstacksim.New(o)
	sim.Start()
	t.Cleanup(sim.Close)
	return sim
}

// login is a raw login, without gophercloud, so that headers and bodies can be
// looked at as they are.
func login(tb testing.TB, sim *openstacksim.Sim, u openstacksim.User) string {
	tb.Helper()
	body := fmt.Sprintf(`{"auth":{"identity":{"methods":["password"],"password":{"user":{"id":%q,"password":%q}}}}}`, u.ID, u.Password)
	resp, err := http.Post(sim.AuthURL()+"/auth/tokens", "application/json", strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		tb.Fatalf("login: %s", resp.Status)
	}
	return resp.Header.Get("X-Subject-Token")
}

type reply struct {
	status int
	header http.Header
	body   []byte
	err    error // of reading the body
}

func get(t *testing.T, token, url string, headers ...string) reply {
	t.Helper()
	r, err := do(token, http.MethodGet, url, "", headers...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func do(token, method, url, body string, headers ...string) (reply, error) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("X-Auth-Token", token)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, b, err}, nil
}

func TestEveryBodyIsWellFormedJSONAndOfTheRecordedSize(t *testing.T) {
	t.Parallel()
	sim := start(t, openstacksim.Options{})
	lab := sim.SeedLab(20)
	for _, u := range []openstacksim.User{lab.User, lab.Admin} {
		token := login(t, sim, u)
		for _, path := range []string{"/v2.0/networks", "/v2.0/subnets", "/v2.0/ports", "/v2.0/ports?limit=3", "/v2.0/", "/v2.0/extensions", "/v2.0/security-groups", "/v2.0/quotas/" + lab.Project.ID, "/"} {
			if r := get(t, token, sim.URL(openstacksim.Network)+path); !json.Valid(r.body) || r.status != 200 {
				t.Errorf("%s as %s: %d %s", path, u.Name, r.status, r.body)
			}
		}
		for _, path := range []string{"/v2.1/servers", "/v2.1/servers/detail", "/v2.1/servers/detail?limit=3", "/v2.1/limits", "/v2.1/flavors", "/v2.1/", "/", "/v2.1/servers/" + lab.Servers[0].ID} {
			for _, mv := range []string{"2.1", "latest"} {
				r := get(t, token, sim.URL(openstacksim.Compute)+path, "X-OpenStack-Nova-API-Version", mv)
				if !json.Valid(r.body) || r.status != 200 && u.Name != "admin" {
					t.Errorf("%s at %s as %s: %d %s", path, mv, u.Name, r.status, r.body)
				}
			}
		}
	}
	token := login(t, sim, lab.User)
	// Recorded: 1466 bytes for a server with a port of 20 (nova-server-get),
	// with links to port 8774; 732 for a port (neutron-port-get).
	r := get(t, token, sim.URL(openstacksim.Compute)+"/v2.1/servers/"+lab.Servers[0].ID)
	if n := len(r.body); n < 1440 || n > 1490 {
		t.Errorf("a server is %d bytes: %s", n, r.body)
	}
	port := sim.ServerPorts(lab.Servers[0].ID)[0]
	r = get(t, token, sim.URL(openstacksim.Network)+"/v2.0/ports/"+port.ID)
	if n := len(r.body); n < 700 || n > 860 {
		t.Errorf("a port is %d bytes: %s", n, r.body)
	}
}

func clientTrusting(t *testing.T, ca []byte) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		t.Fatal("no certificate in CAPEM")
	}
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}
