// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack_test

import (
	"context"
	"strings"
	"testing"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/openstack"
	"github.com/xormsdhkdwk/multinic/test/openstacksim"
)

func TestAnIDInCapitalsIsTheSameIDAndANameInCapitalsIsNot(t *testing.T) {
	t.Parallel()
	sim, lab := start(t, openstacksim.Options{}, 20)
	subnet, server := lab.Subnets["k8s-subnet"], lab.Servers[4]
	const odd = "ABCDEF01-2345-4789-ABCD-EF0123456789"
	named := sim.AddServer(openstacksim.Server{Name: odd, ProjectID: lab.Project.ID}, lab.Networks["k8s-net"].ID)
	c := newClient(t, openstack.Options{})
	for what, wanted := range map[string][]string{"few": nil, "all": names(1, 300)} {
		s, err := c.Snapshot(context.Background(), credentials(sim, lab), []inventory.Query{{
			Servers: append([]string{strings.ToUpper(server.ID), odd}, wanted...), Subnet: strings.ToUpper(subnet.ID),
		}})
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Subnets(subnet.ID)) != 1 {
			t.Errorf("%s: the subnet was not found by its ID in capitals", what)
		}
		for _, v := range []openstacksim.Server{server, named} {
			if _, p := s.Server(v.ID); p != inventory.Present || len(s.Ports(v.ID, subnet.ID)) != 1 {
				t.Errorf("%s: server %s (%s) is %v with %d ports, want it with 1", what, v.Name, v.ID, p, len(s.Ports(v.ID, subnet.ID)))
			}
		}
	}
}
