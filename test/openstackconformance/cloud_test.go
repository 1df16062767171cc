// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstackconformance

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
)

// login is one account.
type login struct{ username, password, project string }

// cloud is what the suite is told about the cloud it judges.
type cloud struct {
	authURL, region string
	member, other   login
	// admin is optional: sentences about quotas and admin-only attributes run
	// only with it.
	admin *login
	// patience bounds each wait for something asynchronous.
	patience time.Duration
}

// session is one account's clients.
type session struct {
	provider                   *gophercloud.ProviderClient
	identity, network, compute *gophercloud.ServiceClient
	projectID, userID          string
}

func (c *cloud) authOptions(l login) gophercloud.AuthOptions {
	return gophercloud.AuthOptions{
		IdentityEndpoint: c.authURL, Username: l.username, Password: l.password, DomainName: "Default",
		Scope: &gophercloud.AuthScope{ProjectName: l.project, DomainName: "Default"}, AllowReauth: true,
	}
}

func (c *cloud) open(t *testing.T, l login) *session {
	t.Helper()
	provider, err := openstack.AuthenticatedClient(t.Context(), c.authOptions(l))
	if err != nil {
		t.Fatalf("log in as %s: %v", l.username, err)
	}
	s, err := c.clients(provider)
	if err != nil {
		t.Fatalf("find the services: %v", err)
	}
	return s
}

func (c *cloud) clients(provider *gophercloud.ProviderClient) (*session, error) {
	s := &session{provider: provider}
	eo := gophercloud.EndpointOpts{Region: c.region}
	var errs [3]error
	s.identity, errs[0] = openstack.NewIdentityV3(provider, eo)
	s.network, errs[1] = openstack.NewNetworkV2(provider, eo)
	s.compute, errs[2] = openstack.NewComputeV2(provider, eo)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	return s, nil
}

// answer is a raw answer, for what gophercloud hides: links, headers, bodies
// of errors.
type answer struct {
	status int
	header http.Header
	body   string
}

// has tells whether the body contains a text, whatever the white space between
// JSON's members.
func (a answer) has(text string) bool {
	squeeze := strings.NewReplacer(`": `, `":`, `, "`, `,"`)
	return strings.Contains(squeeze.Replace(a.body), squeeze.Replace(text))
}

// call makes one request with a session's token and takes any status.
func call(t *testing.T, client *gophercloud.ServiceClient, method, path, body string, headers ...string) answer {
	t.Helper()
	return callURL(t, client, method, strings.TrimSuffix(client.ResourceBaseURL(), "/")+path, body, headers...)
}

func callURL(t *testing.T, client *gophercloud.ServiceClient, method, url, body string, headers ...string) answer {
	t.Helper()
	return callAs(t, client.Token(), method, url, body, headers...)
}

// wire keeps no connection: keystone closes each one, and a 414 does too.
var wire = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func callAs(t *testing.T, token, method, url, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("X-Auth-Token", token)
	}
	req.Header.Set("Accept", "application/json") // nova's errors outside its controllers are plain text otherwise
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := wire.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer func() { _ = resp.Body.Close() }()
	var b strings.Builder
	if _, err := io.Copy(&b, resp.Body); err != nil {
		t.Fatalf("%s %s: read the answer: %v", method, url, err)
	}
	return answer{resp.StatusCode, resp.Header, b.String()}
}

// expect fails unless the status is the one wanted and the body contains each
// text.
func (a answer) expect(t *testing.T, why string, status int, texts ...string) {
	t.Helper()
	if a.status != status {
		t.Errorf("%s: status %d instead of %d: %.300s", why, a.status, status, a.body)
		return
	}
	for _, text := range texts {
		if !a.has(text) {
			t.Errorf("%s: no %q in %.400s", why, text, a.body)
		}
	}
}

// wantStatus fails unless err is an answer with that status and the texts.
func wantStatus(t *testing.T, why string, err error, status int, texts ...string) {
	t.Helper()
	var unexpected gophercloud.ErrUnexpectedResponseCode
	if !errors.As(err, &unexpected) {
		t.Errorf("%s: %v instead of status %d", why, err, status)
		return
	}
	answer{status: unexpected.Actual, body: string(unexpected.Body)}.expect(t, why, status, texts...)
}

// eventually polls until check is content or patience ends.
func (c *cloud) eventually(t *testing.T, what string, check func(ctx context.Context) (bool, error)) {
	t.Helper()
	deadline := time.Now().Add(c.patience)
	tick := time.NewTicker(c.patience / 400)
	defer tick.Stop()
	for {
		ok, err := check(t.Context())
		if err == nil && ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s (last error: %v)", c.patience, what, err)
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("stopped while waiting: %s", what)
		}
	}
}
