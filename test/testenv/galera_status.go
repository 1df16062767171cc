// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
)

// wsrepStatus is what a node says of itself: SHOW GLOBAL STATUS LIKE 'wsrep_%', which
// it answers outside of the primary component too.
type wsrepStatus map[string]string

// healthy says that a balancer may send clients to the node. Not one that is just
// catching up (Joined), whose answers would be slow.
func (s wsrepStatus) healthy() bool {
	return s["wsrep_ready"] == "ON" && s["wsrep_cluster_status"] == "Primary" && s["wsrep_local_state_comment"] == "Synced"
}

func (m *MariaDB) wsrep(ctx context.Context) (wsrepStatus, error) {
	root, err := m.Root()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return readWsrep(ctx, root)
}

func readWsrep(ctx context.Context, root *sql.DB) (wsrepStatus, error) {
	rows, err := root.QueryContext(ctx, `SHOW GLOBAL STATUS WHERE variable_name IN ('wsrep_ready', 'wsrep_cluster_status',
		'wsrep_local_state_comment', 'wsrep_cluster_size', 'wsrep_local_cert_failures', 'wsrep_local_bf_aborts')`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	status := wsrepStatus{}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, err
		}
		status[name] = value
	}
	return status, rows.Err()
}

// Conflicts counts, over all nodes, the transactions that Galera refused because a
// transaction of another node had changed the same rows: those that failed their
// certification at COMMIT, and those that were aborted before it.
func (g *Galera) Conflicts(ctx context.Context) (certification, aborts int, err error) {
	for i, node := range g.Nodes {
		if !node.answers() {
			continue
		}
		status, err := node.wsrep(ctx)
		if err != nil {
			return 0, 0, fmt.Errorf("node %d: %w", i, err)
		}
		failed, err := strconv.Atoi(status["wsrep_local_cert_failures"])
		if err != nil {
			return 0, 0, err
		}
		aborted, err := strconv.Atoi(status["wsrep_local_bf_aborts"])
		if err != nil {
			return 0, 0, err
		}
		certification, aborts = certification+failed, aborts+aborted
	}
	return certification, aborts, nil
}
