// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package system

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/test/openstacksim"
)

// address is the server's on k8s-subnet.
func (s *system) address(server openstacksim.Server) string {
	s.t.Helper()
	for _, port := range s.sim.ServerPorts(server.ID) {
		for _, ip := range port.FixedIPs {
			if ip.SubnetID == s.lab.Subnets["k8s-subnet"].ID {
				return ip.Address
			}
		}
	}
	s.t.Fatalf("server %s has no address on k8s-subnet", server.Name)
	return ""
}

// tables are the three tables that agents read, and the number of writing
// transactions so far.
func (s *system) tables() string {
	s.t.Helper()
	var b strings.Builder
	for _, query := range []string{"SELECT * FROM multi_subnet ORDER BY id", "SELECT * FROM multi_interface ORDER BY id", "SELECT * FROM node_table ORDER BY id", "SELECT sequence FROM multi_epoch"} {
		rows, err := s.sql.QueryContext(context.Background(), query)
		if err != nil {
			s.t.Fatal(err)
		}
		columns, _ := rows.Columns()
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(sql.NullString)
			}
			if err := rows.Scan(values...); err != nil {
				s.t.Fatal(err)
			}
			for i, v := range values {
				fmt.Fprintf(&b, "%s=%s ", columns[i], v.(*sql.NullString).String)
			}
			b.WriteString("\n")
		}
		_ = rows.Close()
	}
	return b.String()
}

func TestASecondRunWritesNothingAndKeepsWhatTheAgentSaid(t *testing.T) {
	t.Parallel()
	s := newSystem(t, 3)
	s.start()
	s.config("c", "k8s-subnet", "test-vm-1", "test-vm-2")
	s.waitReady("c", v1alpha1.ReasonSynced)
	nics := s.sees("test-vm-1", s.address(s.lab.Servers[0]))
	if _, err := s.sql.Exec(agentMUpdate, true, nics[0].ID); err != nil {
		t.Fatal(err)
	}
	s.eventually("the status tells that it is applied", func() error {
		if n := s.get("c").Status.Counts.Applied; n != 1 {
			return fmt.Errorf("applied: %d", n)
		}
		return nil
	})
	before := s.tables()
	o := s.run("c")
	if after := s.tables(); after != before {
		t.Errorf("an unchanged run wrote rows; before:\n%s\nafter:\n%s", before, after)
	}
	if o.Status.Counts.Applied != 1 {
		t.Errorf("netplan_success was lost: %+v", o.Status.Counts)
	}
	if again := s.sees("test-vm-1", nics[0].Address); again[0].ID != nics[0].ID || !again[0].Applied {
		t.Errorf("the row was %+v and is %+v", nics[0], again[0])
	}
}

func TestANewAddressIsPublishedAndAppliedAnew(t *testing.T) {
	t.Parallel()
	s := newSystem(t, 2)
	s.start()
	s.config("c", "k8s-subnet", "test-vm-1")
	s.waitReady("c", v1alpha1.ReasonSynced)
	nic := s.sees("test-vm-1", s.address(s.lab.Servers[0]))[0]
	if _, err := s.sql.Exec(agentMUpdate, true, nic.ID); err != nil {
		t.Fatal(err)
	}
	s.sim.SetFixedIP(s.sim.ServerPorts(s.lab.Servers[0].ID)[0].ID, s.lab.Subnets["k8s-subnet"].ID, "10.10.77.7")
	s.run("c")
	now := s.sees("test-vm-1", "10.10.77.7")[0]
	if now.ID != nic.ID || now.Applied {
		t.Errorf("the row was %+v and is %+v; the id is to stay, netplan_success to go back to 0", nic, now)
	}
}

func TestAVMTakenOutOfTheObjectGoesAtOnceAndComesBackWithItsID(t *testing.T) {
	t.Parallel()
	s := newSystem(t, 3)
	s.start()
	s.config("c", "k8s-subnet", "test-vm-1", "test-vm-2")
	s.waitReady("c", v1alpha1.ReasonSynced)
	nic := s.sees("test-vm-2", s.address(s.lab.Servers[1]))[0]
	s.edit("c", func(o *v1alpha1.OpenstackConfig) { o.Spec.VMNames = []string{"test-vm-1"} })
	s.sees("test-vm-2")
	if ports, err := s.agentG("test-vm-2"); err != nil || len(ports) != 0 {
		t.Errorf("agent G still sees %v (%v)", ports, err)
	}
	s.edit("c", func(o *v1alpha1.OpenstackConfig) { o.Spec.VMNames = []string{"test-vm-1", "test-vm-2"} })
	if again := s.sees("test-vm-2", nic.Address)[0]; again.ID != nic.ID {
		t.Errorf("the row came back with the id %d, it was %d", again.ID, nic.ID)
	}
}

