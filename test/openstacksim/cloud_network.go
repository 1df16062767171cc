// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import "slices"

// AddNetwork makes a network; ID, MTU, provider attributes and times are made
// up where they are empty.
func (s *Sim) AddNetwork(n Net) Net {
	s.change(func(st *state) {
		mustf(st.projects[n.ProjectID] != nil, "no project %q", n.ProjectID)
		s.insertNet(st, &n)
	})
	return n
}

// AddSubnet makes a subnet; its project is the network's, the gateway the
// first address unless given ("none" is none).
func (s *Sim) AddSubnet(sn Subnet) Subnet {
	s.change(func(st *state) {
		n := st.networks[sn.NetworkID]
		mustf(n != nil, "no network %q", sn.NetworkID)
		if sn.ProjectID == "" {
			sn.ProjectID = n.ProjectID
		}
		if err := s.insertSubnet(st, &sn); err != nil {
			panic("openstacksim: " + err.Error())
		}
	})
	return sn
}

// AddPort makes a user's port. Empty FixedIPs means what it means to POST
// /ports; an entry may leave out the address, or the subnet. An empty project
// is the network's.
func (s *Sim) AddPort(p Port) Port {
	s.change(func(st *state) {
		n := st.networks[p.NetworkID]
		mustf(n != nil, "no network %q", p.NetworkID)
		var wants *[]wantedIP
		if len(p.FixedIPs) > 0 {
			wants = &[]wantedIP{}
			for _, f := range p.FixedIPs {
				*wants = append(*wants, wantedIP(f))
			}
		}
		s.completePort(st, n, &p)
		if err := st.allocate(&p, wants); err != nil {
			panic("openstacksim: " + err.text)
		}
		st.addPort(&p)
	})
	return p.copied()
}

func (s *Sim) completePort(st *state, n *Net, p *Port) {
	if p.ID == "" {
		p.ID = s.ids.uuid()
	}
	if p.ProjectID == "" {
		p.ProjectID = n.ProjectID
	}
	if p.MAC == "" {
		p.MAC = s.freshMAC(st, n.ID)
	}
	p.Status, p.VIFType, p.VNICType, p.FixedIPs = "DOWN", "unbound", "normal", nil
	if g := st.defaultGroup(p.ProjectID); g != nil && p.SecurityGroups == nil {
		p.SecurityGroups = []string{g.ID}
	}
	p.Revision, p.Created, p.Updated = 1, s.now(), s.now()
}

func (p *Port) copied() Port {
	k := *p
	k.FixedIPs, k.Tags = slices.Clone(p.FixedIPs), slices.Clone(p.Tags)
	return k
}

// Port is a port as it is now; false when there is none.
func (s *Sim) Port(id string) (Port, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	p := s.live.ports[id]
	if p == nil {
		return Port{}, false
	}
	return p.copied(), true
}

// Ports are all ports, by ID.
func (s *Sim) Ports() []Port {
	s.mu.RLock()
	defer s.mu.RUnlock()
	ps := make([]Port, 0, len(s.live.portOrder))
	for _, p := range s.live.portOrder {
		ps = append(ps, p.copied())
	}
	return ps
}

// ServerPorts are the ports whose device_id is the server, by ID.
func (s *Sim) ServerPorts(serverID string) []Port {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var ps []Port
	for _, p := range s.live.devicePorts(serverID) {
		ps = append(ps, p.copied())
	}
	return ps
}

// Networks and Subnets are all there are, by ID.
func (s *Sim) Networks() []Net {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var ns []Net
	for _, n := range s.live.netOrder {
		ns = append(ns, *n)
	}
	return ns
}

// Subnets are all subnets, by ID.
func (s *Sim) Subnets() []Subnet {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var ns []Subnet
	for _, n := range s.live.subnetOrder {
		ns = append(ns, *n)
	}
	return ns
}

// withPort changes a port and its revision.
func (s *Sim) withPort(id string, f func(st *state, p *Port)) {
	s.change(func(st *state) {
		p := st.ports[id]
		mustf(p != nil, "no port %q", id)
		f(st, p)
		p.Revision, p.Updated = p.Revision+1, s.now()
	})
}

