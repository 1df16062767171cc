// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"net/netip"
	"slices"
	"strings"
)

// Nodes are the cluster's Nodes, by the servers that they say they are.
type Nodes struct {
	byServer map[string]Node
	// nameless Nodes tell of no server at all; their name is all there is.
	nameless map[string]Node
}

// NewNodes indexes nodes. A server that two Nodes claim to be is nobody's.
func NewNodes(nodes []Node) *Nodes {
	n := &Nodes{byServer: make(map[string]Node, len(nodes)), nameless: map[string]Node{}}
	twice := map[string]bool{}
	for _, node := range nodes {
		if len(node.ServerIDs) == 0 {
			n.nameless[node.Name] = node
		}
		for _, id := range node.ServerIDs {
			if _, again := n.byServer[id]; again {
				twice[id] = true
			}
			n.byServer[id] = node
		}
	}
	for id := range twice {
		delete(n.byServer, id)
	}
	return n
}

// named says whether a Node says by ID that it is this server.
func (n *Nodes) named(serverID string) bool {
	_, ok := n.byServer[strings.ToLower(serverID)]
	return ok
}

// of is the Node that runs on the server: the one that says so by ID, else
// one without any ID that bears the server's name.
func (n *Nodes) of(s Server) (Node, bool) {
	if node, ok := n.byServer[strings.ToLower(s.ID)]; ok {
		return node, true
	}
	node, ok := n.nameless[s.Name]
	return node, ok
}

// carries says whether one of the addresses is the Node's own.
func (n Node) carries(addresses []netip.Addr) bool {
	return slices.ContainsFunc(addresses, func(a netip.Addr) bool { return slices.Contains(n.Addresses, a) })
}
