// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
)

// portBody is a port in a request; a nil pointer wasn't given.
type portBody struct {
	NetworkID           string         `json:"network_id"`
	Name                *string        `json:"name"`
	Description         *string        `json:"description"`
	AdminStateUp        *bool          `json:"admin_state_up"`
	DeviceID            *string        `json:"device_id"`
	DeviceOwner         *string        `json:"device_owner"`
	MAC                 *string        `json:"mac_address"`
	FixedIPs            *[]wantedIP    `json:"fixed_ips"`
	PortSecurityEnabled *bool          `json:"port_security_enabled"`
	SecurityGroups      *[]string      `json:"security_groups"`
	AddressPairs        *[]AddressPair `json:"allowed_address_pairs"`
	VNICType            *string        `json:"binding:vnic_type"`
	Host                *string        `json:"binding:host_id"`
	Profile             map[string]any `json:"binding:profile"`

	keys []string
}

// portAttributes are the members that POST and PUT know; tags are among them
// and are ignored (neutron 21.0.0 with ML2's default extension drivers).
var portAttributes = []string{
	"network_id", "name", "description", "admin_state_up", "device_id", "device_owner", "mac_address", "fixed_ips",
	"port_security_enabled", "security_groups", "allowed_address_pairs", "binding:vnic_type", "binding:host_id",
	"binding:profile", "tags", "tenant_id", "project_id", "extra_dhcp_opts", "qos_policy_id", "dns_name",
}

// decodePort checks one object of the body.
func decodePort(raw json.RawMessage) (*portBody, *answer) {
	fail := func(a answer) (*portBody, *answer) { return nil, &a }
	var members map[string]json.RawMessage
	b := &portBody{}
	if json.Unmarshal(raw, &members) != nil || json.Unmarshal(raw, b) != nil {
		return fail(badJSON())
	}
	var unknown []string
	for k := range members {
		b.keys = append(b.keys, k)
		if !slices.Contains(portAttributes, k) {
			unknown = append(unknown, k)
		}
	}
	if unknown != nil {
		slices.Sort(unknown)
		return fail(neutronError(http.StatusBadRequest, "HTTPBadRequest", "Unrecognized attribute(s) '%s'", strings.Join(unknown, ", ")))
	}
	for attr, v := range map[string]*string{"name": b.Name, "description": b.Description} {
		if v != nil && len([]rune(*v)) > 255 {
			return fail(neutronError(http.StatusBadRequest, "HTTPBadRequest", "Invalid input for %s. Reason: '%s' exceeds maximum length of 255.", attr, *v))
		}
	}
	if b.MAC != nil {
		if _, err := net.ParseMAC(*b.MAC); err != nil {
			return fail(neutronError(http.StatusBadRequest, "HTTPBadRequest", "Invalid input for mac_address. Reason: '%s' is not a valid MAC address.", *b.MAC))
		}
	}
	return b, nil
}

// createPorts takes one port, or a list of which all are made or none.
func createPorts(c *call) answer {
	var req struct {
		Port  json.RawMessage
		Ports []json.RawMessage
	}
	if !c.decode(&req) || req.Port == nil && req.Ports == nil {
		return badJSON()
	}
	raws := req.Ports
	if req.Port != nil {
		raws = []json.RawMessage{req.Port}
	}
	var bodies []*portBody
	for _, raw := range raws {
		b, bad := decodePort(raw)
		if bad != nil {
			return *bad
		}
		if b.NetworkID == "" {
			return neutronError(http.StatusBadRequest, "HTTPBadRequest", "Failed to parse request. Required attribute 'network_id' not specified")
		}
		bodies = append(bodies, b)
	}
	return c.write(func(st *state) answer {
		made, bad := c.makePorts(st, bodies)
		if bad != nil {
			for _, p := range made {
				st.removePort(p)
			}
			return *bad
		}
		if req.Port != nil {
			return c.one(http.StatusCreated, "port", st, portResource{made[0]})
		}
		w := compactJSON()
		w.begin('{')
		w.key("ports")
		w.begin('[')
		for _, p := range made {
			w.sep()
			portResource{p}.write(c, st, w)
		}
		w.end(']')
		w.end('}')
		return jsonAnswer(http.StatusCreated, w.buf)
	})
}

