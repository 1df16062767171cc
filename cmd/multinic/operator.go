// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"

	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/xormsdhkdwk/multinic/internal/app"
)

func operatorCommand() *cobra.Command {
	options := app.OperatorDefaults(os.Getenv)
	options.Version = version
	var verbose bool
	cmd := &cobra.Command{
		Use:   "operator",
		Short: "Run the controller and its database as every MultiNicOperator asks for",
		Long: `Run the controller and its database as every MultiNicOperator asks for:
bring them up, repair, back up, restore and upgrade them.

KUBECONFIG names the cluster where the program runs outside of one. It must then
reach MariaDB by the name of its Service to look after its accounts.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := newLog(cmd.ErrOrStderr(), verbose)
			kube, err := ctrl.GetConfig()
			if err != nil {
				return err
			}
			return app.RunOperator(cmd.Context(), kube, log, options)
		},
	}
	f := cmd.Flags()
	f.StringVar(&options.Namespace, "namespace", options.Namespace, "the operator's own namespace")
	f.StringSliceVar(&options.WatchNamespaces, "watch-namespace", options.WatchNamespaces, "serve the MultiNicOperators of these namespaces only (all)")
	f.StringVar(&options.Address, "bind-address", options.Address, "where /healthz, /readyz, /livez and /metrics are served")
	f.StringVar(&options.MetricsAuth, "metrics-auth", options.MetricsAuth, "who may read /metrics: on (bearers of a token that may get /metrics), off (anyone), auto (on where the operator may ask the cluster)")
	f.BoolVar(&options.LeaderElection, "leader-elect", options.LeaderElection, "stand by while another replica leads")
	f.BoolVarP(&verbose, "verbose", "v", false, "log more")
	return cmd
}
