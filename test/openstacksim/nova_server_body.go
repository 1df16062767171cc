// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"fmt"
	"strconv"
	"time"
)

const novaTime = "2006-01-02T15:04:05Z"

func (c *call) writeServerLinks(w *jsonWriter, s *Server) {
	w.key("links")
	w.buf = append(w.buf, `[{"rel": "self", "href": "`...)
	w.buf = append(append(append(w.buf, c.base()...), "/v2.1/servers/"...), s.ID...)
	w.buf = append(w.buf, `"}, {"rel": "bookmark", "href": "`...)
	w.buf = append(append(append(w.buf, c.base()...), "/servers/"...), s.ID...)
	w.buf = append(w.buf, `"}]`...)
}

// writeStub is all that nova knows of a server whose cell is down (2.69;
// api-guide, "Handling Down Cells"): no name.
func (c *call) writeStub(w *jsonWriter, s *Server, detail bool) {
	w.begin('{')
	w.str("id", s.ID)
	w.str("status", "UNKNOWN")
	if detail {
		w.str("tenant_id", s.ProjectID)
		w.str("created", s.Created.Format(novaTime))
	}
	c.writeServerLinks(w, s)
	w.end('}')
}

// writeServer is a server in full; the order of the members and what depends
// on the microversion are as recorded at 2.1 and 2.93.
func (c *call) writeServer(w *jsonWriter, st *state, s *Server, single bool) {
	w.begin('{')
	w.str("id", s.ID)
	w.str("name", s.Name)
	w.str("status", s.Status)
	w.str("tenant_id", s.ProjectID)
	w.str("user_id", s.UserID)
	w.key("metadata")
	if len(s.Metadata) == 0 {
		w.buf = append(w.buf, "{}"...)
	} else {
		w.buf = append(w.buf, mustJSON(s.Metadata)...)
	}
	building := s.VMState == "building"
	host := hostID
	if building {
		host = ""
	}
	w.str("hostId", host)
	w.raw("image", fmt.Sprintf(`{"id": "%s", "links": [{"rel": "bookmark", "href": "%s/images/%s"}]}`, imageID, c.base(), imageID))
	if c.mv >= 47 {
		w.raw("flavor", `{"vcpus": 1, "ram": 64, "disk": 1, "ephemeral": 0, "swap": 0, "original_name": "tiny", "extra_specs": {}}`)
	} else {
		w.raw("flavor", fmt.Sprintf(`{"id": "%s", "links": [{"rel": "bookmark", "href": "%s/flavors/%s"}]}`, flavorID, c.base(), flavorID))
	}
	w.str("created", s.Created.Format(novaTime))
	w.str("updated", s.Updated.Format(novaTime))
	writeAddresses(w, st, s)
	w.str("accessIPv4", "")
	w.str("accessIPv6", "")
	c.writeServerLinks(w, s)
	w.str("OS-DCF:diskConfig", "MANUAL")
	if s.Status == "ACTIVE" || building {
		w.integer("progress", 0)
	}
	zone := "nova"
	if building {
		zone = ""
	}
	w.str("OS-EXT-AZ:availability_zone", zone)
	w.str("config_drive", "")
	w.raw("key_name", "null")
	launched := ""
	if !s.Launched.IsZero() {
		launched = s.Launched.Format("2006-01-02T15:04:05.000000")
	}
	w.strOrNull("OS-SRV-USG:launched_at", launched)
	w.raw("OS-SRV-USG:terminated_at", "null")
	if single {
		writeGroups(w, s)
	}
	if c.admin() {
		c.writeAdminAttributes(w, s)
	}
	w.strOrNull("OS-EXT-STS:task_state", s.TaskState)
	w.str("OS-EXT-STS:vm_state", s.VMState)
	w.integer("OS-EXT-STS:power_state", s.PowerState)
	w.raw("os-extended-volumes:volumes_attached", "[]")
	c.writeNewer(w, s, single)
	if !single {
		writeGroups(w, s)
	}
	w.end('}')
}

