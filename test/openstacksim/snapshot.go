// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"maps"
	"slices"
)

// Snapshot is the cloud as it was at one moment. A Fault that names it makes
// reads answer from it: a stale replica.
type Snapshot struct{ st *state }

// Snapshot copies the cloud as it is now.
func (s *Sim) Snapshot() *Snapshot {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return &Snapshot{s.live.clone()}
}

// clone copies networks, subnets, ports and servers. Identity is shared: a
// stale answer of neutron doesn't change who is asking.
func (st *state) clone() *state {
	c := newState()
	c.projects, c.users, c.appCreds, c.tokens = maps.Clone(st.projects), maps.Clone(st.users), maps.Clone(st.appCreds), maps.Clone(st.tokens)
	c.endpoints, c.groups = slices.Clone(st.endpoints), maps.Clone(st.groups)
	c.portQuota, c.serverQuota = maps.Clone(st.portQuota), maps.Clone(st.serverQuota)
	c.hypervisor, c.serverCount, c.macs = st.hypervisor, st.serverCount, maps.Clone(st.macs)
	for _, n := range st.netOrder {
		k := *n
		k.subnets, k.Tags = slices.Clone(n.subnets), slices.Clone(n.Tags)
		c.networks[k.ID] = &k
		c.netOrder = append(c.netOrder, &k)
	}
	for _, n := range st.subnetOrder {
		k := *n
		k.used, k.cursor, k.Tags = maps.Clone(n.used), maps.Clone(n.cursor), slices.Clone(n.Tags)
		c.subnets[k.ID] = &k
		c.subnetOrder = append(c.subnetOrder, &k)
	}
	for _, p := range st.portOrder {
		k := *p
		k.FixedIPs, k.Tags = slices.Clone(p.FixedIPs), slices.Clone(p.Tags)
		c.ports[k.ID] = &k
		c.portOrder = append(c.portOrder, &k)
		index(c.portsByNetwork, k.NetworkID, &k)
		if k.DeviceID != "" {
			index(c.portsByDevice, k.DeviceID, &k)
		}
	}
	for _, v := range st.serverOrder {
		k := *v
		k.nics, k.actions = slices.Clone(v.nics), slices.Clone(v.actions)
		c.servers[k.ID] = &k
		c.serverOrder = append(c.serverOrder, &k)
	}
	return c
}
