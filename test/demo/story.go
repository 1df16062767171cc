// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/test/openstacksim"
)

// The samples that the demo applies.
const (
	operatorSample = "config/samples/multinicoperator_immediate.yaml"
	configSample   = "config/samples/openstackconfig.yaml"
)

// interval is how often the demo has the controller look at OpenStack; the
// default is a minute.
const interval = "10s"

// story is what is shown, act by act. Every act checks what it shows.
type story struct {
	*ground
	out    *screen
	object types.NamespacedName // the OpenstackConfig
	vms    []string
	// declare applies the OpenstackConfig.
	declare func(ctx context.Context) error
	// sim is the simulated cloud; nil with a real one, in which nothing is
	// changed.
	sim        *openstacksim.Sim
	cloudsYAML string // path of a clouds.yaml for the simulator
}

// newStory plays with a real cloud, or with the simulator where real is nil.
func newStory(g *ground, out *screen, real *realCloud) (*story, error) {
	s := &story{ground: g, out: out}
	if real != nil {
		s.useRealCloud(real)
		return s, nil
	}
	return s, s.useSimulator()
}

func (s *story) close() {
	if s.sim != nil {
		s.sim.Close()
	}
}

// play tells the story.
func (s *story) play(ctx context.Context) error {
	acts := []func(context.Context) error{s.declared, s.stored, s.readByAgent}
	if s.sim != nil {
		acts = append(acts, s.addressChanged)
	}
	if len(s.vms) > 1 {
		acts = append(acts, s.vmTakenOut)
	}
	for _, act := range append(acts, s.observed) {
		if err := act(ctx); err != nil {
			return err
		}
	}
	return nil
}

// declared applies the samples and waits for Ready.
func (s *story) declared(ctx context.Context) error {
	s.out.act("Declared in Kubernetes")
	if err := s.applyOperator(ctx); err != nil {
		return err
	}
	begin := time.Now()
	if err := s.declare(ctx); err != nil {
		return err
	}
	o, err := s.waitSynced(ctx)
	if err != nil {
		return err
	}
	s.out.good("Ready", fmt.Sprintf("%s after %s: %s", o.Name, seconds(begin), readyMessage(o)))
	if got, want := int(o.Status.Counts.Interfaces), len(s.vms); got < want {
		return fmt.Errorf("%d interfaces are published for %d VMs: there should be one each at least", got, want)
	}
	if err := s.showKubectl(ctx, "osc", "openstackconfigs", s.object.Namespace); err != nil {
		return err
	}
	if err := s.showKubectl(ctx, "mno -n "+controllerNamespace, "multinicoperators", controllerNamespace); err != nil {
		return err
	}
	s.out.block("(its status is the operator's to fill, which comes with a later release)")
	return nil
}

// stored shows the three tables.
func (s *story) stored(ctx context.Context) error {
	s.out.act("Stored in MariaDB")
	s.out.say("Three tables, for agents on the nodes. Columns that don't fit the line are left out, and IDs are cut.")
	for _, t := range []struct{ name, query string }{{"multi_subnet", showSubnets}, {"node_table", showNodes}, {"multi_interface", showInterfaces}} {
		if err := s.showRows(ctx, t.name, t.query); err != nil {
			return err
		}
	}
	return nil
}

// readByAgent does what an agent does: reads its NICs, and reports them.
func (s *story) readByAgent(ctx context.Context) error {
	o, err := s.get(ctx)
	if err != nil {
		return err
	}
	host := hostOf(o, s.vms[0])
	s.out.act("Read by the agent on " + host)
	s.out.say("An agent may read these three tables and mark a NIC as configured; nothing else. It asks by its host name:")
	s.out.print("")
	s.out.block(strings.Join(wrap(strings.ReplaceAll(agentRead, "?", "'"+host+"'"), columns-2), "\n"))
	s.out.print("")
	result, err := s.db.query(ctx, agentRead, host)
	if err != nil {
		return fmt.Errorf("the agent's statement: %w", err)
	}
	s.out.block(result.render(columns - 2))
	nics, err := s.db.agentSees(ctx, host)
	if err != nil {
		return err
	}
	if len(nics) == 0 {
		return fmt.Errorf("the agent on %s sees no NIC: its VM has one in the status", host)
	}
	begin := time.Now()
	if err := s.db.report(ctx, nics[0].id); err != nil {
		return err
	}
	s.out.print("")
	s.out.step("Agent", "has configured the NIC and says so: netplan_success = 1")
	if err := s.waitFor(ctx, "the agent's report in the status", func(o *v1alpha1.OpenstackConfig) error {
		if o.Status.Counts.Applied != 1 {
			return fmt.Errorf("status.counts.applied is %d, not 1", o.Status.Counts.Applied)
		}
		return nil
	}); err != nil {
		return err
	}
	s.out.good("Status", "shows it after "+seconds(begin)+" in the column APPLIED:")
	return s.showKubectl(ctx, "osc", "openstackconfigs", s.object.Namespace)
}