// writeAdminAttributes: OS-EXT-SRV-ATTR:hostname is among them from 2.3 on.
func (c *call) writeAdminAttributes(w *jsonWriter, s *Server) {
	w.str("OS-EXT-SRV-ATTR:host", hostName)
	w.str("OS-EXT-SRV-ATTR:instance_name", "instance-"+fmt.Sprintf("%08x", s.number))
	w.str("OS-EXT-SRV-ATTR:hypervisor_hostname", hostName)
	if c.mv >= 3 {
		w.str("OS-EXT-SRV-ATTR:reservation_id", "r-"+s.ID[:8])
		w.integer("OS-EXT-SRV-ATTR:launch_index", 0)
		w.str("OS-EXT-SRV-ATTR:hostname", s.Hostname)
		w.str("OS-EXT-SRV-ATTR:kernel_id", "")
		w.str("OS-EXT-SRV-ATTR:ramdisk_id", "")
		w.str("OS-EXT-SRV-ATTR:root_device_name", "/dev/sda")
		w.raw("OS-EXT-SRV-ATTR:user_data", "null")
	}
}

func (c *call) writeNewer(w *jsonWriter, s *Server, single bool) {
	if c.mv >= 16 && c.admin() {
		w.str("host_status", "UP")
	}
	if c.mv >= 9 {
		w.boolean("locked", s.Locked)
	}
	if c.mv >= 73 {
		w.raw("locked_reason", "null")
	}
	if c.mv >= 19 {
		w.strOrNull("description", s.Description)
	}
	if c.mv >= 26 {
		w.raw("tags", "[]")
	}
	if c.mv >= 63 {
		w.raw("trusted_image_certificates", "null")
	}
	if c.mv >= 90 && !c.admin() {
		w.str("OS-EXT-SRV-ATTR:hostname", s.Hostname)
	}
	if c.mv >= 71 && single {
		w.raw("server_groups", "[]")
	}
}

// writeGroups: one "default" for each of nova's interfaces.
func writeGroups(w *jsonWriter, s *Server) {
	if len(s.nics) == 0 {
		return
	}
	w.key("security_groups")
	w.begin('[')
	for range s.nics {
		w.sep()
		w.buf = append(w.buf, `{"name": "default"}`...)
	}
	w.end(']')
}

// writeAddresses groups nova's interfaces by network name, in the order they
// were attached. A port without an address doesn't show.
func writeAddresses(w *jsonWriter, st *state, s *Server) {
	w.key("addresses")
	w.begin('{')
	var names []string
	ports := map[string][]*Port{}
	for _, n := range s.nics {
		p := st.ports[n.portID]
		if p == nil || len(p.FixedIPs) == 0 {
			continue
		}
		name := st.networks[p.NetworkID].Name
		if ports[name] == nil {
			names = append(names, name)
		}
		ports[name] = append(ports[name], p)
	}
	for _, name := range names {
		w.sep()
		w.quote(name)
		w.buf = append(w.buf, ": "...)
		w.begin('[')
		for _, p := range ports[name] {
			for _, f := range p.FixedIPs {
				w.sep()
				writeAddress(w, st, p, f)
			}
		}
		w.end(']')
	}
	w.end('}')
}

func writeAddress(w *jsonWriter, st *state, p *Port, f FixedIP) {
	version := 4
	if sn := st.subnets[f.SubnetID]; sn != nil {
		version = sn.version()
	}
	w.buf = append(w.buf, `{"version": `...)
	w.buf = strconv.AppendInt(w.buf, int64(version), 10)
	w.buf = append(w.buf, `, "addr": "`...)
	w.buf = append(w.buf, f.Address...)
	w.buf = append(w.buf, `", "OS-EXT-IPS:type": "fixed", "OS-EXT-IPS-MAC:mac_addr": "`...)
	w.buf = append(w.buf, p.MAC...)
	w.buf = append(w.buf, `"}`...)
}

// touch dates a change of a server.
func (v *Server) touch(now time.Time) { v.Updated = now }
