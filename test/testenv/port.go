// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"fmt"
	"os"
	"syscall"
)

// port is a TCP port of 127.0.0.1 that is ours until release: a socket is bound to
// it and never listens. Linux lets a server that sets SO_REUSEADDR (all do) bind
// beside such a socket, but gives the port to nobody who asks for any free one, and
// to no outgoing connection. So a stopped server finds its port free when it
// starts again, and two test binaries never pick the same one.
type port struct {
	number int
	file   *os.File
}

func reservePort() (*port, error) {
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, fmt.Errorf("reserving a port: %w", err)
	}
	file := os.NewFile(uintptr(fd), "reserved port")
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		file.Close()
		return nil, fmt.Errorf("reserving a port: %w", err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		file.Close()
		return nil, fmt.Errorf("reserving a port: %w", err)
	}
	bound, err := syscall.Getsockname(fd)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("reserving a port: %w", err)
	}
	return &port{number: bound.(*syscall.SockaddrInet4).Port, file: file}, nil
}

func (p *port) release() { p.file.Close() }
