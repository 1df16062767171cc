// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

// admission is what admit was told.
type admission struct {
	namespace, epoch string
	yes, wait        bool
	timeout          time.Duration
}

func (p *program) admitCommand() *cobra.Command {
	a := admission{timeout: time.Minute}
	cmd := &cobra.Command{
		Use:   "admit",
		Short: "Open the gate by hand: let agents see an incomplete set",
		Long: `Open the gate by hand: let agents see an incomplete set.

When the database is new or was restored, agents get an error, and change nothing, until all
that was published before is published again. Then the gate opens by itself. Opening it by
hand shows them what there is: THEY TEAR DOWN EVERY INTERFACE WHOSE ROW ISN'T THERE YET.
This shows which objects are missing, and asks.

It writes the epoch of the database, as the objects tell it that are published anew, into the
annotation multinic.example.com/admit-epoch of the MultiNicOperator in the controller's
namespace. It opens the gate of this epoch only. Where no object tells the epoch yet, it is
read from the database: SELECT epoch FROM multi_epoch.`,
		Example: `  kubectl multinic admit
  # With an epoch that was read from the database, without the question
  kubectl multinic admit --epoch 0b9f4e0e-1f5c-4c7e-9f43-1d6a3b8f2c11 --yes --wait=false`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.admit(cmd.Context(), a) },
	}
	f := cmd.Flags()
	f.StringVar(&a.namespace, "controller-namespace", controllerNamespace, "where the controller runs")
	f.StringVar(&a.epoch, "epoch", "", "the database's epoch, where no object tells it")
	f.BoolVarP(&a.yes, "yes", "y", false, "don't ask")
	f.BoolVar(&a.wait, "wait", true, "wait until the objects say that the gate is open")
	f.DurationVar(&a.timeout, "timeout", a.timeout, "with --wait: for how long")
	return cmd
}

func (p *program) admit(ctx context.Context, a admission) error {
	c, err := p.cluster()
	if err != nil {
		return err
	}
	objects, err := c.list(ctx, &client.ListOptions{})
	if err != nil {
		return err
	}
	if !anyShut(objects) && a.epoch == "" {
		p.print("No object says that the gate is shut: nothing was changed.")
		return nil
	}
	if a.epoch != "" && !validEpoch(a.epoch) {
		return fmt.Errorf("%q is no epoch: it is a UUID; read it from the database (SELECT epoch FROM multi_epoch)", a.epoch)
	}
	if !anyShut(objects) {
		p.print("No object says that the gate is shut; the word counts if it is shut in this epoch.")
	}
	if a.epoch == "" {
		if a.epoch = newEpoch(objects); a.epoch == "" {
			return errors.New("no object is published in the database's new epoch yet, so that none tells it: " +
				"read it from the database (SELECT epoch FROM multi_epoch) and give it with --epoch")
		}
	}
	operator, err := c.operator(ctx, a.namespace)
	if err != nil {
		return err
	}
	if operator == nil {
		return fmt.Errorf("namespace %s has no MultiNicOperator that could bear the word: is the controller in another namespace (--controller-namespace)? "+
			"Else make one, as docs/how-to/open-the-gate-by-hand.md says", a.namespace)
	}
	p.showMissing(objects, a.epoch)
	if !a.yes {
		if err := p.ask(ctx, "Agents will see an incomplete set, and tear down what is not in it. Open the gate?"); err != nil {
			return err
		}
	}
	if err := c.annotate(ctx, operator, v1alpha1.AnnotationAdmit, a.epoch); err != nil {
		return err
	}
	p.print("%s: epoch %s is admitted", key(operator), a.epoch)
	if !a.wait || !anyShut(objects) {
		return nil
	}
	return p.awaitOpen(ctx, c, a)
}

// validEpoch says whether a text has the form of an epoch.
func validEpoch(text string) bool {
	_, err := uuid.Parse(text)
	return err == nil && len(text) == 36
}

// shut is the condition of an object that says that the gate is shut, else nil.
func shut(o *v1alpha1.OpenstackConfig) *metav1.Condition {
	c := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionPublished)
	if c == nil || c.Status != metav1.ConditionFalse || c.Reason != v1alpha1.ReasonGateShut {
		return nil
	}
	return c
}

func anyShut(objects []v1alpha1.OpenstackConfig) bool {
	for i := range objects {
		if shut(&objects[i]) != nil {
			return true
		}
	}
	return false
}

// newEpoch is the epoch of the database behind a gate that is shut: the newest that an
// object was run in since it says so. A status from before speaks of the old database.
func newEpoch(objects []v1alpha1.OpenstackConfig) string {
	var newest *v1alpha1.PublicationStatus
	for i := range objects {
		o := &objects[i]
		c, mark := shut(o), o.Status.Publication
		if c == nil || mark == nil || o.Status.LastSyncTime == nil || o.Status.LastSyncTime.Time.Before(c.LastTransitionTime.Time) {
			continue
		}
		if newest == nil || mark.Generation > newest.Generation {
			newest = mark
		}
	}
	if newest == nil {
		return ""
	}
	// One that was run before the gate shut, in the very second, would speak of the
	// old epoch: then everything that ever published does, and nothing is missing.
	if len(missing(objects, newest.Epoch)) == 0 {
		return ""
	}
	return newest.Epoch
}

// missing are the objects that have published before and not in this epoch.
func missing(objects []v1alpha1.OpenstackConfig, epoch string) []*v1alpha1.OpenstackConfig {
	var out []*v1alpha1.OpenstackConfig
	for i := range objects {
		o := &objects[i]
		if o.Status.Publication != nil && o.Status.Publication.Epoch != epoch && o.DeletionTimestamp.IsZero() {
			out = append(out, o)
		}
	}
	return out
}

func (p *program) showMissing(objects []v1alpha1.OpenstackConfig, epoch string) {
	absent := missing(objects, epoch)
	var interfaces int32
	for _, o := range absent {
		interfaces += o.Status.Counts.Interfaces
	}
	if len(absent) == 0 {
		p.print("In the epoch %s everything is published that was before.", epoch)
		return
	}
	p.print("In the epoch %s not published yet: %s with %s.", epoch,
		count(len(absent), "object", "objects"), count(interfaces, "interface", "interfaces"))
	for n, o := range absent {
		if n == maxTold {
			p.print("  and %d more (kubectl multinic status -A shows them)", len(absent)-n)
			return
		}
		ready := readyOf(o)
		p.lines(wrap(fmt.Sprintf("%s: %s; %s: %s", key(o), count(o.Status.Counts.Interfaces, "interface", "interfaces"), ready.Reason, ready.Message), "  ", "    "))
	}
}

// awaitOpen waits until no object says any more that the gate is shut.
func (p *program) awaitOpen(ctx context.Context, c *cluster, a admission) error {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for {
		select {
		case <-again.C:
		case <-ctx.Done():
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return errors.New("the waiting was ended; the word is written, and the controller follows it")
			}
			return fmt.Errorf("the gate is still shut after %s: does a controller run in namespace %s, and is the epoch still %s (SELECT epoch FROM multi_epoch)? If not, give the other with --epoch",
				a.timeout, a.namespace, a.epoch)
		}
		objects, err := c.list(ctx, &client.ListOptions{})
		if err == nil && !anyShut(objects) {
			p.print("The gate is open: agents see what is published.")
			return nil
		}
	}
}
