// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

func (p *program) triggerCommand() *cobra.Command {
	var s selection
	var wait bool
	timeout := 5 * time.Minute
	cmd := &cobra.Command{
		Use:   "trigger NAME... | --all | -l SELECTOR",
		Short: "Ask OpenStack anew now, whatever the trigger mode",
		Long: `Ask OpenStack anew now, whatever the trigger mode.

It sets the annotation multinic.example.com/reconcile-requested-at to the present time.
With --wait it ends when every object has been run; it fails if one can't be run until a
person mends something, or not within --timeout. Ctrl-C ends the waiting, not the runs.`,
		Example: `  kubectl multinic trigger data-network
  # Wait for the result; the exit code tells it
  kubectl multinic trigger data-network --wait
  # All objects with a label
  kubectl multinic trigger -l team=storage --wait --timeout 10m
  # Every object of the cluster
  kubectl multinic trigger --all -A`,
		RunE: func(cmd *cobra.Command, names []string) error {
			if err := s.checkWrite(names); err != nil {
				return err
			}
			if timeout <= 0 {
				return fmt.Errorf("the timeout %s is over before it begins: give one such as 5m", timeout)
			}
			return p.trigger(cmd.Context(), &s, names, wait, timeout)
		},
	}
	s.writeFlags(cmd)
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until every run is done")
	cmd.Flags().DurationVar(&timeout, "timeout", timeout, "with --wait: for how long")
	return cmd
}

func (p *program) trigger(ctx context.Context, s *selection, names []string, wait bool, timeout time.Duration) error {
	// One value for all: it tells which runs belong together.
	at := p.Now().UTC().Format(time.RFC3339Nano)
	var asked []*v1alpha1.OpenstackConfig
	var through *cluster
	err := p.each(ctx, s, names, func(c *cluster, obj *v1alpha1.OpenstackConfig) error {
		through = c
		if err := c.annotate(ctx, obj, v1alpha1.AnnotationReconcileRequestedAt, at); err != nil {
			return err
		}
		asked = append(asked, obj)
		switch {
		case obj.Spec.Suspend && !wait:
			p.print("%s: asked for, but it is suspended: it runs when it is resumed", key(obj))
		case !wait:
			p.print("%s: asked for", key(obj))
		}
		return nil
	})
	if !wait || len(asked) == 0 {
		return err
	}
	scope, scopeErr := s.scope(through)
	if scopeErr != nil {
		return errors.Join(err, scopeErr)
	}
	if len(asked) == 1 { // no need to hear of its neighbours
		scope = &client.ListOptions{Namespace: asked[0].Namespace, FieldSelector: byName(asked[0].Name)}
	}
	return errors.Join(err, p.wait(ctx, through, scope, newVigil(asked, at, p.Now(), p.Doubt), timeout))
}
