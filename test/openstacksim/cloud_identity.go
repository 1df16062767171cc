// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The Go methods of this and the other cloud_*.go files change the cloud
// behind the API's back: no request, no journal entry, no policy. They panic
// when they are given something that doesn't exist, since that is an error of
// the test.

func mustf(ok bool, format string, args ...any) {
	if !ok {
		panic("openstacksim: " + fmt.Sprintf(format, args...))
	}
}

// change runs f on the live cloud.
func (s *Sim) change(f func(st *state)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.live)
}

func (s *Sim) seedIdentity() {
	p := s.AddProject("admin")
	s.AddUser(User{Name: "admin", Password: "admin", DefaultProjectID: p.ID, Roles: map[string][]string{p.ID: {"admin", "member", "reader"}}})
}

// AddProject makes a project with its default security group.
func (s *Sim) AddProject(name string) Project {
	p := &Project{ID: s.ids.hex32(), Name: name}
	s.change(func(st *state) {
		st.projects[p.ID] = p
		s.addDefaultGroup(st, p.ID)
	})
	return *p
}

func (s *Sim) addDefaultGroup(st *state, projectID string) {
	g := &SecurityGroup{ID: s.ids.uuid(), Name: "default", ProjectID: projectID}
	st.groups[g.ID] = g
}

// AddUser makes a user. Without Roles it is a member of its default project.
func (s *Sim) AddUser(u User) User {
	if u.ID == "" {
		u.ID = s.ids.hex32()
	}
	if u.Roles == nil && u.DefaultProjectID != "" {
		u.Roles = map[string][]string{u.DefaultProjectID: {"member", "reader"}}
	}
	s.change(func(st *state) {
		for id := range u.Roles {
			mustf(st.projects[id] != nil, "no project %q", id)
		}
		st.users[u.ID] = &u
	})
	return u
}

// SetPassword changes a user's password; its tokens are revoked, as keystone
// does it.
func (s *Sim) SetPassword(userID, password string) {
	s.change(func(st *state) {
		mustf(st.users[userID] != nil, "no user %q", userID)
		k := *st.users[userID]
		k.Password = password
		st.users[userID] = &k
	})
	s.RevokeTokens(userID)
}

// DisableUser locks a user out, tokens included.
func (s *Sim) DisableUser(userID string, disabled bool) {
	s.change(func(st *state) {
		mustf(st.users[userID] != nil, "no user %q", userID)
		k := *st.users[userID]
		k.Disabled = disabled
		st.users[userID] = &k
	})
}

// SetRoles sets a user's roles in a project; none removes it from the project.
func (s *Sim) SetRoles(userID, projectID string, roles ...string) {
	s.change(func(st *state) {
		mustf(st.users[userID] != nil, "no user %q", userID)
		k := *st.users[userID]
		m := map[string][]string{}
		maps.Copy(m, k.Roles)
		m[projectID] = roles
		k.Roles = m
		st.users[userID] = &k
	})
}

// AddAppCredential makes an application credential; an empty secret is made up,
// empty roles are all of the user's.
func (s *Sim) AddAppCredential(ac AppCredential) AppCredential {
	if ac.ID == "" {
		ac.ID = s.ids.hex32()
	}
	if ac.Secret == "" {
		ac.Secret = s.ids.token()
	}
	s.change(func(st *state) {
		u := st.users[ac.UserID]
		mustf(u != nil, "no user %q", ac.UserID)
		if ac.ProjectID == "" {
			ac.ProjectID = u.DefaultProjectID
		}
		if ac.Roles == nil {
			ac.Roles = slices.Clone(u.Roles[ac.ProjectID])
		}
		st.appCreds[ac.ID] = &ac
	})
	return ac
}

// DeleteAppCredential removes one and revokes its tokens.
func (s *Sim) DeleteAppCredential(id string) {
	s.change(func(st *state) { delete(st.appCreds, id) })
	s.eachToken(func(t *token) {
		if t.appCredID == id {
			t.revoked = true
		}
	})
}

