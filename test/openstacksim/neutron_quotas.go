// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"fmt"
	"net/http"
	"strings"
)

// quotaKinds are neutron's, with its default limits; only the port's is
// enforced.
var quotaKinds = []struct {
	name  string
	limit int
}{
	{"network", 100}, {"subnet", 100}, {"subnetpool", -1}, {"port", 500}, {"router", 10}, {"floatingip", 50},
	{"rbac_policy", 10}, {"security_group", 10}, {"security_group_rule", 100}, {"trunk", -1},
}

func (st *state) quotaUse(projectID string) map[string]int {
	use := map[string]int{}
	for _, n := range st.netOrder {
		if n.ProjectID == projectID {
			use["network"]++
		}
	}
	for _, n := range st.subnetOrder {
		if n.ProjectID == projectID {
			use["subnet"]++
		}
	}
	for _, p := range st.portOrder {
		if p.ProjectID == projectID {
			use["port"]++
		}
	}
	return use
}

func quotaAnswer(c *call, value func(kind string, limit, used int) string) answer {
	return c.read(func(st *state) answer {
		id := c.r.PathValue("project")
		if id != c.project() && !c.admin() {
			return neutronError(http.StatusForbidden, "PolicyNotAuthorized", "rule:get_quota is disallowed by policy")
		}
		use := st.quotaUse(id)
		var parts []string
		for _, k := range quotaKinds {
			limit := k.limit
			if k.name == "port" {
				limit = -1 // Sim.SetPortQuota sets it; unlimited until then
				if l, ok := st.portQuota[id]; ok {
					limit = l
				}
			}
			parts = append(parts, fmt.Sprintf("%q:%s", k.name, value(k.name, limit, use[k.name])))
		}
		return jsonAnswer(http.StatusOK, []byte(`{"quota":{`+strings.Join(parts, ",")+`}}`))
	})
}

func getQuota(c *call) answer {
	return quotaAnswer(c, func(_ string, limit, _ int) string { return fmt.Sprint(limit) })
}

func getQuotaDetails(c *call) answer {
	return quotaAnswer(c, func(_ string, limit, used int) string {
		return fmt.Sprintf(`{"limit":%d,"used":%d,"reserved":0}`, limit, used)
	})
}

func putQuota(c *call) answer {
	if !c.admin() {
		return neutronError(http.StatusForbidden, "PolicyNotAuthorized", "rule:update_quota is disallowed by policy")
	}
	var b struct{ Quota struct{ Port *int } }
	if !c.decode(&b) {
		return badJSON()
	}
	if b.Quota.Port != nil {
		c.write(func(st *state) answer {
			st.portQuota[c.r.PathValue("project")] = *b.Quota.Port
			return answer{}
		})
	}
	return getQuota(c)
}
