// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

//nolint:thelper // sentences are tests, not helpers
package openstackconformance

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/applicationcredentials"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
)

var identitySentences = []sentence{
	{"keystone's root answers 300", func(t *testing.T, s *suite) {
		root := strings.TrimSuffix(strings.TrimSuffix(s.cloud.authURL, "/"), "/v3") + "/"
		callAs(t, "", http.MethodGet, root, "").expect(t, "GET /", http.StatusMultipleChoices, `"v3.`)
	}},
	{"a login without a scope gets the user's default project", func(t *testing.T, s *suite) {
		a := s.authenticate(t, s.cloud.member.password, "")
		a.expect(t, "no scope", http.StatusCreated, `"project"`, s.me.projectID, `"catalog"`)
	}},
	{"a login that asks for no scope gets a token without project and catalogue", func(t *testing.T, s *suite) {
		a := s.authenticate(t, s.cloud.member.password, `"unscoped"`)
		a.expect(t, "unscoped", http.StatusCreated)
		if a.has(`"project"`) || a.has(`"catalog"`) {
			t.Errorf("an unscoped token has a project or a catalogue: %.300s", a.body)
		}
	}},
	{"a wrong password, an unknown project and a project without a role get the same 401", func(t *testing.T, s *suite) {
		scope := func(project string) string {
			return fmt.Sprintf(`{"project":{"name":%q,"domain":{"name":"Default"}}}`, project)
		}
		wrong := s.authenticate(t, "wrong", scope(s.cloud.member.project))
		unknown := s.authenticate(t, s.cloud.member.password, scope("no-such-project"))
		foreign := s.authenticate(t, s.cloud.member.password, scope(s.cloud.other.project))
		for _, a := range []answer{wrong, unknown, foreign} {
			a.expect(t, "refused login", http.StatusUnauthorized, `{"error":{"code":401,"message":"The request you have made requires authentication.","title":"Unauthorized"}}`)
		}
	}},
	{"a login that isn't one gets 400", func(t *testing.T, s *suite) {
		s.post(t, `{"auth":{}}`).expect(t, "no identity", http.StatusBadRequest)
		s.post(t, `{`).expect(t, "no JSON", http.StatusBadRequest)
	}},
	{"the catalogue has the three services in the region, with three interfaces", func(t *testing.T, s *suite) {
		catalogue, err := tokens.Get(t.Context(), s.me.identity, s.me.provider.Token()).ExtractServiceCatalog()
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]int{}
		for _, e := range catalogue.Entries {
			for _, p := range e.Endpoints {
				if p.Region == s.cloud.region {
					found[e.Type]++
				}
			}
		}
		for _, kind := range []string{"identity", "network", "compute"} {
			if found[kind] != 3 {
				t.Errorf("%s has %d endpoints in %s instead of 3", kind, found[kind], s.cloud.region)
			}
		}
	}},
	{"an application credential logs in by ID and by name, in its own project only", appCredentials},
	{"an application credential's wrong secret or unasked scope gets 401", appCredentialRefusals},
	{"a token validates itself", func(t *testing.T, s *suite) {
		ok, err := tokens.Validate(t.Context(), s.me.identity, s.me.provider.Token())
		if err != nil || !ok {
			t.Errorf("a good token: %v, %v", ok, err)
		}
	}},
	{"a revoked token gets 401 from keystone at once and from the others soon", revocation},
	{"no token and a bad token get keystone's 401 from every service", func(t *testing.T, s *suite) {
		for _, token := range []string{"", "gAAAA-not-a-token"} {
			for _, url := range []string{s.me.network.ResourceBaseURL() + "networks", s.me.compute.ResourceBaseURL() + "servers"} {
				callAs(t, token, http.MethodGet, url, "").expect(t, url, http.StatusUnauthorized, `{"error":{"code":401`)
			}
		}
	}},
	{"an unscoped token gets 200 from nova with no servers and from neutron with shared networks only", func(t *testing.T, s *suite) {
		token := s.authenticate(t, s.cloud.member.password, `"unscoped"`).header.Get("X-Subject-Token")
		callAs(t, token, http.MethodGet, s.me.compute.ResourceBaseURL()+"servers", "").expect(t, "servers", http.StatusOK, `{"servers":[]}`)
		nets := callAs(t, token, http.MethodGet, s.me.network.ResourceBaseURL()+"networks", "")
		nets.expect(t, "networks", http.StatusOK, s.shared.ID)
		ports := callAs(t, token, http.MethodGet, s.me.network.ResourceBaseURL()+"ports", "")
		ports.expect(t, "ports", http.StatusOK, `{"ports":[]}`)
		if nets.has(s.net.ID) {
			t.Error("an unscoped token sees the user's own network")
		}
	}},
	{"a token of another project lists that project alone, with 200", func(t *testing.T, s *suite) {
		a := call(t, s.stranger.compute, http.MethodGet, "/servers", "")
		a.expect(t, "the stranger's servers", http.StatusOK)
		if a.has(s.serverOne) {
			t.Error("another project's token sees this project's server")
		}
	}},
}

