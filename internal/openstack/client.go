// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"context"
	"crypto/sha256"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"k8s.io/utils/clock"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

// Options of a Client. Zero values give the defaults.
type Options struct {
	// Timeout of one request with its body; 60 s. Nova takes some 10 s for a
	// page of 1,000 servers.
	Timeout time.Duration
	// Rate and Burst bound the requests to one cloud, over all credentials:
	// 20 a second, 40 at once.
	Rate  float64
	Burst int
	// MaxBody is the largest list in bytes, decompressed; 64 MiB. A single item
	// of it, or an answer that is no list, may have 1 MiB (decode.go).
	MaxBody int64
	// PageSize of listings; 1,000, which is also Nova's usual max_limit.
	PageSize int
	// Retries of one request after 429 and 503; 3. Negative: none.
	Retries int
	// IdleTimeout is how long a login lives that nobody uses; 1 h.
	IdleTimeout time.Duration
	// Clock is the real one if nil. Deadlines of contexts stay real.
	Clock clock.Clock
	// Log gets a line per request at V(1).
	Log logr.Logger
	// Registerer of multinic_openstack_request_duration_seconds; may be nil.
	Registerer prometheus.Registerer
	// UserAgent is "multinic/<version>".
	UserAgent string
}

func (o *Options) setDefaults() {
	if o.Timeout <= 0 {
		o.Timeout = time.Minute
	}
	if o.Rate <= 0 {
		o.Rate = 20
	}
	if o.Burst <= 0 {
		o.Burst = 40
	}
	if o.MaxBody <= 0 {
		o.MaxBody = 64 << 20
	}
	if o.PageSize <= 0 {
		o.PageSize = 1000
	}
	if o.Retries == 0 {
		o.Retries = 3
	}
	if o.IdleTimeout <= 0 {
		o.IdleTimeout = time.Hour
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Log.GetSink() == nil {
		o.Log = logr.Discard()
	}
	if o.UserAgent == "" {
		o.UserAgent = "multinic"
	}
}

// Client reads projects of any number of clouds. It is safe for concurrent
// use and starts no goroutines of its own.
type Client struct {
	opts    Options
	metrics metrics

	mu       sync.Mutex
	sessions map[[sha256.Size]byte]*session
	buckets  map[string]*bucket
	pasts    map[[sha256.Size]byte]*past
}

// New makes a client.
func New(o Options) *Client {
	o.setDefaults()
	return &Client{
		opts: o, metrics: newMetrics(o.Registerer),
		sessions: map[[sha256.Size]byte]*session{}, buckets: map[string]*bucket{},
		pasts: map[[sha256.Size]byte]*past{},
	}
}

// Snapshot answers all queries of one project with the least number of calls,
// or fails as a whole with an *Error.
func (c *Client) Snapshot(ctx context.Context, cred Credentials, queries []inventory.Query) (*inventory.Snapshot, error) {
	if err := cred.validate(); err != nil {
		return nil, err
	}
	s, err := c.acquire(cred)
	if err != nil {
		return nil, err
	}
	defer c.release(s)
	return s.snapshot(ctx, newWanted(queries))
}

func (s *session) snapshot(ctx context.Context, w wanted) (*inventory.Snapshot, error) {
	facts := inventory.Facts{TakenAt: s.opts.Clock.Now()}
	// Log in even for no queries: it tells whether the credentials are good.
	if _, err := s.login(ctx, nil); err != nil {
		return nil, err
	}
	var err error
	if facts.Subnets, err = s.subnets(ctx, w); err != nil {
		return nil, err
	}
	found, err := s.fewServers(ctx, w)
	switch {
	case err != nil:
		return nil, err
	case found != nil:
		facts.Ports, err = s.ports(ctx, portOwners(w, found), subnetIDs(facts.Subnets))
	default:
		found, facts.Ports, err = s.wholeProject(ctx, w, subnetIDs(facts.Subnets))
	}
	if err != nil {
		return nil, err
	}
	if err := s.judgeMissing(ctx, w, found, facts); err != nil {
		return nil, err
	}
	facts.Servers, facts.AllServers = found.list(), found.all
	facts.AbsentServers = sortedKeys(found.absent)
	facts.EndedAt = s.opts.Clock.Now()
	return inventory.NewSnapshot(facts), nil
}

// wholeProject lists all servers, and their ports: both at a time where the ports
// are listed by subnet anyway, since most of a reading is waiting.
func (s *session) wholeProject(ctx context.Context, w wanted, subnets []string) (*servers, []inventory.Port, error) {
	if !bySubnet(s.portBase(), len(w.serverNames)+len(w.serverIDs), subnets) {
		found, err := s.allServers(ctx, w)
		if err != nil {
			return nil, nil, err
		}
		ports, err := s.ports(ctx, portOwners(w, found), subnets)
		return found, ports, err
	}
	var found *servers
	var ports []inventory.Port
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() (err error) {
		found, err = s.allServers(ctx, w)
		return err
	})
	both.Go(func() (err error) {
		ports, err = s.listPorts(ctx, subnetFilters(s.portBase(), subnets), func(p inventory.Port) bool { return p.DeviceID != "" })
		return err
	})
	if err := both.Wait(); err != nil {
		return nil, nil, err
	}
	of := set(portOwners(w, found))
	return found, slices.DeleteFunc(ports, func(p inventory.Port) bool { return !of[p.DeviceID] }), nil
}

