// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// Options of the program. Zero values take the defaults.
type Options struct {
	Streams genericiooptions.IOStreams
	Version string
	// Now is the clock.
	Now func() time.Time
	// Doubt is how long trigger --wait believes that a failure which was there
	// before it asked, and stands unchanged, is an old one (30s).
	Doubt time.Duration
}

// program is what the verbs share.
type program struct {
	Options
	config *genericclioptions.ConfigFlags
}

// New makes the command kubectl multinic.
func New(o Options) *cobra.Command {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Doubt == 0 {
		o.Doubt = 30 * time.Second
	}
	log.SetLogger(logr.Discard()) // what is wrong is in the error that is printed
	p := &program{Options: o, config: genericclioptions.NewConfigFlags(true)}
	root := &cobra.Command{
		Use:   "kubectl-multinic",
		Short: "Look after the interfaces that MultiNic publishes",
		Long: `Look after the interfaces that MultiNic publishes.

Every verb works through the API server, with your rights in it. The usual flags of
kubectl (--kubeconfig, --context, --namespace, --as, --server and the rest) are understood.`,
		Example: `  # What is published in this namespace, by VM
  kubectl multinic status
  # Ask OpenStack anew for one object, and wait for the answer
  kubectl multinic trigger data-network --wait`,
		Version:       o.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl multinic"},
	}
	root.SetIn(o.Streams.In)
	root.SetOut(o.Streams.Out)
	root.SetErr(o.Streams.ErrOut)
	root.CompletionOptions.DisableDefaultCmd = true // its scripts would complete kubectl-multinic, which nobody types
	p.addConfigFlags(root.PersistentFlags())
	root.AddCommand(p.statusCommand(), p.nextCommand(), p.triggerCommand(), p.suspendCommand(), p.resumeCommand(), p.confirmCommand(), p.admitCommand(),
		p.backupCommand(), p.restoreCommand())
	return root
}

// addConfigFlags adds kubectl's own flags, and shows the few that are used daily:
// twenty more would drown the verb's own in every help.
func (p *program) addConfigFlags(flags *pflag.FlagSet) {
	p.config.AddFlags(flags)
	shown := map[string]bool{"kubeconfig": true, "context": true, "namespace": true}
	flags.VisitAll(func(f *pflag.Flag) { f.Hidden = !shown[f.Name] })
}
