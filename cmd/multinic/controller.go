// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/xormsdhkdwk/multinic/internal/app"
)

func controllerCommand() *cobra.Command {
	options := app.Defaults(os.Getenv)
	options.Version = version
	var verbose bool
	cmd := &cobra.Command{
		Use:   "controller",
		Short: "Keep the interfaces of every OpenstackConfig in the database",
		Long: `Keep the interfaces of every OpenstackConfig in the database.

The database is named by the environment:
  DB_HOST       host or address; required
  DB_PORT       port (3306)
  DB_USER       user; required
  DB_PASSWORD   its password; required
  DB_NAME       database; required
  DB_TLS        true for an encrypted connection to a verified server (false)
  DB_TLS_CA     file with the authority to trust instead of the system's
  DB_MAX_OPEN_CONNS, DB_MAX_IDLE_CONNS
                size of the pool (10, 4)
  DB_RETENTION  how long withdrawn rows and history are kept (720h)
  DB_AGENT_USER, DB_AGENT_PASSWORD
                account for the node agents, made and kept if both are set

KUBECONFIG names the cluster where the program runs outside of one.`,
		Example: "  DB_HOST=127.0.0.1 DB_USER=root DB_PASSWORD=secret DB_NAME=multinic multinic controller --leader-elect=false",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := newLog(cmd.ErrOrStderr(), verbose)
			if os.Getenv("GOGC") == "" {
				// A reading of 10,000 VMs is short-lived garbage. With Go's 100
				// the heap grows to twice what is live before it is collected;
				// collecting earlier costs a few per cent of a round's processor time.
				debug.SetGCPercent(35)
			}
			kube, err := ctrl.GetConfig()
			if err != nil {
				return err
			}
			return app.RunController(cmd.Context(), kube, log, options)
		},
	}
	f := cmd.Flags()
	f.StringVar(&options.Namespace, "namespace", options.Namespace, "the controller's own namespace: it follows the MultiNicOperator there")
	f.StringSliceVar(&options.WatchNamespaces, "watch-namespace", options.WatchNamespaces, "serve the OpenstackConfigs of these namespaces only (all)")
	f.StringVar(&options.Address, "bind-address", options.Address, "where /healthz, /readyz, /livez and /metrics are served")
	f.StringVar(&options.TriggerAddress, "trigger-bind-address", options.TriggerAddress, "where the trigger webhook is served in plain HTTP; empty: it is not served at all")
	f.StringVar(&options.TriggerTLSAddress, "trigger-tls-bind-address", options.TriggerTLSAddress, "where it is served over TLS, once the MultiNicOperator names a certificate")
	f.BoolVar(&options.LeaderElection, "leader-elect", options.LeaderElection, "stand by while another replica leads")
	f.BoolVar(&options.AdoptDatabase, "adopt-database", options.AdoptDatabase, "take over a database that belongs to another cluster or namespace")
	f.BoolVarP(&verbose, "verbose", "v", false, "log also every call to OpenStack")
	return cmd
}