// vmTakenOut edits the object and waits until the agent of that VM sees nothing.
func (s *story) vmTakenOut(ctx context.Context) error {
	last := s.vms[len(s.vms)-1]
	s.out.act("A VM is taken out of vmNames")
	o, err := s.get(ctx)
	if err != nil {
		return err
	}
	gone, stays := hostOf(o, last), hostOf(o, s.vms[0])
	before, err := s.db.agentSees(ctx, stays)
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := eventually(ctx, "editing "+s.object.Name, func() error {
		o, err := s.get(ctx)
		if err != nil {
			return err
		}
		o.Spec.VMNames = slices.DeleteFunc(o.Spec.VMNames, func(name string) bool { return name == last })
		return s.kube.Update(ctx, o)
	}); err != nil {
		return err
	}
	s.out.step("Edited", "spec.vmNames without "+last)
	if err := eventually(ctx, "the withdrawal of "+last, func() error {
		nics, err := s.db.agentSees(ctx, gone)
		if err == nil && len(nics) > 0 {
			err = fmt.Errorf("the agent on %s still sees %d NICs", gone, len(nics))
		}
		return err
	}); err != nil {
		return err
	}
	s.out.good("Withdrawn", "after "+seconds(begin)+": the agent on "+gone+" is told of no NIC; the row stays as history")
	after, err := s.db.agentSees(ctx, stays)
	if err != nil {
		return err
	}
	if !slices.Equal(before, after) {
		return fmt.Errorf("the agent on %s saw %v before and %v after: only %s was to change", stays, before, after, last)
	}
	return s.showRows(ctx, "multi_interface", showWithdrawn)
}

// observed asks the controller how it does.
func (s *story) observed(ctx context.Context) error {
	s.out.act("Watched")
	health, err := s.controller.get(ctx, "/healthz")
	if err != nil {
		return err
	}
	s.out.command("curl http://" + s.controller.address + "/healthz")
	s.out.block(health)
	o, err := s.get(ctx)
	if err != nil {
		return err
	}
	var metrics string
	want := fmt.Sprintf("multinic_interfaces_published %d\n", o.Status.Counts.Interfaces)
	if err := eventually(ctx, want, func() error { // it is counted every 15 s
		metrics, err = s.controller.get(ctx, "/metrics")
		if err == nil && !strings.Contains(metrics, want) {
			err = fmt.Errorf("/metrics says %q", metricLines(metrics, "multinic_interfaces_published"))
		}
		return err
	}); err != nil {
		return err
	}
	s.out.command("curl -s http://" + s.controller.address + "/metrics | grep ^multinic_   # some of them:")
	for _, name := range []string{"multinic_reconcile_total", "multinic_interfaces_published", "multinic_interfaces_applied", "multinic_gate_open", "multinic_withdrawals_held"} {
		lines := metricLines(metrics, name)
		if len(lines) == 0 {
			return fmt.Errorf("/metrics has no %s", name)
		}
		s.out.block(strings.Join(lines, "\n"))
	}
	if s.sim != nil {
		s.out.print("")
		s.out.say(fmt.Sprintf("OpenStack was asked %d times in all: %d logins, %d lists of subnets, %d of servers, %d of ports, and some for versions and MTUs.",
			s.sim.TotalCalls(), s.sim.Count(openstacksim.Identity, "POST /v3/auth/tokens"), s.sim.Count(openstacksim.Network, "GET /v2.0/subnets"),
			s.sim.Count(openstacksim.Compute, "GET /v2.1/servers/detail"), s.sim.Count(openstacksim.Network, "GET /v2.0/ports")))
	}
	return nil
}

// metricLines are the samples of one metric.
func metricLines(metrics, name string) []string {
	var out []string
	for line := range strings.Lines(metrics) {
		if strings.HasPrefix(line, name+"{") || strings.HasPrefix(line, name+" ") {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}

func (s *story) get(ctx context.Context) (*v1alpha1.OpenstackConfig, error) {
	o := &v1alpha1.OpenstackConfig{}
	return o, s.kube.Get(ctx, s.object, o)
}

// waitFor waits until the object's status satisfies what is asked of it.
func (s *story) waitFor(ctx context.Context, what string, ask func(*v1alpha1.OpenstackConfig) error) error {
	return eventually(ctx, what, func() error {
		o, err := s.get(ctx)
		if err != nil {
			return err
		}
		return ask(o)
	})
}

// waitSynced waits until the object is as it declares. What only a person can
// mend ends the waiting.
func (s *story) waitSynced(ctx context.Context) (*v1alpha1.OpenstackConfig, error) {
	var synced *v1alpha1.OpenstackConfig
	err := s.waitFor(ctx, s.object.Name+" Ready", func(o *v1alpha1.OpenstackConfig) error {
		synced = o
		c := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionReady)
		switch {
		case c == nil || c.ObservedGeneration != o.Generation:
			return errors.New("the controller has not looked at it yet")
		case c.Reason == v1alpha1.ReasonSynced:
			return nil
		case o.Status.Phase == v1alpha1.PhaseError:
			return final{fmt.Errorf("the object %s says %s: %s", o.Name, c.Reason, c.Message)}
		default:
			return fmt.Errorf("%s: %s", c.Reason, c.Message)
		}
	})
	return synced, err
}

func readyMessage(o *v1alpha1.OpenstackConfig) string {
	if c := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		return c.Message
	}
	return ""
}

// hostOf is the host name by which the agent on a VM asks.
func hostOf(o *v1alpha1.OpenstackConfig, vm string) string {
	name := vm
	for _, i := range o.Status.Interfaces {
		if i.VM == vm && i.Node != "" {
			name = i.Node
		}
	}
	short, _, _ := strings.Cut(name, ".")
	return short
}

func (s *story) showKubectl(ctx context.Context, arguments, resource, namespace string) error {
	t, err := kubectlGet(ctx, s.plane.Config, resource, namespace)
	if err != nil {
		return err
	}
	s.out.command("kubectl get " + arguments)
	s.out.block(t.render(columns - 2))
	return nil
}

func (s *story) showRows(ctx context.Context, name, statement string) error {
	t, err := s.db.query(ctx, statement)
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	if len(t.rows) == 0 {
		return fmt.Errorf("the table %s is empty", name)
	}
	s.out.print("", "  "+s.out.paint(bold, name))
	s.out.block(t.render(columns - 2))
	return nil
}

func seconds(since time.Time) string { return fmt.Sprintf("%.1f s", time.Since(since).Seconds()) }
