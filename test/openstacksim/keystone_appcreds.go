// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"net/http"
	"sort"
	"time"
)

func writeAppCred(w *jsonWriter, ac *AppCredential, secret bool) {
	w.begin('{')
	w.str("description", "")
	w.key("roles")
	w.begin('[')
	for _, r := range ac.Roles {
		w.sep()
		w.begin('{')
		w.str("id", roleID(r))
		w.str("name", r)
		w.raw("domain_id", "null")
		w.end('}')
	}
	w.end(']')
	if ac.Expires.IsZero() {
		w.raw("expires_at", "null")
	} else {
		w.str("expires_at", ac.Expires.Format("2006-01-02T15:04:05.000000"))
	}
	w.boolean("unrestricted", ac.Unrestricted)
	if secret {
		w.str("secret", ac.Secret)
	}
	w.str("project_id", ac.ProjectID)
	w.str("id", ac.ID)
	w.str("name", ac.Name)
	w.end('}')
}

func appCredAnswer(status int, ac *AppCredential, secret bool) answer {
	w := spacedJSON()
	w.begin('{')
	w.key("application_credential")
	writeAppCred(w, ac, secret)
	w.end('}')
	return jsonAnswer(status, w.buf)
}

// ownAppCreds refuses to work on other users' credentials.
func ownAppCreds(c *call) (answer, bool) {
	if c.r.PathValue("user") != c.token.userID && !c.admin() {
		return keystoneError(http.StatusForbidden, "You are not authorized to perform the requested action: identity:get_application_credential."), false
	}
	return answer{}, true
}

func listAppCreds(c *call) answer {
	if refused, ok := ownAppCreds(c); !ok {
		return refused
	}
	return c.read(func(st *state) answer {
		var own []*AppCredential
		for _, ac := range st.appCreds {
			if ac.UserID == c.r.PathValue("user") && (!c.query.Has("name") || sameName(ac.Name, c.query.Get("name"))) {
				own = append(own, ac)
			}
		}
		sort.Slice(own, func(i, j int) bool { return own[i].ID < own[j].ID })
		w := spacedJSON()
		w.begin('{')
		w.key("application_credentials")
		w.begin('[')
		for _, ac := range own {
			w.sep()
			writeAppCred(w, ac, false)
		}
		w.end(']')
		w.end('}')
		return jsonAnswer(http.StatusOK, w.buf)
	})
}

func getAppCred(c *call) answer {
	if refused, ok := ownAppCreds(c); !ok {
		return refused
	}
	return c.read(func(st *state) answer {
		ac := st.appCreds[c.r.PathValue("id")]
		if ac == nil || ac.UserID != c.r.PathValue("user") {
			return keystoneError(http.StatusNotFound, "Could not find Application Credential: %s.", c.r.PathValue("id"))
		}
		return appCredAnswer(http.StatusOK, ac, false)
	})
}

func createAppCred(c *call) answer {
	if refused, ok := ownAppCreds(c); !ok {
		return refused
	}
	if c.token.appCredID != "" {
		return keystoneError(http.StatusForbidden, "Using method 'application_credential' is not allowed for managing additional application credentials.")
	}
	var req struct {
		AppCred struct {
			Name, Secret string
			Unrestricted bool
			ExpiresAt    string `json:"expires_at"`
			Roles        []struct{ ID, Name string }
		} `json:"application_credential"`
	}
	if !c.decode(&req) || req.AppCred.Name == "" {
		return keystoneError(http.StatusBadRequest, "'name' is a required property")
	}
	return c.write(func(st *state) answer {
		for _, ac := range st.appCreds {
			if ac.UserID == c.token.userID && sameName(ac.Name, req.AppCred.Name) {
				return keystoneError(http.StatusConflict, "Conflict occurred attempting to store application_credential - Duplicate entry found with name %s.", req.AppCred.Name)
			}
		}
		ac := &AppCredential{
			ID: c.sim.ids.hex32(), Name: req.AppCred.Name, Secret: req.AppCred.Secret, UserID: c.token.userID,
			ProjectID: c.token.projectID, Roles: c.token.roles, Unrestricted: req.AppCred.Unrestricted,
		}
		if ac.Secret == "" {
			ac.Secret = c.sim.ids.token()
		}
		if len(req.AppCred.Roles) > 0 {
			ac.Roles = nil
			for _, r := range req.AppCred.Roles {
				ac.Roles = append(ac.Roles, r.Name)
			}
		}
		if at, err := time.Parse("2006-01-02T15:04:05.000000", req.AppCred.ExpiresAt); err == nil {
			ac.Expires = at
		}
		st.appCreds[ac.ID] = ac
		return appCredAnswer(http.StatusCreated, ac, true)
	})
}

func deleteAppCred(c *call) answer {
	if refused, ok := ownAppCreds(c); !ok {
		return refused
	}
	return c.write(func(st *state) answer {
		ac := st.appCreds[c.r.PathValue("id")]
		if ac == nil || ac.UserID != c.r.PathValue("user") {
			return keystoneError(http.StatusNotFound, "Could not find Application Credential: %s.", c.r.PathValue("id"))
		}
		delete(st.appCreds, ac.ID)
		for _, t := range st.tokens {
			if t.appCredID == ac.ID {
				t.revoked = true
			}
		}
		return answer{status: http.StatusNoContent, header: http.Header{}}
	})
}
