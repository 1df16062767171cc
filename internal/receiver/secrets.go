// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// Entries of the key's Secret. While a key is rotated the old one is valid too.
const (
	keyEntry         = "key"
	previousKeyEntry = "previousKey"
)

// A Secret is read again after secretAge, and sooner if a call does not fit its
// keys: they may have just been rotated. A flood of such calls reads it every
// rereadAfter.
const (
	secretAge   = 15 * time.Second
	rereadAfter = 2 * time.Second
)

// secrets keeps the Secrets of the webhook for a short while.
type secrets struct {
	cluster Cluster
	clock   clock.PassiveClock

	mu     sync.Mutex
	byName map[string]kept
}

type kept struct {
	data map[string][]byte
	err  error
	at   time.Time
}

func (s *secrets) get(ctx context.Context, name string, maxAge time.Duration) (map[string][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	if k, ok := s.byName[name]; ok && now.Sub(k.at) < maxAge && !now.Before(k.at) {
		return k.data, k.err
	}
	data, err := s.cluster.Secret(ctx, name)
	if s.byName == nil || len(s.byName) > 8 { // the settings have named others meanwhile
		s.byName = map[string]kept{}
	}
	s.byName[name] = kept{data, err, now}
	return data, err
}

// keys are those that a call may be made with.
func (s *secrets) keys(ctx context.Context, name string, maxAge time.Duration) ([][]byte, error) {
	data, err := s.get(ctx, name, maxAge)
	if err != nil {
		return nil, err
	}
	var keys [][]byte
	for _, entry := range []string{keyEntry, previousKeyEntry} {
		if key := data[entry]; len(key) >= minKey {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("the Secret %s has no %s of at least %d bytes", name, keyEntry, minKey)
	}
	return keys, nil
}

// Certificate is for the TLS server: the one of the Secret that the settings
// name now.
func (r *Receiver) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	settings, err := r.Cluster.Settings(hello.Context())
	if err != nil {
		return nil, err
	}
	if settings.TLSSecret == "" {
		return nil, errors.New("reconcileTrigger.webhook.tlsSecretRef names no certificate")
	}
	data, err := r.secrets.get(hello.Context(), settings.TLSSecret, secretAge)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(data["tls.crt"], data["tls.key"])
	if err != nil {
		return nil, fmt.Errorf("the Secret %s holds no usable tls.crt and tls.key: %w", settings.TLSSecret, err)
	}
	return &pair, nil
}
