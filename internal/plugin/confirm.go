// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

func (p *program) confirmCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "confirm NAME",
		Short: "Let held withdrawals go: the interfaces are really gone",
		Long: `Let held withdrawals go: the interfaces are really gone.

Interfaces that vanish from OpenStack in great number stay published until a person says
that this is right. This shows what is held, and asks. What was held when it was shown goes
with the next complete answer of OpenStack, which is asked for at once: agents then tear
those interfaces down. What is held only later needs a word of its own.`,
		Example: `  kubectl multinic confirm data-network
  # Without the question
  kubectl multinic confirm data-network -n team-a --yes`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, names []string) error {
			return p.confirm(cmd.Context(), unique(names)[0], yes)
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "don't ask")
	return cmd
}

func (p *program) confirm(ctx context.Context, name string, yes bool) error {
	c, err := p.cluster()
	if err != nil {
		return err
	}
	// The word is of the time before the reading: it covers what was shown, no more.
	at := p.Now().UTC().Format(time.RFC3339Nano)
	obj, err := c.get(ctx, client.ObjectKey{Namespace: c.namespace, Name: name})
	if err != nil {
		return err
	}
	v := viewOf(obj)
	if v.Held == "" {
		p.print("%s: nothing is held, nothing was changed", key(obj))
		if n := v.Counts.PendingWithdrawals; n > 0 {
			p.print("  %s for a second look at OpenStack, which needs no confirmation", count(n, "withdrawal waits", "withdrawals wait"))
		}
		return nil
	}
	p.showHeld(obj, &v)
	if obj.Spec.Suspend {
		return fmt.Errorf("%s is suspended, so nothing can go: kubectl multinic resume %s -n %s, then confirm", key(obj), obj.Name, obj.Namespace)
	}
	if !yes {
		if err := p.ask(ctx, "Agents will tear these interfaces down. Are they really gone?"); err != nil {
			return err
		}
	}
	if err := c.annotate(ctx, obj, v1alpha1.AnnotationConfirmWithdrawal, at); err != nil {
		return err
	}
	p.print("%s: confirmed; what was held goes with the next complete answer of OpenStack", key(obj))
	return nil
}

// showHeld shows what is held: the condition, and the VMs that are published still
// although something is wrong with them. The status doesn't tell interface by interface.
func (p *program) showHeld(obj *v1alpha1.OpenstackConfig, v *view) {
	held := meta.FindStatusCondition(obj.Status.Conditions, v1alpha1.ConditionWithdrawalHeld)
	p.print("%s  held since %s", key(obj), p.ago(held.LastTransitionTime.Time))
	p.lines(wrap(v.Held, "  ", "  "))
	told := false
	for _, vm := range v.VMs {
		if len(vm.Problems) == 0 || len(vm.Interfaces) == 0 {
			continue
		}
		if !told {
			p.print("  published still, though not as declared:")
			told = true
		}
		p.print("    %s (%s)", vm.VM, vm.Problems[0].Reason)
		for _, i := range vm.Interfaces {
			p.leaf("      ", i, false)
		}
	}
}
