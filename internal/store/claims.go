// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

// KnownServers are the servers that are published for each of the objects.
func (l *Leader) KnownServers(ctx context.Context, objects []inventory.Key) (map[inventory.Key][]string, error) {
	if err := l.settled(ctx); err != nil {
		return nil, fmt.Errorf("database, known_servers: %w", err)
	}
	out := map[inventory.Key][]string{}
	err := l.read(ctx, "known_servers", func(t *txn) error {
		clear(out)
		return t.queryObjects(ctx, "known-servers", objects, func(r *sql.Rows) error {
			var k inventory.Key
			var server string
			err := r.Scan(&k.Namespace, &k.Name, &server)
			out[k] = append(out[k], server)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// AppliedByObject tells of every object's published ports whether their
// agents have configured them (netplan_success).
func (l *Leader) AppliedByObject(ctx context.Context) (map[inventory.Key]map[string]bool, error) {
	out := map[inventory.Key]map[string]bool{}
	err := l.read(ctx, "applied", func(t *txn) error {
		clear(out)
		return t.query(ctx, "applied-of-all", nil, func(r *sql.Rows) error {
			var k inventory.Key
			var port string
			var applied bool
			if err := r.Scan(&k.Namespace, &k.Name, &port, &applied); err != nil {
				return err
			}
			if out[k] == nil {
				out[k] = map[string]bool{}
			}
			out[k][port] = applied
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
