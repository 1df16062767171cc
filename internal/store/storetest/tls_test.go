// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

func selfSigned(t testing.TB) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return testenv.SelfSigned(t, private)
}

func TestTLSIsVerifiedAndNeverGivenUp(t *testing.T) {
	t.Parallel()
	certificate, key := selfSigned(t)
	other, _ := selfSigned(t)
	_, db := ownServer(t, "--ssl-cert="+certificate, "--ssl-key="+key)
	cfg := withAgent(config(t, db))
	cfg.TLS, cfg.TLSCAFile = true, certificate
	// Only an encrypted connection may use the account.
	asRoot(t, db.Server, "ALTER USER "+db.User+"@'%' REQUIRE SSL")
	apply(t, lead(t, open(t, cfg), store.Mark{}), FirstRun(1, 1))

	// The agents' drivers know no TLS.
	if rows, err := readAsM(t, agent(t, db), HostName(0)); err != nil || len(rows) != 1 {
		t.Errorf("agent M without TLS reads %v, %v", rows, err)
	}
	for name, ca := range map[string]string{"another authority": other, "the system's authorities": ""} {
		wrong := cfg
		wrong.TLSCAFile = ca
		if err := open(t, wrong).Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("with %s: %v, want an error about the certificate", name, err)
		}
	}
	plain := testenv.NewMariaDB(t, testenv.MariaDBOptions{Args: []string{"--skip-ssl"}})
	cfg = config(t, plain.Database(t))
	cfg.TLS, cfg.TLSCAFile = true, certificate
	if err := open(t, cfg).Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("a server without TLS: %v, want an error and no plain connection", err)
	}
}
