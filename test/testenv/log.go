// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"bytes"
	"sync"
)

// Log keeps what several goroutines log.
type Log struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

// Write takes a line in.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(p)
}

// String is all that was logged.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}

// Reset forgets what was logged, so that what is new can be told from it.
func (l *Log) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buffer.Reset()
}

// Tail is the end of it, n bytes at most.
func (l *Log) Tail(n int) string {
	text := l.String()
	return text[max(0, len(text)-n):]
}
