// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/trigger"
)

func (p *program) nextCommand() *cobra.Command {
	var s selection
	var namespace string
	cmd := &cobra.Command{
		Use:   "next [NAME...]",
		Short: "Tell when OpenStack is asked next for each object, and why",
		Long: `Tell when OpenStack is asked next for each object, and why.

Ticks are those of the MultiNicOperator that the controller follows: the oldest of its
namespace. The controller may be a few seconds later, so that not all clusters call OpenStack
at once.`,
		Example: `  kubectl multinic next
  kubectl multinic next data-network
  # Everywhere, by a controller that runs in another namespace than multinic-system
  kubectl multinic next -A --controller-namespace team-a`,
		RunE: func(cmd *cobra.Command, names []string) error {
			if len(names) > 0 {
				s.all = false
			}
			if err := s.check(names); err != nil {
				return err
			}
			return p.next(cmd.Context(), &s, names, namespace)
		},
	}
	s.readFlags(cmd)
	cmd.Flags().StringVar(&namespace, "controller-namespace", controllerNamespace, "where the controller runs")
	return cmd
}

func (p *program) next(ctx context.Context, s *selection, names []string, namespace string) error {
	c, err := p.cluster()
	if err != nil {
		return err
	}
	objects, err := s.pick(ctx, c, names)
	if len(objects) == 0 {
		if err == nil {
			p.none(s, c)
		}
		return err
	}
	operator, operatorErr := c.operator(ctx, namespace)
	f, told := newForecast(operator, operatorErr, namespace, p.Now())
	for _, line := range wrap(told, "", "  ") {
		p.tell("%s", line)
	}
	rows := [][]string{{"NAMESPACE", "NAME", "NEXT", "WHY"}}
	for i := range objects {
		o := &objects[i]
		next, why := f.of(o)
		rows = append(rows, []string{o.Namespace, o.Name, next, why})
	}
	p.table(rows)
	return err
}

// newForecast understands the operator's settings as the controller does, and says in a
// sentence what holds.
func newForecast(operator *v1alpha1.MultiNicOperator, err error, namespace string, now time.Time) (*forecast, string) {
	f := &forecast{cfg: trigger.Default(), known: true, now: now}
	if err != nil {
		f.known = false
		return f, fmt.Sprintf("The trigger mode is unknown: %v", err)
	}
	if operator == nil {
		f.ticks = describeTicks(f.cfg, "")
		return f, "There is no MultiNicOperator in namespace " + namespace + ": the mode is immediate, " + f.ticks + "."
	}
	t := operator.Spec.ReconcileTrigger
	cfg, err := trigger.Parse(trigger.Settings{
		Mode: string(t.Mode), ImmediateOnCRChange: t.ImmediateOnCRChange, Interval: t.Interval, Schedule: t.Schedule,
		Timezone: t.Timezone, WebhookEnabled: t.Webhook.Enabled,
	})
	if err != nil {
		f.known = false
		return f, fmt.Sprintf("%s can't be followed, so that the controller keeps to what it followed before: %v", key(operator), err)
	}
	f.cfg, f.ticks = cfg, describeTicks(cfg, t.Schedule)
	words := []string{"mode " + string(cfg.Mode)}
	if f.ticks != "" {
		words = append(words, f.ticks)
	}
	if cfg.Mode != trigger.Immediate && !cfg.ImmediateOnCRChange {
		words = append(words, "not on changes of objects")
	}
	return f, "The controller follows " + key(operator) + ": " + strings.Join(words, ", ") + "."
}

// describeTicks says what makes the time come.
func describeTicks(c trigger.Config, schedule string) string {
	zone := " " + c.Location.String()
	switch {
	case c.Interval > 0 && c.Location == time.UTC:
		return "every " + trigger.FormatDuration(c.Interval)
	case c.Interval > 0:
		return "every " + trigger.FormatDuration(c.Interval) + " from midnight," + zone
	case c.HasTicks():
		return "at " + schedule + zone
	default:
		return ""
	}
}
