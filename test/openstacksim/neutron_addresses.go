// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sort"
)

// insertNet gives a network what neutron gives it, and adds it.
func (s *Sim) insertNet(st *state, n *Net) {
	if n.ID == "" {
		n.ID = s.ids.uuid()
	}
	if n.MTU == 0 {
		n.MTU = 1450
	}
	if n.ProviderType == "" {
		n.ProviderType, n.ProviderSegment = "vxlan", 1+len(st.networks)
	}
	if n.Created.IsZero() {
		n.Created = s.now()
	}
	if n.Revision == 0 {
		n.Revision = 1
	}
	n.Updated = n.Created
	if n.ProjectID != "" && st.defaultGroup(n.ProjectID) == nil {
		s.addDefaultGroup(st, n.ProjectID)
	}
	st.addNet(n)
}

// insertSubnet checks and completes a subnet and adds it to its network.
func (s *Sim) insertSubnet(st *state, sn *Subnet) error {
	n := st.networks[sn.NetworkID]
	if n == nil {
		return fmt.Errorf("no network %q", sn.NetworkID)
	}
	p, err := netip.ParsePrefix(sn.CIDR)
	if err != nil {
		return fmt.Errorf("'%s' isn't a recognized IP subnet cidr", sn.CIDR)
	}
	sn.prefix, sn.CIDR = p.Masked(), p.Masked().String()
	for _, id := range n.subnets {
		if o := st.subnets[id]; o.prefix.Overlaps(sn.prefix) {
			return fmt.Errorf("the requested subnet with cidr: %s for network: %s overlaps with another subnet", sn.CIDR, n.ID)
		}
	}
	if sn.Gateway == "" {
		sn.Gateway = sn.prefix.Addr().String() // IPv6: the subnet's own address
		if sn.version() == 4 {
			sn.Gateway = sn.prefix.Addr().Next().String()
		}
	}
	if len(sn.Pools) == 0 {
		sn.Pools = sn.defaultPools()
	}
	for _, pool := range sn.Pools {
		for _, a := range pool {
			if addr, err := netip.ParseAddr(a); err != nil || !sn.prefix.Contains(addr) {
				return fmt.Errorf("the allocation pool %s-%s is not valid", pool[0], pool[1])
			}
		}
	}
	if sn.ID == "" {
		sn.ID = s.ids.uuid()
	}
	if sn.Created.IsZero() {
		sn.Created = s.now()
	}
	sn.Updated = sn.Created
	sn.used, sn.cursor = map[netip.Addr]string{}, map[int]netip.Addr{}
	n.subnets = append(n.subnets, sn.ID)
	sort.Strings(n.subnets)
	n.Revision++
	st.addSubnet(sn)
	return nil
}

// defaultPools is all of the subnet but the network's and broadcast address
// and the gateway, which may cut it in two.
func (n *Subnet) defaultPools() [][2]string {
	first, last := n.prefix.Addr().Next(), lastAddr(n.prefix)
	if n.version() == 4 {
		last = last.Prev()
	}
	gw, err := netip.ParseAddr(n.gateway())
	if err != nil || gw.Less(first) || last.Less(gw) {
		return [][2]string{{first.String(), last.String()}}
	}
	var pools [][2]string
	if first.Less(gw) {
		pools = append(pools, [2]string{first.String(), gw.Prev().String()})
	}
	if gw.Less(last) {
		pools = append(pools, [2]string{gw.Next().String(), last.String()})
	}
	return pools
}

func (n *Subnet) slaac() bool { return n.IPv6Mode == "slaac" || n.IPv6Mode == "dhcpv6-stateless" }

// free is the lowest free address of the pools; false when there is none.
func (n *Subnet) free() (netip.Addr, bool) {
	for i, pool := range n.Pools {
		a, end := n.cursor[i], netip.MustParseAddr(pool[1])
		if !a.IsValid() {
			a = netip.MustParseAddr(pool[0])
		}
		for ; a.IsValid() && !end.Less(a); a = a.Next() {
			if _, taken := n.used[a]; !taken {
				n.cursor[i] = a
				return a, true
			}
		}
		n.cursor[i] = a
	}
	return netip.Addr{}, false
}

func (n *Subnet) take(a netip.Addr, portID string) { n.used[a] = portID }

func (n *Subnet) release(a netip.Addr) {
	delete(n.used, a)
	for i := range n.cursor {
		if a.Less(n.cursor[i]) && !a.Less(netip.MustParseAddr(n.Pools[i][0])) {
			n.cursor[i] = a
		}
	}
}

func (st *state) freeAddresses(p *Port) {
	for _, f := range p.FixedIPs {
		if sn := st.subnets[f.SubnetID]; sn != nil {
			sn.release(netip.MustParseAddr(f.Address))
		}
	}
	p.FixedIPs = nil
}

// wantedIP is one entry of fixed_ips in a request; either may be empty.
type wantedIP struct {
	SubnetID string `json:"subnet_id"`
	Address  string `json:"ip_address"`
}

