// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"github.com/gophercloud/gophercloud/v2"
)

// Credentials is everything needed to log in to one project, by password or
// by application credential. It prints as its user and address only.
type Credentials struct {
	// AuthURL is Keystone's address, with or without /v3.
	AuthURL string
	// Region chooses among the catalogue's endpoints; empty is the only one.
	Region string
	// Interface is public (also if empty), internal or admin.
	Interface string

	// Username in the domain DomainID or DomainName, or UserID alone.
	Username, UserID, Password string
	DomainID, DomainName       string
	// ProjectID, or ProjectName in ProjectDomainID or ProjectDomainName
	// (the user's domain if empty). Neither: the user's default project, or
	// the application credential's.
	ProjectID, ProjectName             string
	ProjectDomainID, ProjectDomainName string

	// ApplicationCredentialID, or ApplicationCredentialName of the user.
	ApplicationCredentialID, ApplicationCredentialName, ApplicationCredentialSecret string

	// NetworkEndpoint and ComputeEndpoint stand in for the catalogue's, with
	// or without /v2.0 and /v2.1.
	NetworkEndpoint, ComputeEndpoint string

	// CACert is PEM: the only authorities trusted, in place of the system's.
	CACert []byte
	// InsecureSkipVerify accepts any certificate.
	InsecureSkipVerify bool
}

// Content is an unambiguous serialisation of all fields, for comparing and
// for a keyed hash. It holds the password in clear: never store or print it.
func (c Credentials) Content() []byte {
	insecure := ""
	if c.InsecureSkipVerify {
		insecure = "insecure"
	}
	var b []byte
	for _, field := range []string{
		c.AuthURL, c.Region, c.Interface,
		c.Username, c.UserID, c.Password, c.DomainID, c.DomainName,
		c.ProjectID, c.ProjectName, c.ProjectDomainID, c.ProjectDomainName,
		c.ApplicationCredentialID, c.ApplicationCredentialName, c.ApplicationCredentialSecret,
		c.NetworkEndpoint, c.ComputeEndpoint, string(c.CACert), insecure,
	} {
		b = binary.AppendUvarint(b, uint64(len(field)))
		b = append(b, field...)
	}
	return b
}

// key names a session; it stays in memory.
func (c Credentials) key() [sha256.Size]byte { return sha256.Sum256(c.Content()) }

// maxCloud bounds a cloud's name: it is a column of the database.
const maxCloud = 200

// Cloud names the cloud in limits, metrics and the database: the canonical
// identity endpoint, "/" and the region, in ASCII; what is longer than
// maxCloud ends in a digest of the whole instead. There is no secret in it.
func (c Credentials) Cloud() string {
	base, err := identityBase(c.AuthURL)
	if err != nil {
		base = "invalid"
	}
	name := strings.TrimSuffix(base, "/") + "/" + url.PathEscape(c.Region)
	if len(name) > maxCloud {
		digest := fmt.Sprintf("#%x", sha256.Sum256([]byte(name)))
		name = name[:maxCloud-len(digest)] + digest
	}
	return name
}

// who names the account in messages.
func (c Credentials) who() string {
	domain := ""
	if d := firstOf(c.DomainName, c.DomainID); d != "" {
		domain = fmt.Sprintf(" of domain %q", d)
	}
	switch {
	case c.ApplicationCredentialID != "":
		return fmt.Sprintf("application credential %q", c.ApplicationCredentialID)
	case c.ApplicationCredentialName != "":
		return fmt.Sprintf("application credential %q of user %q%s", c.ApplicationCredentialName, firstOf(c.Username, c.UserID), domain)
	default:
		return fmt.Sprintf("user %q%s", firstOf(c.Username, c.UserID), domain)
	}
}

// project names the project that is asked for in messages.
func (c Credentials) project() string {
	if p := firstOf(c.ProjectID, c.ProjectName); p != "" {
		return fmt.Sprintf("project %q", p)
	}
	return "the default project"
}

// String tells who and where, without secrets.
func (c Credentials) String() string { return c.who() + " at " + c.Cloud() }

// GoString is String: %#v must not show the password either.
func (c Credentials) GoString() string { return c.String() }

// MarshalJSON gives String's text.
func (c Credentials) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

// MarshalLog implements logr.Marshaler.
func (c Credentials) MarshalLog() any { return c.String() }

// LogValue implements slog.LogValuer.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// validate finds what can be known to be wrong before any call.
func (c Credentials) validate() error {
	bad := func(format string, args ...any) error {
		return &Error{Kind: BadRequest, Op: opLogin, Message: fmt.Sprintf(format, args...)}
	}
	if c.AuthURL == "" {
		return bad("authURL is missing: give Keystone's address")
	}
	for _, e := range []struct{ field, value string }{
		{"authURL", c.AuthURL}, {"networkEndpoint", c.NetworkEndpoint}, {"computeEndpoint", c.ComputeEndpoint},
	} {
		if e.value == "" {
			continue
		}
		if _, err := parseEndpoint(e.value); err != nil {
			return bad("%s: %v", e.field, err)
		}
	}
	switch c.Interface {
	case "", "public", "internal", "admin", "publicURL", "internalURL", "adminURL":
	default:
		return bad("interface %q is unknown: use public, internal or admin", c.Interface)
	}
	if c.ApplicationCredentialID != "" || c.ApplicationCredentialName != "" {
		if c.ApplicationCredentialSecret == "" {
			return bad("%s has no secret: give application_credential_secret", c.who())
		}
		if c.ApplicationCredentialID == "" && c.Username == "" && c.UserID == "" {
			return bad("an application credential by name needs its user: give username or user_id, or application_credential_id")
		}
		return nil
	}
	if c.Username == "" && c.UserID == "" {
		return bad("username is missing")
	}
	if c.Password == "" {
		return bad("the password of %s is missing", c.who())
	}
	return nil
}

// authOptions are gophercloud's. Keystone's rules on what may stand beside
// what (a user ID without domain, a project ID without domain) are kept here,
// so that gophercloud's own checks never fire.
func (c Credentials) authOptions() *gophercloud.AuthOptions {
	o := &gophercloud.AuthOptions{Username: c.Username, UserID: c.UserID}
	switch {
	case c.UserID != "":
		o.Username = ""
	case c.DomainID != "":
		o.DomainID = c.DomainID
	default:
		o.DomainName = firstOf(c.DomainName, "Default")
	}
	if c.ApplicationCredentialID != "" || c.ApplicationCredentialName != "" {
		o.ApplicationCredentialID = c.ApplicationCredentialID
		o.ApplicationCredentialName = c.ApplicationCredentialName
		o.ApplicationCredentialSecret = c.ApplicationCredentialSecret
		// The scope is the application credential's; asking for one is
		// refused (keystone: 401).
		return o
	}
	o.Password = c.Password
	scope := &gophercloud.AuthScope{}
	switch {
	case c.ProjectID != "":
		scope.ProjectID = c.ProjectID
	case c.ProjectName != "":
		scope.ProjectName = c.ProjectName
		if id := firstOf(c.ProjectDomainID, c.DomainID); id != "" && c.ProjectDomainName == "" {
			scope.DomainID = id
		} else {
			scope.DomainName = firstOf(c.ProjectDomainName, c.DomainName, "Default")
		}
	}
	o.Scope = scope
	return o
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
