// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2"
)

const (
	// firstBackoff doubles with every further attempt.
	firstBackoff = 500 * time.Millisecond
	// maxBackoff is the longest wait inside one call; a longer Retry-After is
	// left to the caller.
	maxBackoff = 30 * time.Second
	// youngToken: a 401 to a token this young more likely comes from a worker
	// that does not know it yet than from its revocation.
	youngToken = time.Minute
)

// call is one request.
type call struct {
	service, op string // the metrics' labels
	method, url string
	body        any // JSON, or nil
	ok          int // the only good status
	// decode reads the body of a good answer.
	decode func(*http.Response) error
}

// send makes a request, and again after 429 and 503, as often and as long as
// the options and the context allow.
func (s *session) send(ctx context.Context, client *gophercloud.ProviderClient, microversion string, c call) error {
	for attempt := 0; ; attempt++ {
		e := s.attempt(ctx, client, microversion, c)
		if e == nil {
			return nil
		}
		if e.Kind != RateLimited && e.Status != http.StatusServiceUnavailable {
			return e
		}
		wait := e.RetryAfter
		if wait > 0 {
			s.bucket.pause(min(wait, maxBackoff))
		} else {
			wait = firstBackoff << min(attempt, 6)
			wait = min(wait, maxBackoff)/2 + rand.N(wait/2) //nolint:gosec // only spreads the calls
		}
		if attempt >= s.opts.Retries || wait > maxBackoff || sleep(ctx, s.opts.Clock, wait) != nil {
			return e
		}
	}
}

// attempt makes one request: token bucket, timeout, decoding, metrics, log.
func (s *session) attempt(ctx context.Context, client *gophercloud.ProviderClient, microversion string, c call) *Error {
	if err := s.bucket.wait(ctx); err != nil {
		if ctx.Err() == nil {
			return &Error{Kind: RateLimited, Op: c.op, err: err,
				Message: hostOf(c.url) + ": the rate limit of this cloud leaves no room before the deadline"}
		}
		return s.classify(ctx, c, nil, err)
	}
	within, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	opts := &gophercloud.RequestOpts{JSONBody: c.body, OkCodes: []int{c.ok}, KeepResponseBody: true}
	if microversion != "" {
		// nova: api-guide, microversions; the first header serves from 2.27,
		// the second before.
		opts.MoreHeaders = map[string]string{
			"OpenStack-API-Version":        "compute " + microversion,
			"X-OpenStack-Nova-API-Version": microversion,
		}
	}
	start := s.opts.Clock.Now()
	resp, err := client.Request(within, c.method, c.url, opts)
	var header http.Header
	if resp != nil {
		header = resp.Header
	}
	if err == nil {
		err = s.decodeAnswer(resp, c)
	}
	var e *Error
	code := "200"
	if err != nil {
		// A body that is read when the time is up fails in several ways.
		if status := (gophercloud.ErrUnexpectedResponseCode{}); within.Err() != nil && !errors.As(err, &status) {
			err = within.Err()
		}
		e = s.classify(ctx, c, header, err)
		code = e.outcome()
	} else if c.ok != http.StatusOK {
		code = codeLabel(c.ok)
	}
	took := s.opts.Clock.Since(start)
	s.metrics.observe(c.service, c.op, code, took)
	s.log.V(1).Info("OpenStack request", "operation", c.op, "host", hostOf(c.url), "path", pathOf(c.url),
		"code", code, "took", took.String(), "requestID", s.requestID(header))
	return e
}

// decodeAnswer reads a good answer to its end, so that the connection can be
// used again; a body that goes on after its JSON is not read.
func (s *session) decodeAnswer(resp *http.Response, c call) error {
	defer resp.Body.Close()
	if ct := resp.Header.Get("Content-Type"); ct != "" {
		media, _, err := mime.ParseMediaType(ct)
		if err != nil || (media != "application/json" && !strings.HasSuffix(media, "+json")) {
			head, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
			return badAnswer("the answer is %q, not JSON%s", excerpt(s.redact(ct)), s.said(c.op, fault{}, head))
		}
	}
	err := c.decode(resp)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return badAnswer("the answer was cut off")
	}
	return err
}

// get asks a service with the session's token, and copes with one that is no
// longer, or not yet, known to the worker that answers.
func (s *session) get(ctx context.Context, c call, address func(*login) string) error {
	c.method, c.ok = http.MethodGet, http.StatusOK
	l, err := s.login(ctx, nil)
	if err != nil {
		return err
	}
	// Each remedy is tried once: the same token again, or a new login.
	renewed, repeated := false, false
	for {
		c.url = address(l)
		microversion, err := "", error(nil)
		if c.service == computeService {
			microversion, err = s.microversion(ctx, l)
		}
		if err == nil {
			err = s.send(ctx, l.client, microversion, c)
		}
		var e *Error
		if !errors.As(err, &e) || e.Status != http.StatusUnauthorized {
			if e != nil && e.Status == http.StatusNotAcceptable && microversion != "" {
				// This worker is of another version than the one asked before.
				e.Kind = BadAnswer
				l.version.Store(nil)
			}
			return err
		}
		young := s.opts.Clock.Since(l.at) < youngToken
		switch {
		case !repeated && (young || renewed):
			repeated = true
		case !renewed:
			renewed = true
			if l, err = s.login(ctx, l); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.EscapedPath()
}