// makePorts checks policies of all, then the quota, then makes one by one; on
// an error the caller removes what was made.
func (c *call) makePorts(st *state, bodies []*portBody) ([]*Port, *answer) {
	for _, b := range bodies {
		n := st.networks[b.NetworkID]
		if n == nil || !c.seesNet(n) {
			a := notFound("Network", b.NetworkID)
			return nil, &a
		}
		if a, refused := c.portPolicy("create", b, n); refused {
			return nil, &a
		}
	}
	if c.sim.overQuota(st, c.project(), len(bodies)) {
		a := neutronError(http.StatusConflict, "OverQuota", "Quota exceeded for resources: ['port'].")
		return nil, &a
	}
	var made []*Port
	for _, b := range bodies {
		p, bad := c.makePort(st, b)
		if bad != nil {
			return made, bad
		}
		made = append(made, p)
	}
	return made, nil
}

func (s *Sim) overQuota(st *state, projectID string, more int) bool {
	limit, set := st.portQuota[projectID]
	if !set || limit < 0 {
		return false
	}
	used := 0
	for _, p := range st.portOrder {
		if p.ProjectID == projectID {
			used++
		}
	}
	return used+more > limit
}

// portPolicy: binding:host_id and binding:profile are the admin's; on another
// project's (shared) network a member may choose a subnet, but no address, MAC
// or port security.
func (c *call) portPolicy(verb string, b *portBody, n *Net) (answer, bool) {
	if c.admin() {
		return answer{}, false
	}
	refuse := func(rule string) (answer, bool) {
		return neutronError(http.StatusForbidden, "PolicyNotAuthorized", "(rule:%[1]s_port and %[2]s) is disallowed by policy", verb, fmt.Sprintf(rule, "rule:"+verb+"_port")), true
	}
	switch {
	case slices.Contains(b.keys, "binding:host_id"):
		return refuse("%s:binding:host_id")
	case slices.Contains(b.keys, "binding:profile"):
		return refuse("%s:binding:profile")
	case n.ProjectID == c.project():
		return answer{}, false
	case b.MAC != nil:
		return refuse("%s:mac_address")
	case b.PortSecurityEnabled != nil:
		return refuse("%s:port_security_enabled")
	}
	if b.FixedIPs != nil && slices.ContainsFunc(*b.FixedIPs, func(w wantedIP) bool { return w.Address != "" }) {
		return refuse("(%[1]s:fixed_ips and (%[1]s:fixed_ips:ip_address))")
	}
	return answer{}, false
}

func (c *call) makePort(st *state, b *portBody) (*Port, *answer) {
	now := c.sim.now()
	n := st.networks[b.NetworkID]
	p := &Port{
		ID: c.sim.ids.uuid(), NetworkID: n.ID, ProjectID: c.project(), Status: "DOWN", VIFType: "unbound", VNICType: "normal",
		PortSecurityDisabled: n.PortSecurityDisabled, Revision: 1, Created: now, Updated: now,
	}
	if b.MAC != nil {
		p.MAC = strings.ToLower(*b.MAC)
		if st.macs[n.ID+p.MAC] > 0 {
			a := neutronError(http.StatusConflict, "MacAddressInUse", "Unable to complete operation for network %s. The mac address %s is in use.", n.ID, p.MAC)
			return nil, &a
		}
	} else {
		p.MAC = c.sim.freshMAC(st, n.ID)
	}
	var device, owner string
	set(&device, b.DeviceID)
	set(&owner, b.DeviceOwner)
	p.DeviceID, p.DeviceOwner = device, owner
	if bad := st.applyPort(p, b); bad != nil {
		return nil, bad
	}
	if err := st.allocate(p, b.FixedIPs); err != nil {
		st.freeAddresses(p)
		a := neutronError(err.status, err.kind, "%s", err.text)
		return nil, &a
	}
	st.addPort(p)
	return p, nil
}