// allocationError is why no address was given; kind is neutron's exception.
type allocationError struct {
	status int
	kind   string
	text   string
}

func (e *allocationError) Error() string { return e.text }

// allocate gives a port its addresses. wants is nil when the request says
// nothing of fixed_ips: one address of any IPv4 subnet, one of any stateful
// IPv6 subnet, and one of every SLAAC subnet. An empty list is no address at
// all; a list of IPv4 wishes still gets the SLAAC addresses of the network.
func (st *state) allocate(p *Port, wants *[]wantedIP) *allocationError {
	n := st.networks[p.NetworkID]
	switch {
	case wants == nil:
		for _, v := range []int{4, 6} {
			if err := st.allocateAny(p, n, v); err != nil {
				return err
			}
		}
	case len(*wants) == 0:
		return nil
	default:
		for _, w := range *wants {
			if err := st.allocateOne(p, n, w); err != nil {
				return err
			}
		}
	}
	for _, id := range n.subnets {
		sn := st.subnets[id]
		if sn.slaac() && !slices.ContainsFunc(p.FixedIPs, func(f FixedIP) bool { return f.SubnetID == id }) {
			st.assign(p, sn, eui64(sn.prefix, p.MAC))
		}
	}
	return nil
}

// allocateAny takes one address of any subnet of an IP version that isn't
// SLAAC, if the network has one.
func (st *state) allocateAny(p *Port, n *Net, version int) *allocationError {
	tried := false
	for _, id := range n.subnets {
		sn := st.subnets[id]
		if sn.version() != version || sn.slaac() {
			continue
		}
		tried = true
		if a, ok := sn.free(); ok {
			st.assign(p, sn, a)
			return nil
		}
	}
	if tried {
		return exhausted(n)
	}
	return nil
}

func exhausted(n *Net) *allocationError {
	return &allocationError{409, "IpAddressGenerationFailure", fmt.Sprintf("No more IP addresses available on network %s.", n.ID)}
}

func (st *state) allocateOne(p *Port, n *Net, w wantedIP) *allocationError {
	var sn *Subnet
	addr, parseErr := netip.ParseAddr(w.Address)
	switch {
	case w.SubnetID != "":
		if sn = st.subnets[w.SubnetID]; sn == nil {
			return &allocationError{404, "SubnetNotFound", fmt.Sprintf("Subnet %s could not be found.", w.SubnetID)}
		}
		if sn.NetworkID != n.ID {
			return &allocationError{400, "InvalidInput", fmt.Sprintf("Invalid input for operation: Failed to create port on network %s, because fixed_ips included invalid subnet %s.", n.ID, sn.ID)}
		}
		if w.Address == "" {
			if sn.slaac() {
				addr = eui64(sn.prefix, p.MAC)
			} else if addr, _ = sn.free(); !addr.IsValid() {
				return exhausted(n)
			}
			st.assign(p, sn, addr)
			return nil
		}
	default:
		for _, id := range n.subnets {
			if parseErr == nil && st.subnets[id].prefix.Contains(addr) {
				sn = st.subnets[id]
			}
		}
	}
	if sn == nil || parseErr != nil || !sn.prefix.Contains(addr) {
		return &allocationError{400, "InvalidIpForNetwork", fmt.Sprintf("IP address %s is not a valid IP for any of the subnets on the specified network.", w.Address)}
	}
	if owner, taken := sn.used[addr]; taken && owner != p.ID {
		return &allocationError{409, "IpAddressAlreadyAllocated", fmt.Sprintf("IP address %s already allocated in subnet %s", addr, sn.ID)}
	}
	st.assign(p, sn, addr)
	return nil
}

func (st *state) assign(p *Port, sn *Subnet, a netip.Addr) {
	sn.take(a, p.ID)
	p.FixedIPs = append(p.FixedIPs, FixedIP{SubnetID: sn.ID, Address: a.String()})
}

// eui64 is the SLAAC address of a MAC in a prefix (RFC 4291, appendix A).
func eui64(p netip.Prefix, mac string) netip.Addr {
	hw, err := net.ParseMAC(mac)
	if err != nil || len(hw) != 6 {
		panic("openstacksim: bad MAC " + mac)
	}
	b := p.Addr().As16()
	copy(b[8:], []byte{hw[0] ^ 2, hw[1], hw[2], 0xff, 0xfe, hw[3], hw[4], hw[5]})
	return netip.AddrFrom16(b)
}

// freshMAC is a MAC that the network doesn't have yet.
func (s *Sim) freshMAC(st *state, networkID string) string {
	for range 100 {
		if m := s.ids.mac(); st.macs[networkID+m] == 0 {
			return m
		}
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(len(st.ports)))
	return fmt.Sprintf("fa:16:%02x:%02x:%02x:%02x", b[0]|0x80, b[1], b[2], b[3])
}
