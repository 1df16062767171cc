// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"crypto/tls"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestEndpointsComeFromTheCatalogueOrFromTheOverrides(t *testing.T) {
	t.Parallel()
	two := func(kind, one, other string) map[string]any {
		return map[string]any{"type": kind, "endpoints": []any{
			map[string]any{"interface": "public", "region": "one", "region_id": "one", "url": one},
			map[string]any{"interface": "public", "region": "two", "region_id": "two", "url": other},
			map[string]any{"interface": "internal", "region": "two", "region_id": "two", "url": "http://internal.invalid"},
		}}
	}
	for name, tc := range map[string]struct {
		catalogue func(url string) []any
		change    func(url string, c *Credentials)
		says      string // "" is success
	}{
		"no network service": {
			func(url string) []any { return []any{entry("compute", "one", url+"/compute")} }, nil,
			"no network service",
		},
		"no compute service": {
			func(url string) []any { return []any{entry("network", "one", url+"/network")} }, nil,
			"no compute service",
		},
		"an empty catalogue with overrides": {
			func(string) []any { return []any{} },
			func(url string, c *Credentials) {
				c.NetworkEndpoint, c.ComputeEndpoint = url+"/network/v2.0/", url+"/compute"
			}, "",
		},
		"an override of one of them": {
			func(url string) []any {
				return []any{entry("network", "one", "http://nowhere.invalid"), entry("compute", "one", url+"/compute/v2.1/")}
			},
			func(url string, c *Credentials) { c.NetworkEndpoint = url + "/network/" }, "",
		},
		"two regions and none chosen": {
			func(url string) []any {
				return []any{two("network", url+"/network", "http://other.invalid"), two("compute", url+"/compute", "http://other.invalid")}
			}, nil,
			`regions: "one", "two"`,
		},
		"two regions and one chosen": {
			func(url string) []any {
				return []any{two("network", url+"/network", "http://other.invalid"), two("compute", url+"/compute", "http://other.invalid")}
			},
			func(_ string, c *Credentials) { c.Region = "one" }, "",
		},
		"a region that is not there": {
			func(url string) []any {
				return []any{entry("network", "one", url+"/network"), entry("compute", "one", url+"/compute")}
			},
			func(_ string, c *Credentials) { c.Region = "three" },
			`region "three" (regions: "one")`,
		},
		"an interface that is not there": {
			func(url string) []any {
				return []any{entry("network", "one", url+"/network"), entry("compute", "one", url+"/compute")}
			},
			func(_ string, c *Credentials) { c.Interface = "internal" },
			`interface "internal"`,
		},
		"an address that is none": {
			func(url string) []any {
				return []any{entry("network", "one", "nonsense"), entry("compute", "one", url+"/compute")}
			}, nil,
			"network service is no URL",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := startCloud(t)
			cloud.catalogue = tc.catalogue(cloud.URL)
			cred := cloud.credentials()
			if tc.change != nil {
				tc.change(cloud.URL, &cred)
			}
			c := newClient(t, Options{})
			if tc.says == "" {
				mustSnapshot(t, c, cred, oneVM)
				return
			}
			e := mustFail(t, c, cred, oneVM, EndpointUnknown)
			if !strings.Contains(e.Error(), tc.says) || e.Temporary() {
				t.Errorf("want a lasting error that says %q: %v", tc.says, e)
			}
		})
	}
}

func TestATokenDoesNotFollowARedirectToAnotherHost(t *testing.T) {
	t.Parallel()
	var stolen []string
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stolen = append(stolen, r.Header.Get("X-Auth-Token"))
		reply(w, 200, map[string]any{"servers": []any{}})
	}))
	defer thief.Close()
	for _, call := range []string{loginCall, serversCall, portsCall} {
		cloud := startCloud(t)
		cloud.on(call, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, thief.URL+"/x", http.StatusTemporaryRedirect)
		})
		e := mustFail(t, newClient(t, Options{}), cloud.credentials(), oneVM, EndpointUnknown)
		if !strings.Contains(e.Error(), thief.URL) {
			t.Errorf("the message should say where the redirect leads: %v", e)
		}
	}
	if len(stolen) > 0 {
		t.Errorf("the other host was asked %d times", len(stolen))
	}
}

