// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"fmt"
	"maps"
	"net/http"
	"sort"
	"strconv"
)

type portResource struct{ *Port }

func (p portResource) id() string     { return p.ID }
func (p portResource) tags() []string { return p.Tags }

func (p portResource) attribute(k string) ([]string, bool) {
	var v string
	switch k {
	case "id":
		v = p.ID
	case "name":
		v = p.Name
	case "tenant_id", "project_id":
		v = p.ProjectID
	case "network_id":
		v = p.NetworkID
	case "mac_address":
		v = p.MAC
	case "device_id":
		v = p.DeviceID
	case "device_owner":
		v = p.DeviceOwner
	case "status":
		v = p.Status
	case "description":
		v = p.Description
	case "admin_state_up":
		v = strconv.FormatBool(!p.AdminDown)
	case "port_security_enabled":
		v = strconv.FormatBool(!p.PortSecurityDisabled)
	case "binding:host_id":
		v = p.Host
	case "binding:vif_type":
		v = p.VIFType
	case "binding:vnic_type":
		v = p.VNICType
	case "revision_number":
		v = strconv.Itoa(p.Revision)
	case "security_groups":
		return p.SecurityGroups, true
	case "fixed_ips": // matched by matchFixedIPs
		return nil, true
	default:
		return nil, false
	}
	return []string{v}, true
}

func (p portResource) write(c *call, _ *state, w *jsonWriter) {
	w.begin('{')
	w.str("id", p.ID)
	w.str("name", p.Name)
	w.str("network_id", p.NetworkID)
	w.str("tenant_id", p.ProjectID)
	w.str("mac_address", p.MAC)
	w.boolean("admin_state_up", !p.AdminDown)
	w.str("status", p.Status)
	w.str("device_id", p.DeviceID)
	w.str("device_owner", p.DeviceOwner)
	if w.key("fixed_ips") {
		w.begin('[')
		for _, f := range p.FixedIPs {
			w.sep()
			w.buf = fmt.Appendf(w.buf, `{"subnet_id":%q,"ip_address":%q}`, f.SubnetID, f.Address)
		}
		w.end(']')
	}
	w.some("allowed_address_pairs", len(p.AddressPairs), p.AddressPairs)
	w.raw("extra_dhcp_opts", "[]")
	w.strs("security_groups", p.SecurityGroups)
	w.str("description", p.Description)
	w.str("binding:vnic_type", p.VNICType)
	if c.admin() {
		p.writeBinding(w)
	}
	w.boolean("port_security_enabled", !p.PortSecurityDisabled)
	w.raw("qos_policy_id", "null")
	w.raw("qos_network_policy_id", "null")
	if c.admin() {
		w.raw("resource_request", "null")
	}
	w.strs("tags", p.Tags)
	w.str("created_at", p.Created.Format(neutronTime))
	w.str("updated_at", p.Updated.Format(neutronTime))
	w.integer("revision_number", p.Revision)
	w.str("project_id", p.ProjectID)
	w.end('}')
}

// writeBinding is what only an admin sees.
func (p portResource) writeBinding(w *jsonWriter) {
	profile := p.Profile
	if profile == nil {
		profile = map[string]any{}
	}
	w.any("binding:profile", profile)
	w.str("binding:host_id", p.Host)
	w.str("binding:vif_type", p.VIFType)
	details := "{}"
	if p.VIFType == "ovs" {
		details = `{"connectivity":"l2","port_filter":true,"ovs_hybrid_plug":false,"datapath_type":"system","bridge_name":"br-int","bound_drivers":{"0":"openvswitch"}}`
	}
	w.raw("binding:vif_details", details)
}

func listPorts(c *call) answer {
	q, bad := c.parseList(portResource{&Port{}})
	if bad != nil {
		return *bad
	}
	return c.read(func(st *state) answer {
		ps := st.candidatePorts(q)
		if !c.admin() {
			ps = c.visiblePorts(st, ps)
		}
		return c.list(st, q, "ports", "Port", len(ps), func(i int) resource { return portResource{ps[i]} })
	})
}

// visiblePorts copies only when something has to be left out.
func (c *call) visiblePorts(st *state, ps []*Port) []*Port {
	for i, p := range ps {
		if c.seesPort(st, p) {
			continue
		}
		seen := append([]*Port(nil), ps[:i]...)
		for _, p := range ps[i:] {
			if c.seesPort(st, p) {
				seen = append(seen, p)
			}
		}
		return seen
	}
	return ps
}

// candidatePorts uses the indexes by device and network: the ports that can
// match, by ID. A marker must stay findable, so it is added when it isn't one
// of them.
func (st *state) candidatePorts(q *listQuery) []*Port {
	by, keys := st.portsByDevice, q.filters["device_id"]
	if keys == nil {
		by, keys = st.portsByNetwork, q.filters["network_id"]
	}
	n := 0
	for _, k := range keys {
		if k == "" {
			return st.portOrder // free ports aren't indexed
		}
		n += len(by[k])
	}
	if keys == nil || n > len(st.portOrder)/8 {
		return st.portOrder
	}
	seen := make(map[string]*Port, n+1)
	for _, k := range keys {
		maps.Copy(seen, by[k])
	}
	if m := st.ports[q.marker]; m != nil {
		seen[m.ID] = m
	}
	ps := make([]*Port, 0, len(seen))
	for _, p := range seen {
		ps = append(ps, p)
	}
	sort.Slice(ps, func(i, j int) bool { return ps[i].ID < ps[j].ID })
	return ps
}

func getPort(c *call) answer {
	return c.read(func(st *state) answer {
		p := st.ports[c.r.PathValue("id")]
		if p == nil || !c.seesPort(st, p) {
			return notFound("Port", c.r.PathValue("id"))
		}
		return c.one(http.StatusOK, "port", st, portResource{p})
	})
}

// deletePort also deletes an attached port; nova drops it by itself.
func deletePort(c *call) answer {
	return c.write(func(st *state) answer {
		p := st.ports[c.r.PathValue("id")]
		if p == nil || !c.seesPort(st, p) {
			return notFound("Port", c.r.PathValue("id"))
		}
		if a, stale := c.staleRevision(p.Revision); stale {
			return a
		}
		st.removePort(p)
		return noContent()
	})
}
