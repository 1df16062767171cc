// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"fmt"
	"slices"
	"time"
)

// insertServer completes a server and adds it, without interfaces.
func (s *Sim) insertServer(st *state, v *Server) {
	if v.ID == "" {
		v.ID = s.ids.uuid()
	}
	if v.Hostname == "" {
		v.Hostname = hostnameFor(v.Name)
	}
	if v.Description == "" {
		v.Description = v.Name
	}
	if v.Created.IsZero() {
		v.Created = s.now()
	}
	v.Updated = v.Created
	st.serverCount++
	v.number = st.serverCount
	st.addServer(v)
}

// run makes a server ACTIVE.
func (v *Server) run(now time.Time) {
	v.Status, v.VMState, v.TaskState, v.PowerState = "ACTIVE", "active", "", 1
	v.Launched = now
	v.touch(now)
}

// plug attaches a port at once, as at boot.
func (st *state) plug(v *Server, p *Port, user bool, now time.Time) {
	st.setDevice(p, v.ID, "compute:nova")
	p.Host, p.VIFType, p.Updated = hostName, "ovs", now
	p.Revision += 4
	if !p.AdminDown {
		p.Status = "ACTIVE"
	}
	v.nics = append(v.nics, nic{portID: p.ID, preserve: user})
}

// destroy deletes a server and every port of it that nova doesn't know to be a
// user's.
func (st *state) destroy(v *Server, now time.Time) {
	for _, p := range st.devicePorts(v.ID) {
		st.releasePort(p, !v.preserves(p.ID), now)
	}
	st.removeServer(v)
}

// AddServer makes an ACTIVE server with one interface of nova's own on each
// network. An empty UserID is any user of the project.
func (s *Sim) AddServer(v Server, networkIDs ...string) Server {
	s.change(func(st *state) { s.bootServer(st, &v, networkIDs) })
	return v.copied()
}

func (s *Sim) bootServer(st *state, v *Server, networkIDs []string) {
	mustf(st.projects[v.ProjectID] != nil, "no project %q", v.ProjectID)
	if v.UserID == "" {
		for _, u := range st.users {
			if len(u.Roles[v.ProjectID]) > 0 && (v.UserID == "" || u.ID < v.UserID) {
				v.UserID = u.ID
			}
		}
	}
	s.insertServer(st, v)
	for _, id := range networkIDs {
		mustf(st.networks[id] != nil, "no network %q", id)
		p, err := s.novaPort(st, st.networks[id], v.ProjectID, nil)
		if err != nil {
			panic("openstacksim: " + err.Error())
		}
		st.plug(v, p, false, s.now())
	}
	if v.Status == "" {
		v.run(v.Created)
	}
}

// AddServers makes count servers named prefix-1, prefix-2 and so on, one
// second of creation time apart as if made one after another.
func (s *Sim) AddServers(projectID, prefix string, count int, networkIDs ...string) []Server {
	first := s.now().Add(-time.Duration(count) * time.Second)
	out := make([]Server, 0, count)
	s.change(func(st *state) {
		for i := range count {
			v := &Server{Name: fmt.Sprintf("%s-%d", prefix, i+1), ProjectID: projectID, Created: first.Add(time.Duration(i) * time.Second)}
			s.bootServer(st, v, networkIDs)
			out = append(out, v.copied())
		}
	})
	return out
}

func (v *Server) copied() Server {
	k := *v
	k.nics, k.actions = slices.Clone(v.nics), slices.Clone(v.actions)
	return k
}

// Server is a server as it is now; false when there is none.
func (s *Sim) Server(id string) (Server, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	v := s.live.servers[id]
	if v == nil {
		return Server{}, false
	}
	return v.copied(), true
}

// Servers are all servers, in nova's order: newest first.
func (s *Sim) Servers() []Server {
	s.mu.RLock()
	defer s.mu.RUnlock()
	vs := make([]Server, 0, len(s.live.serverOrder))
	for _, v := range s.live.serverOrder {
		vs = append(vs, v.copied())
	}
	return vs
}

// ServerByName is the only server of that name in a project, or in the whole cloud
// when projectID is empty; it panics when there is none or several.
func (s *Sim) ServerByName(projectID, name string) Server {
	var found []Server
	for _, v := range s.Servers() {
		if v.Name == name && (projectID == "" || v.ProjectID == projectID) {
			found = append(found, v)
		}
	}
	mustf(len(found) == 1, "%d servers named %q", len(found), name)
	return found[0]
}

// withServer changes a server and its updated time.
func (s *Sim) withServer(id string, f func(st *state, v *Server)) {
	s.change(func(st *state) {
		v := st.servers[id]
		mustf(v != nil, "no server %q", id)
		f(st, v)
		v.touch(s.now())
	})
}

