// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"sync"
)

// idSource makes repeatable IDs in the forms that OpenStack uses.
type idSource struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func newIDSource(seed uint64) *idSource {
	return &idSource{rng: rand.New(rand.NewPCG(seed, 0x6d756c74696e6963))}
}

func (s *idSource) bytes(n int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(s.rng.Uint32())
	}
	return b
}

// uuid is a random (version 4) UUID, the form of servers, ports, networks.
func (s *idSource) uuid() string {
	b := s.bytes(16)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// hex32 is the form of keystone's projects, users, credentials.
func (s *idSource) hex32() string { return hex.EncodeToString(s.bytes(16)) }

// token has the looks and the length of a Fernet token.
func (s *idSource) token() string {
	return "gAAAAAB" + base64.RawURLEncoding.EncodeToString(s.bytes(132))
}

func (s *idSource) audit() string { return base64.RawURLEncoding.EncodeToString(s.bytes(16)) }

// mac has neutron's default prefix (neutron.conf: base_mac).
func (s *idSource) mac() string {
	b := s.bytes(3)
	return fmt.Sprintf("fa:16:3e:%02x:%02x:%02x", b[0], b[1], b[2])
}

// requestID names one answer; it isn't drawn from the seed, since concurrent
// requests would make every other ID depend on their order.
func requestID() string {
	var b [16]byte
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("req-%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
