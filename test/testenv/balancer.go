// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"context"
	"database/sql"
	"io"
	"net"
	"strconv"
	"sync"
	"time"
)

// BalancerOptions is how a balancer spreads connections over a cluster's nodes.
type BalancerOptions struct {
	// Spread sends each connection to the next node. Without it all go to one, and
	// to the next only when that one is out: one writer at a time.
	Spread bool
	// Keep leaves connections to a node that is out as they are, as kube-proxy
	// does. Without it they are closed (HAProxy: on-marked-down shutdown-sessions).
	Keep bool
}

// checkEvery is how often a balancer looks at the nodes.
const checkEvery = 50 * time.Millisecond

// Balancer is the one address before a Galera cluster. A node is in while it is synced
// with the primary component.
type Balancer struct {
	Host string // 127.0.0.1
	Port int

	options  BalancerOptions
	nodes    [GaleraNodes]*MariaDB
	listener net.Listener
	stop     context.CancelFunc
	stopped  sync.WaitGroup

	mu    sync.Mutex
	in    [GaleraNodes]bool
	at    int // the node of the last connection
	conns map[net.Conn]int
}

// Balance starts a balancer and returns when it has looked at every node.
func (g *Galera) Balance(options BalancerOptions) (*Balancer, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	b := &Balancer{
		Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port,
		options: options, nodes: g.Nodes, listener: listener, stop: stop, conns: map[net.Conn]int{},
	}
	var looked sync.WaitGroup
	looked.Add(len(b.nodes))
	for i := range b.nodes {
		b.stopped.Go(func() { b.watch(ctx, i, sync.OnceFunc(looked.Done)) })
	}
	looked.Wait()
	b.stopped.Go(b.accept)
	return b, nil
}

// Close ends the balancer and every connection through it.
func (b *Balancer) Close() {
	b.stop()
	b.listener.Close()
	b.mu.Lock()
	for conn := range b.conns {
		conn.Close()
	}
	b.mu.Unlock()
	b.stopped.Wait()
}

// Writer is the node that the last connection went to.
func (b *Balancer) Writer() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at
}

// watch looks at a node again and again and calls looked each time.
func (b *Balancer) watch(ctx context.Context, i int, looked func()) {
	defer looked()
	root, err := b.nodes[i].Root()
	if err != nil {
		return
	}
	defer root.Close()
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		b.mark(i, b.healthy(ctx, root))
		looked()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (b *Balancer) healthy(ctx context.Context, root *sql.DB) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	status, err := readWsrep(ctx, root)
	return err == nil && status.healthy()
}

func (b *Balancer) mark(i int, in bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.in[i] = in
	if in || b.options.Keep {
		return
	}
	for conn, node := range b.conns {
		if node == i {
			conn.Close()
		}
	}
}

func (b *Balancer) accept() {
	for {
		client, err := b.listener.Accept()
		if err != nil {
			return
		}
		b.stopped.Go(func() { b.serve(client) })
	}
}

func (b *Balancer) serve(client net.Conn) {
	defer client.Close()
	node, ok := b.choose()
	if !ok {
		return
	}
	server, err := net.Dial("tcp", net.JoinHostPort(b.nodes[node].Host, strconv.Itoa(b.nodes[node].Port)))
	if err != nil {
		return
	}
	defer server.Close()
	b.mu.Lock()
	b.conns[client], b.conns[server] = node, node
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.conns, client)
		delete(b.conns, server)
	}()
	var answers sync.WaitGroup
	answers.Go(func() {
		_, _ = io.Copy(client, server)
		client.Close()
	})
	_, _ = io.Copy(server, client)
	server.Close()
	answers.Wait()
}

// choose takes the node of the last connection again, or the one after it.
func (b *Balancer) choose() (node int, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	first := b.at
	if b.options.Spread {
		first++
	}
	for i := range b.nodes {
		if node := (first + i) % len(b.nodes); b.in[node] {
			b.at = node
			return node, true
		}
	}
	return 0, false
}