// DeleteServer deletes a server at once, with the ports nova would delete.
func (s *Sim) DeleteServer(id string) {
	s.withServer(id, func(st *state, v *Server) { st.destroy(v, s.now()) })
}

// RenameServer changes the name; the host name stays.
func (s *Sim) RenameServer(id, name string) {
	s.withServer(id, func(_ *state, v *Server) { v.Name = name })
}

// RebuildServer deletes a server and makes another of the same name on the
// same networks: a new ID, new ports, new addresses. It returns the new one.
func (s *Sim) RebuildServer(id string) Server {
	var fresh Server
	s.change(func(st *state) {
		v := st.servers[id]
		mustf(v != nil, "no server %q", id)
		var nets []string
		for _, n := range v.nics {
			if p := st.ports[n.portID]; p != nil {
				nets = append(nets, p.NetworkID)
			}
		}
		st.destroy(v, s.now())
		fresh = Server{Name: v.Name, ProjectID: v.ProjectID, UserID: v.UserID}
		s.bootServer(st, &fresh, nets)
	})
	return fresh.copied()
}

// serverStates are the vm_state and power_state behind a status.
var serverStates = map[string]struct {
	vm    string
	power int
}{
	"ACTIVE": {"active", 1}, "SHUTOFF": {"stopped", 4}, "ERROR": {"error", 0}, "BUILD": {"building", 0},
	"PAUSED": {"paused", 3}, "SUSPENDED": {"suspended", 4}, "SHELVED": {"shelved", 4}, "SHELVED_OFFLOADED": {"shelved_offloaded", 4},
	"RESCUE": {"rescued", 1}, "DELETED": {"deleted", 0}, "SOFT_DELETED": {"soft-delete", 4},
}

// SetServerStatus sets a status such as "ERROR" with the states behind it.
func (s *Sim) SetServerStatus(id, status string) {
	st, ok := serverStates[status]
	mustf(ok, "unknown server status %q", status)
	s.withServer(id, func(_ *state, v *Server) { v.Status, v.VMState, v.PowerState = status, st.vm, st.power })
}

// LockServer locks a server as an admin does.
func (s *Sim) LockServer(id string, locked bool) {
	s.withServer(id, func(_ *state, v *Server) { v.Locked = locked })
}

// AttachPort attaches a user's port at once; nova keeps it when the server
// goes.
func (s *Sim) AttachPort(serverID, portID string) {
	s.withServer(serverID, func(st *state, v *Server) {
		p := st.ports[portID]
		mustf(p != nil && p.DeviceID == "", "port %q is missing or in use", portID)
		st.plug(v, p, true, s.now())
	})
}

// AddInterface gives a server another interface of nova's own on a network.
func (s *Sim) AddInterface(serverID, networkID string) Port {
	var out Port
	s.withServer(serverID, func(st *state, v *Server) {
		mustf(st.networks[networkID] != nil, "no network %q", networkID)
		p, err := s.novaPort(st, st.networks[networkID], v.ProjectID, nil)
		if err != nil {
			panic("openstacksim: " + err.Error())
		}
		st.plug(v, p, false, s.now())
		out = p.copied()
	})
	return out
}

// DetachPort detaches a port at once, by nova's rule: its own is deleted, a
// user's kept.
func (s *Sim) DetachPort(serverID, portID string) {
	s.withServer(serverID, func(st *state, v *Server) {
		p := st.ports[portID]
		mustf(p != nil && p.DeviceID == serverID, "port %q isn't on server %q", portID, serverID)
		st.releasePort(p, !v.preserves(portID), s.now())
		v.nics = slices.DeleteFunc(slices.Clone(v.nics), func(n nic) bool { return n.portID == portID })
	})
}

// SetCellDown puts servers in a cell that doesn't answer, or back. Their cell
// is left out of lists in silence, but for stubs from 2.69 on.
func (s *Sim) SetCellDown(down bool, serverIDs ...string) {
	s.change(func(st *state) {
		for _, id := range serverIDs {
			mustf(st.servers[id] != nil, "no server %q", id)
			st.servers[id].CellDown = down
		}
	})
}

// SetHypervisorFaults makes the hypervisor refuse; the zero value heals it.
func (s *Sim) SetHypervisorFaults(f HypervisorFaults) {
	s.change(func(st *state) { st.hypervisor = f })
}

// SetServerQuota limits a project's servers; -1 is no limit.
func (s *Sim) SetServerQuota(projectID string, limit int) {
	s.change(func(st *state) { st.serverQuota[projectID] = limit })
}
