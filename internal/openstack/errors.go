// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"fmt"
	"time"
)

// Kind classifies an Error. The list is closed.
type Kind string

const (
	// Unauthorized means: Keystone refuses the credentials, or a service refuses
	// even a fresh token.
	Unauthorized Kind = "Unauthorized"
	// Forbidden means: the policy does not allow the operation.
	Forbidden Kind = "Forbidden"
	// WrongScope means: the token is not for the project that was asked for, or
	// for none.
	WrongScope Kind = "WrongScope"
	// EndpointUnknown means: the catalogue has no such endpoint, or what answers
	// there is not the service.
	EndpointUnknown Kind = "EndpointUnknown"
	// TLS means: a certificate that is not trusted, or TLS spoken to a plain port
	// or the reverse.
	TLS Kind = "TLS"
	// BadAnswer means: not JSON, cut, too large, incomplete, pages in a circle, or
	// by a Nova of another version than before.
	BadAnswer Kind = "BadAnswer"
	// Timeout means: no whole answer in time, or the caller gave up; then errors.Is
	// tells context.Canceled or context.DeadlineExceeded.
	Timeout Kind = "Timeout"
	// Unreachable means: no connection, or it broke before an answer.
	Unreachable Kind = "Unreachable"
	// RateLimited means: 429, or our own token bucket, for longer than the call
	// may take.
	RateLimited Kind = "RateLimited"
	// ServerError means: 5xx.
	ServerError Kind = "ServerError"
	// BadRequest means: the request or the credentials are malformed.
	BadRequest Kind = "BadRequest"
)

// Error is what every failing call returns.
type Error struct {
	Kind Kind
	// Op is the operation, as in the metrics: login, list_servers, ...
	Op string
	// Status is the HTTP status, 0 where none came.
	Status int
	// RequestID is OpenStack's X-Openstack-Request-Id, for the cloud's logs.
	RequestID string
	// RetryAfter is how long the cloud asks to be left alone; 0 if it does
	// not say.
	RetryAfter time.Duration
	// Message names the object, the value and the remedy. It holds no
	// password, token or secret.
	Message string

	// fault is OpenStack's own classification of the failure.
	fault fault
	// err is context.Canceled or context.DeadlineExceeded, else nil: errors
	// of other packages may quote bodies and stay inside.
	err error
}

// fault is an error body of OpenStack: {"<name>": {"message": ...}}, for
// Neutron {"NeutronError": {"type": "<name>", "message": ...}}.
type fault struct{ name, message string }

// Error tells the message, the status and the request ID on one line.
func (e *Error) Error() string {
	if e.Status != 0 && e.RequestID != "" {
		return fmt.Sprintf("openstack %s: %s (HTTP %d, request %s)", e.Op, e.Message, e.Status, e.RequestID)
	}
	return e.Summary()
}

// Summary is Error without the request ID: the same text for the same failure,
// for what is only rewritten when it says something new.
func (e *Error) Summary() string {
	if e.Status != 0 {
		return fmt.Sprintf("openstack %s: %s (HTTP %d)", e.Op, e.Message, e.Status)
	}
	return fmt.Sprintf("openstack %s: %s", e.Op, e.Message)
}

// Unwrap gives the context's error where that is the reason.
func (e *Error) Unwrap() error { return e.err }

// slowRetry is how long to leave alone what a person most likely must mend.
const slowRetry = 5 * time.Minute

// Retry says whether to try again although nobody changed anything, and how
// long to wait at least. What is not temporary may pass all the same, when it
// came from a load balancer, a policy or a certificate on its way out; without
// a retry it would last for ever where time is no cause of a run.
//
//	                                              Temporary  Retry
//	Timeout, Unreachable, RateLimited,
//	ServerError, BadAnswer                        yes        yes, after RetryAfter
//	Unauthorized, by a service                    yes        yes, after RetryAfter
//	Forbidden, EndpointUnknown, BadRequest,
//	where that was the answer; TLS                no         slowly
//	EndpointUnknown, by the catalogue             no         never
//	BadRequest, seen before any call; WrongScope  no         never
//	Unauthorized, by Keystone                     no         never: accounts get locked
func (e *Error) Retry() (wait time.Duration, ok bool) {
	switch {
	case e.Temporary():
		return e.RetryAfter, true
	case e.Kind == TLS, e.Status != 0 && (e.Kind == Forbidden || e.Kind == EndpointUnknown || e.Kind == BadRequest):
		return max(slowRetry, e.RetryAfter), true
	default:
		return 0, false
	}
}

// Temporary says that the cloud is in trouble, and that trying again soon may
// help; else something here looks wrong, and a person is asked to mend it
// (whether it is tried again all the same, Retry says). A service that refuses
// a fresh token is temporary: its worker does not know the token yet.
func (e *Error) Temporary() bool {
	switch e.Kind {
	case Timeout, Unreachable, RateLimited, ServerError, BadAnswer:
		return true
	case Unauthorized:
		return e.Op != opLogin
	default:
		return false
	}
}

// answerError says what is wrong with an answer that came with status 200.
// Its text must hold nothing that the cloud could have echoed from a request,
// other than what goes through redact.
type answerError struct{ text string }

func (e *answerError) Error() string { return e.text }

func badAnswer(format string, args ...any) error {
	return &answerError{fmt.Sprintf(format, args...)}
}
