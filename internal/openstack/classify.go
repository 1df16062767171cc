// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/gophercloud/gophercloud/v2"
)

const (
	// maxExcerpt is how much of a peer's text gets into a message.
	maxExcerpt = 160
	// maxRetryAfter is the longest Retry-After that is believed.
	maxRetryAfter = time.Hour
)

// classify turns any failure of a request into an *Error, without the texts
// of other packages: gophercloud's errors quote bodies, and Keystone's 400
// quotes the request with its password.
func (s *session) classify(ctx context.Context, c call, header http.Header, err error) *Error {
	e := &Error{Op: c.op, RequestID: s.requestID(header)}
	host := hostOf(c.url)
	var status gophercloud.ErrUnexpectedResponseCode
	var answer *answerError
	var netErr net.Error
	switch {
	case ctx.Err() != nil:
		e.Kind, e.err = Timeout, ctx.Err()
		e.Message = fmt.Sprintf("%s: given up by the caller before the answer was whole", host)
	case errors.As(err, &status):
		s.classifyStatus(e, c, status)
	case errors.Is(err, context.DeadlineExceeded) || (errors.As(err, &netErr) && netErr.Timeout()):
		e.Kind, e.err = Timeout, context.DeadlineExceeded
		e.Message = fmt.Sprintf("%s: no whole answer within %s", host, s.opts.Timeout)
	case errors.As(err, &answer):
		e.Kind, e.Status = BadAnswer, http.StatusOK
		e.Message = fmt.Sprintf("%s: %s", host, s.redact(answer.text))
	case errors.Is(err, errTooLarge):
		e.Kind, e.Status = BadAnswer, http.StatusOK
		e.Message = fmt.Sprintf("%s: the answer is larger than %d bytes", host, s.opts.MaxBody)
	default:
		if !classifyTLS(e, err, host) {
			e.Kind = Unreachable
			e.Message = fmt.Sprintf("%s: %s", host, reach(err))
		}
	}
	return e
}

// classifyTLS recognises the ways in which TLS fails.
func classifyTLS(e *Error, err error, host string) bool {
	var record tls.RecordHeaderError
	var alert *net.OpError
	var verify *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	e.Kind = TLS
	switch {
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		e.Message = host + ": speaks plain HTTP, not TLS: use http:// or the TLS port"
	case errors.As(err, &name):
		e.Message = fmt.Sprintf("%s: its certificate is not for this name: use a name that is in the certificate", host)
	case errors.As(err, &unknown):
		e.Message = fmt.Sprintf("%s: its certificate is signed by an authority that is not trusted: give the cloud's CA as key cacert of the Secret", host)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		e.Message = fmt.Sprintf("%s: its certificate has expired or is not valid yet", host)
	case errors.As(err, &invalid), errors.As(err, &verify):
		e.Message = fmt.Sprintf("%s: its certificate can't be verified", host)
	case errors.As(err, &alert) && (alert.Op == "remote error" || alert.Op == "local error"):
		// crypto/tls wraps alerts so.
		e.Message = fmt.Sprintf("%s: the TLS handshake failed: %v", host, alert.Err)
	case strings.Contains(err.Error(), `malformed HTTP response "\x15\x03`):
		// A TLS alert record in answer to our plain GET.
		e.Message = host + ": speaks TLS, not plain HTTP: use https://"
	default:
		return false
	}
	return true
}

// reach tells why there is no connection, without the URL.
func reach(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		return fmt.Sprintf("the name %q can't be resolved", dns.Name)
	case errors.As(err, &op) && op.Op == "dial":
		return fmt.Sprintf("no connection: %v", op.Err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed before the answer"
	case errors.As(err, &op):
		return fmt.Sprintf("the connection broke: %v", op.Err)
	default:
		return "no usable answer over HTTP"
	}
}

