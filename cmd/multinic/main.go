// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Command multinic publishes the interfaces of OpenStack VMs to the agents on
// Kubernetes nodes.
package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"

	_ "time/tzdata" // time zones in images that carry none
)

// version is set by the linker.
var version = "v1alpha1-dev"

func main() {
	root := &cobra.Command{
		Use:           "multinic",
		Short:         "Publish the interfaces of OpenStack VMs to the agents on Kubernetes nodes",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(controllerCommand(), operatorCommand(), backupCommand())
	if err := root.ExecuteContext(ctrl.SetupSignalHandler()); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "multinic:", err)
		os.Exit(1)
	}
}

// newLog writes text, and takes what the libraries have to say.
func newLog(w io.Writer, verbose bool) logr.Logger {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	log := logr.FromSlogHandler(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
	ctrl.SetLogger(log)
	return log
}