func (s *Sim) eachToken(f func(*token)) {
	s.change(func(st *state) {
		for id, t := range st.tokens {
			k := *t
			f(&k)
			st.tokens[id] = &k
		}
	})
}

// RevokeTokens makes all of a user's tokens bad; of all users when userID is
// empty. A service with a token cache notices when the cache runs out.
func (s *Sim) RevokeTokens(userID string) {
	s.eachToken(func(t *token) {
		if userID == "" || t.userID == userID {
			t.revoked = true
		}
	})
}

// ExpireTokens lets all tokens expire now.
func (s *Sim) ExpireTokens() {
	now := s.now()
	s.eachToken(func(t *token) { t.expires = now })
}

// RotateKeys throws keystone's Fernet keys away: no old token is good any more.
func (s *Sim) RotateKeys() { s.change(func(st *state) { clear(st.tokens) }) }

// AddEndpoint enters an endpoint in the catalogue, beside those of the three
// services themselves: another region, or one that leads nowhere.
func (s *Sim) AddEndpoint(e Endpoint) {
	if e.ID == "" {
		e.ID = s.ids.hex32()
	}
	s.change(func(st *state) { st.endpoints = append(st.endpoints, e) })
}

// RemoveEndpoints takes the endpoints of a service type ("network") out of the
// catalogue.
func (s *Sim) RemoveEndpoints(serviceType string) {
	s.change(func(st *state) {
		st.endpoints = slices.DeleteFunc(st.endpoints, func(e Endpoint) bool { return e.ServiceType == serviceType })
	})
}

// Credentials are what a clouds.yaml needs for one login: a user with its
// project, or an application credential.
type Credentials struct {
	User          *User
	ProjectName   string // empty is the user's default project
	AppCredential *AppCredential
	// CACertFile is the path of a file with Sim.CAPEM, under TLS.
	CACertFile string
	// Insecure is "verify: false".
	Insecure bool
}

// CloudsYAML is a clouds.yaml with the cloud "openstack" for these credentials.
func (s *Sim) CloudsYAML(c Credentials) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("clouds:")
	line("  openstack:")
	line("    region_name: %s", s.opts.Region)
	line("    interface: public")
	line("    identity_api_version: 3")
	if c.CACertFile != "" {
		line("    cacert: %q", c.CACertFile)
	}
	if c.Insecure {
		line("    verify: false")
	}
	if c.AppCredential != nil {
		line("    auth_type: v3applicationcredential")
		line("    auth:")
		line("      auth_url: %s", s.AuthURL())
		line("      application_credential_id: %s", c.AppCredential.ID)
		line("      application_credential_secret: %q", c.AppCredential.Secret)
		return b.String()
	}
	mustf(c.User != nil, "credentials without user or application credential")
	project := c.ProjectName
	if project == "" {
		s.mu.RLock()
		if p := s.live.projects[c.User.DefaultProjectID]; p != nil {
			project = p.Name
		}
		s.mu.RUnlock()
	}
	line("    auth:")
	line("      auth_url: %s", s.AuthURL())
	line("      username: %q", c.User.Name)
	line("      password: %q", c.User.Password)
	line("      project_name: %q", project)
	line("      user_domain_name: Default")
	line("      project_domain_name: Default")
	return b.String()
}

// TokenCount is the number of tokens given out that are still good.
func (s *Sim) TokenCount() int {
	now, n := s.now(), 0
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, t := range s.live.tokens {
		if !t.revoked && !expired(t.expires, now) {
			n++
		}
	}
	return n
}

// Tokens are the IDs of all tokens ever given out that keystone still knows,
// for a test that looks for leaked secrets.
func (s *Sim) Tokens() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	ids := make([]string, 0, len(s.live.tokens))
	for id := range s.live.tokens {
		ids = append(ids, id)
	}
	return ids
}