func TestAVMRebuiltUnderItsNameIsPublishedAnewAndTheOldOneGoes(t *testing.T) {
	t.Parallel()
	s := newSystem(t, 2)
	s.start()
	s.config("c", "k8s-subnet", "test-vm-1")
	s.waitReady("c", v1alpha1.ReasonSynced)
	old := s.sees("test-vm-1", s.address(s.lab.Servers[0]))[0]
	rebuilt := s.sim.RebuildServer(s.lab.Servers[0].ID)
	s.run("c")
	nics := s.sees("test-vm-1", s.address(rebuilt)) // after the second look
	if nics[0].ID == old.ID || nics[0].MAC == old.MAC {
		t.Errorf("the new VM has the old one's row: %+v", nics[0])
	}
}

func TestARenamedVMStaysPublished(t *testing.T) {
	t.Parallel()
	s := newSystem(t, 2)
	s.start()
	s.config("by-name", "k8s-subnet", "test-vm-1")
	s.config("by-id", "k8s-subnet", s.lab.Servers[1].ID)
	s.waitReady("by-name", v1alpha1.ReasonSynced)
	s.waitReady("by-id", v1alpha1.ReasonSynced)
	s.sim.RenameServer(s.lab.Servers[0].ID, "other")
	s.sim.RenameServer(s.lab.Servers[1].ID, "another")
	s.run("by-name")
	s.run("by-id")
	o := s.waitReady("by-name", v1alpha1.ReasonVMsUnresolved)
	if o.Status.Problems[0].Reason != "Renamed" {
		t.Errorf("problems: %+v", o.Status.Problems)
	}
	s.sees("test-vm-1", s.address(s.lab.Servers[0]))
	s.waitReady("by-id", v1alpha1.ReasonSynced)
	s.edit("by-name", func(o *v1alpha1.OpenstackConfig) { o.Spec.VMNames = []string{"other"} })
	s.waitReady("by-name", v1alpha1.ReasonSynced)
	if o := s.get("by-name"); o.Status.Counts.Interfaces != 1 {
		t.Errorf("after vmNames was corrected: %+v", o.Status)
	}
}

func TestTwinNamesAreReportedAndOnlyTheNodesOwnIsPublished(t *testing.T) {
	t.Parallel()
	s := newSystem(t, 1)
	s.start()
	twins := s.lab.Servers[1:3]
	s.config("c", "k8s-subnet", "twin-vm")
	o := s.waitReady("c", v1alpha1.ReasonVMsUnresolved)
	if p := o.Status.Problems[0]; p.Reason != "Ambiguous" || !strings.Contains(p.Message, twins[0].ID) || !strings.Contains(p.Message, twins[1].ID) {
		t.Errorf("problem: %+v", p)
	}
	s.sees("twin-vm")
	s.node(s.namespace+"-twin", twins[1].ID)
	s.eventually("the cache knows the Node", func() error {
		if o := s.run("c"); len(o.Status.Problems) > 0 {
			return fmt.Errorf("problems: %+v", o.Status.Problems)
		}
		return nil
	})
	s.sees(s.namespace+"-twin", s.address(twins[1]))

	// The second twin by its ID: the same short host name would confuse agents.
	s.node(s.namespace+"-twin.example.com", twins[0].ID)
	s.config("d", "k8s-subnet", twins[0].ID)
	s.eventually("the second twin is refused", func() error {
		o := s.run("d")
		if len(o.Status.Problems) != 1 || o.Status.Problems[0].Reason != "DuplicateHostName" {
			return fmt.Errorf("problems: %+v", o.Status.Problems)
		}
		return nil
	})
	s.sees(s.namespace+"-twin", s.address(twins[1]))
}

