// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// verdict is what a proxy does with a statement.
type verdict int

const (
	pass verdict = iota
	// cut closes the connection before the server sees the statement.
	cut
	// swallow lets the server execute it and closes the connection instead of
	// passing on the answer.
	swallow
)

// proxy stands between a store and its server and judges each statement. A judge
// that blocks freezes its client's connection in the middle of what it does.
type proxy struct {
	listener  net.Listener
	judge     func(text string) verdict
	swallowed func()      // if set: called when an answer was swallowed, before its connection is closed
	refuse    atomic.Bool // new connections

	mu      sync.Mutex
	target  string
	clients []net.Conn
	servers []net.Conn
}

// through gives cfg a proxy.
func through(t testing.TB, db testenv.DB, cfg store.Config, judge func(text string) verdict) store.Config {
	t.Helper()
	p := newProxy(t, db)
	p.judge = judge
	return p.serve(cfg)
}

// newProxy is a proxy that does not serve yet: its judge may refer to it.
func newProxy(t testing.TB, db testenv.DB) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, target: net.JoinHostPort(db.Host, strconv.Itoa(db.Port))}
	t.Cleanup(p.close)
	return p
}

func (p *proxy) serve(cfg store.Config) store.Config {
	go p.accept()
	cfg.Host, cfg.Port = "127.0.0.1", p.listener.Addr().(*net.TCPAddr).Port
	return cfg
}

// whenArmed is judge from the moment on that the switch is on.
func whenArmed(judge func(string) verdict) (func(string) verdict, *atomic.Bool) {
	var armed atomic.Bool
	return func(text string) verdict {
		if armed.Load() {
			return judge(text)
		}
		return pass
	}, &armed
}

func (p *proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range append(p.clients, p.servers...) {
		c.Close()
	}
}

// point leads new connections to another server.
func (p *proxy) point(db testenv.DB) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = net.JoinHostPort(db.Host, strconv.Itoa(db.Port))
}

// turn is point, and closes the clients' connections. The servers' stay: what is
// judged still arrives, as what is on its way does.
func (p *proxy) turn(db testenv.DB) {
	p.point(db)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.clients {
		c.Close()
	}
}

func (p *proxy) dial() (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return net.Dial("tcp", p.target)
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := p.dial()
		if err != nil || p.refuse.Load() {
			client.Close()
			if err == nil {
				server.Close()
			}
			continue
		}
		p.mu.Lock()
		p.clients, p.servers = append(p.clients, client), append(p.servers, server)
		p.mu.Unlock()
		var swallowing atomic.Bool
		go p.answers(client, server, &swallowing)
		go p.statements(client, server, &swallowing)
	}
}

func (p *proxy) answers(client, server net.Conn, swallowing *atomic.Bool) {
	defer client.Close()
	defer server.Close()
	buffer := make([]byte, 1<<16)
	for {
		n, err := server.Read(buffer)
		if swallowing.Load() && p.swallowed != nil {
			p.swallowed()
		}
		if err != nil || swallowing.Load() {
			return
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// statements passes packets on: three bytes of length, one of sequence, which is
// 0 for a command; COM_QUERY is 3 (mariadb.com/kb: client/server protocol).
func (p *proxy) statements(client, server net.Conn, swallowing *atomic.Bool) {
	defer client.Close()
	defer server.Close()
	header := make([]byte, 4)
	for {
		if _, err := io.ReadFull(client, header); err != nil {
			return
		}
		body := make([]byte, int(header[0])|int(header[1])<<8|int(header[2])<<16)
		if _, err := io.ReadFull(client, body); err != nil {
			return
		}
		if header[3] == 0 && len(body) > 0 && body[0] == 3 {
			switch p.judge(string(body[1:])) {
			case cut:
				return
			case swallow:
				swallowing.Store(true)
			}
		}
		if _, err := server.Write(append(append([]byte(nil), header...), body...)); err != nil {
			return
		}
	}
}

// once is a judge that gives v to the first statement that begins with prefix.
func once(prefix string, v verdict) func(string) verdict {
	var done atomic.Bool
	return func(text string) verdict {
		if strings.HasPrefix(text, prefix) && done.CompareAndSwap(false, true) {
			return v
		}
		return pass
	}
}

// freeze is a judge that stops the first statement that begins with prefix, and
// then goes on with it, once released.
func freeze(prefix string) (judge func(string) verdict, frozen <-chan struct{}, release func()) {
	reached, gone := make(chan struct{}), make(chan struct{})
	var first, last sync.Once
	judge = func(text string) verdict {
		if strings.HasPrefix(text, prefix) {
			mine := false
			first.Do(func() { mine = true })
			if mine {
				close(reached)
				<-gone
			}
		}
		return pass
	}
	return judge, reached, func() { last.Do(func() { close(gone) }) }
}
