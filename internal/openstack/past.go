// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
)

const (
	// downgradeHold is how long a lower microversion than before must be all
	// that is seen until it is accepted. It is an error until then: behind a
	// load balancer with Novas of several versions it would change with every
	// login, and the servers' host names with it.
	downgradeHold = 10 * time.Minute
	// pastLife is how long unused credentials are remembered: longer than any
	// usual schedule.
	pastLife = 31 * 24 * time.Hour
)

// past is what is remembered of credentials beyond their logins, so that what
// changes in silence between two logins shows. A restart forgets it.
type past struct {
	mu         sync.Mutex
	project    string    // of the first token
	version    string    // the microversion that was used last
	lowerSince time.Time // since when only lower ones are served; zero: none was
	lastUsed   time.Time // guarded by the Client
}

// pastOf finds what is remembered of credentials, and forgets those that
// nobody has used for long. The caller holds c.mu.
func (c *Client) pastOf(key [sha256.Size]byte) *past {
	now := c.opts.Clock.Now()
	for k, p := range c.pasts {
		if now.Sub(p.lastUsed) > pastLife {
			delete(c.pasts, k)
		}
	}
	p, ok := c.pasts[key]
	if !ok {
		p = &past{}
		c.pasts[key] = p
	}
	p.lastUsed = now
	return p
}

// acceptProject refuses another project than that of the first token.
// Credentials that name none mean the user's default project; when that is
// changed, every answer is whole, and another project's. Whoever wants that
// names the project: then they are other credentials.
func (p *past) acceptProject(cred Credentials, got *tokens.Project) error {
	if cred.ProjectID != "" || cred.ProjectName != "" {
		return nil // checkScope has compared it
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.project == "" {
		p.project = got.ID
	}
	if strings.EqualFold(p.project, got.ID) {
		return nil
	}
	return &Error{Kind: WrongScope, Op: opLogin, Message: fmt.Sprintf(
		"the token of %s is for project %q (%s), and was for project %s before: its default project was changed; give projectID to go on with one of them",
		cred.who(), got.Name, got.ID, p.project)}
}

// acceptVersion refuses a lower microversion than the last, for downgradeHold.
func (p *past) acceptVersion(host, best string, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	lower := rank(best) < rank(p.version)
	if lower && (p.lowerSince.IsZero() || p.lowerSince.After(now)) {
		p.lowerSince = now
	}
	if lower && now.Sub(p.lowerSince) < downgradeHold {
		return &Error{Kind: BadAnswer, Op: opVersion, Message: fmt.Sprintf(
			"%s serves compute microversion %s only, after %s before: are its workers of several versions? It is accepted if that is all for %s",
			host, firstOf(best, "2.1"), p.version, downgradeHold)}
	}
	p.version, p.lowerSince = best, time.Time{}
	return nil
}
