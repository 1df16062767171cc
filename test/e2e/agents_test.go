// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"time"

	"github.com/go-sql-driver/mysql"
	corev1 "k8s.io/api/core/v1"
)

// The statements of the two public agents, to the letter.
const (
	agentMSelect = `SELECT mi.id, mi.macaddress, mi.attached_node_name, mi.netplan_success, mi.address, mi.mtu, ms.cidr FROM multi_interface mi
 LEFT JOIN multi_subnet ms ON mi.subnet_id = ms.subnet_id WHERE mi.attached_node_name = ?;`
	agentMUpdate = `UPDATE multi_interface SET netplan_success = ?, modified_at = NOW() WHERE id = ?;`
	agentGSelect = `SELECT mi.id, mi.port_id, n.attached_node_id, n.attached_node_name, mi.macaddress, ms.subnet_id, ms.subnet_name, ms.cidr, ms.network_id,
 mi.cr_namespace, mi.cr_name, mi.netplan_success, mi.status, mi.created_at, mi.modified_at FROM multi_interface mi
 JOIN node_table n ON mi.attached_node_id = n.attached_node_id JOIN multi_subnet ms ON mi.subnet_id = ms.subnet_id
 WHERE n.attached_node_name = ? AND mi.status='active' AND n.status='active' AND ms.status='active' ORDER BY ms.subnet_name;`
)

// nic is a row as agent M sees it, by its MAC.
type nic struct {
	ID      int64
	Applied bool
	Address string
	MTU     int64
	CIDR    string
}

// server is a database as agents reach it.
type server struct {
	sql *sql.DB
	dsn *mysql.Config
}

// resolver asks the cluster's DNS, as agents on nodes do: a Service that is made anew
// has another address.
var resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
	service := &corev1.Service{}
	if err := g.client.Get(ctx, key("kube-system", "kube-dns"), service); err != nil {
		return nil, err
	}
	var d net.Dialer
	return d.DialContext(ctx, network, net.JoinHostPort(service.Spec.ClusterIP, "53"))
}}

func init() {
	mysql.RegisterDialContext("cluster", func(ctx context.Context, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		addresses, err := resolver.LookupHost(ctx, host+".cluster.local.")
		if err != nil {
			return nil, err
		}
		var d net.Dialer
		return d.DialContext(ctx, "tcp", net.JoinHostPort(addresses[0], port))
	})
	_ = mysql.SetLogger(quiet{}) // broken connections are what these tests are about
}

type quiet struct{}

func (quiet) Print(...any) {}

// connect makes a pool for an account; it dials when it is used.
func connect(user, password, host, database string) (*server, error) {
	c := mysql.NewConfig()
	c.User, c.Passwd, c.Net, c.Addr, c.DBName = user, password, "cluster", host+":3306", database
	c.Timeout, c.ReadTimeout, c.WriteTimeout, c.ParseTime = 2*time.Second, 4*time.Second, 4*time.Second, true
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxIdleConns(20)
	return &server{sql: db, dsn: c}, nil
}

// agentM returns what agent M configures on a host.
func (s *server) agentM(ctx context.Context, host string) (map[string]nic, error) {
	rows, err := s.sql.QueryContext(ctx, agentMSelect, host)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]nic{}
	for rows.Next() {
		var n nic
		var mac, name string
		var address, cidr sql.NullString
		var mtu sql.NullInt64
		if err := rows.Scan(&n.ID, &mac, &name, &n.Applied, &address, &mtu, &cidr); err != nil {
			return nil, err
		}
		n.Address, n.MTU, n.CIDR = address.String, mtu.Int64, cidr.String
		out[mac] = n
	}
	return out, rows.Err()
}

// agentG returns the MACs that agent G configures on a node. It can't read NULL.
func (s *server) agentG(ctx context.Context, node string) (map[string]nic, error) {
	rows, err := s.sql.QueryContext(ctx, agentGSelect, node)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]nic{}
	for rows.Next() {
		var n nic
		var port, nodeID, nodeName, mac, subnetID, subnetName, networkID, crNamespace, crName, status string
		var created, modified time.Time
		if err := rows.Scan(&n.ID, &port, &nodeID, &nodeName, &mac, &subnetID, &subnetName, &n.CIDR, &networkID, &crNamespace, &crName, &n.Applied, &status, &created, &modified); err != nil {
			return nil, fmt.Errorf("a row that agent G can't read: %w", err)
		}
		out[mac] = n
	}
	return out, rows.Err()
}

// apply does what agent M does when it has configured a NIC.
func (s *server) apply(ctx context.Context, id int64) error {
	result, err := s.sql.ExecContext(ctx, agentMUpdate, true, id)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return fmt.Errorf("the agent's update of row %d changed %d rows (%v)", id, n, err)
	}
	return nil
}
