// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package system

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
)

// The statements of the two public agents, to the letter: what they return is
// what MultiNic is judged by.
const (
	agentMSelect = `SELECT mi.id, mi.macaddress, mi.attached_node_name, mi.netplan_success, mi.address, mi.mtu, ms.cidr FROM multi_interface mi
 LEFT JOIN multi_subnet ms ON mi.subnet_id = ms.subnet_id WHERE mi.attached_node_name = ?;`
	agentMUpdate = `UPDATE multi_interface SET netplan_success = ?, modified_at = NOW() WHERE id = ?;`
	agentGSelect = `SELECT mi.id, mi.port_id, n.attached_node_id, n.attached_node_name, mi.macaddress, ms.subnet_id, ms.subnet_name, ms.cidr, ms.network_id,
 mi.cr_namespace, mi.cr_name, mi.netplan_success, mi.status, mi.created_at, mi.modified_at FROM multi_interface mi
 JOIN node_table n ON mi.attached_node_id = n.attached_node_id JOIN multi_subnet ms ON mi.subnet_id = ms.subnet_id
 WHERE n.attached_node_name = ? AND mi.status='active' AND n.status='active' AND ms.status='active' ORDER BY ms.subnet_name;`
)

// nic is a row as agent M sees it.
type nic struct {
	ID      int64
	MAC     string
	Host    string
	Applied bool
	Address string
	MTU     int
	CIDR    string
}

// agentM returns what agent M configures on a host.
func (s *system) agentM(host string) ([]nic, error) {
	rows, err := s.sql.QueryContext(context.Background(), agentMSelect, host)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []nic
	for rows.Next() {
		var n nic
		var address, cidr sql.NullString
		var mtu sql.NullInt64
		if err := rows.Scan(&n.ID, &n.MAC, &n.Host, &n.Applied, &address, &mtu, &cidr); err != nil {
			return nil, err
		}
		n.Address, n.MTU, n.CIDR = address.String, int(mtu.Int64), cidr.String
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b nic) int { return int(a.ID - b.ID) })
	return out, rows.Err()
}

// agentG returns the port IDs that agent G configures on a node.
func (s *system) agentG(node string) ([]string, error) {
	rows, err := s.sql.QueryContext(context.Background(), agentGSelect, node)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var port string
		var text [10]string
		var id int64
		var applied bool
		var created, modified sql.NullTime
		if err := rows.Scan(&id, &port, &text[0], &text[1], &text[2], &text[3], &text[4], &text[5], &text[6], &text[7], &text[8], &applied, &text[9], &created, &modified); err != nil {
			return nil, err
		}
		out = append(out, port)
	}
	slices.Sort(out)
	return out, rows.Err()
}

// sees waits until agent M sees exactly these addresses on the host.
func (s *system) sees(host string, addresses ...string) []nic {
	s.t.Helper()
	var nics []nic
	s.eventually("agent M on "+host, func() error {
		var err error
		if nics, err = s.agentM(host); err != nil {
			return err
		}
		var got []string
		for _, n := range nics {
			got = append(got, n.Address)
		}
		slices.Sort(got)
		slices.Sort(addresses)
		if !slices.Equal(got, addresses) {
			return fmt.Errorf("it sees %v, it should see %v", got, addresses)
		}
		return nil
	})
	return nics
}
