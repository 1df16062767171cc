// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// Service names one of the three APIs.
type Service string

// The services of the simulator, by their type in the catalogue.
const (
	Identity Service = "identity"
	Network  Service = "network"
	Compute  Service = "compute"
)

var services = []Service{Identity, Network, Compute}

// Options shape a simulator. The zero value is a fast cloud without delays.
type Options struct {
	// Seed makes IDs, MAC addresses and tokens repeatable; 0 counts as 1.
	Seed uint64
	// Clock dates objects and tokens; nil is the real clock. Delays (Latency,
	// AttachTime and so on) always run on real time, as clients wait for them.
	Clock clock.PassiveClock
	// Region of the catalogue's endpoints; empty is RegionOne.
	Region string
	// Latency is added to every answer.
	Latency time.Duration
	// TokenLifetime; 0 is one hour.
	TokenLifetime time.Duration
	// TokenCache is how long neutron and nova go on accepting a token that
	// they have seen although keystone revoked it; 0 is not at all.
	TokenCache time.Duration
	// AttachTime is how long the hypervisor takes to attach an interface;
	// DetachTime to release it, BootTime to make a server ACTIVE, DeleteTime to
	// remove one.
	AttachTime, DetachTime, BootTime, DeleteTime time.Duration
	// RPCTimeout is how long nova-api waits for the hypervisor before it
	// answers 500 MessagingTimeout; 0 is 60 s, as nova's default.
	RPCTimeout time.Duration
	// ServerPageLimit is nova's max_limit; 0 is 1000, as nova's default.
	ServerPageLimit int
	// TLS serves all three APIs with a certificate of the simulator's own CA.
	TLS bool
	// Control serves the control API (control.go) on keystone's port. Whoever
	// reaches the port can change the cloud.
	Control bool
	// Listen gives fixed listen addresses by service; a missing one listens on
	// a free port of 127.0.0.1.
	Listen map[Service]string
}

// Sim is one simulated cloud. All methods are safe for concurrent use.
type Sim struct {
	opts    Options
	clock   clock.PassiveClock
	ids     *idSource
	ca      *authority
	journal *journal
	faults  *faultTable
	limits  *rateLimits

	// mu guards live and everything reachable from it.
	mu   sync.RWMutex
	live *state

	// serverLocks serialise the hypervisor's work on one server, as
	// nova-compute does.
	lockMu      sync.Mutex
	serverLocks map[string]*sync.Mutex

	listenMu  sync.Mutex
	handlers  map[Service]http.Handler
	listeners map[Service]*listener

	stop       context.Context
	stopNow    context.CancelFunc
	background sync.WaitGroup
}

type listener struct {
	addr   string
	server *http.Server
}

// New makes a cloud that holds the Default domain and the project and user
// admin (password "admin"), and nothing else. Start serves it.
func New(opts Options) *Sim {
	if opts.Seed == 0 {
		opts.Seed = 1
	}
	if opts.Clock == nil {
		opts.Clock = clock.RealClock{}
	}
	if opts.Region == "" {
		opts.Region = "RegionOne"
	}
	if opts.TokenLifetime == 0 {
		opts.TokenLifetime = time.Hour
	}
	if opts.RPCTimeout == 0 {
		opts.RPCTimeout = 60 * time.Second
	}
	if opts.ServerPageLimit == 0 {
		opts.ServerPageLimit = 1000
	}
	s := &Sim{
		opts:        opts,
		clock:       opts.Clock,
		ids:         newIDSource(opts.Seed),
		journal:     newJournal(),
		faults:      newFaultTable(opts.Seed),
		limits:      newRateLimits(),
		live:        newState(),
		serverLocks: map[string]*sync.Mutex{},
		listeners:   map[Service]*listener{},
	}
	s.stop, s.stopNow = context.WithCancel(context.Background())
	if opts.TLS {
		s.ca = newAuthority()
	}
	s.seedIdentity()
	s.handlers = map[Service]http.Handler{
		Identity: s.keystoneHandler(),
		Network:  s.neutronHandler(),
		Compute:  s.novaHandler(),
	}
	return s
}