func TestARedirectWithinTheHostIsFollowed(t *testing.T) {
	t.Parallel()
	cloud := startCloud(t)
	cloud.on("GET /old/v2.0/subnets", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/network/v2.0/subnets?"+r.URL.RawQuery, http.StatusMovedPermanently)
	})
	cloud.on("GET /old/v2.0/networks", cloud.moved("/network/v2.0/networks"))
	cloud.on("GET /old/v2.0/ports", cloud.moved("/network/v2.0/ports"))
	cred := cloud.credentials()
	cred.NetworkEndpoint = cloud.URL + "/old"
	mustSnapshot(t, newClient(t, Options{}), cred, oneVM)
}

func (f *fakeCloud) moved(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, to+"?"+r.URL.RawQuery, http.StatusPermanentRedirect)
	}
}

func startTLSCloud(t *testing.T) *fakeCloud {
	t.Helper()
	f := newFakeCloud()
	f.Server = httptest.NewUnstartedServer(f)
	f.Config.ErrorLog = quiet
	f.StartTLS()
	t.Cleanup(f.Close)
	return f
}

func caOf(f *fakeCloud) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw})
}

func TestTLSIsVerified(t *testing.T) {
	t.Parallel()
	cloud := startTLSCloud(t)
	for name, tc := range map[string]struct {
		change func(*Credentials)
		says   string // "" is success
	}{
		"an authority that nobody knows": {func(*Credentials) {}, "authority that is not trusted"},
		"the private CA":                 {func(c *Credentials) { c.CACert = caOf(cloud) }, ""},
		"verification skipped":           {func(c *Credentials) { c.InsecureSkipVerify = true }, ""},
		"plain HTTP to the TLS port":     {func(c *Credentials) { c.AuthURL = strings.Replace(c.AuthURL, "https", "http", 1) }, "use https://"},
		"a name that is not in the certificate": {func(c *Credentials) {
			c.CACert, c.AuthURL = caOf(cloud), strings.Replace(c.AuthURL, "127.0.0.1", "localhost", 1)
		}, "not for this name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cred := cloud.credentials()
			tc.change(&cred)
			c := newClient(t, Options{})
			if tc.says == "" {
				mustSnapshot(t, c, cred, oneVM)
				return
			}
			e := mustFail(t, c, cred, oneVM, TLS)
			if !strings.Contains(e.Error(), tc.says) || e.Temporary() {
				t.Errorf("want a lasting error that says %q: %v", tc.says, e)
			}
		})
	}
}

func TestTLSToAPlainPortIsToldFromAnUnreachableHost(t *testing.T) {
	t.Parallel()
	cloud := startCloud(t)
	cred := cloud.credentials()
	cred.AuthURL = strings.Replace(cred.AuthURL, "http", "https", 1)
	e := mustFail(t, newClient(t, Options{}), cred, oneVM, TLS)
	if !strings.Contains(e.Error(), "plain HTTP, not TLS") {
		t.Error(e)
	}
	// A server that answers plain HTTP with a TLS alert, as nginx' stream
	// modules and many appliances do.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 1024)) // it answers, it does not speak first
			_, _ = conn.Write([]byte{0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46})
			_ = conn.Close()
		}
	}()
	cred.AuthURL = "http://" + l.Addr().String()
	mustFail(t, newClient(t, Options{}), cred, oneVM, TLS)
}

func TestATLSVersionThatTheServerRefusesIsATLSError(t *testing.T) {
	t.Parallel()
	f := newFakeCloud()
	f.Server = httptest.NewUnstartedServer(f)
	f.Config.ErrorLog = quiet
	f.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	f.StartTLS()
	defer f.Close()
	cred := f.credentials()
	cred.CACert = caOf(f)
	mustFail(t, newClient(t, Options{}), cred, oneVM, TLS)
}

func TestAHostThatCannotBeReachedSaysSo(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	_ = l.Close()
	cloud := startCloud(t)
	cred := cloud.credentials()
	cred.AuthURL = "http://" + closed
	e := mustFail(t, newClient(t, Options{}), cred, oneVM, Unreachable)
	if !strings.Contains(e.Error(), "connection refused") || !e.Temporary() {
		t.Error(e)
	}
	if text := reach(&net.DNSError{Name: "keystone.example", IsNotFound: true}); !strings.Contains(text, `"keystone.example" can't be resolved`) {
		t.Error(text)
	}
}
