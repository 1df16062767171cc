// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Headers of a signed call.
const (
	HeaderTimestamp = "X-Multinic-Timestamp"
	HeaderSignature = "X-Multinic-Signature"
)

// Window is how far a call's timestamp may be from the receiver's clock, either way.
const Window = 5 * time.Minute

// minKey is the least length of a key that is accepted from a Secret, in bytes.
const minKey = 16

// Sign is what HeaderSignature must hold: HMAC-SHA256 over the timestamp as it
// stands in its header, a full stop and the body.
func Sign(key []byte, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(timestamp))
	mac.Write([]byte("."))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// identity is what authentication found out.
type identity struct {
	// id names the call so that a replay can be told; empty for a bearer token.
	id    string
	until time.Time
}

// signed checks a signature against the keys, any of which will do.
func signed(h http.Header, body []byte, keys [][]byte, now time.Time) (identity, *refusal) {
	timestamp, signature := h.Get(HeaderTimestamp), h.Get(HeaderSignature)
	if timestamp == "" || signature == "" {
		return identity{}, refuse(http.StatusUnauthorized, "Unauthenticated",
			"sign the call: %s (seconds since 1970) and %s (sha256= and the HMAC-SHA256 in hex of the timestamp, a full stop and the body); or, over TLS, send the key as bearer token", HeaderTimestamp, HeaderSignature)
	}
	var valid int
	for _, key := range keys {
		valid |= subtle.ConstantTimeCompare([]byte(Sign(key, timestamp, body)), []byte(signature))
	}
	if valid == 0 {
		return identity{}, refuse(http.StatusUnauthorized, "SignatureInvalid", "the signature does not fit the timestamp, the body and the key")
	}
	// Only now: who has no key is told nothing of our clock.
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return identity{}, refuse(http.StatusUnauthorized, "TimestampInvalid", "%s is to be seconds since 1970", HeaderTimestamp)
	}
	at := time.Unix(seconds, 0)
	if off := at.Sub(now); off > Window || off < -Window {
		return identity{}, refuse(http.StatusUnauthorized, "TimestampOutOfRange",
			"the timestamp is off by %s from this clock (%s); %s are allowed: set the sender's clock, or sign the call anew", off.Round(time.Second), now.UTC().Format(time.RFC3339), Window)
	}
	sum := sha256.Sum256([]byte(signature))
	return identity{id: hex.EncodeToString(sum[:8]), until: at.Add(Window)}, nil
}

// bearer checks a bearer token against the keys.
func bearer(token string, keys [][]byte) *refusal {
	// Equal lengths, so that nothing is told of the key's.
	given := sha256.Sum256([]byte(token))
	var valid int
	for _, key := range keys {
		want := sha256.Sum256(key)
		valid |= subtle.ConstantTimeCompare(want[:], given[:])
	}
	if valid == 0 {
		return refuse(http.StatusUnauthorized, "TokenInvalid", "the bearer token is not the key")
	}
	return nil
}

// bearerOf is the token of an Authorization header.
func bearerOf(h http.Header) (token string, ok bool) {
	scheme, token, ok := strings.Cut(h.Get("Authorization"), " ")
	return strings.TrimSpace(token), ok && strings.EqualFold(scheme, "Bearer")
}

// refusal is an answer other than 202.
type refusal struct {
	status  int
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

func refuse(status int, reason, format string, args ...any) *refusal {
	return &refusal{status, reason, fmt.Sprintf(format, args...)}
}
