// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"net/http"
	"strconv"
)

type netResource struct{ *Net }

func (n netResource) id() string     { return n.ID }
func (n netResource) tags() []string { return n.Tags }

func (n netResource) attribute(k string) ([]string, bool) {
	var v string
	switch k {
	case "id":
		v = n.ID
	case "name":
		v = n.Name
	case "tenant_id", "project_id":
		v = n.ProjectID
	case "description":
		v = n.Description
	case "shared":
		v = strconv.FormatBool(n.Shared)
	case "router:external":
		v = strconv.FormatBool(n.External)
	case "admin_state_up":
		v = strconv.FormatBool(!n.AdminDown)
	case "status":
		v = "ACTIVE"
	case "mtu":
		v = strconv.Itoa(n.MTU)
	case "provider:network_type":
		v = n.ProviderType
	case "provider:physical_network":
		v = n.ProviderPhysical
	case "provider:segmentation_id":
		v = strconv.Itoa(n.ProviderSegment)
	case "port_security_enabled":
		v = strconv.FormatBool(!n.PortSecurityDisabled)
	case "revision_number":
		v = strconv.Itoa(n.Revision)
	default:
		return nil, false
	}
	return []string{v}, true
}

func (n netResource) write(c *call, _ *state, w *jsonWriter) {
	w.begin('{')
	w.str("id", n.ID)
	w.str("name", n.Name)
	w.str("tenant_id", n.ProjectID)
	w.boolean("admin_state_up", !n.AdminDown)
	w.integer("mtu", n.MTU)
	w.str("status", "ACTIVE")
	w.strs("subnets", n.subnets)
	w.boolean("shared", n.Shared)
	w.raw("availability_zone_hints", "[]")
	w.raw("availability_zones", "[]")
	w.raw("ipv4_address_scope", "null")
	w.raw("ipv6_address_scope", "null")
	w.boolean("router:external", n.External)
	w.str("description", n.Description)
	w.boolean("port_security_enabled", !n.PortSecurityDisabled)
	w.raw("qos_policy_id", "null")
	w.strs("tags", n.Tags)
	w.str("created_at", n.Created.Format(neutronTime))
	w.str("updated_at", n.Updated.Format(neutronTime))
	w.integer("revision_number", n.Revision)
	w.str("project_id", n.ProjectID)
	if c.admin() {
		w.str("provider:network_type", n.ProviderType)
		w.strOrNull("provider:physical_network", n.ProviderPhysical)
		w.integer("provider:segmentation_id", n.ProviderSegment)
	}
	w.end('}')
}

func listNetworks(c *call) answer {
	q, bad := c.parseList(netResource{&Net{}})
	if bad != nil {
		return *bad
	}
	return c.read(func(st *state) answer {
		var seen []*Net
		for _, n := range st.netOrder {
			if c.seesNet(n) {
				seen = append(seen, n)
			}
		}
		return c.list(st, q, "networks", "Network", len(seen), func(i int) resource { return netResource{seen[i]} })
	})
}

func (c *call) one(status int, kind string, st *state, r resource) answer {
	w := compactJSON()
	w.begin('{')
	w.key(kind)
	if fs := c.query["fields"]; len(fs) > 0 {
		w.fields = map[string]bool{}
		for _, f := range fs {
			w.fields[f] = true
		}
	}
	r.write(c, st, w)
	w.fields = nil
	w.end('}')
	return jsonAnswer(status, w.buf)
}

func getNetwork(c *call) answer {
	return c.read(func(st *state) answer {
		n := st.networks[c.r.PathValue("id")]
		if n == nil || !c.seesNet(n) {
			return notFound("Network", c.r.PathValue("id"))
		}
		return c.one(http.StatusOK, "network", st, netResource{n})
	})
}