// DeletePort deletes a port, attached or not.
func (s *Sim) DeletePort(id string) {
	s.change(func(st *state) {
		mustf(st.ports[id] != nil, "no port %q", id)
		st.removePort(st.ports[id])
	})
}

// SetFixedIP gives a port one address of a subnet instead of all it has; an
// empty address is any free one.
func (s *Sim) SetFixedIP(portID, subnetID, address string) {
	s.SetFixedIPs(portID, FixedIP{SubnetID: subnetID, Address: address})
}

// SetFixedIPs replaces a port's addresses; none leaves it without.
func (s *Sim) SetFixedIPs(portID string, ips ...FixedIP) {
	s.withPort(portID, func(st *state, p *Port) {
		wants := &[]wantedIP{}
		for _, f := range ips {
			*wants = append(*wants, wantedIP(f))
		}
		if err := st.replaceAddresses(p, wants); err != nil {
			panic("openstacksim: " + err.text)
		}
	})
}

// SetMAC changes a port's MAC address.
func (s *Sim) SetMAC(portID, mac string) {
	s.withPort(portID, func(st *state, p *Port) {
		st.countMAC(p, -1)
		p.MAC = mac
		st.countMAC(p, 1)
	})
}

// SetPortStatus sets "ACTIVE", "DOWN", "BUILD" or "ERROR".
func (s *Sim) SetPortStatus(portID, status string) {
	s.withPort(portID, func(_ *state, p *Port) { p.Status = status })
}

// SetPortDevice writes device_id and device_owner as anybody may with PUT;
// nova knows nothing of it.
func (s *Sim) SetPortDevice(portID, deviceID, owner string) {
	s.withPort(portID, func(st *state, p *Port) { st.setDevice(p, deviceID, owner) })
}

// RenameSubnet and RenameNetwork change names.
func (s *Sim) RenameSubnet(id, name string) {
	s.change(func(st *state) {
		mustf(st.subnets[id] != nil, "no subnet %q", id)
		st.subnets[id].Name = name
		st.subnets[id].Revision++
	})
}

// RenameNetwork changes a network's name.
func (s *Sim) RenameNetwork(id, name string) {
	s.change(func(st *state) {
		mustf(st.networks[id] != nil, "no network %q", id)
		st.networks[id].Name = name
		st.networks[id].Revision++
	})
}

// SetMTU changes a network's MTU.
func (s *Sim) SetMTU(networkID string, mtu int) {
	s.change(func(st *state) {
		mustf(st.networks[networkID] != nil, "no network %q", networkID)
		st.networks[networkID].MTU = mtu
		st.networks[networkID].Revision++
	})
}

// DeleteSubnet deletes a subnet; ports lose their addresses on it.
func (s *Sim) DeleteSubnet(id string) {
	s.change(func(st *state) {
		sn := st.subnets[id]
		mustf(sn != nil, "no subnet %q", id)
		for _, p := range st.portsByNetwork[sn.NetworkID] {
			p.FixedIPs = slices.DeleteFunc(slices.Clone(p.FixedIPs), func(f FixedIP) bool { return f.SubnetID == id })
		}
		n := st.networks[sn.NetworkID]
		n.subnets = slices.DeleteFunc(slices.Clone(n.subnets), func(x string) bool { return x == id })
		st.removeSubnet(sn)
	})
}

// SetPortQuota limits a project's ports; -1 is no limit.
func (s *Sim) SetPortQuota(projectID string, limit int) {
	s.change(func(st *state) { st.portQuota[projectID] = limit })
}

// SetBindable tells whether any L2 agent serves a network. On one that none
// serves, an attach ends in PortBindingFailed and leaves a user's port half
// attached.
func (s *Sim) SetBindable(networkID string, bindable bool) {
	s.change(func(st *state) {
		mustf(st.networks[networkID] != nil, "no network %q", networkID)
		st.networks[networkID].unbindable = !bindable
	})
}
