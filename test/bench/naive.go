// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// naiveObject is one object of the sample.
type naiveObject struct {
	Name, Subnet string
	VMs          []string
}

// naively does the objects' work without sharing anything: each logs in, lists
// the servers, looks every VM's port up by its MAC address, and deletes and
// inserts every row by itself.
func naively(ctx context.Context, j job) (partResult, error) {
	var r partResult
	pool, err := openPool(j.DB)
	if err != nil {
		return r, err
	}
	defer pool.Close()
	if err := pool.PingContext(ctx); err != nil {
		return r, err
	}
	start := time.Now()
	for _, o := range j.Objects {
		b := &bare{job: j}
		if err := b.login(ctx); err != nil {
			return r, err
		}
		n, err := b.naiveObject(ctx, pool, o)
		if err != nil {
			return r, err
		}
		r.Calls, r.Bytes, r.Statements = r.Calls+b.calls, r.Bytes+b.bytes, r.Statements+n
	}
	r.Wall = time.Since(start)
	return r, nil
}

// openPool is a pool that sends a statement in one round trip.
func openPool(db testenv.DB) (*sql.DB, error) {
	config := mysql.NewConfig()
	config.Net, config.Addr = "tcp", net.JoinHostPort(db.Host, strconv.Itoa(db.Port))
	config.User, config.Passwd, config.DBName = db.User, db.Password, db.Name
	config.InterpolateParams = true
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// naiveServers is a page of servers with the addresses that the naive way goes by.
type naiveServers struct {
	Servers []struct {
		ID, Name  string
		Addresses map[string][]struct {
			MAC string `json:"OS-EXT-IPS-MAC:mac_addr"`
		}
	}
	ServersLinks []bareLink `json:"servers_links"`
}

func (b *bare) naiveObject(ctx context.Context, pool *sql.DB, o naiveObject) (statements int64, err error) {
	subnets, err := b.pages(ctx, b.network+"subnets", url.Values{"name": {o.Subnet}})
	if err != nil {
		return 0, err
	}
	subnet := subnets[0].Subnets[0].ID
	wanted := map[string]bool{}
	for _, vm := range o.VMs {
		wanted[vm] = true
	}
	query := url.Values{"limit": {strconv.Itoa(pageSize)}}
	for {
		var page naiveServers
		if _, err := b.do(ctx, http.MethodGet, b.compute+"servers/detail?"+query.Encode(), nil, &page); err != nil {
			return statements, err
		}
		for _, s := range page.Servers {
			if !wanted[s.Name] {
				continue
			}
			for _, addresses := range s.Addresses {
				n, err := b.naiveNIC(ctx, pool, o, subnet, s.ID, s.Name, addresses[0].MAC)
				if err != nil {
					return statements, err
				}
				statements += n
			}
		}
		if len(page.ServersLinks) == 0 {
			return statements, nil
		}
		query.Set("marker", page.Servers[len(page.Servers)-1].ID)
	}
}

// naiveNIC looks one port up and replaces its rows.
func (b *bare) naiveNIC(ctx context.Context, pool *sql.DB, o naiveObject, subnet, serverID, vm, mac string) (statements int64, err error) {
	pages, err := b.pages(ctx, b.network+"ports", url.Values{"mac_address": {mac}})
	if err != nil {
		return 0, err
	}
	if len(pages[0].Ports) != 1 {
		return 0, fmt.Errorf("%d ports have the MAC address %s", len(pages[0].Ports), mac)
	}
	p, now := pages[0].Ports[0], time.Now().UTC()
	for _, s := range []struct {
		text   string
		values []any
	}{
		{"DELETE FROM multi_interface WHERE port_id = ?", []any{p.ID}},
		{"DELETE FROM node_table WHERE attached_node_id = ?", []any{serverID}},
		{"INSERT INTO node_table (attached_node_id, attached_node_name, status, created_at, modified_at) VALUES " + tuple(len(nodeColumns)),
			[]any{serverID, vm, "active", now, now}},
		{"INSERT INTO multi_interface (" + interfaceColumns + ") VALUES " + tuple(interfaceWidth),
			[]any{p.ID, subnet, p.MAC, p.FixedIPs[0].Address, 1450, serverID, vm, objectNamespace, o.Name, "active", now, now}},
	} {
		if _, err := pool.ExecContext(ctx, s.text, s.values...); err != nil {
			return statements, err
		}
		statements++
	}
	return statements, nil
}
