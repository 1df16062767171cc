// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"time"
)

var uuidPattern = regexp.MustCompile(`^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$`)

// writeInterface is one entry of os-interface; nova reads it from neutron.
func (c *call) writeInterface(w *jsonWriter, p *Port) {
	w.begin('{')
	w.str("net_id", p.NetworkID)
	w.str("port_id", p.ID)
	w.str("mac_addr", p.MAC)
	w.str("port_state", p.Status)
	w.key("fixed_ips")
	w.begin('[')
	for _, f := range p.FixedIPs {
		w.sep()
		w.begin('{')
		w.str("subnet_id", f.SubnetID)
		w.str("ip_address", f.Address)
		w.end('}')
	}
	w.end(']')
	if c.mv >= 70 {
		w.raw("tag", "null")
	}
	w.end('}')
}

// listInterfaces lists every port whose device_id names the server, whether
// nova attached it or not.
func listInterfaces(c *call) answer {
	return c.read(func(st *state) answer {
		s, missing := c.ownServer(st)
		if s == nil {
			return missing
		}
		w := spacedJSON()
		w.begin('{')
		w.key("interfaceAttachments")
		w.begin('[')
		for _, p := range st.devicePorts(s.ID) {
			w.sep()
			c.writeInterface(w, p)
		}
		w.end(']')
		w.end('}')
		return jsonAnswer(http.StatusOK, w.buf)
	})
}

func (c *call) interfaceAnswer(p *Port) answer {
	w := spacedJSON()
	w.begin('{')
	w.key("interfaceAttachment")
	c.writeInterface(w, p)
	w.end('}')
	return jsonAnswer(http.StatusOK, w.buf)
}

func getInterface(c *call) answer {
	return c.read(func(st *state) answer {
		s, missing := c.ownServer(st)
		if s == nil {
			return missing
		}
		p := st.ports[c.r.PathValue("port")]
		if p == nil || p.DeviceID != s.ID {
			return novaError(http.StatusNotFound, "Instance %s does not have a port with id %s", s.ID, c.r.PathValue("port"))
		}
		return c.interfaceAnswer(p)
	})
}

type attachRequest struct {
	Attachment *struct {
		PortID   *string `json:"port_id"`
		NetID    *string `json:"net_id"`
		FixedIPs []struct {
			Address string `json:"ip_address"`
		} `json:"fixed_ips"`
		Tag *string
	} `json:"interfaceAttachment"`
}

// checkAttach is what nova-api refuses by itself.
func (c *call) checkAttach() (*attachRequest, *answer) {
	fail := func(format string, args ...any) (*attachRequest, *answer) {
		a := novaError(http.StatusBadRequest, format, args...)
		return nil, &a
	}
	var req attachRequest
	if !c.decode(&req) {
		return fail("Malformed request body")
	}
	in := req.Attachment
	if in == nil {
		return fail("Invalid input for field/attribute interfaceAttachment. 'interfaceAttachment' is a required property")
	}
	if in.Tag != nil && c.mv < 49 {
		return fail("Invalid input for field/attribute interfaceAttachment. Additional properties are not allowed ('tag' was unexpected)")
	}
	for name, id := range map[string]*string{"port_id": in.PortID, "net_id": in.NetID} {
		if id != nil && !uuidPattern.MatchString(*id) {
			return fail("Invalid input for field/attribute %[1]s. Value: %[2]s. '%[2]s' is not a 'uuid'", name, *id)
		}
	}
	if in.PortID != nil && in.NetID != nil {
		return fail("Must not input both network_id and port_id")
	}
	return &req, nil
}

// workable refuses work on a server that is locked or in the wrong state.
func (v *Server) workable(c *call, verb string) *answer {
	var a answer
	switch {
	case v.Locked && !c.admin():
		a = novaError(http.StatusConflict, "Instance %s is locked", v.ID)
	case !slices.Contains([]string{"active", "paused", "stopped"}, v.VMState):
		a = novaError(http.StatusConflict, "Cannot '%s' instance %s while it is in vm_state %s", verb, v.ID, v.VMState)
	case v.TaskState != "":
		a = novaError(http.StatusConflict, "Cannot '%s' instance %s while it is in task_state %s", verb, v.ID, v.TaskState)
	default:
		return nil
	}
	return &a
}

