// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"context"
	"encoding/json"
	"net/netip"
	"net/url"
	"strings"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

var portFields = []string{"id", "mac_address", "network_id", "device_id", "device_owner", "status", "fixed_ips"}

// portBase is about what a query of ports takes of a URL besides its filters.
func (s *session) portBase() int { return len(s.cred.NetworkEndpoint) + 300 }

// ports reads the servers' ports with an address on one of the subnets.
func (s *session) ports(ctx context.Context, servers, subnets []string) ([]inventory.Port, error) {
	of := set(servers)
	return s.listPorts(ctx, portFilters(s.portBase(), servers, subnets), func(p inventory.Port) bool { return of[p.DeviceID] })
}

// listPorts reads what the queries find and keep wants.
func (s *session) listPorts(ctx context.Context, queries []url.Values, keep func(inventory.Port) bool) ([]inventory.Port, error) {
	var out []inventory.Port
	l := listing{
		service: networkService, op: opListPorts, path: "ports", key: "ports",
		item: func(dec *json.Decoder) (string, error) {
			p, err := decodePort(dec)
			if err == nil && keep(p) {
				out = append(out, p)
			}
			return p.ID, err
		},
	}
	for _, q := range queries {
		l.query = with(q, "fields", portFields...)
		before := len(out)
		l.restart = func() { out = out[:before] }
		if err := s.list(ctx, l); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func decodePort(dec *json.Decoder) (inventory.Port, error) {
	var v struct {
		ID          text `json:"id"`
		MAC         text `json:"mac_address"`
		NetworkID   text `json:"network_id"`
		DeviceID    text `json:"device_id"`
		DeviceOwner text `json:"device_owner"`
		Status      text `json:"status"`
		FixedIPs    *[]struct {
			SubnetID text `json:"subnet_id"`
			Address  text `json:"ip_address"`
		} `json:"fixed_ips"`
	}
	if err := dec.Decode(&v); err != nil {
		return inventory.Port{}, err
	}
	if v.ID.Value == "" || v.MAC.Value == "" || v.NetworkID.Value == "" || !v.DeviceID.Set || v.FixedIPs == nil {
		return inventory.Port{}, badAnswer("port %q lacks id, mac_address, network_id, device_id or fixed_ips", excerpt(v.ID.Value))
	}
	p := inventory.Port{
		ID: v.ID.Value, MAC: strings.ToLower(v.MAC.Value), NetworkID: v.NetworkID.Value,
		DeviceID: v.DeviceID.Value, DeviceOwner: v.DeviceOwner.Value, Status: v.Status.Value,
		FixedIPs: make([]inventory.FixedIP, 0, len(*v.FixedIPs)),
	}
	for _, ip := range *v.FixedIPs {
		address, err := netip.ParseAddr(ip.Address.Value)
		if err != nil || ip.SubnetID.Value == "" {
			return inventory.Port{}, badAnswer("port %q has an address without subnet or that can't be read", excerpt(v.ID.Value))
		}
		p.FixedIPs = append(p.FixedIPs, inventory.FixedIP{SubnetID: ip.SubnetID.Value, Address: address})
	}
	return p, nil
}
