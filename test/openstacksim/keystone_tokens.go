// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

type domainRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func (d *domainRef) isDefault() bool {
	return d != nil && (d.ID == "default" || sameName(d.Name, "Default"))
}

type userRef struct {
	ID, Name, Password string
	Domain             *domainRef
}

// authRequest is the body of POST /v3/auth/tokens (keystone: api-ref v3,
// "Password authentication with scoped authorization" and its neighbours).
type authRequest struct {
	Auth *struct {
		Identity *struct {
			Methods  []string
			Password *struct{ User userRef }
			Token    *struct{ ID string }
			AppCred  *struct {
				ID, Name, Secret string
				User             *userRef
			} `json:"application_credential"`
		}
		Scope json.RawMessage
	}
}

type scopeRequest struct {
	Project *struct {
		ID     string     `json:"id"`
		Name   string     `json:"name"`
		Domain *domainRef `json:"domain"`
	} `json:"project"`
}

// createToken gives the same 401 for a wrong password, an unknown project and
// a missing role.
func createToken(c *call) answer {
	var req authRequest
	if !c.decode(&req) {
		return keystoneError(http.StatusBadRequest, "Expecting to find valid JSON in request body. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.")
	}
	switch {
	case req.Auth == nil:
		return keystoneError(http.StatusBadRequest, "'auth' is a required property")
	case req.Auth.Identity == nil:
		return keystoneError(http.StatusBadRequest, "'identity' is a required property")
	case req.Auth.Identity.Methods == nil:
		return keystoneError(http.StatusBadRequest, "'methods' is a required property")
	}
	return c.write(func(st *state) answer {
		now := c.sim.now()
		t := authenticate(st, &req, now)
		if t == nil || !scopeToken(st, t, req.Auth.Scope) {
			return c.keystone401()
		}
		t.id, t.auditID = c.sim.ids.token(), c.sim.ids.audit()
		t.issued = now.Truncate(time.Second)
		if t.expires.IsZero() {
			t.expires = t.issued.Add(c.sim.opts.TokenLifetime)
		}
		st.tokens[t.id] = t
		c.token = t
		a := jsonAnswer(http.StatusCreated, tokenBody(st, t, !noCatalogue(c)))
		a.header.Set("X-Subject-Token", t.id)
		return a
	})
}

// authenticate is who logs in, without a scope yet; nil when nobody does.
func authenticate(st *state, req *authRequest, now time.Time) *token {
	id := req.Auth.Identity
	has := func(m string) bool { return slices.Contains(id.Methods, m) }
	switch {
	case has("application_credential") && id.AppCred != nil:
		return authenticateAppCred(st, req, now)
	case has("password") && id.Password != nil:
		u := findUser(st, &id.Password.User)
		if u == nil || u.Password != id.Password.User.Password {
			return nil
		}
		return &token{userID: u.ID, methods: []string{"password"}}
	case has("token") && id.Token != nil:
		old := st.tokens[id.Token.ID]
		if old == nil || old.revoked || expired(old.expires, now) || old.appCredID != "" {
			return nil
		}
		// A token got by a token doesn't live longer than that.
		return &token{userID: old.userID, methods: append([]string{"token"}, old.methods...), expires: old.expires}
	}
	return nil
}

func findUser(st *state, ref *userRef) *User {
	for _, u := range st.users {
		if !u.Disabled && (ref.ID == u.ID || ref.ID == "" && ref.Domain.isDefault() && sameName(ref.Name, u.Name)) {
			return u
		}
	}
	return nil
}

// authenticateAppCred refuses a scope: the credential has its own.
func authenticateAppCred(st *state, req *authRequest, now time.Time) *token {
	in := req.Auth.Identity.AppCred
	if len(req.Auth.Scope) > 0 && string(req.Auth.Scope) != "null" {
		return nil
	}
	for _, ac := range st.appCreds {
		match := in.ID == ac.ID
		if in.ID == "" && in.User != nil {
			u := findUser(st, in.User)
			match = u != nil && u.ID == ac.UserID && sameName(in.Name, ac.Name)
		}
		if !match {
			continue
		}
		u, p := st.users[ac.UserID], st.projects[ac.ProjectID]
		if in.Secret != ac.Secret || expired(ac.Expires, now) || u == nil || u.Disabled || p == nil || p.Disabled {
			return nil
		}
		return &token{userID: ac.UserID, projectID: ac.ProjectID, roles: ac.Roles, appCredID: ac.ID, methods: []string{"application_credential"}}
	}
	return nil
}

// scopeToken gives the token its project and roles; false refuses the login.
func scopeToken(st *state, t *token, raw json.RawMessage) bool {
	if t.appCredID != "" {
		return true
	}
	u := st.users[t.userID]
	if len(raw) == 0 || string(raw) == "null" {
		// No scope asked for: the default project, when there is one.
		if p := st.projects[u.DefaultProjectID]; p != nil && len(u.Roles[p.ID]) > 0 {
			t.projectID, t.roles = p.ID, u.Roles[p.ID]
		}
		return true
	}
	if string(raw) == `"unscoped"` {
		return true
	}
	var scope scopeRequest
	if json.Unmarshal(raw, &scope) != nil || scope.Project == nil {
		return false // domain and system scope need roles nobody has here
	}
	for _, p := range st.projects {
		named := scope.Project.ID == "" && scope.Project.Domain.isDefault() && sameName(scope.Project.Name, p.Name)
		if (scope.Project.ID == p.ID || named) && !p.Disabled && len(u.Roles[p.ID]) > 0 {
			t.projectID, t.roles = p.ID, u.Roles[p.ID]
			return true
		}
	}
	return false
}

// subject is the token that X-Subject-Token names, if the caller may see it:
// its own, or any for an admin.
func subject(c *call) (*token, answer) {
	caller := c.sim.lookupToken(c.r.Header.Get("X-Auth-Token"))
	if caller == nil {
		return nil, c.keystone401()
	}
	c.token = caller
	t := c.sim.lookupToken(c.r.Header.Get("X-Subject-Token"))
	if t == nil {
		return nil, keystoneError(http.StatusNotFound, "Could not find token: .")
	}
	if t.id != caller.id && !c.admin() {
		return nil, keystoneError(http.StatusForbidden, "You are not authorized to perform the requested action: identity:validate_token.")
	}
	return t, answer{}
}

func validateToken(c *call) answer {
	t, refused := subject(c)
	if t == nil {
		return refused
	}
	return c.read(func(st *state) answer {
		a := jsonAnswer(http.StatusOK, tokenBody(st, t, !noCatalogue(c)))
		a.header.Set("X-Subject-Token", t.id)
		return a
	})
}

func revokeToken(c *call) answer {
	t, refused := subject(c)
	if t == nil {
		return refused
	}
	return c.write(func(st *state) answer {
		if live := st.tokens[t.id]; live != nil {
			live.revoked = true
		}
		return answer{status: http.StatusNoContent, header: http.Header{}}
	})
}