// attachInterface answers when the hypervisor is done, or after RPCTimeout;
// the attach goes on all the same.
func attachInterface(c *call) answer {
	req, bad := c.checkAttach()
	if bad != nil {
		return *bad
	}
	refused := c.read(func(st *state) answer {
		s, missing := c.ownServer(st)
		if s == nil {
			return missing
		}
		if a := s.workable(c, "attach_interface"); a != nil {
			return *a
		}
		return answer{}
	})
	if refused.status != 0 {
		return refused
	}
	if c.sim.serviceDown(Network) {
		return novaCrash("keystoneauth1.exceptions.connection.ConnectFailure")
	}
	done := make(chan answer, 1)
	c.sim.background.Go(func() { done <- c.hypervisorAttach(req) })
	timeout := time.NewTimer(c.sim.opts.RPCTimeout)
	defer timeout.Stop()
	select {
	case a := <-done:
		return a
	case <-timeout.C:
		return novaCrash("oslo_messaging.exceptions.MessagingTimeout")
	}
}

// hypervisorAttach is nova-compute's part, one at a time for a server.
func (c *call) hypervisorAttach(req *attachRequest) answer {
	serverID := c.r.PathValue("id")
	lock := c.sim.serverLock(serverID)
	lock.Lock()
	defer lock.Unlock()
	var p *Port
	ours := req.Attachment.PortID == nil
	a := c.write(func(st *state) (refused answer) {
		if ours {
			p, refused = c.portForAttach(st, serverID, req)
		} else {
			p, refused = c.claimPort(st, serverID, *req.Attachment.PortID)
		}
		return refused
	})
	if p == nil {
		return c.logAction(serverID, "attach_interface", a)
	}
	c.sim.sleep(c.sim.opts.AttachTime / 2)
	a = c.bindPort(serverID, p.ID, ours)
	if a.status != 0 {
		return c.logAction(serverID, "attach_interface", a)
	}
	c.sim.sleep(c.sim.opts.AttachTime - c.sim.opts.AttachTime/2)
	return c.logAction(serverID, "attach_interface", c.finishAttach(serverID, p.ID, ours))
}

// claimPort begins the attach of a user's port. When two servers want one port
// at the same time, both fail (recording timing-race-one-port-two-servers).
func (c *call) claimPort(st *state, serverID, portID string) (*Port, answer) {
	p := st.ports[portID]
	switch {
	case p == nil || p.ProjectID != c.project() && !c.admin():
		return nil, novaError(http.StatusNotFound, "Port id %s could not be found.", portID)
	case p.DeviceID != "" && p.attaching == "":
		return nil, novaError(http.StatusConflict, "Port %s is still in use.", portID)
	case p.attaching != "" && p.attaching != serverID:
		p.raced = true
	}
	p.attaching = serverID
	return p, answer{}
}

// portForAttach makes nova's own port on the network asked for, or on the only
// one there is.
func (c *call) portForAttach(st *state, serverID string, req *attachRequest) (*Port, answer) {
	in := req.Attachment
	var n *Net
	if in.NetID == nil {
		var own []*Net
		for _, o := range st.netOrder {
			if c.seesNet(o) {
				own = append(own, o)
			}
		}
		if len(own) != 1 {
			return nil, novaError(http.StatusBadRequest, "Multiple possible networks found, use a Network ID to be more specific.")
		}
		n = own[0]
	} else {
		n = st.networks[*in.NetID]
		if n == nil {
			return nil, novaCrash("oslo_messaging.rpc.client.RemoteError")
		}
		if !c.seesNet(n) {
			return nil, novaError(http.StatusNotFound, "Network %s could not be found.", n.ID)
		}
	}
	if c.sim.overQuota(st, c.project(), 1) {
		return nil, novaError(http.StatusForbidden, "Maximum number of ports exceeded")
	}
	var wants *[]wantedIP
	if len(in.FixedIPs) > 0 {
		wants = &[]wantedIP{{Address: in.FixedIPs[0].Address}}
	}
	p, err := c.sim.novaPort(st, n, c.project(), wants)
	if err != nil {
		return nil, novaAllocationError(n, err)
	}
	p.attaching = serverID
	return p, answer{}
}

// novaAllocationError is how neutron's refusals look through nova.
func novaAllocationError(n *Net, err error) answer {
	var e *allocationError
	if !errors.As(err, &e) {
		return novaCrash("oslo_messaging.rpc.client.RemoteError")
	}
	switch e.kind {
	case "IpAddressGenerationFailure":
		return novaError(http.StatusBadRequest, "No fixed IP addresses available for network: %s", n.ID)
	case "IpAddressAlreadyAllocated":
		return novaError(http.StatusConflict, "Fixed IP %s is already in use.", e.address())
	default:
		return novaError(http.StatusBadRequest, "%s", e.text)
	}
}