func TestAPortThatAnotherObjectClaimsOutlivesAnObject(t *testing.T) {
	t.Parallel()
	s := newSystem(t, 2)
	s.start()
	a := s.config("a", "k8s-subnet", "test-vm-1", "test-vm-2")
	s.waitReady("a", v1alpha1.ReasonSynced)
	s.config("b", "k8s-subnet", "test-vm-1")
	s.waitReady("b", v1alpha1.ReasonSynced)
	nic := s.sees("test-vm-1", s.address(s.lab.Servers[0]))[0]
	if err := s.client.Delete(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	s.sees("test-vm-2")
	if still := s.sees("test-vm-1", nic.Address)[0]; still.ID != nic.ID {
		t.Errorf("the row changed its id")
	}
	var owner string
	if err := s.sql.QueryRow("SELECT cr_name FROM multi_interface WHERE id = ?", nic.ID).Scan(&owner); err != nil || owner != "b" {
		t.Errorf("the row belongs to %q (%v), not to the object that is left", owner, err)
	}
	s.eventually("the object is gone", func() error {
		if err := s.client.Get(t.Context(), client.ObjectKeyFromObject(a), a); err == nil {
			return fmt.Errorf("finalizers: %v", a.Finalizers)
		}
		return nil
	})
}

func TestAVanishedNodeChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSystem(t, 1)
	server := s.lab.Servers[0]
	second := s.sim.AddInterface(server.ID, s.lab.Networks["data-net"].ID)
	name := s.namespace + "-node"
	node := s.node(name+".example.com", server.ID, s.address(server))
	s.start()
	s.config("primary", "k8s-subnet", "test-vm-1")
	s.config("data", "data-subnet", "test-vm-1")
	o := s.waitReady("primary", v1alpha1.ReasonSynced)
	s.waitReady("data", v1alpha1.ReasonSynced)
	if o.Status.Counts.Primary != 1 || o.Status.Interfaces[0].Status != "primary" {
		t.Errorf("the node's own NIC is not primary: %+v", o.Status)
	}
	s.sees(name, second.FixedIPs[0].Address) // and not the primary one
	if err := s.client.Delete(t.Context(), node); err != nil {
		t.Fatal(err)
	}
	before := s.tables()
	for range 3 {
		s.run("primary")
		s.run("data")
	}
	if after := s.tables(); after != before {
		t.Errorf("the Node's end changed rows; before:\n%s\nafter:\n%s", before, after)
	}
	s.edit("primary", func(o *v1alpha1.OpenstackConfig) { o.Spec.PublishPrimary = true })
	s.sees(name, s.address(server), second.FixedIPs[0].Address)
}

func TestAPortClaimedForASecondSubnetStaysWithTheFirst(t *testing.T) {
	t.Parallel()
	s := newSystem(t, 1)
	port := s.sim.AddInterface(s.lab.Servers[0].ID, s.lab.Networks["dual-net"].ID)
	s.start()
	s.config("v4", "dual-subnet-v4", "test-vm-1")
	s.waitReady("v4", v1alpha1.ReasonSynced)
	s.config("v6", "dual-subnet-v6", "test-vm-1")
	o := s.waitReady("v6", v1alpha1.ReasonVMsUnresolved)
	if o.Status.Problems[0].Reason != "ClaimedForOtherSubnet" || !strings.Contains(o.Status.Problems[0].Message, port.ID) {
		t.Errorf("problem: %+v", o.Status.Problems)
	}
	nics, err := s.agentM("test-vm-1")
	if err != nil || len(nics) != 1 || nics[0].CIDR != "10.70.0.0/24" {
		t.Errorf("agent M sees %+v (%v)", nics, err)
	}
}

func TestRelabellingAndReorderingCallNobody(t *testing.T) {
	t.Parallel()
	s := newSystem(t, 3)
	s.start()
	s.config("c", "k8s-subnet", "test-vm-1", "test-vm-2", "test-vm-3")
	s.waitReady("c", v1alpha1.ReasonSynced)
	calls := s.sim.TotalCalls()
	s.edit("c", func(o *v1alpha1.OpenstackConfig) { o.Labels = map[string]string{"a": "b"} })
	s.edit("c", func(o *v1alpha1.OpenstackConfig) { slices.Reverse(o.Spec.VMNames) })
	s.waitReady("c", v1alpha1.ReasonSynced) // of the new generation
	if n := s.sim.TotalCalls(); n != calls {
		t.Errorf("%d calls to OpenStack for nothing", n-calls)
	}
}
