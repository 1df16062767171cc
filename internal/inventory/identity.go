// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory

import "strings"

// identity is the name and the short host name of a server as of now.
func identity(s Server, nodes *Nodes) (name, host string) {
	if node, ok := nodes.of(s); ok {
		return node.Name, ShortHostName(node.Name)
	}
	if s.HostName != "" {
		return s.Name, ShortHostName(s.HostName)
	}
	return s.Name, ShortHostName(s.Name)
}

// nodeRow is the server's identity by this answer. A name that came from a
// Node object outlives it, until that Node turns up on another server. A host
// name that Nova showed once outlives answers that don't show it, as those to a
// lower microversion: the guest has not changed.
func (p *Planner) nodeRow(w want) NodeRow {
	old, _ := p.draft.node(w.server.ID)
	if !w.hasNode && old.FromKubernetes && !p.nodes.elsewhere(old.Name, w.server.ID) {
		return old
	}
	name, host := identity(w.server, p.nodes)
	if !w.hasNode && w.server.HostName == "" && old.HostName != "" && old.HostName != ShortHostName(old.Name) {
		host = old.HostName
	}
	return NodeRow{ServerID: w.server.ID, Name: name, HostName: host, FromKubernetes: w.hasNode, Status: Active}
}

// nodeBeside is the node row for a new interface: a server with visible
// interfaces keeps its name until their renaming is settled.
func (p *Planner) nodeBeside(w want) NodeRow {
	if old, exists := p.draft.node(w.server.ID); exists && p.draft.visible[w.server.ID] > 0 {
		return old
	}
	return p.nodeRow(w)
}

// taken says whether another server bears the short host name: an agent could
// not tell the two apart. Only a server that is known to be gone does not
// count, for then this one was rebuilt under its name. The port is tried
// again at the end of the plan, and is a problem if the name is still taken.
func (p *Planner) taken(r *run, w want, host string) bool {
	for _, b := range p.draft.bearers[strings.ToLower(host)] {
		if b.server == w.server.ID || b.rows <= p.movingTo(w.server.ID, b.server, host) || p.presence(b.server) == Absent {
			continue
		}
		if p.final {
			r.duplicate(w, b.server, host)
		} else {
			r.blocked = append(r.blocked, w.port.ID)
		}
		return true
	}
	return false
}

// olderTwin is a server that is known to live and that was published under
// the host name before this one; "" if there is none. It can come to this
// when an answer lacked that server, so that its name seemed free.
func (p *Planner) olderTwin(serverID, host string) string {
	for _, b := range p.draft.bearers[strings.ToLower(host)] {
		if b.server == serverID {
			break
		}
		if b.rows > p.movingTo(serverID, b.server, host) && p.presence(b.server) == Present {
			return b.server
		}
	}
	return ""
}

// movingTo counts the rows of one server under a host name whose ports are on
// another server by now: what is left of a name that passes to that server is
// no twin of it.
func (p *Planner) movingTo(to, from, host string) int {
	n := 0
	for id, server := range p.moved {
		if row, _ := p.draft.row(id); server == to && row.ServerID == from && strings.EqualFold(row.HostName, host) {
			n++
		}
	}
	return n
}

// noteMoved notes the object's visible ports that are on another server by now.
func (p *Planner) noteMoved(r *run) {
	for id, w := range r.wanted {
		if row, _ := p.draft.row(id); row.Visible() && row.ServerID != w.server.ID {
			p.moved[id] = w.server.ID
		}
	}
}

// presence of a server by the answers to the objects that publish it: another
// object's project has nothing to say about it.
func (p *Planner) presence(serverID string) Presence {
	result := NotAsked
	for _, k := range p.draft.publishers[serverID] {
		if r := p.runs[k]; r != nil {
			if _, presence := r.snap.Server(serverID); presence > NotAsked && result != Present {
				result = presence
			}
		}
	}
	return result
}

func (r *run) duplicate(w want, holder, host string) {
	r.problem(w.entry, DuplicateHostName, "server %s is published under the short host name %q already; an agent can't tell it from %s: rename one of them",
		holder, host, w.server.ID)
}
