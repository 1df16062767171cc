// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/xormsdhkdwk/multinic/test/openstacksim"
)

// What the samples of config/samples name, and what the simulator has.
const (
	subnetName = "k8s-subnet"
	newAddress = "10.10.77.7" // on k8s-subnet, and free
)

// useSimulator plays with the simulator: the sample of an OpenstackConfig
// applies but for the address of the cloud and the login.
func (s *story) useSimulator() error {
	s.sim = openstacksim.New(openstacksim.Options{})
	s.sim.Start()
	lab := s.sim.SeedLab(3)
	s.vms = []string{"test-vm-1", "test-vm-2", "test-vm-3"}
	s.cloudsYAML = filepath.Join(s.dir, "clouds.yaml")
	if err := os.WriteFile(s.cloudsYAML, []byte(s.sim.CloudsYAML(lab.Credentials())), 0o600); err != nil {
		return err
	}
	s.out.good("OpenStack", fmt.Sprintf("the simulator answers as Keystone on %s, with %d VMs and %d subnets",
		s.sim.URL(openstacksim.Identity), len(s.sim.Servers()), len(s.sim.Subnets())))
	s.declare = func(ctx context.Context) error {
		credential := func(field, value string) replacement {
			return replacement{path: []string{"spec", "credentials", field}, value: value, secret: field == "password"}
		}
		var err error
		s.object, err = s.apply(ctx, configSample,
			credential("authURL", s.sim.URL(openstacksim.Identity)),
			credential("username", lab.User.Name), credential("password", lab.User.Password), credential("projectID", lab.Project.ID),
			credential("networkEndpoint", s.sim.URL(openstacksim.Network)), credential("computeEndpoint", s.sim.URL(openstacksim.Compute)))
		return err
	}
	return nil
}

// addressChanged gives a VM's port another address in the simulated cloud, of
// which nobody tells the controller.
func (s *story) addressChanged(ctx context.Context) error {
	vm := s.vms[0]
	s.out.act("An interface changes in the cloud")
	before, err := s.onlyNIC(ctx, vm)
	if err != nil {
		return err
	}
	port := s.sim.ServerPorts(s.projectServer(vm))[0]
	s.sim.SetFixedIP(port.ID, port.FixedIPs[0].SubnetID, newAddress)
	begin := time.Now()
	s.out.step("OpenStack", fmt.Sprintf("the port of %s gets another fixed IP: %s -> %s", vm, before.address, newAddress))
	s.out.step("", "nobody tells the controller; it looks every "+interval)
	var after nic
	if err := eventually(ctx, "the new address in the agent's row", func() error {
		var err error
		if after, err = s.onlyNIC(ctx, vm); err == nil && after.address != newAddress {
			err = fmt.Errorf("the agent still sees %s", after.address)
		}
		return err
	}); err != nil {
		return err
	}
	s.out.good("Changed", fmt.Sprintf("after %s the agent reads %s in the same row (id %d); netplan_success is 0 again", seconds(begin), after.address, after.id))
	want := before
	want.address, want.applied = newAddress, false
	if after != want {
		return fmt.Errorf("the agent's row was %+v and is %+v: it should be %+v, so that the agent configures the NIC anew and nothing else changes", before, after, want)
	}
	return s.showRows(ctx, "multi_interface", showInterfaces)
}

// onlyNIC is the one NIC of a simulated VM.
func (s *story) onlyNIC(ctx context.Context, host string) (nic, error) {
	nics, err := s.db.agentSees(ctx, host)
	if err != nil {
		return nic{}, err
	}
	if len(nics) != 1 {
		return nic{}, fmt.Errorf("the agent on %s sees %d NICs, not 1", host, len(nics))
	}
	return nics[0], nil
}

// projectServer is the ID of the VM of that name on k8s-subnet; another
// project has a test-vm-1 too.
func (s *story) projectServer(name string) string {
	for _, subnet := range s.sim.Subnets() {
		if subnet.Name != subnetName {
			continue
		}
		for _, v := range s.sim.Servers() {
			if v.Name == name && v.ProjectID == subnet.ProjectID {
				return v.ID
			}
		}
	}
	return ""
}
