// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

type serverRequest struct {
	Server *struct {
		Name, ImageRef, FlavorRef string
		Hostname                  *string
		Description               *string
		Metadata                  map[string]string
		MinCount                  int `json:"min_count"`
		MaxCount                  int `json:"max_count"`
		Networks                  json.RawMessage
	}
}

type requestedNIC struct {
	UUID    string `json:"uuid"`
	Port    string `json:"port"`
	FixedIP string `json:"fixed_ip"`
}

func createServers(c *call) answer {
	var req serverRequest
	if !c.decode(&req) || req.Server == nil {
		return novaError(http.StatusBadRequest, "Malformed request body")
	}
	in := req.Server
	if in.Name == "" || len(in.Name) > 255 {
		return novaError(http.StatusBadRequest, "Invalid input for field/attribute name. Value: %s. '%s' is too short", in.Name, in.Name)
	}
	var nics []requestedNIC
	if len(in.Networks) > 0 && json.Unmarshal(in.Networks, &nics) != nil && string(in.Networks) != `"none"` {
		return novaError(http.StatusBadRequest, "Invalid input for field/attribute networks. Value: %s.", in.Networks)
	}
	count := max(in.MinCount, in.MaxCount, 1)
	var ids []string
	a := c.write(func(st *state) answer {
		if bad := c.checkServer(st, nics, count); bad != nil {
			return *bad
		}
		for i := range count {
			s := &Server{Name: in.Name, ProjectID: c.project(), UserID: c.token.userID, Metadata: in.Metadata}
			if count > 1 { // nova: the multi-create name template
				s.Name = fmt.Sprintf("%s-%d", in.Name, i+1)
			}
			set(&s.Hostname, in.Hostname)
			set(&s.Description, in.Description)
			s.Status, s.VMState, s.TaskState = "BUILD", "building", "scheduling"
			c.sim.insertServer(st, s)
			ids = append(ids, s.ID)
		}
		w := spacedJSON()
		w.begin('{')
		w.key("server")
		w.begin('{')
		w.str("id", ids[0])
		c.writeServerLinks(w, st.servers[ids[0]])
		w.str("OS-DCF:diskConfig", "MANUAL")
		w.raw("security_groups", `[{"name": "default"}]`)
		w.str("adminPass", "not-a-secret")
		w.end('}')
		w.end('}')
		return jsonAnswer(http.StatusAccepted, w.buf)
	})
	for _, id := range ids {
		c.sim.background.Go(func() { c.boot(id, nics) })
	}
	return a
}

// checkServer is what nova-api refuses at once.
func (c *call) checkServer(st *state, nics []requestedNIC, count int) *answer {
	fail := func(a answer) *answer { return &a }
	used := 0
	for _, s := range st.serverOrder {
		if s.ProjectID == c.project() {
			used++
		}
	}
	if limit, ok := st.serverQuota[c.project()]; ok && limit >= 0 && used+count > limit {
		return fail(novaError(http.StatusForbidden, "Quota exceeded for instances: Requested %d, but already used %d of %d instances", count, used, limit))
	}
	for _, n := range nics {
		if p := st.ports[n.Port]; n.Port != "" && (p == nil || !c.seesPort(st, p)) {
			return fail(novaError(http.StatusBadRequest, "Port id %s could not be found.", n.Port))
		} else if n.Port != "" && p.DeviceID != "" {
			return fail(novaError(http.StatusConflict, "Port %s is still in use.", n.Port))
		}
		if net := st.networks[n.UUID]; n.UUID != "" && (net == nil || !c.seesNet(net)) {
			return fail(novaError(http.StatusBadRequest, "Network %s could not be found.", n.UUID))
		}
	}
	return nil
}

// boot makes the server ACTIVE with its interfaces, or ERROR.
func (c *call) boot(id string, nics []requestedNIC) {
	if !c.sim.sleep(c.sim.opts.BootTime) {
		return
	}
	c.write(func(st *state) answer {
		s := st.servers[id]
		if s == nil {
			return answer{} // deleted while it was building
		}
		s.TaskState = ""
		for _, n := range nics {
			if err := c.sim.bootNIC(st, s, n); err != nil || st.hypervisor.Boot {
				s.Status, s.VMState = "ERROR", "error"
				return answer{}
			}
		}
		if st.hypervisor.Boot {
			s.Status, s.VMState = "ERROR", "error"
			return answer{}
		}
		s.run(c.sim.now())
		return answer{}
	})
}