// netBody holds what may be set; a pointer that is nil wasn't given.
type netBody struct {
	Network struct {
		Name, Description            *string
		AdminStateUp                 *bool `json:"admin_state_up"`
		Shared                       *bool
		External                     *bool `json:"router:external"`
		PortSecurityEnabled          *bool `json:"port_security_enabled"`
		MTU                          *int
		ProviderType                 *string `json:"provider:network_type"`
		ProviderPhysical             *string `json:"provider:physical_network"`
		ProviderSegment              *int    `json:"provider:segmentation_id"`
		AvailabilityZones, ProjectID any
	}
}

func (b *netBody) adminOnly(verb string) (answer, bool) {
	n := &b.Network
	for rule, set := range map[string]bool{
		"shared": n.Shared != nil && *n.Shared, "router:external": n.External != nil && *n.External,
		"provider:network_type": n.ProviderType != nil, "provider:physical_network": n.ProviderPhysical != nil,
		"provider:segmentation_id": n.ProviderSegment != nil,
	} {
		if set {
			return neutronError(http.StatusForbidden, "PolicyNotAuthorized", "(rule:%[1]s_network and rule:%[1]s_network:%[2]s) is disallowed by policy", verb, rule), true
		}
	}
	return answer{}, false
}

func (b *netBody) apply(n *Net) {
	in := &b.Network
	set(&n.Name, in.Name)
	set(&n.Description, in.Description)
	set(&n.Shared, in.Shared)
	set(&n.External, in.External)
	set(&n.MTU, in.MTU)
	set(&n.ProviderType, in.ProviderType)
	set(&n.ProviderPhysical, in.ProviderPhysical)
	set(&n.ProviderSegment, in.ProviderSegment)
	setNot(&n.AdminDown, in.AdminStateUp)
	setNot(&n.PortSecurityDisabled, in.PortSecurityEnabled)
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func setNot(to, from *bool) {
	if from != nil {
		*to = !*from
	}
}

func badJSON() answer {
	return neutronError(http.StatusBadRequest, "HTTPBadRequest", "Body contains invalid data")
}

func createNetwork(c *call) answer {
	var b netBody
	if !c.decode(&b) {
		return badJSON()
	}
	if a, refused := b.adminOnly("create"); refused && !c.admin() {
		return a
	}
	return c.write(func(st *state) answer {
		n := &Net{ProjectID: c.project()}
		b.apply(n)
		c.sim.insertNet(st, n)
		return c.one(http.StatusCreated, "network", st, netResource{n})
	})
}

func updateNetwork(c *call) answer {
	var b netBody
	if !c.decode(&b) {
		return badJSON()
	}
	return c.write(func(st *state) answer {
		n := st.networks[c.r.PathValue("id")]
		if n == nil || !c.seesNet(n) {
			return notFound("Network", c.r.PathValue("id"))
		}
		if a, refused := b.adminOnly("update"); !c.admin() && (refused || n.ProjectID != c.project()) {
			if refused {
				return a
			}
			return neutronError(http.StatusForbidden, "PolicyNotAuthorized", "rule:update_network is disallowed by policy")
		}
		if a, stale := c.staleRevision(n.Revision); stale {
			return a
		}
		b.apply(n)
		n.Revision, n.Updated = n.Revision+1, c.sim.now()
		return c.one(http.StatusOK, "network", st, netResource{n})
	})
}

func deleteNetwork(c *call) answer {
	return c.write(func(st *state) answer {
		id := c.r.PathValue("id")
		n := st.networks[id]
		if n == nil || !c.seesNet(n) {
			return notFound("Network", id)
		}
		if n.ProjectID != c.project() && !c.admin() {
			return neutronError(http.StatusForbidden, "PolicyNotAuthorized", "rule:delete_network is disallowed by policy")
		}
		if len(st.portsByNetwork[id]) > 0 {
			return neutronError(http.StatusConflict, "NetworkInUse", "Unable to complete operation on network %s. There are one or more ports still in use on the network.", id)
		}
		for _, sn := range n.subnets {
			st.removeSubnet(st.subnets[sn])
		}
		st.removeNet(n)
		return noContent()
	})
}
