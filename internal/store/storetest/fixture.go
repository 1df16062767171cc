// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"fmt"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

// Cloud is where the things of this package live.
const Cloud = "https://keystone.example.com/v3|RegionOne"

// Start is when they were first seen.
var Start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// UUID is the nth ID of a kind; like OpenStack's, without order.
func UUID(kind byte, n int) string {
	mixed := uint64(n+1) * 0x9E3779B97F4A7C15
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%02x%010x", uint32(mixed>>32), uint16(mixed>>16), uint16(mixed)&0xfff, kind, kind, n)
}

// Object is the nth object.
func Object(n int) inventory.Key {
	return inventory.Key{Namespace: "tenant", Name: fmt.Sprintf("object-%04d", n)}
}

// HostName is the nth server's.
func HostName(n int) string { return fmt.Sprintf("worker-%05d", n) }

// Subnet is the nth subnet.
func Subnet(n int) inventory.SubnetRow {
	return inventory.SubnetRow{
		SubnetID: UUID('s', n), Name: fmt.Sprintf("net-%d", n), CIDR: fmt.Sprintf("10.%d.0.0/16", n),
		NetworkID: UUID('n', n), MTU: 1450, Status: inventory.Active,
	}
}

// Node is the nth server as a node.
func Node(n int) inventory.NodeRow {
	return inventory.NodeRow{
		ServerID: UUID('v', n), Name: HostName(n) + ".example.com", HostName: HostName(n), FromKubernetes: true, Status: inventory.Active,
	}
}

// Interface is the port of the nth server, on subnet n modulo 3, published for
// object owner.
func Interface(n, owner int) inventory.InterfaceRow {
	return inventory.InterfaceRow{
		PortID: UUID('p', n), SubnetID: UUID('s', n%3), MAC: fmt.Sprintf("fa:16:3e:%02x:%02x:%02x", n>>16, n>>8&0xff, n&0xff),
		Address: fmt.Sprintf("10.%d.%d.%d", n%3, n>>8&0xff, n&0xff), MTU: 1450, ServerID: UUID('v', n), HostName: HostName(n),
		Owner: Object(owner), Status: inventory.Active,
	}
}

// Claim is the claim of object owner on the port of the nth server.
func Claim(n, owner int) inventory.Claim {
	return inventory.Claim{
		PortID: UUID('p', n), Object: Object(owner), UID: UUID('o', owner), VMRef: HostName(n), SubnetRef: fmt.Sprintf("net-%d", n%3),
		SubnetID: UUID('s', n%3), ServerID: UUID('v', n), Cloud: Cloud, Since: Start,
	}
}

// FirstRun publishes n interfaces of n servers for the first time, perObject of
// them for each object.
func FirstRun(n, perObject int) inventory.Plan {
	var plan inventory.Plan
	for i := range min(3, n) {
		plan.Subnets = append(plan.Subnets, Subnet(i))
	}
	for i := range n {
		owner := i / perObject
		plan.Nodes = append(plan.Nodes, Node(i))
		plan.Interfaces = append(plan.Interfaces, inventory.InterfaceWrite{Row: Interface(i, owner), ResetApplied: true})
		plan.PutClaims = append(plan.PutClaims, Claim(i, owner))
		plan.History = append(plan.History, inventory.Event{
			At: Start, Object: Object(owner), PortID: UUID('p', i), Cloud: Cloud, Kind: "published", Explained: true, Detail: HostName(i),
		})
	}
	return plan
}
