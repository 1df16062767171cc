// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// selfSigned writes a certificate for 127.0.0.1, its own authority, and its key.
func selfSigned(t testing.TB) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, content []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", signed), write("key.pem", "PRIVATE KEY", encoded)
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
