// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
)

type subnetResource struct{ *Subnet }

func (n subnetResource) id() string     { return n.ID }
func (n subnetResource) tags() []string { return n.Tags }

func (n subnetResource) attribute(k string) ([]string, bool) {
	var v string
	switch k {
	case "id":
		v = n.ID
	case "name":
		v = n.Name
	case "tenant_id", "project_id":
		v = n.ProjectID
	case "network_id":
		v = n.NetworkID
	case "description":
		v = n.Description
	case "cidr":
		v = n.CIDR
	case "gateway_ip":
		v = n.gateway()
	case "ip_version":
		v = strconv.Itoa(n.version())
	case "enable_dhcp":
		v = strconv.FormatBool(!n.NoDHCP)
	case "ipv6_address_mode":
		v = n.IPv6Mode
	case "ipv6_ra_mode":
		v = n.IPv6RAMode
	case "subnetpool_id", "segment_id":
	case "revision_number":
		v = strconv.Itoa(n.Revision)
	default:
		return nil, false
	}
	return []string{v}, true
}

func (n *Subnet) gateway() string {
	if n.Gateway == "none" {
		return ""
	}
	return n.Gateway
}

func (n *Subnet) version() int {
	if n.prefix.Addr().Is6() {
		return 6
	}
	return 4
}

func (n subnetResource) write(_ *call, _ *state, w *jsonWriter) {
	w.begin('{')
	w.str("id", n.ID)
	w.str("name", n.Name)
	w.str("tenant_id", n.ProjectID)
	w.str("network_id", n.NetworkID)
	w.integer("ip_version", n.version())
	w.raw("subnetpool_id", "null")
	w.boolean("enable_dhcp", !n.NoDHCP)
	w.strOrNull("ipv6_ra_mode", n.IPv6RAMode)
	w.strOrNull("ipv6_address_mode", n.IPv6Mode)
	w.strOrNull("gateway_ip", n.gateway())
	w.str("cidr", n.CIDR)
	if w.key("allocation_pools") {
		w.begin('[')
		for _, p := range n.Pools {
			w.sep()
			w.buf = fmt.Appendf(w.buf, `{"start":%q,"end":%q}`, p[0], p[1])
		}
		w.end(']')
	}
	w.some("host_routes", len(n.HostRoutes), n.HostRoutes)
	w.strs("dns_nameservers", n.DNS)
	w.str("description", n.Description)
	w.raw("service_types", "[]")
	w.strs("tags", n.Tags)
	w.str("created_at", n.Created.Format(neutronTime))
	w.str("updated_at", n.Updated.Format(neutronTime))
	w.integer("revision_number", n.Revision)
	w.str("project_id", n.ProjectID)
	w.end('}')
}

func listSubnets(c *call) answer {
	q, bad := c.parseList(subnetResource{&Subnet{}})
	if bad != nil {
		return *bad
	}
	return c.read(func(st *state) answer {
		var seen []*Subnet
		for _, n := range st.subnetOrder {
			if c.seesSubnet(st, n) {
				seen = append(seen, n)
			}
		}
		return c.list(st, q, "subnets", "Subnet", len(seen), func(i int) resource { return subnetResource{seen[i]} })
	})
}

func getSubnet(c *call) answer {
	return c.read(func(st *state) answer {
		n := st.subnets[c.r.PathValue("id")]
		if n == nil || !c.seesSubnet(st, n) {
			return notFound("Subnet", c.r.PathValue("id"))
		}
		return c.one(http.StatusOK, "subnet", st, subnetResource{n})
	})
}

type subnetBody struct {
	Subnet struct {
		NetworkID         string `json:"network_id"`
		CIDR              string
		IPVersion         int `json:"ip_version"`
		Name, Description *string
		Gateway           *string                       `json:"gateway_ip"`
		EnableDHCP        *bool                         `json:"enable_dhcp"`
		Pools             []struct{ Start, End string } `json:"allocation_pools"`
		DNS               *[]string                     `json:"dns_nameservers"`
		HostRoutes        *[]HostRoute                  `json:"host_routes"`
		RAMode            *string                       `json:"ipv6_ra_mode"`
		AddressMode       *string                       `json:"ipv6_address_mode"`
	}
}

