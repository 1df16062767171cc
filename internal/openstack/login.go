// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
)

const (
	// renewBefore is how long before its end a token is replaced, but never
	// more than a fifth of its life.
	renewBefore = 5 * time.Minute
	// refusalHold is how long a refused login is not tried again: many
	// objects may share it, and accounts get locked (keystone:
	// security_compliance.lockout_failure_attempts).
	refusalHold = 5 * time.Second
	// unknownLifetime is assumed of a token that does not tell its end.
	unknownLifetime = 10 * time.Minute
)

// session is what everyone with the same credentials shares.
type session struct {
	opts    Options
	cred    Credentials
	http    http.Client
	bucket  *bucket
	metrics metrics
	log     logr.Logger
	past    *past

	// gate lets one login happen at a time; a channel, so that waiting ends
	// with the context.
	gate chan struct{}

	mu        sync.Mutex
	current   *login
	lastToken string // before current; a call under way may still bear it
	attempts  int    // logins tried so far
	failure   *Error
	failedAt  time.Time
	lastUsed  time.Time
	users     int
}

// login is one token and what came with it. It does not change, but for the
// microversion, which is found later.
type login struct {
	token       string
	at, renewAt time.Time
	client      *gophercloud.ProviderClient
	endpoints   endpoints

	versionGate chan struct{}
	version     atomic.Pointer[foundVersion]
}

