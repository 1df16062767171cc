// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/netutil"
)

// Server serves a Receiver, in every replica. It is a manager runnable.
type Server struct {
	Receiver *Receiver
	// Plain and TLS are listened on; TLS needs a certificate in the settings.
	Plain, TLS net.Listener
}

// Limits against slow and many clients. Each connection holds at most a body.
const (
	maxConnections = 256
	maxHeaderBytes = 16 << 10
	headerTimeout  = 5 * time.Second
	requestTimeout = 10 * time.Second
	answerTimeout  = 30 * time.Second
)

// NeedLeaderElection tells the manager to start it in every replica.
func (s *Server) NeedLeaderElection() bool { return false }

// Start serves until ctx ends.
func (s *Server) Start(ctx context.Context) error {
	server := &http.Server{
		Handler: s.Receiver, ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout, WriteTimeout: answerTimeout, IdleTimeout: time.Minute,
		MaxHeaderBytes: maxHeaderBytes,
		TLSConfig:      &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.Receiver.Certificate},
		// A line for every handshake that a port scan breaks off tells nothing.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	failed := make(chan error, 2)
	var serving sync.WaitGroup
	serve := func(listener net.Listener, f func(net.Listener) error) {
		serving.Go(func() { failed <- f(netutil.LimitListener(listener, maxConnections)) })
	}
	serve(s.Plain, server.Serve)
	serve(s.TLS, func(l net.Listener) error { return server.ServeTLS(l, "", "") })
	defer serving.Wait()
	select {
	case <-ctx.Done():
		stopCtx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(stopCtx); err != nil {
			return errors.Join(err, server.Close())
		}
		return nil
	case err := <-failed:
		return errors.Join(fmt.Errorf("serving the trigger webhook: %w", err), server.Close())
	}
}