// portOwners are the servers whose ports matter: those asked for by name or
// ID, and those known, also where Nova has them no more: only Neutron can
// contradict it.
func portOwners(w wanted, found *servers) []string {
	names, ids, owners := set(w.serverNames), set(w.serverIDs), set(w.known)
	for _, v := range found.byID {
		if names[v.Name] || ids[canonical(v.Name)] || ids[v.ID] {
			owners[v.ID] = true
		}
	}
	return sortedKeys(owners)
}

func subnetIDs(subnets []inventory.Subnet) []string {
	ids := make([]string, len(subnets))
	for i, v := range subnets {
		ids[i] = v.ID
	}
	return ids
}

// Forget drops the login of these credentials; the next Snapshot logs in
// anew. A Snapshot under way goes on.
func (c *Client) Forget(cred Credentials) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.sessions[cred.key()]; ok {
		delete(c.sessions, cred.key())
		s.http.CloseIdleConnections()
	}
}

// Close closes idle connections. The client can still be used.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.sessions {
		s.http.CloseIdleConnections()
	}
}

func (c *Client) acquire(cred Credentials) (*session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropIdle()
	before := c.pastOf(cred.key())
	s, ok := c.sessions[cred.key()]
	if !ok {
		h, err := newHTTPClient(cred, c.opts.MaxBody)
		if err != nil {
			return nil, err
		}
		cloud := cred.Cloud()
		b, ok := c.buckets[cloud]
		if !ok {
			b = newBucket(c.opts.Clock, c.opts.Rate, c.opts.Burst)
			c.buckets[cloud] = b
		}
		s = &session{
			opts: c.opts, cred: cred, http: h, bucket: b, metrics: c.metrics,
			log: c.opts.Log.WithValues("cloud", cloud), gate: make(chan struct{}, 1), past: before,
		}
		c.sessions[cred.key()] = s
	}
	s.mu.Lock()
	s.users++
	s.mu.Unlock()
	return s, nil
}

func (c *Client) release(s *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users--
	s.lastUsed = c.opts.Clock.Now()
}

// dropIdle forgets logins that nobody used for a while: credentials of
// objects that are gone or changed.
func (c *Client) dropIdle() {
	now := c.opts.Clock.Now()
	clouds := map[string]bool{}
	for key, s := range c.sessions {
		s.mu.Lock()
		idle := s.users == 0 && now.Sub(s.lastUsed) > c.opts.IdleTimeout
		s.mu.Unlock()
		if idle {
			s.http.CloseIdleConnections()
			delete(c.sessions, key)
			continue
		}
		clouds[s.cred.Cloud()] = true
	}
	for cloud := range c.buckets {
		if !clouds[cloud] {
			delete(c.buckets, cloud)
		}
	}
}