// Start serves the three APIs and fills the catalogue with their addresses.
// It panics when it can't listen, as net/http/httptest does.
func (s *Sim) Start() {
	for _, svc := range services {
		addr := s.opts.Listen[svc]
		if addr == "" {
			addr = "127.0.0.1:0"
		}
		if err := s.listen(svc, addr); err != nil {
			panic(fmt.Sprintf("openstacksim: listen for %s: %v", svc, err))
		}
	}
	s.fillCatalogue()
}

func (s *Sim) listen(svc Service, addr string) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           s.handlers[svc],
		ReadHeaderTimeout: 30 * time.Second,
		// Refused certificates and cut connections are what tests are after.
		ErrorLog:    log.New(io.Discard, "", 0),
		BaseContext: func(net.Listener) context.Context { return s.stop },
	}
	s.listenMu.Lock()
	s.listeners[svc] = &listener{addr: ln.Addr().String(), server: srv}
	s.listenMu.Unlock()
	s.background.Go(func() {
		var err error
		if s.ca != nil {
			srv.TLSConfig = s.ca.serverConfig()
			err = srv.ServeTLS(ln, "", "")
		} else {
			err = srv.Serve(ln)
		}
		if err != nil && !errors.Is(err, http.ErrServerClosed) {
			panic(fmt.Sprintf("openstacksim: serve %s: %v", svc, err))
		}
	})
	return nil
}

// Close ends all connections and all work under way, and waits for both.
func (s *Sim) Close() {
	s.stopNow()
	s.listenMu.Lock()
	for _, l := range s.listeners {
		if l.server != nil {
			_ = l.server.Close()
		}
	}
	s.listenMu.Unlock()
	s.background.Wait()
}

// StopService closes a service's port: clients get "connection refused", and
// nova without neutron answers 500 where it needs neutron. StartService opens
// the same port again.
func (s *Sim) StopService(svc Service) {
	s.listenMu.Lock()
	defer s.listenMu.Unlock()
	l := s.listeners[svc]
	if l == nil || l.server == nil {
		return
	}
	_ = l.server.Close()
	l.server = nil
}

// StartService undoes StopService.
func (s *Sim) StartService(svc Service) {
	s.listenMu.Lock()
	l := s.listeners[svc]
	s.listenMu.Unlock()
	if l == nil || l.server != nil {
		return
	}
	if err := s.listen(svc, l.addr); err != nil {
		panic(fmt.Sprintf("openstacksim: listen again for %s: %v", svc, err))
	}
}

func (s *Sim) serviceDown(svc Service) bool {
	s.listenMu.Lock()
	defer s.listenMu.Unlock()
	l := s.listeners[svc]
	return l != nil && l.server == nil
}

// URL is the root of a service, without a version path and a final slash.
func (s *Sim) URL(svc Service) string {
	s.listenMu.Lock()
	defer s.listenMu.Unlock()
	l := s.listeners[svc]
	if l == nil {
		panic("openstacksim: not started")
	}
	scheme := "http"
	if s.opts.TLS {
		scheme = "https"
	}
	return scheme + "://" + l.addr
}

// AuthURL is what a client needs to log in: keystone's /v3.
func (s *Sim) AuthURL() string { return s.URL(Identity) + "/v3" }

// CAPEM is the certificate of the simulator's CA in PEM; nil without TLS.
func (s *Sim) CAPEM() []byte {
	if s.ca == nil {
		return nil
	}
	return s.ca.pem
}

// now is the simulator's time in UTC.
func (s *Sim) now() time.Time { return s.clock.Now().UTC() }

// sleep waits for d of real time, or less when the simulator closes. It tells
// whether the whole time passed.
func (s *Sim) sleep(d time.Duration) bool {
	if d <= 0 {
		return s.stop.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.stop.Done():
		return false
	}
}

// serverLock is the lock of nova-compute on one server.
func (s *Sim) serverLock(id string) *sync.Mutex {
	s.lockMu.Lock()
	defer s.lockMu.Unlock()
	l := s.serverLocks[id]
	if l == nil {
		l = &sync.Mutex{}
		s.serverLocks[id] = l
	}
	return l
}
