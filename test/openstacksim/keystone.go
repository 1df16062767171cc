// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

const defaultDomain = `{"id": "default", "name": "Default"}`

func (s *Sim) keystoneHandler() http.Handler {
	rt := &router{sim: s, svc: Identity, mux: http.NewServeMux()}
	if s.opts.Control {
		s.controlRoutes(rt)
	}
	rt.handle("GET /{$}", keystoneVersions)
	rt.handle("GET /v3", keystoneVersion)
	rt.handle("GET /v3/{$}", keystoneVersion)
	rt.handle("POST /v3/auth/tokens", createToken)
	rt.handle("GET /v3/auth/tokens", validateToken) // HEAD too
	rt.handle("DELETE /v3/auth/tokens", revokeToken)
	rt.handle("GET /v3/auth/catalog", withToken(func(c *call) answer {
		return c.read(func(st *state) answer {
			w := spacedJSON()
			w.begin('{')
			writeCatalogue(w, st)
			w.end('}')
			return jsonAnswer(http.StatusOK, w.buf)
		})
	}))
	rt.handle("GET /v3/auth/projects", withToken(listAuthProjects))
	rt.handle("GET /v3/users/{user}/application_credentials", withToken(listAppCreds))
	rt.handle("POST /v3/users/{user}/application_credentials", withToken(createAppCred))
	rt.handle("GET /v3/users/{user}/application_credentials/{id}", withToken(getAppCred))
	rt.handle("DELETE /v3/users/{user}/application_credentials/{id}", withToken(deleteAppCred))
	rt.handle("/", func(*call) answer {
		return keystoneError(http.StatusNotFound, "The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.")
	})
	return rt.mux
}

func keystoneVersionDoc(base string) string {
	return fmt.Sprintf(`{"id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z", "links": [{"rel": "self", "href": "%s/v3/"}], "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}]}`, base)
}

// keystoneVersions answers 300, as the real one does at its root.
func keystoneVersions(c *call) answer {
	a := jsonAnswer(http.StatusMultipleChoices, []byte(`{"versions": {"values": [`+keystoneVersionDoc(c.base())+`]}}`))
	a.header.Set("Location", c.base()+"/v3/")
	return a
}

func keystoneVersion(c *call) answer {
	return jsonAnswer(http.StatusOK, []byte(`{"version": `+keystoneVersionDoc(c.base())+`}`))
}

// withToken lets only holders of a good token in.
func withToken(h handler) handler {
	return func(c *call) answer {
		t := c.sim.lookupToken(c.r.Header.Get("X-Auth-Token"))
		if t == nil {
			return c.keystone401()
		}
		c.token = t
		return h(c)
	}
}

// lookupToken is keystone's view of a token: nil unless it is good now.
func (s *Sim) lookupToken(id string) *token {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := s.live.tokens[id]
	if t == nil || t.revoked || !s.now().Before(t.expires) {
		return nil
	}
	if u := s.live.users[t.userID]; u == nil || u.Disabled {
		return nil
	}
	k := *t
	return &k
}

func listAuthProjects(c *call) answer {
	return c.read(func(st *state) answer {
		w := spacedJSON()
		w.begin('{')
		w.key("projects")
		w.begin('[')
		for id := range st.users[c.token.userID].Roles {
			if p := st.projects[id]; p != nil {
				w.sep()
				w.begin('{')
				w.str("id", p.ID)
				w.str("name", p.Name)
				w.str("domain_id", "default")
				w.boolean("enabled", !p.Disabled)
				w.boolean("is_domain", false)
				w.end('}')
			}
		}
		w.end(']')
		w.end('}')
		return jsonAnswer(http.StatusOK, w.buf)
	})
}

const keystoneTime = "2006-01-02T15:04:05.000000Z"

// tokenBody is the document of a token; the caller holds the lock.
func tokenBody(st *state, t *token, catalogue bool) []byte {
	u := st.users[t.userID]
	w := spacedJSON()
	w.begin('{')
	w.key("token")
	w.begin('{')
	w.strs("methods", t.methods)
	w.raw("user", fmt.Sprintf(`{"domain": %s, "id": %q, "name": %s, "password_expires_at": null}`, defaultDomain, u.ID, mustJSON(u.Name)))
	w.strs("audit_ids", []string{t.auditID})
	w.str("expires_at", t.expires.Format(keystoneTime))
	w.str("issued_at", t.issued.Format(keystoneTime))
	if p := st.projects[t.projectID]; p != nil {
		w.raw("project", fmt.Sprintf(`{"domain": %s, "id": %q, "name": %s}`, defaultDomain, p.ID, mustJSON(p.Name)))
		w.boolean("is_domain", false)
		w.key("roles")
		w.begin('[')
		for _, r := range t.roles {
			w.sep()
			w.begin('{')
			w.str("id", roleID(r))
			w.str("name", r)
			w.end('}')
		}
		w.end(']')
		if catalogue {
			writeCatalogue(w, st)
		}
	}
	if ac := st.appCreds[t.appCredID]; ac != nil {
		w.raw("application_credential", fmt.Sprintf(`{"id": %q, "name": %s, "restricted": %t}`, ac.ID, mustJSON(ac.Name), !ac.Unrestricted))
	}
	w.end('}')
	w.end('}')
	return w.buf
}

// roleID is stable, so that roles need no table.
func roleID(name string) string {
	return fmt.Sprintf("%032x", name)[:32]
}

// writeCatalogue groups the endpoints by service, in the order of the state.
func writeCatalogue(w *jsonWriter, st *state) {
	w.key("catalog")
	w.begin('[')
	done := map[string]bool{}
	for _, first := range st.endpoints {
		if done[first.ServiceType] {
			continue
		}
		done[first.ServiceType] = true
		w.sep()
		w.begin('{')
		w.key("endpoints")
		w.begin('[')
		for _, e := range st.endpoints {
			if e.ServiceType == first.ServiceType {
				w.sep()
				w.begin('{')
				w.str("id", e.ID)
				w.str("interface", e.Interface)
				w.str("region_id", e.Region)
				w.str("url", e.URL)
				w.str("region", e.Region)
				w.end('}')
			}
		}
		w.end(']')
		w.str("id", fmt.Sprintf("%032x", first.ServiceType)[:32])
		w.str("type", first.ServiceType)
		w.str("name", first.ServiceName)
		w.end('}')
	}
	w.end(']')
}

// fillCatalogue enters the three services at their addresses.
func (s *Sim) fillCatalogue() {
	paths := map[Service]struct{ name, suffix string }{
		Network: {"neutron", ""}, Identity: {"keystone", "/v3"}, Compute: {"nova", "/v2.1"},
	}
	for _, svc := range []Service{Network, Identity, Compute} {
		for _, iface := range []string{"public", "internal", "admin"} {
			s.AddEndpoint(Endpoint{
				ServiceType: string(svc), ServiceName: paths[svc].name, Interface: iface,
				Region: s.opts.Region, URL: s.URL(svc) + paths[svc].suffix,
			})
		}
	}
}

func noCatalogue(c *call) bool { return c.query.Has("nocatalog") }

// sameName compares names as keystone on MariaDB does: its collation ignores
// the case.
func sameName(a, b string) bool { return strings.EqualFold(a, b) }

func expired(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }
