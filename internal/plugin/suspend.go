// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

func (p *program) suspendCommand() *cobra.Command {
	return p.suspension(true, &cobra.Command{
		Use:   "suspend NAME... | --all | -l SELECTOR",
		Short: "Stop acting on objects; what they have published stays",
		Long: `Stop acting on objects; what they have published stays.

OpenStack is no longer asked for them, and agents read what they read before. Deleting a
suspended object still withdraws its interfaces. It sets spec.suspend.`,
		Example: `  kubectl multinic suspend data-network
  # Before work on the cloud: everything, everywhere
  kubectl multinic suspend --all -A`,
	})
}

func (p *program) resumeCommand() *cobra.Command {
	return p.suspension(false, &cobra.Command{
		Use:   "resume NAME... | --all | -l SELECTOR",
		Short: "Go on with objects that were suspended",
		Long: `Go on with objects that were suspended.

What has changed meanwhile is found with the next run. It takes spec.suspend back.`,
		Example: `  kubectl multinic resume data-network
  kubectl multinic resume -l team=storage`,
	})
}

func (p *program) suspension(suspend bool, cmd *cobra.Command) *cobra.Command {
	var s selection
	cmd.RunE = func(cmd *cobra.Command, names []string) error {
		if err := s.checkWrite(names); err != nil {
			return err
		}
		return p.setSuspend(cmd.Context(), &s, names, suspend)
	}
	s.writeFlags(cmd)
	return cmd
}

func (p *program) setSuspend(ctx context.Context, s *selection, names []string, suspend bool) error {
	done, already := "suspended: nothing is done for it; what is published stays", "was suspended already"
	if !suspend {
		done, already = "resumed", "wasn't suspended"
	}
	return p.each(ctx, s, names, func(c *cluster, obj *v1alpha1.OpenstackConfig) error {
		if obj.Spec.Suspend == suspend {
			p.print("%s %s", key(obj), already)
			return nil
		}
		if err := c.merge(ctx, obj, map[string]any{"spec": map[string]any{"suspend": suspend}}); err != nil {
			return err
		}
		p.print("%s %s", key(obj), done)
		return nil
	})
}

// each acts on every object, also when some fail.
func (p *program) each(ctx context.Context, s *selection, names []string, act func(*cluster, *v1alpha1.OpenstackConfig) error) error {
	c, err := p.cluster()
	if err != nil {
		return err
	}
	objects, err := s.pick(ctx, c, names)
	if len(objects) == 0 && err == nil {
		p.none(s, c)
	}
	for i := range objects {
		if ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		err = errors.Join(err, act(c, &objects[i]))
	}
	return err
}
