// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Command prepare makes ready what the tests and the demo need and what takes time
// the first time: kube-apiserver and etcd, and MariaDB's initial data directory. make
// runs it first, because go test would show its progress only after the fact.
//
// On standard output it prints the directory of the Kubernetes binaries, for
// KUBEBUILDER_ASSETS.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/xormsdhkdwk/multinic/test/testenv"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := errors.Join(prepare(ctx), testenv.Shutdown())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "testenv:", err)
		os.Exit(1)
	}
}

func prepare(ctx context.Context) error {
	// First the one that fails at once if it fails.
	server, err := testenv.StartMariaDB(ctx, testenv.MariaDBOptions{})
	if err != nil {
		return err
	}
	if err := server.Remove(); err != nil {
		return err
	}
	assets, err := testenv.KubeAssets(ctx, os.Stderr)
	if err != nil {
		return err
	}
	fmt.Println(assets)
	return nil
}
