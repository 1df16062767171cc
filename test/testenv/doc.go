// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package testenv gives a test, the demo or the benchmark the real servers that
// MultiNic stands on: a kube-apiserver with its etcd, and a mariadbd.
//
// A test asks for what it needs and never asks whether it is there:
//
//	db := testenv.Database(t)             // a database and a user of its own
//	cfg := testenv.Kube(t)                // the test binary's API server, with our CRDs
//	ns := testenv.Namespace(t, client)    // a namespace of its own
//
// Both servers are started by the first test of a test binary that asks and are
// shared by all its tests, so a test isolates itself by its database or its
// namespace. A test that stops, kills or freezes a server takes one of its own,
// with [NewMariaDB] or [NewControlPlane]. [NewGalera] gives it a cluster of three
// MariaDB nodes, of which it may kill one or cut one off, and a [Balancer] before them.
//
// Programs without a testing.T use the functions underneath, which return
// errors: [StartMariaDB], [StartGalera], [StartControlPlane], [KubeAssets], and
// call [Shutdown] before they exit.
//
// # What is left behind
//
// Nothing, whatever ends the process: a panic, SIGKILL, Ctrl-C, go test's
// time-out. The first server of a process also starts a watchdog, a small shell
// in a session of its own that reads from a pipe whose other end only this process
// holds. When that end closes, it kills every process that carries the name of
// this process's temporary directory in its command line or environment (all
// descendants do: the name is put into our environment before the first of them
// starts) and removes the directory. Pdeathsig was not chosen: it follows the
// thread, not the process, and envtest starts its children itself.
//
// Kept on purpose are the caches in os.UserCacheDir()/multinic: the API server's
// binaries and an initialised data directory of each MariaDB version.
//
// All listen on 127.0.0.1, on ports that are reserved for as long as the server
// object lives, also while the server is stopped.
package testenv
