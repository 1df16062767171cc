// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Command kubectl-multinic is kubectl's plugin for MultiNic: kubectl finds it in the
// PATH by its name and calls it for kubectl multinic.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/cli-runtime/pkg/genericiooptions"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // what kubeconfigs of clouds name

	"github.com/xormsdhkdwk/multinic/internal/plugin"

	_ "time/tzdata" // the zones of reconcileTrigger.timezone, also where the system has none
)

// version is set by the linker.
var version = "v1alpha1-dev"

func main() { os.Exit(run(plugin.Options{Version: version})) }

// run is main, for tests too. The first Ctrl-C ends what waits, the second the program.
func run(o plugin.Options) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	o.Streams = genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	if err := plugin.New(o).ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	return 0
}
