// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/go-sql-driver/mysql"

	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// What an agent does, to the letter: docs/reference/database.md.
const (
	agentRead = `SELECT mi.id, mi.macaddress, mi.attached_node_name, mi.netplan_success, mi.address, mi.mtu, ms.cidr FROM multi_interface mi
 LEFT JOIN multi_subnet ms ON mi.subnet_id = ms.subnet_id WHERE mi.attached_node_name = ?;`
	agentReport = `UPDATE multi_interface SET netplan_success = ?, modified_at = NOW() WHERE id = ?;`
)

// The three tables, as the demo shows them: what fits a line.
const (
	showSubnets    = `SELECT id, subnet_id, subnet_name, cidr, network_id, mtu, status FROM multi_subnet ORDER BY id`
	showNodes      = `SELECT id, attached_node_id, attached_node_name, status FROM node_table ORDER BY id`
	showInterfaces = `SELECT id, port_id, macaddress, address, mtu, attached_node_name, status, netplan_success FROM multi_interface ORDER BY id`
	showWithdrawn  = `SELECT id, port_id, macaddress, address, attached_node_name, status, DATE_FORMAT(deleted_at, '%H:%i:%s') deleted_at FROM multi_interface ORDER BY id`
)

// account is a user of the database.
type account struct{ user, password string }

// database is MariaDB with the database multinic, the controller's account and
// the agents', which the controller makes.
type database struct {
	server  *testenv.MariaDB
	version string
	owner   account
	agents  account
	sql     *sql.DB // as an agent
}

const databaseName = "multinic"

func startDatabase(ctx context.Context) (*database, error) {
	server, err := testenv.StartMariaDB(ctx, testenv.MariaDBOptions{})
	if err != nil {
		return nil, err
	}
	d := &database{server: server, owner: account{"multinic", newPassword()}, agents: account{"multinic-agent", newPassword()}}
	root, err := server.Root()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	for _, statement := range []string{
		"CREATE DATABASE " + databaseName,
		"CREATE USER multinic@'%' IDENTIFIED BY '" + d.owner.password + "'",
		"GRANT ALL PRIVILEGES ON " + databaseName + ".* TO multinic@'%' WITH GRANT OPTION",
		// For the agents' account, which the controller makes and looks after.
		"GRANT CREATE USER ON *.* TO multinic@'%'",
		"GRANT SELECT ON mysql.* TO multinic@'%'",
	} {
		if _, err := root.ExecContext(ctx, statement); err != nil {
			return nil, fmt.Errorf("preparing the database: %w", err)
		}
	}
	if err := root.QueryRowContext(ctx, "SELECT VERSION()").Scan(&d.version); err != nil {
		return nil, err
	}
	return d, d.connect()
}

// connect opens a pool with the rights of an agent.
func (d *database) connect() error {
	config := mysql.NewConfig()
	config.Net, config.Addr = "unix", d.server.Socket
	config.User, config.Passwd, config.DBName = d.agents.user, d.agents.password, databaseName
	config.Logger = &mysql.NopLogger{} // errors are returned
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return err
	}
	d.sql = sql.OpenDB(connector)
	return nil
}

func newPassword() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // crypto/rand: it never returns an error
	return hex.EncodeToString(b)
}

// env is the controller's environment, as the Secret of config/manager gives it.
func (d *database) env() []string {
	return []string{
		"DB_HOST=" + d.server.Host, "DB_PORT=" + strconv.Itoa(d.server.Port), "DB_NAME=" + databaseName,
		"DB_USER=" + d.owner.user, "DB_PASSWORD=" + d.owner.password,
		"DB_AGENT_USER=" + d.agents.user, "DB_AGENT_PASSWORD=" + d.agents.password,
	}
}

// query runs a statement with an agent's rights and gives its result as text.
func (d *database) query(ctx context.Context, statement string, args ...any) (table, error) {
	rows, err := d.sql.QueryContext(ctx, statement, args...)
	if err != nil {
		return table{}, err
	}
	defer rows.Close()
	t := table{gap: 2, rule: true}
	if t.header, err = rows.Columns(); err != nil {
		return table{}, err
	}
	for rows.Next() {
		cells := make([]sql.NullString, len(t.header))
		targets := make([]any, len(cells))
		for i := range cells {
			targets[i] = &cells[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return table{}, err
		}
		row := make([]string, len(cells))
		for i, cell := range cells {
			row[i] = "NULL"
			if cell.Valid {
				row[i] = short(cell.String)
			}
		}
		t.rows = append(t.rows, row)
	}
	return t, rows.Err()
}

// nic is a row as an agent sees it.
type nic struct {
	id, mtu                  int
	mac, host, address, cidr string
	applied                  bool
}

// agentSees are the NICs that the agent of a host would configure.
func (d *database) agentSees(ctx context.Context, host string) ([]nic, error) {
	rows, err := d.sql.QueryContext(ctx, agentRead, host)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []nic
	for rows.Next() {
		var n nic
		var address, cidr sql.NullString
		var mtu sql.NullInt64
		if err := rows.Scan(&n.id, &n.mac, &n.host, &n.applied, &address, &mtu, &cidr); err != nil {
			return nil, err
		}
		n.address, n.cidr, n.mtu = address.String, cidr.String, int(mtu.Int64)
		out = append(out, n)
	}
	return out, rows.Err()
}

// report does what an agent does after it has configured a NIC.
func (d *database) report(ctx context.Context, id int) error {
	result, err := d.sql.ExecContext(ctx, agentReport, true, id)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, fmt.Errorf("the agent's report changed %d rows: it should change 1", n))
	}
	return nil
}
