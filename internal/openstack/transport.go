// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	dialTimeout = 10 * time.Second
	// maxErrorBody is what is read of an answer that is not a success:
	// enough for OpenStack's message, little enough for a firewall's page.
	maxErrorBody = 16 << 10
	// maxRedirects on the same host: some proxies normalise paths.
	maxRedirects = 3
)

// newHTTPClient gives each session its own connections: they are bound to
// its CA and its trust.
func newHTTPClient(cred Credentials, maxBody int64) (http.Client, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(cred.CACert) > 0 {
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(cred.CACert) {
			return http.Client{}, &Error{Kind: BadRequest, Op: opLogin, Message: "cacert holds no PEM certificate"}
		}
	}
	conf.InsecureSkipVerify = cred.InsecureSkipVerify // a field of the user's own, with a warning
	return http.Client{
		Transport: &boundedTransport{
			maxBody: maxBody,
			base: &http.Transport{
				Proxy:                  http.ProxyFromEnvironment,
				DialContext:            (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext,
				TLSClientConfig:        conf,
				TLSHandshakeTimeout:    dialTimeout,
				ForceAttemptHTTP2:      true,
				MaxIdleConnsPerHost:    4,
				IdleConnTimeout:        90 * time.Second,
				MaxResponseHeaderBytes: 256 << 10,
			},
		},
		CheckRedirect: checkRedirect,
	}, nil
}

// checkRedirect follows a redirect of a GET within its host only. Anything
// else stays an answer with status 3xx: net/http would carry X-Auth-Token to
// any host, and turn a POST into a GET.
func checkRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	if first.Method != http.MethodGet || len(via) > maxRedirects ||
		req.URL.Scheme != first.URL.Scheme || req.URL.Host != first.URL.Host {
		return http.ErrUseLastResponse
	}
	return nil
}

// boundedTransport bounds what is read of every body.
type boundedTransport struct {
	base    *http.Transport
	maxBody int64
}

// RoundTrip implements http.RoundTripper.
func (t *boundedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 200 || resp.StatusCode >= 300 {
		resp.Body = &prefixBody{Reader: io.LimitReader(resp.Body, maxErrorBody), Closer: resp.Body}
		return resp, nil
	}
	resp.Body = &boundedBody{ReadCloser: resp.Body, left: t.maxBody, max: t.maxBody}
	return resp, nil
}

// CloseIdleConnections is found by http.Client.
func (t *boundedTransport) CloseIdleConnections() { t.base.CloseIdleConnections() }

// prefixBody silently ends early.
type prefixBody struct {
	io.Reader
	io.Closer
}

// boundedBody fails where the limit is passed.
type boundedBody struct {
	io.ReadCloser
	left, max int64
}

var errTooLarge = errors.New("body too large")

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, fmt.Errorf("%w: more than %d bytes", errTooLarge, b.max)
	}
	// One byte more than allowed tells a body of exactly max from a larger.
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return n - 1, fmt.Errorf("%w: more than %d bytes", errTooLarge, b.max)
	}
	return n, err
}
