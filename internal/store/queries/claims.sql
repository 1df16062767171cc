-- Copyright 2026 The MultiNic Authors.
-- SPDX-License-Identifier: Apache-2.0

-- Statements over all claims, of one object or of all.

-- name: known-servers
SELECT DISTINCT cr_namespace, cr_name, attached_node_id FROM multi_claim
WHERE cr_namespace = ? AND cr_name IN ({keys})

-- name: applied-of-all
SELECT c.cr_namespace, c.cr_name, c.port_id, i.netplan_success
FROM multi_claim c JOIN {interfaces} i ON i.port_id = c.port_id
WHERE i.status <> 'deleted'
