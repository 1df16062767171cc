// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package backup_test

import (
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// proxy stands before a server and ends a client's connection instead of passing on
// its nth statement, counted over all connections, or at once.
type proxy struct {
	listener net.Listener
	target   string
	cutAt    int64
	before   func(statement string) // if set, is called first
	seen     atomic.Int64
	away     int // so many connections are ended at once
	ends     sync.WaitGroup
}

func newProxy(t testing.TB, db testenv.DB) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, target: net.JoinHostPort(db.Host, strconv.Itoa(db.Port))}
	return p
}

// db is the database as one reaches it through the proxy, which serves from now on.
func (p *proxy) db(db testenv.DB) testenv.DB {
	p.ends.Go(p.accept)
	db.Port = p.listener.Addr().(*net.TCPAddr).Port
	return db
}

func (p *proxy) close() {
	p.listener.Close()
	p.ends.Wait()
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		if p.away > 0 {
			p.away--
			client.Close()
			continue
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			client.Close()
			continue
		}
		p.ends.Go(func() { _, _ = io.Copy(client, server); client.Close() })
		p.ends.Go(func() { p.statements(client, server); client.Close(); server.Close() })
	}
}

// statements passes packets on: three bytes of length, one of sequence, which is 0
// for a command; COM_QUERY is 3 (mariadb.com/kb: client/server protocol).
func (p *proxy) statements(client io.Reader, server io.Writer) {
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
			if p.before != nil {
				p.before(string(body[1:]))
			}
			if p.seen.Add(1) == p.cutAt {
				return
			}
		}
		if _, err := server.Write(append(append([]byte(nil), header...), body...)); err != nil {
			return
		}
	}
}