// classifyStatus reads a status that is not a success.
func (s *session) classifyStatus(e *Error, c call, r gophercloud.ErrUnexpectedResponseCode) {
	e.Status = r.Actual
	e.RequestID = s.requestID(r.ResponseHeader)
	e.RetryAfter = retryAfter(r.ResponseHeader, s.opts.Clock.Now())
	e.fault = parseFault(r.Body)
	host, said, login := hostOf(c.url), s.said(c.op, e.fault, r.Body), c.op == opLogin
	switch {
	case r.Actual == http.StatusUnauthorized && login:
		e.Kind = Unauthorized
		e.Message = fmt.Sprintf("%s refuses %s for %s: wrong name, password or secret, or no role in that project", host, s.cred.who(), s.cred.project())
	case r.Actual == http.StatusUnauthorized:
		e.Kind = Unauthorized
		e.Message = fmt.Sprintf("%s refuses a fresh token of %s", host, s.cred.who())
	case r.Actual == http.StatusForbidden:
		e.Kind = Forbidden
		e.Message = fmt.Sprintf("%s forbids it to %s in %s: a reader's role is needed%s", host, s.cred.who(), s.cred.project(), said)
	case r.Actual == http.StatusTooManyRequests, r.Actual == http.StatusRequestEntityTooLarge && e.RetryAfter > 0:
		// 413 with Retry-After: Nova's rate limit before Juno, still in use in proxies.
		e.Kind = RateLimited
		e.Message = fmt.Sprintf("%s asks for fewer requests%s", host, said)
	case r.Actual >= 500:
		e.Kind = ServerError
		e.Message = fmt.Sprintf("%s failed%s", host, said)
	case r.Actual == http.StatusBadRequest && strings.HasPrefix(c.url, "http:") && plainToTLS(r.Body):
		e.Kind = TLS
		e.Message = host + ": speaks TLS, not plain HTTP: use https://"
	case r.Actual >= 300 && r.Actual < 400:
		e.Kind = EndpointUnknown
		e.Message = fmt.Sprintf("%s redirects to %s, which is not followed: give the service's own address", host, s.redact(hostOf(r.ResponseHeader.Get("Location"))))
	case r.Actual == http.StatusNotFound, r.Actual == http.StatusMethodNotAllowed, r.Actual == http.StatusGone:
		e.Kind = EndpointUnknown
		e.Message = fmt.Sprintf("%s has no %s at %s: correct the endpoint%s", host, c.service, pathOf(c.url), said)
	case r.Actual < 300:
		e.Kind = BadAnswer
		e.Message = fmt.Sprintf("%s does not answer as the %s service does%s", host, c.service, said)
	default:
		e.Kind = BadRequest
		e.Message = fmt.Sprintf("%s does not accept the request%s", host, said)
	}
}

// plainToTLS recognises what servers say to plain HTTP on their TLS port: Go,
// nginx, Apache httpd.
func plainToTLS(body []byte) bool {
	text := string(body)
	return strings.Contains(text, "HTTP request to an HTTPS server") ||
		strings.Contains(text, "plain HTTP request was sent to HTTPS port") ||
		strings.Contains(text, "speaking plain HTTP to an SSL-enabled server port")
}

// parseFault reads OpenStack's error bodies (see fault); others give an empty
// fault.
func parseFault(body []byte) fault {
	var envelope map[string]json.RawMessage
	if json.Unmarshal(body, &envelope) != nil {
		return fault{}
	}
	for name, raw := range envelope {
		var inner struct {
			Type    string `json:"type"`
			Message string `json:"message"`
		}
		if json.Unmarshal(raw, &inner) == nil && (inner.Message != "" || inner.Type != "") {
			return fault{name: firstOf(inner.Type, name), message: inner.Message}
		}
	}
	return fault{}
}

// said quotes the peer: its own message if it is OpenStack's form of error,
// else the beginning of the body. What answers a login is not quoted unless
// it is whole: it may be a copy of the request, cut in the middle of the
// password.
func (s *session) said(op string, f fault, body []byte) string {
	text := f.message
	if text == "" && op != opLogin {
		text = string(body)
	}
	// Keystone's 400 goes on after the first line with the schema and the
	// request.
	text, _, _ = strings.Cut(strings.TrimSpace(s.redact(text)), "\n")
	if text = excerpt(text); text == "" {
		return ""
	}
	return fmt.Sprintf("; it says %q", text)
}

// excerpt makes foreign text fit for a message.
func excerpt(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > maxExcerpt {
		return string(runes[:maxExcerpt]) + "..."
	}
	return string(runes)
}

// redact removes the secrets from a text, also as they are written in JSON
// or in a URL.
func (s *session) redact(text string) string {
	secrets := []string{s.cred.Password, s.cred.ApplicationCredentialSecret}
	s.mu.Lock()
	secrets = append(secrets, s.lastToken)
	if s.current != nil {
		secrets = append(secrets, s.current.token)
	}
	s.mu.Unlock()
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		for _, form := range spellings(secret) {
			text = strings.ReplaceAll(text, form, "[secret]")
		}
	}
	return text
}

// spellings of a secret: as it is, in Go's JSON, in other JSON with and
// without non-ASCII characters, in a query.
func spellings(secret string) []string {
	forms := []string{secret, url.QueryEscape(secret)}
	unquoted := func(s string) string { return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(s), `"`), `"`) }
	forms = append(forms, unquoted(strconv.QuoteToASCII(secret)))
	for _, html := range []bool{true, false} {
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(html)
		if err := enc.Encode(secret); err == nil {
			forms = append(forms, unquoted(b.String()))
		}
	}
	return forms
}

func (s *session) requestID(h http.Header) string {
	id := excerpt(s.redact(firstOf(h.Get("X-Openstack-Request-Id"), h.Get("X-Compute-Request-Id"))))
	return id[:min(len(id), 64)]
}

// retryAfter reads seconds or a date (RFC 9110, 10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	var d time.Duration
	if seconds, err := strconv.ParseUint(v, 10, 32); err == nil {
		d = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(v); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}

// outcome is the metrics' label code.
func (e *Error) outcome() string {
	switch {
	case e == nil:
		return "200"
	case e.Status != 0 && e.Kind != BadAnswer:
		return codeLabel(e.Status)
	case errors.Is(e.err, context.Canceled):
		return "canceled"
	}
	switch e.Kind {
	case TLS:
		return "tls"
	case Timeout:
		return "timeout"
	case BadAnswer:
		return "bad_answer"
	default:
		return "unreachable"
	}
}