func (s *suite) post(t *testing.T, body string) answer {
	t.Helper()
	return callAs(t, "", http.MethodPost, strings.TrimSuffix(s.cloud.authURL, "/")+"/auth/tokens", body)
}

// authenticate logs the member in with a password and a raw scope, or none.
func (s *suite) authenticate(t *testing.T, password, scope string) answer {
	t.Helper()
	if scope != "" {
		scope = `,"scope":` + scope
	}
	return s.post(t, fmt.Sprintf(`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":%q,"domain":{"name":"Default"},"password":%q}}}%s}}`,
		s.cloud.member.username, password, scope))
}

func (s *suite) appCredential(t *testing.T) *applicationcredentials.ApplicationCredential {
	t.Helper()
	ac, err := applicationcredentials.Create(t.Context(), s.me.identity, s.me.userID, applicationcredentials.CreateOpts{Name: s.prefix + "-ac", Secret: "conformance-secret"}).Extract()
	if err != nil {
		t.Fatalf("make an application credential: %v", err)
	}
	s.cleanUp(t, "application credential", func(ctx context.Context) error {
		return applicationcredentials.Delete(ctx, s.me.identity, s.me.userID, ac.ID).ExtractErr()
	})
	return ac
}

func appCredentials(t *testing.T, s *suite) {
	ac := s.appCredential(t)
	for name, opts := range map[string]gophercloud.AuthOptions{
		"by ID":   {ApplicationCredentialID: ac.ID},
		"by name": {ApplicationCredentialName: ac.Name, Username: s.cloud.member.username, DomainName: "Default"},
	} {
		opts.IdentityEndpoint, opts.ApplicationCredentialSecret = s.cloud.authURL, "conformance-secret"
		provider, err := openstack.AuthenticatedClient(t.Context(), opts)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		as, err := s.cloud.clients(provider)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		as.identify(t)
		if as.projectID != s.me.projectID {
			t.Errorf("%s: project %s instead of %s", name, as.projectID, s.me.projectID)
		}
	}
}

func appCredentialRefusals(t *testing.T, s *suite) {
	ac := s.appCredential(t)
	identity := `{"methods":["application_credential"],"application_credential":{"id":%q,"secret":%q}}`
	s.post(t, fmt.Sprintf(`{"auth":{"identity":`+identity+`}}`, ac.ID, "wrong")).expect(t, "wrong secret", http.StatusUnauthorized)
	s.post(t, fmt.Sprintf(`{"auth":{"identity":`+identity+`,"scope":{"project":{"id":%q}}}}`, ac.ID, "conformance-secret", s.me.projectID)).
		expect(t, "with a scope", http.StatusUnauthorized)
	s.post(t, fmt.Sprintf(`{"auth":{"identity":`+identity+`}}`, ac.ID, "conformance-secret")).expect(t, "as it should be", http.StatusCreated, ac.ID)
}

func revocation(t *testing.T, s *suite) {
	token := s.authenticate(t, s.cloud.member.password, "").header.Get("X-Subject-Token")
	servers := s.me.compute.ResourceBaseURL() + "servers?limit=1"
	callAs(t, token, http.MethodGet, servers, "").expect(t, "a fresh token", http.StatusOK)
	tokensURL := strings.TrimSuffix(s.cloud.authURL, "/") + "/auth/tokens"
	callAs(t, token, http.MethodDelete, tokensURL, "", "X-Subject-Token", token).expect(t, "revoke", http.StatusNoContent)
	callAs(t, token, http.MethodGet, tokensURL, "", "X-Subject-Token", token).expect(t, "keystone", http.StatusUnauthorized)
	// Services cache what they have validated (token_cache_time).
	s.cloud.eventually(t, "nova refuses the revoked token", func(context.Context) (bool, error) {
		return callAs(t, token, http.MethodGet, servers, "").status == http.StatusUnauthorized, nil
	})
}