// login gives the current login, or a new one if there is none, it nears its
// end, or it is stale.
func (s *session) login(ctx context.Context, stale *login) (*login, error) {
	usable, seen := s.usable(stale)
	if usable != nil {
		return usable, nil
	}
	select {
	case s.gate <- struct{}{}:
		defer func() { <-s.gate }()
	case <-ctx.Done():
		return nil, s.classify(ctx, call{op: opLogin, url: s.cred.AuthURL}, nil, ctx.Err())
	}
	usable, now := s.usable(stale)
	if usable != nil {
		return usable, nil
	}
	// Whoever waited for a login that failed shares its failure.
	if err := s.heldFailure(now > seen); err != nil {
		return nil, err
	}
	l, err := s.authenticate(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempts++
	s.failure, s.failedAt = nil, s.opts.Clock.Now()
	if err != nil {
		var e *Error
		if errors.As(err, &e) && !ownDeadline(ctx, e) {
			s.failure = e
		}
		return nil, err
	}
	if s.current != nil {
		s.lastToken = s.current.token
	}
	s.current = l
	return l, nil
}

func (s *session) usable(stale *login) (*login, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.current; l != nil && l != stale && s.opts.Clock.Now().Before(l.renewAt) {
		return l, s.attempts
	}
	return nil, s.attempts
}

func (s *session) heldFailure(waited bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure == nil {
		return nil
	}
	if waited || (!s.failure.Temporary() && s.opts.Clock.Since(s.failedAt) < refusalHold) {
		return s.failure
	}
	return nil
}

// ownDeadline says that a failure concerns its caller only, who gave up or
// had too little time left for the token bucket.
func ownDeadline(ctx context.Context, e *Error) bool {
	return ctx.Err() != nil || (e.Kind == RateLimited && e.err != nil)
}

// answer to POST /v3/auth/tokens, as far as gophercloud's types leave it out.
type tokenAnswer struct {
	Token *struct {
		ExpiresAt string          `json:"expires_at"`
		IssuedAt  string          `json:"issued_at"`
		Project   *tokens.Project `json:"project"`
		tokens.ServiceCatalog
	} `json:"token"`
}

// authenticate logs in, and checks that the token is for the project.
func (s *session) authenticate(ctx context.Context) (*login, error) {
	base, err := identityBase(s.cred.AuthURL)
	if err != nil {
		return nil, &Error{Kind: BadRequest, Op: opLogin, Message: "authURL " + err.Error()}
	}
	opts := s.cred.authOptions()
	scope, err := opts.ToTokenV3ScopeMap()
	if err != nil {
		return nil, incomplete(s.cred)
	}
	body, err := opts.ToTokenV3CreateMap(scope)
	if err != nil {
		return nil, incomplete(s.cred)
	}
	client := s.provider("")
	at := s.opts.Clock.Now()
	var answer tokenAnswer
	token := ""
	err = s.send(ctx, client, "", call{
		service: identityService, op: opLogin, method: http.MethodPost,
		url: base + "v3/auth/tokens", body: body, ok: http.StatusCreated,
		decode: func(resp *http.Response) error {
			answer, token = tokenAnswer{}, resp.Header.Get("X-Subject-Token")
			return decodeWhole(resp.Body, &answer)
		},
	})
	if err != nil {
		return nil, err
	}
	if token == "" || answer.Token == nil {
		return nil, &Error{Kind: BadAnswer, Op: opLogin, Status: http.StatusCreated,
			Message: hostOf(base) + " gives no token: is authURL Keystone's address?"}
	}
	if err := checkScope(s.cred, answer.Token.Project); err != nil {
		return nil, err
	}
	if err := s.past.acceptProject(s.cred, answer.Token.Project); err != nil {
		return nil, err
	}
	where, err := locate(&answer.Token.ServiceCatalog, s.cred)
	if err != nil {
		return nil, &Error{Kind: EndpointUnknown, Op: opLogin, Message: err.Error()}
	}
	life := lifetime(answer.Token.IssuedAt, answer.Token.ExpiresAt, at)
	return &login{
		token: token, at: at, renewAt: at.Add(life - min(renewBefore, life/5)),
		client: s.provider(token), endpoints: where, versionGate: make(chan struct{}, 1),
	}, nil
}

func incomplete(cred Credentials) *Error {
	return &Error{Kind: BadRequest, Op: opLogin, Message: "the credentials of " + cred.who() + " are incomplete or contradict each other"}
}

// provider is gophercloud's client with a fixed token: a new login makes a
// new one, so nothing in it is shared and written.
func (s *session) provider(token string) *gophercloud.ProviderClient {
	p := &gophercloud.ProviderClient{HTTPClient: s.http, TokenID: token}
	if s.opts.UserAgent != "" {
		p.UserAgent.Prepend(s.opts.UserAgent)
	}
	return p
}

// checkScope compares the token's project with the one asked for: Nova and
// Neutron answer another project's token with 200 and an empty list.
// Keystone's database compares names and IDs without regard to case.
func checkScope(cred Credentials, got *tokens.Project) error {
	wrong := func(format string, args ...any) error {
		return &Error{Kind: WrongScope, Op: opLogin, Message: fmt.Sprintf(format, args...)}
	}
	if got == nil || got.ID == "" {
		return wrong("the token of %s is for no project: give projectID, or the user a default project", cred.who())
	}
	if cred.ProjectID != "" && !strings.EqualFold(got.ID, cred.ProjectID) {
		return wrong("the token of %s is for project %q (%s), not for %s", cred.who(), got.Name, got.ID, cred.project())
	}
	if cred.ProjectID == "" && cred.ProjectName != "" && !strings.EqualFold(got.Name, cred.ProjectName) {
		return wrong("the token of %s is for project %q (%s), not for %s", cred.who(), got.Name, got.ID, cred.project())
	}
	return nil
}

// lifetime is the token's by Keystone's own clock: ours may be off by hours,
// or jump. Both times are in Keystone's ISO 8601 with microseconds.
func lifetime(issued, expires string, now time.Time) time.Duration {
	until, err := time.Parse(time.RFC3339, expires)
	if err != nil {
		return unknownLifetime
	}
	from, err := time.Parse(time.RFC3339, issued)
	if err != nil {
		from = now
	}
	if life := until.Sub(from); life > 0 {
		return life
	}
	return unknownLifetime
}
