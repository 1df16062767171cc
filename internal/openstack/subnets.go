// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"net/url"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

var (
	subnetFields  = []string{"id", "name", "cidr", "network_id"}
	networkFields = []string{"id", "mtu"}
)

// subnets reads the subnets that are asked for, with their networks' MTUs.
func (s *session) subnets(ctx context.Context, w wanted) ([]inventory.Subnet, error) {
	ids, names := set(w.subnetIDs), set(w.subnetNames)
	var out []inventory.Subnet
	l := listing{
		service: networkService, op: opListSubnets, path: "subnets", key: "subnets",
		restart: func() { out = nil },
		item: func(dec *json.Decoder) (string, error) {
			v, err := decodeSubnet(dec)
			// Neutron compares names without regard to case, accents and
			// trailing blanks; names are exact here. A UUID may be a name.
			if err == nil && (ids[v.ID] || ids[canonical(v.Name)] || names[v.Name]) {
				out = append(out, v)
			}
			return v.ID, err
		},
	}
	var found []inventory.Subnet
	for _, q := range w.subnetFilters(len(s.cred.NetworkEndpoint) + 200) {
		q["fields"] = subnetFields
		l.query = q
		if err := s.list(ctx, l); err != nil {
			return nil, err
		}
		found = append(found, out...)
	}
	return found, s.addMTUs(ctx, found)
}

func decodeSubnet(dec *json.Decoder) (inventory.Subnet, error) {
	var v struct {
		ID        text `json:"id"`
		Name      text `json:"name"`
		CIDR      text `json:"cidr"`
		NetworkID text `json:"network_id"`
	}
	if err := dec.Decode(&v); err != nil {
		return inventory.Subnet{}, err
	}
	if v.ID.Value == "" || !v.Name.Set || v.CIDR.Value == "" || v.NetworkID.Value == "" {
		return inventory.Subnet{}, badAnswer("a subnet lacks id, name, cidr or network_id")
	}
	cidr, err := netip.ParsePrefix(v.CIDR.Value)
	if err != nil {
		return inventory.Subnet{}, badAnswer("subnet %q has no readable cidr", excerpt(v.ID.Value))
	}
	return inventory.Subnet{ID: v.ID.Value, Name: v.Name.Value, CIDR: cidr, NetworkID: v.NetworkID.Value}, nil
}

// addMTUs asks for the subnets' networks. Each must come: Neutron shows a
// subnet only with its network, so one that is missing was lost on the way or
// is just being deleted. A network without an MTU (extension net-mtu) is left
// at 0.
func (s *session) addMTUs(ctx context.Context, subnets []inventory.Subnet) error {
	networks := map[string]bool{}
	for _, v := range subnets {
		networks[v.NetworkID] = true
	}
	mtus := map[string]int{}
	l := listing{
		service: networkService, op: opListNetworks, path: "networks", key: "networks",
		restart: func() {},
		item: func(dec *json.Decoder) (string, error) {
			var v struct {
				ID  text `json:"id"`
				MTU *int `json:"mtu"`
			}
			if err := dec.Decode(&v); err != nil {
				return "", err
			}
			mtus[v.ID.Value] = 0
			if v.MTU != nil {
				mtus[v.ID.Value] = max(*v.MTU, 0)
			}
			return v.ID.Value, nil
		},
	}
	for _, q := range chunk(len(s.cred.NetworkEndpoint)+200, "id", sortedKeys(networks)) {
		q["fields"] = networkFields
		l.query = q
		if err := s.list(ctx, l); err != nil {
			return err
		}
	}
	for i, v := range subnets {
		mtu, ok := mtus[v.NetworkID]
		if !ok {
			return &Error{Kind: BadAnswer, Op: opListNetworks, Status: 200,
				Message: fmt.Sprintf("network %q of subnet %q (%s) is missing in the answer", excerpt(v.NetworkID), excerpt(v.Name), excerpt(v.ID))}
		}
		subnets[i].MTU = mtu
	}
	return nil
}

func set(values []string) map[string]bool {
	m := make(map[string]bool, len(values))
	for _, v := range values {
		m[v] = true
	}
	return m
}

// with is a copy of the query with another key.
func with(q url.Values, key string, values ...string) url.Values {
	out := url.Values{key: values}
	maps.Copy(out, q)
	return out
}
