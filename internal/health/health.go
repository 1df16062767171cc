// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package health serves a program's health and metrics on one port.
//
//	/livez    the process alone: what the kubelet restarts it by
//	/readyz   every check: whether it can do its work now
//	/healthz  every check, told one by one, for people and monitors
//	/metrics  Prometheus
//
// A database that is away makes /readyz and /healthz answer 503 and leaves
// /livez alone, so that an outage never becomes a restart loop.
package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Check is one thing that must be well.
type Check struct {
	Name string
	// Probe returns what is wrong. It must not hold a secret.
	Probe func(ctx context.Context) error
	// Told: it is told by /healthz, and this program can do its work all the
	// same: /readyz does not ask it.
	Told bool
}

// Server looks at its checks every Interval and answers from what it saw, so
// that probes cost the database nothing. It is a manager runnable and runs
// in every replica.
type Server struct {
	Listener net.Listener
	Checks   []Check
	Gatherer prometheus.Gatherer
	// Guard, if set, lets through to /metrics whom it may.
	Guard    func(http.Handler) (http.Handler, error)
	Interval time.Duration // 2s if zero

	mu   sync.Mutex
	seen map[string]error // by name; absent: not looked yet
}

var errNotLooked = errors.New("not looked at yet")

// NeedLeaderElection tells the manager to start it in every replica.
func (s *Server) NeedLeaderElection() bool { return false }

// Start serves until ctx ends.
func (s *Server) Start(ctx context.Context) error {
	handler, err := s.Handler()
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(s.Listener) }()
	interval := s.Interval
	if interval == 0 {
		interval = 2 * time.Second
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	s.look(ctx)
	for {
		select {
		case <-ctx.Done():
			stopCtx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			return server.Shutdown(stopCtx)
		case err := <-failed:
			return fmt.Errorf("serving health and metrics: %w", err)
		case <-ticker.C:
			s.look(ctx)
		}
	}
}

// Handler serves the four paths.
func (s *Server) Handler() (http.Handler, error) {
	metrics := promhttp.HandlerFor(s.Gatherer, promhttp.HandlerOpts{})
	if s.Guard != nil {
		var err error
		if metrics, err = s.Guard(metrics); err != nil {
			return nil, fmt.Errorf("guarding /metrics: %w", err)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/livez", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) { s.tell(w, false) })
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { s.tell(w, true) })
	mux.Handle("/metrics", metrics)
	return mux, nil
}

func (s *Server) look(ctx context.Context) {
	var wg sync.WaitGroup
	for _, c := range s.Checks {
		wg.Go(func() {
			probeCtx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			err := c.Probe(probeCtx)
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.seen == nil {
				s.seen = map[string]error{}
			}
			s.seen[c.Name] = err
		})
	}
	wg.Wait()
}

func (s *Server) tell(w http.ResponseWriter, all bool) {
	var body strings.Builder
	code := http.StatusOK
	s.mu.Lock()
	for _, c := range s.Checks {
		if c.Told && !all {
			continue
		}
		err, looked := s.seen[c.Name]
		if !looked {
			err = errNotLooked
		}
		if err != nil {
			code = http.StatusServiceUnavailable
			fmt.Fprintf(&body, "[-] %s: %v\n", c.Name, err)
			continue
		}
		fmt.Fprintf(&body, "[+] %s: ok\n", c.Name)
	}
	s.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(body.String()))
}