func createSubnet(c *call) answer {
	var b subnetBody
	if !c.decode(&b) {
		return badJSON()
	}
	in := &b.Subnet
	if in.NetworkID == "" {
		return neutronError(http.StatusBadRequest, "HTTPBadRequest", "Failed to parse request. Required attribute 'network_id' not specified")
	}
	return c.write(func(st *state) answer {
		n := st.networks[in.NetworkID]
		if n == nil || !c.seesNet(n) {
			return notFound("Network", in.NetworkID)
		}
		if n.ProjectID != c.project() && !c.admin() {
			return neutronError(http.StatusForbidden, "PolicyNotAuthorized", "(rule:create_subnet) is disallowed by policy")
		}
		sn := &Subnet{ProjectID: c.project(), NetworkID: in.NetworkID, CIDR: in.CIDR}
		b.apply(sn, c.nullMember("subnet", "gateway_ip"))
		for _, p := range in.Pools {
			sn.Pools = append(sn.Pools, [2]string{p.Start, p.End})
		}
		if err := c.sim.insertSubnet(st, sn); err != nil {
			return neutronError(http.StatusBadRequest, "InvalidInput", "Invalid input for operation: %v.", err)
		}
		return c.one(http.StatusCreated, "subnet", st, subnetResource{sn})
	})
}

func (b *subnetBody) apply(sn *Subnet, noGateway bool) {
	in := &b.Subnet
	set(&sn.Name, in.Name)
	set(&sn.Description, in.Description)
	set(&sn.DNS, in.DNS)
	set(&sn.HostRoutes, in.HostRoutes)
	set(&sn.IPv6RAMode, in.RAMode)
	set(&sn.IPv6Mode, in.AddressMode)
	setNot(&sn.NoDHCP, in.EnableDHCP)
	if in.Gateway != nil {
		sn.Gateway = *in.Gateway
	}
	if noGateway {
		sn.Gateway = "none"
	}
}

// nullMember tells whether the body's object has an explicit null.
func (c *call) nullMember(object, member string) bool {
	var doc map[string]map[string]any
	if !c.decode(&doc) {
		return false
	}
	v, given := doc[object][member]
	return given && v == nil
}

func updateSubnet(c *call) answer {
	var b subnetBody
	if !c.decode(&b) {
		return badJSON()
	}
	return c.write(func(st *state) answer {
		sn := st.subnets[c.r.PathValue("id")]
		if sn == nil || !c.seesSubnet(st, sn) {
			return notFound("Subnet", c.r.PathValue("id"))
		}
		if sn.ProjectID != c.project() && !c.admin() {
			return neutronError(http.StatusForbidden, "PolicyNotAuthorized", "rule:update_subnet is disallowed by policy")
		}
		if a, stale := c.staleRevision(sn.Revision); stale {
			return a
		}
		b.apply(sn, c.nullMember("subnet", "gateway_ip"))
		sn.Revision, sn.Updated = sn.Revision+1, c.sim.now()
		return c.one(http.StatusOK, "subnet", st, subnetResource{sn})
	})
}

func deleteSubnet(c *call) answer {
	return c.write(func(st *state) answer {
		id := c.r.PathValue("id")
		sn := st.subnets[id]
		if sn == nil || !c.seesSubnet(st, sn) {
			return notFound("Subnet", id)
		}
		if sn.ProjectID != c.project() && !c.admin() {
			return neutronError(http.StatusForbidden, "PolicyNotAuthorized", "rule:delete_subnet is disallowed by policy")
		}
		if len(sn.used) > 0 {
			return neutronError(http.StatusConflict, "SubnetInUse", "Unable to complete operation on subnet %s: One or more ports have an IP allocation from this subnet.", id)
		}
		n := st.networks[sn.NetworkID]
		n.subnets = slices.DeleteFunc(n.subnets, func(s string) bool { return s == id })
		n.Revision++
		st.removeSubnet(sn)
		return noContent()
	})
}

// getIPAvailability is for admins; to others the route doesn't exist.
func getIPAvailability(c *call) answer {
	return c.read(func(st *state) answer {
		n := st.networks[c.r.PathValue("id")]
		if n == nil || !c.admin() {
			return neutronError(http.StatusNotFound, "HTTPNotFound", "The resource could not be found.")
		}
		w := compactJSON()
		w.begin('{')
		w.key("network_ip_availability")
		w.begin('{')
		w.str("network_id", n.ID)
		w.str("network_name", n.Name)
		w.str("tenant_id", n.ProjectID)
		w.str("project_id", n.ProjectID)
		used := 0
		w.key("subnet_ip_availability")
		w.begin('[')
		for _, id := range n.subnets {
			sn := st.subnets[id]
			used += len(sn.used)
			w.sep()
			w.begin('{')
			w.str("subnet_id", sn.ID)
			w.integer("ip_version", sn.version())
			w.str("cidr", sn.CIDR)
			w.str("subnet_name", sn.Name)
			w.integer("used_ips", len(sn.used))
			w.end('}')
		}
		w.end(']')
		w.integer("used_ips", used)
		w.end('}')
		w.end('}')
		return jsonAnswer(http.StatusOK, w.buf)
	})
}

// lastAddr is the highest address of a prefix.
func lastAddr(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
