// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"slices"
	"strings"
)

// Nodes are the cluster's Nodes, by the servers that they say they are.
type Nodes struct {
	byServer map[string]Node
	// nameless Nodes tell of no server at all; their name is all there is.
	nameless map[string]Node
	byName   map[string]Node
}

// NewNodes indexes nodes. A server that two Nodes claim to be is nobody's.
func NewNodes(nodes []Node) *Nodes {
	n := &Nodes{byServer: make(map[string]Node, len(nodes)), nameless: map[string]Node{}, byName: make(map[string]Node, len(nodes))}
	twice := map[string]bool{}
	for _, node := range nodes {
		n.byName[node.Name] = node
		if len(node.ServerIDs) == 0 {
			n.nameless[node.Name] = node
		}
		for _, id := range node.ServerIDs {
			if other, again := n.byServer[id]; again && other.Name != node.Name {
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

// elsewhere says whether the Node of that name says by ID that it is another
// server than this one.
func (n *Nodes) elsewhere(name, serverID string) bool {
	node, ok := n.byName[name]
	return ok && len(node.ServerIDs) > 0 && !slices.Contains(node.ServerIDs, strings.ToLower(serverID))
}

// carries says whether one of the addresses is the Node's own.
func (n Node) carries(fixedIPs []FixedIP) bool {
	return slices.ContainsFunc(fixedIPs, func(ip FixedIP) bool { return slices.Contains(n.Addresses, ip.Address) })
}