// bootNIC plugs one interface in; a user's port given at boot is kept later.
func (s *Sim) bootNIC(st *state, v *Server, n requestedNIC) error {
	p, user := st.ports[n.Port], n.Port != ""
	if user && (p == nil || p.DeviceID != "") {
		return fmt.Errorf("port %s can't be used", n.Port)
	}
	if !user {
		var wants *[]wantedIP
		if n.FixedIP != "" {
			wants = &[]wantedIP{{Address: n.FixedIP}}
		}
		var err error
		if p, err = s.novaPort(st, st.networks[n.UUID], v.ProjectID, wants); err != nil {
			return err
		}
	}
	st.plug(v, p, user, s.now())
	return nil
}

func getServerName(c *call) (string, bool) {
	var req struct{ Server struct{ Name *string } }
	if !c.decode(&req) || req.Server.Name == nil || *req.Server.Name == "" {
		return "", false
	}
	return *req.Server.Name, true
}

// updateServer renames; the host name stays.
func updateServer(c *call) answer {
	name, ok := getServerName(c)
	if !ok {
		return novaError(http.StatusBadRequest, "Malformed request body")
	}
	return c.write(func(st *state) answer {
		s, missing := c.ownServer(st)
		if s == nil {
			return missing
		}
		s.Name = name
		s.touch(c.sim.now())
		return c.serverAnswer(http.StatusOK, st, s)
	})
}

func deleteServer(c *call) answer {
	a := c.write(func(st *state) answer {
		s, missing := c.ownServer(st)
		if s == nil {
			return missing
		}
		if s.Locked && !c.admin() {
			return novaError(http.StatusConflict, "Instance %s is locked", s.ID)
		}
		s.TaskState = "deleting"
		return noContent()
	})
	if a.status == http.StatusNoContent {
		id := c.r.PathValue("id")
		c.sim.background.Go(func() {
			if c.sim.sleep(c.sim.opts.DeleteTime) {
				c.write(func(st *state) answer {
					if s := st.servers[id]; s != nil {
						st.destroy(s, c.sim.now())
					}
					return answer{}
				})
			}
		})
	}
	return a
}

var notHostname = regexp.MustCompile(`[^a-z0-9.-]+`)

// hostnameFor is nova's default: the name, cleaned (nova: utils.sanitize_hostname).
func hostnameFor(name string) string {
	h := strings.NewReplacer(" ", "-", "_", "-", ".", "-").Replace(strings.ToLower(name))
	h = strings.Trim(notHostname.ReplaceAllString(h, ""), ".-")
	return h[:min(len(h), 63)]
}

// serverAction knows start, stop, lock, unlock and rebuild.
func serverAction(c *call) answer {
	var req map[string]json.RawMessage
	if !c.decode(&req) || len(req) != 1 {
		return novaError(http.StatusBadRequest, "Malformed request body")
	}
	return c.write(func(st *state) answer {
		s, missing := c.ownServer(st)
		if s == nil {
			return missing
		}
		for action := range req {
			if s.Locked && action != "unlock" && !c.admin() {
				return novaError(http.StatusConflict, "Instance %s is locked", s.ID)
			}
			switch {
			case action == "os-start" && s.VMState == "stopped", action == "rebuild":
				s.run(s.Launched)
			case action == "os-stop" && s.VMState == "active":
				s.Status, s.VMState, s.PowerState = "SHUTOFF", "stopped", 4
			case action == "lock" || action == "unlock":
				s.Locked = action == "lock"
			case slices.Contains([]string{"os-start", "os-stop"}, action):
				return novaError(http.StatusConflict, "Cannot '%s' instance %s while it is in vm_state %s", strings.TrimPrefix(action, "os-"), s.ID, s.VMState)
			default:
				return novaError(http.StatusBadRequest, "There is no such action: %s", action)
			}
		}
		s.touch(c.sim.now())
		return answer{status: http.StatusAccepted, header: http.Header{}}
	})
}
