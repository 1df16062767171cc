// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"time"
)

// Path of the webhook.
const Path = "/v1/trigger"

// maxListed is how many objects an answer names.
const maxListed = 100

// acceptance is the body of a 202.
type acceptance struct {
	// RequestedAt is the stamp under which the call is written down.
	RequestedAt time.Time `json:"requestedAt"`
	// All says that every OpenstackConfig is asked for, Matched how many there
	// are of those that are; Objects names the first hundred.
	All     bool     `json:"all"`
	Matched int      `json:"matched"`
	Objects []string `json:"objects,omitempty"`
}

// ServeHTTP answers POST /v1/trigger.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	start := r.Clock.Now()
	accepted, refused := r.call(w, req)
	status, reason := http.StatusAccepted, "Accepted"
	if refused != nil {
		status, reason = refused.status, refused.Reason
	}
	r.calls.WithLabelValues(strconv.Itoa(status), reason).Inc()
	r.duration.Observe(r.Clock.Since(start).Seconds())
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if refused != nil {
		if r.told.Allow() { // a flood of them does not fill the log
			r.Log.Info("Trigger webhook refused", "status", status, "reason", reason, "remote", req.RemoteAddr)
		}
		answer(w, status, refused)
		return
	}
	r.Log.Info("Trigger webhook accepted", "remote", req.RemoteAddr, "all", accepted.All, "matched", accepted.Matched, "requestedAt", accepted.RequestedAt)
	answer(w, status, accepted)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		return // whoever is gone reads it no more
	}
}

// call is the webhook itself.
func (r *Receiver) call(w http.ResponseWriter, req *http.Request) (*acceptance, *refusal) {
	if req.URL.Path != Path {
		return nil, refuse(http.StatusNotFound, "PathUnknown", "there is only POST %s here", Path)
	}
	if req.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return nil, refuse(http.StatusMethodNotAllowed, "MethodNotAllowed", "use POST")
	}
	if !r.all.AllowN(r.Clock.Now(), 1) {
		return nil, slowDown(w, 1)
	}
	body, refused := readBody(w, req)
	if refused != nil {
		return nil, refused
	}
	who, refused := r.authenticate(req, body)
	if refused != nil {
		return nil, refused
	}
	if !r.accepted.AllowN(r.Clock.Now(), 1) {
		return nil, slowDown(w, float64(1/r.Rate))
	}
	asked, err := parse(body)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "BodyInvalid", "%v", err)
	}
	call, matched, refused := r.match(req.Context(), asked)
	if refused != nil {
		return nil, refused
	}
	call.ID, call.Until = who.id, who.until
	stamp, refused := r.record(req.Context(), call)
	if refused != nil {
		return nil, refused
	}
	return &acceptance{RequestedAt: stamp, All: call.All, Matched: matched, Objects: call.Objects[:min(len(call.Objects), maxListed)]}, nil
}

func slowDown(w http.ResponseWriter, seconds float64) *refusal {
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(max(seconds, 1)))))
	return refuse(http.StatusTooManyRequests, "TooManyCalls", "send fewer calls: those that come close together share a run anyway")
}

func readBody(w http.ResponseWriter, req *http.Request) ([]byte, *refusal) {
	tooLarge := func() *refusal {
		w.Header().Set("Connection", "close") // what is left of it is not read
		return refuse(http.StatusRequestEntityTooLarge, "BodyTooLarge", "the body has more than %d bytes", MaxBody)
	}
	if req.ContentLength > MaxBody {
		return nil, tooLarge()
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, MaxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge()
	}
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "BodyUnread", "the body did not come whole, or in time")
	}
	return body, nil
}

// authenticate finds out whether the caller has a key, and whether the webhook
// is enabled at all, which is told to nobody else.
func (r *Receiver) authenticate(req *http.Request, body []byte) (identity, *refusal) {
	ctx := req.Context()
	settings, err := r.Cluster.Settings(ctx)
	if err != nil {
		return identity{}, r.unavailable(err, "the MultiNicOperator can't be read yet")
	}
	token, isBearer := bearerOf(req.Header)
	if isBearer && req.TLS == nil {
		return identity{}, refuse(http.StatusForbidden, "TLSRequired", "a bearer token is accepted over TLS only: it is the key itself, and whoever reads it on the way has it")
	}
	var who identity
	var refused *refusal
	for _, age := range []time.Duration{secretAge, rereadAfter} {
		keys, err := r.secrets.keys(ctx, settings.KeySecret, age)
		if err != nil {
			return identity{}, r.unavailable(err, "the webhook's key can't be read")
		}
		if isBearer {
			refused = bearer(token, keys)
		} else {
			who, refused = signed(req.Header, body, keys, r.Clock.Now())
		}
		if refused == nil {
			break
		}
	}
	switch {
	case refused != nil:
		return identity{}, refused
	case settings.TLSSecret != "" && req.TLS == nil:
		return identity{}, refuse(http.StatusForbidden, "TLSRequired", "a certificate is configured: call over TLS")
	case !settings.Enabled:
		return identity{}, refuse(http.StatusForbidden, "Disabled", "the MultiNicOperator does not enable the webhook: set reconcileTrigger.webhook.enabled, or the mode webhook")
	}
	return who, nil
}
