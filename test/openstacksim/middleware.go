// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"net/http"
	"sync"
	"time"
)

// tokenCache is keystonemiddleware's: what one service has validated.
type tokenCache struct {
	mu   sync.Mutex
	seen map[string]cachedToken
}

type cachedToken struct {
	token *token
	until time.Time
}

// serviceToken is neutron's or nova's view of a token: a good one, or one that
// was good when the service last asked keystone, not longer than
// Options.TokenCache ago. The second result tells that keystone is away and
// nothing can be said.
func (s *Sim) serviceToken(cache *tokenCache, id string) (*token, bool) {
	if id == "" {
		return nil, false
	}
	now := s.now()
	cache.mu.Lock()
	defer cache.mu.Unlock()
	if k, ok := cache.seen[id]; ok && now.Before(k.until) && now.Before(k.token.expires) {
		return k.token, false
	}
	delete(cache.seen, id)
	if s.serviceDown(Identity) {
		return nil, true
	}
	t := s.lookupToken(id)
	if t != nil && s.opts.TokenCache > 0 {
		cache.seen[id] = cachedToken{token: t, until: now.Add(s.opts.TokenCache)}
	}
	return t, false
}

// withServiceToken is keystonemiddleware in front of neutron and nova.
func (s *Sim) withServiceToken(cache *tokenCache) func(handler) handler {
	return func(h handler) handler {
		return func(c *call) answer {
			t, away := s.serviceToken(cache, c.r.Header.Get("X-Auth-Token"))
			if away {
				return novaPlain(http.StatusServiceUnavailable, "The server is currently unavailable. Please try again at a later time.")
			}
			if t == nil {
				return c.middleware401()
			}
			c.token = t
			return h(c)
		}
	}
}

func newTokenCache() *tokenCache { return &tokenCache{seen: map[string]cachedToken{}} }
