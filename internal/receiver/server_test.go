// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
)

// serve starts a server on free ports and returns where.
func serve(t *testing.T, c Cluster) (plain, encrypted string) {
	t.Helper()
	var listeners [2]net.Listener
	for i := range listeners {
		var err error
		if listeners[i], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	s := &Server{Receiver: New(Options{Cluster: c, Log: logr.Discard()}), Plain: listeners[0], TLS: listeners[1]}
	go func() { ended <- s.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return listeners[0].Addr().String(), listeners[1].Addr().String()
}

func realCall(t *testing.T, url, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+Path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	timestamp := strconv.FormatInt(time.Now().Unix(), 10)
	req.Header.Set(HeaderTimestamp, timestamp)
	req.Header.Set(HeaderSignature, Sign([]byte(key), timestamp, []byte(body)))
	return req
}

func TestSlowClientsAreCutOffAndKeepNobodyOut(t *testing.T) {
	t.Parallel()
	plain, _ := serve(t, newCluster())
	const slow = maxConnections + 20
	ends := make(chan error, slow)
	for i := range slow {
		conn, err := net.Dial("tcp", plain)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		start := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nX-Slow: ", Path)
		if i%2 == 0 { // the headers are there, the body never comes
			start = fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", Path)
		}
		if _, err := io.WriteString(conn, start); err != nil {
			t.Fatal(err)
		}
		go func() {
			_, err := io.Copy(io.Discard, conn) // ends when the server closes
			ends <- err
		}()
	}
	response, err := http.DefaultClient.Do(realCall(t, "http://"+plain, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusAccepted {
		t.Errorf("beside %d slow clients a call is answered with %d", slow, response.StatusCode)
	}
	for range slow {
		if err := <-ends; err != nil && !errors.Is(err, net.ErrClosed) && !strings.Contains(err.Error(), "reset") {
			t.Errorf("a slow client: %v", err)
		}
	}
}

func TestOverTLSTheKeyIsABearerTokenToo(t *testing.T) {
	t.Parallel()
	c := newCluster()
	certificate, pool := selfSigned(t)
	c.settings.TLSSecret = "tls"
	c.secrets["tls"] = certificate
	_, encrypted := serve(t, c)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer client.CloseIdleConnections()
	for token, want := range map[string]int{key: 202, "another": 401, "": 401} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+encrypted+Path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		response, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%q: %d", token, response.StatusCode)
		}
	}
	response, err := client.Do(realCall(t, "https://"+encrypted, ""))
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusAccepted {
		t.Errorf("a signed call over TLS: %d", response.StatusCode)
	}
}

func TestWithoutACertificateTLSIsRefusedAndPlainServed(t *testing.T) {
	t.Parallel()
	plain, encrypted := serve(t, newCluster())
	if _, err := tls.Dial("tcp", encrypted, &tls.Config{InsecureSkipVerify: true}); err == nil {
		t.Error("a handshake without a certificate succeeds")
	}
	response, err := http.DefaultClient.Do(realCall(t, "http://"+plain, ""))
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusAccepted {
		t.Errorf("%d", response.StatusCode)
	}
}

func selfSigned(t *testing.T) (map[string][]byte, *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return map[string][]byte{"tls.crt": bytes.Clone(cert), "tls.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})}, pool
}