// applyPort sets what has no index: names, security, pairs.
func (st *state) applyPort(p *Port, b *portBody) *answer {
	psecOff := p.PortSecurityDisabled
	setNot(&psecOff, b.PortSecurityEnabled)
	if psecOff && b.SecurityGroups != nil && len(*b.SecurityGroups) > 0 {
		a := neutronError(http.StatusBadRequest, "PortSecurityAndIPRequiredForSecurityGroups", "Port security must be enabled and port must have an IP address in order to use security groups.")
		return &a
	}
	if b.SecurityGroups != nil {
		for _, id := range *b.SecurityGroups {
			if g := st.groups[id]; g == nil || g.ProjectID != p.ProjectID {
				a := neutronError(http.StatusNotFound, "SecurityGroupNotFound", "Security group %s does not exist", id)
				return &a
			}
		}
	}
	p.PortSecurityDisabled = psecOff
	switch {
	case b.SecurityGroups != nil:
		p.SecurityGroups = *b.SecurityGroups
	case psecOff:
		p.SecurityGroups = nil
	case p.SecurityGroups == nil && p.FixedIPs == nil: // a new port
		if g := st.defaultGroup(p.ProjectID); g != nil {
			p.SecurityGroups = []string{g.ID}
		}
	}
	set(&p.Name, b.Name)
	set(&p.Description, b.Description)
	set(&p.VNICType, b.VNICType)
	set(&p.Host, b.Host)
	setNot(&p.AdminDown, b.AdminStateUp)
	if b.Profile != nil {
		p.Profile = b.Profile
	}
	if b.AddressPairs != nil {
		p.AddressPairs = nil
		for _, pair := range *b.AddressPairs {
			if pair.MAC == "" {
				pair.MAC = p.MAC
			}
			p.AddressPairs = append(p.AddressPairs, pair)
		}
	}
	return nil
}

func updatePort(c *call) answer {
	var req struct{ Port json.RawMessage }
	if !c.decode(&req) || req.Port == nil {
		return badJSON()
	}
	b, bad := decodePort(req.Port)
	if bad != nil {
		return *bad
	}
	return c.write(func(st *state) answer {
		p := st.ports[c.r.PathValue("id")]
		if p == nil || !c.seesPort(st, p) {
			return notFound("Port", c.r.PathValue("id"))
		}
		if a, refused := c.portPolicy("update", b, st.networks[p.NetworkID]); refused {
			return a
		}
		if a, stale := c.staleRevision(p.Revision); stale {
			return a
		}
		if bad := c.changePort(st, p, b); bad != nil {
			return *bad
		}
		p.Revision, p.Updated = p.Revision+1, c.sim.now()
		return c.one(http.StatusOK, "port", st, portResource{p})
	})
}

func (c *call) changePort(st *state, p *Port, b *portBody) *answer {
	if b.FixedIPs != nil {
		if err := st.replaceAddresses(p, b.FixedIPs); err != nil {
			a := neutronError(err.status, err.kind, "%s", err.text)
			return &a
		}
	}
	if bad := st.applyPort(p, b); bad != nil {
		return bad
	}
	if b.DeviceID != nil || b.DeviceOwner != nil {
		device, owner := p.DeviceID, p.DeviceOwner
		set(&device, b.DeviceID)
		set(&owner, b.DeviceOwner)
		st.setDevice(p, device, owner)
	}
	if b.MAC != nil {
		st.countMAC(p, -1)
		p.MAC = strings.ToLower(*b.MAC)
		st.countMAC(p, 1)
	}
	return nil
}

// replaceAddresses keeps the old addresses when the new ones can't be had.
func (st *state) replaceAddresses(p *Port, wants *[]wantedIP) *allocationError {
	old := slices.Clone(p.FixedIPs)
	st.freeAddresses(p)
	err := st.allocate(p, wants)
	if err == nil {
		return nil
	}
	st.freeAddresses(p)
	var back []wantedIP
	for _, f := range old {
		back = append(back, wantedIP(f))
	}
	if len(back) > 0 {
		if again := st.allocate(p, &back); again != nil {
			panic("openstacksim: own addresses gone: " + again.text)
		}
	}
	return err
}
