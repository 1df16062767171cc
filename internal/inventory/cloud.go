// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"net/netip"
	"strings"
)

// Server is a VM as Nova tells of it.
type Server struct {
	ID   string
	Name string
	// HostName is Nova's OS-EXT-SRV-ATTR:hostname; empty where the
	// microversion or the policy does not show it.
	HostName string
	// Status is Nova's (ACTIVE, SHUTOFF, BUILD, ERROR, ...).
	Status string
}

// FixedIP is one address of a port.
type FixedIP struct {
	SubnetID string
	Address  netip.Addr
}

// Port is a Neutron port.
type Port struct {
	ID string
	// MAC is in lower case.
	MAC       string
	NetworkID string
	// DeviceID is the ID of the server that the port is attached to.
	DeviceID    string
	DeviceOwner string
	// Status is Neutron's (ACTIVE, DOWN, BUILD, ERROR); it is reported, never
	// a reason to publish or to withdraw.
	Status   string
	FixedIPs []FixedIP
}

// Subnet is a Neutron subnet with the MTU of its network.
type Subnet struct {
	ID        string
	Name      string
	CIDR      netip.Prefix
	NetworkID string
	// MTU in bytes; 0 where the network does not tell.
	MTU int
}

// Node is what a Kubernetes Node says of itself.
type Node struct {
	Name string
	// ServerIDs are the OpenStack servers that the Node may be: the ID in
	// spec.providerID ("openstack:///<id>" or "openstack://<region>/<id>"),
	// else status.nodeInfo.systemUUID. Lower case.
	ServerIDs []string
	// Addresses are its InternalIPs.
	Addresses []netip.Addr
}

// canonical is a reference in the form of an ID as OpenStack writes it: it
// takes capitals, too, and answers in small letters. A name keeps its own.
func canonical(ref string) string {
	if len(ref) != 36 {
		return ref
	}
	for i := range len(ref) {
		c := ref[i]
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if hex := '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'; dash && c != '-' || !dash && !hex {
			return ref
		}
	}
	return strings.ToLower(ref)
}

// ShortHostName is a host name cut at its first dot: what an agent compares
// with its own.
func ShortHostName(name string) string {
	short, _, _ := strings.Cut(name, ".")
	return short
}
