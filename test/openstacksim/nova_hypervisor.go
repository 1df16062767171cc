// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// address is the IP that an "already allocated" error speaks of.
func (e *allocationError) address() string {
	for f := range strings.FieldsSeq(e.text) {
		if strings.ContainsAny(f, ".:") {
			return f
		}
	}
	return ""
}

// novaPort makes a port as nova does for a server.
func (s *Sim) novaPort(st *state, n *Net, projectID string, wants *[]wantedIP) (*Port, error) {
	now := s.now()
	p := &Port{
		ID: s.ids.uuid(), NetworkID: n.ID, ProjectID: projectID, MAC: s.freshMAC(st, n.ID), Status: "DOWN", VIFType: "unbound",
		VNICType: "normal", PortSecurityDisabled: n.PortSecurityDisabled, Revision: 1, Created: now, Updated: now,
	}
	if g := st.defaultGroup(projectID); g != nil && !n.PortSecurityDisabled {
		p.SecurityGroups = []string{g.ID}
	}
	if err := st.allocate(p, wants); err != nil {
		st.freeAddresses(p)
		return nil, err
	}
	st.addPort(p)
	return p, nil
}

// bindPort gives the port to the server. A failed binding leaves a user's port
// half attached (recordings nova-binding-failed-*).
func (c *call) bindPort(serverID, portID string, ours bool) answer {
	return c.write(func(st *state) answer {
		p := st.ports[portID]
		if p == nil {
			return novaError(http.StatusNotFound, "Port id %s could not be found.", portID)
		}
		if p.attaching != serverID { // another server took it meanwhile
			return novaError(http.StatusNotFound, "Instance %s does not have a port with id %s", serverID, portID)
		}
		st.setDevice(p, serverID, "compute:nova")
		p.Host, p.VIFType, p.Updated = hostName, "ovs", c.sim.now()
		p.Revision += 2
		if st.networks[p.NetworkID].unbindable {
			p.VIFType, p.attaching = "binding_failed", ""
			if ours {
				st.removePort(p)
			}
			return novaCrash("nova.exception_Remote.PortBindingFailed_Remote")
		}
		return answer{}
	})
}

// finishAttach is the hypervisor's word: yes, no, or a race.
func (c *call) finishAttach(serverID, portID string, ours bool) answer {
	return c.write(func(st *state) answer {
		p, s := st.ports[portID], st.servers[serverID]
		if p == nil || p.attaching != serverID {
			return novaError(http.StatusNotFound, "Instance %s does not have a port with id %s", serverID, portID)
		}
		p.attaching = ""
		switch {
		case s == nil:
			st.releasePort(p, ours, c.sim.now())
			return novaError(http.StatusNotFound, "Instance %s could not be found.", serverID)
		case p.raced:
			p.raced = false
			return novaCrash("nova.exception_Remote.VirtualInterfaceCreateException_Remote")
		case st.hypervisor.Attach:
			st.releasePort(p, ours, c.sim.now())
			return novaError(http.StatusInternalServerError, "Failed to attach network adapter device to %s", serverID)
		}
		s.nics = append(s.nics, nic{portID: portID, preserve: !ours})
		if !p.AdminDown {
			p.Status = "ACTIVE"
			p.Revision += 2
		}
		p.Updated = c.sim.now()
		return c.interfaceAnswer(p)
	})
}

// releasePort takes a port from its server: nova's own is deleted, a user's is
// kept, free and DOWN.
func (st *state) releasePort(p *Port, ours bool, now time.Time) {
	if ours {
		st.removePort(p)
		return
	}
	st.setDevice(p, "", "")
	p.Host, p.VIFType, p.Status = "", "unbound", "DOWN"
	p.Revision, p.Updated = p.Revision+1, now
}

// detachInterface answers 202 to any port of a server that can be worked on;
// what comes of it shows later.
func detachInterface(c *call) answer {
	refused := c.read(func(st *state) answer {
		s, missing := c.ownServer(st)
		if s == nil {
			return missing
		}
		if a := s.workable(c, "detach_interface"); a != nil {
			return *a
		}
		return answer{}
	})
	if refused.status != 0 {
		return refused
	}
	serverID, portID := c.r.PathValue("id"), c.r.PathValue("port")
	c.sim.background.Go(func() {
		lock := c.sim.serverLock(serverID)
		lock.Lock()
		defer lock.Unlock()
		if !c.sim.sleep(c.sim.opts.DetachTime) {
			return
		}
		a := c.write(func(st *state) answer { return st.detach(serverID, portID, c.sim.now()) })
		c.logAction(serverID, "detach_interface", a)
	})
	return answer{status: http.StatusAccepted, header: http.Header{}}
}

// detach keeps a port only if nova's own cache says that a user made it: a
// user's port that is half attached, or whose device_id somebody else set, is
// deleted.
func (st *state) detach(serverID, portID string, now time.Time) answer {
	p, s := st.ports[portID], st.servers[serverID]
	if p == nil || s == nil || p.DeviceID != serverID || st.hypervisor.Detach {
		return novaError(http.StatusInternalServerError, "Failed to detach network adapter device from %s", serverID)
	}
	st.releasePort(p, !s.preserves(portID), now)
	s.nics = slices.DeleteFunc(s.nics, func(n nic) bool { return n.portID == portID })
	return answer{}
}

func (v *Server) preserves(portID string) bool {
	return slices.ContainsFunc(v.nics, func(n nic) bool { return n.portID == portID && n.preserve })
}

// logAction enters an instance action and passes the answer on.
func (c *call) logAction(serverID, action string, a answer) answer {
	c.write(func(st *state) answer {
		if s := st.servers[serverID]; s != nil {
			s.actions = append([]instanceAction{{
				action: action, requestID: c.requestID, userID: c.token.userID, projectID: c.token.projectID,
				start: c.sim.now(), failed: a.status >= 400,
			}}, s.actions...)
		}
		return answer{}
	})
	return a
}
