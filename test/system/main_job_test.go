// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package system

import (
	"testing"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

func TestAnOpenstackConfigBecomesRowsThatAgentsRead(t *testing.T) {
	t.Parallel()
	s := newSystem(t, 3)
	s.start()
	s.config("three", "k8s-subnet", "test-vm-1", "test-vm-2", "test-vm-3")
	o := s.waitReady("three", v1alpha1.ReasonSynced)
	if o.Status.Counts.Interfaces != 3 || o.Status.Phase != v1alpha1.PhaseReady {
		t.Errorf("status: %+v", o.Status)
	}
	for _, i := range o.Status.Interfaces {
		nics := s.sees(i.Node, i.Addresses...)
		if nics[0].MAC != i.MAC || nics[0].CIDR != o.Status.Subnet.CIDR {
			t.Errorf("agent M reads %+v, the status says %+v", nics[0], i)
		}
		ports, err := s.agentG(i.Node)
		if err != nil || len(ports) != 1 || ports[0] != i.PortID {
			t.Errorf("agent G reads %v (%v), the status says %s", ports, err, i.PortID)
		}
	}
}
