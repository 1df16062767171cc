-- Copyright 2026 The MultiNic Authors.
-- SPDX-License-Identifier: Apache-2.0

-- name: claimed-ports
SELECT port_id, attached_node_id FROM multi_claim WHERE cr_namespace = ? AND cr_name IN ({keys})

-- name: claims
SELECT port_id, cr_namespace, cr_name, cr_uid, vm_ref, subnet_ref, subnet_id, attached_node_id, cloud, claimed_at
FROM multi_claim WHERE port_id IN ({keys})

-- name: interfaces
SELECT i.id, i.port_id, i.subnet_id, i.macaddress, i.address, i.mtu, i.attached_node_id, i.attached_node_name,
  i.cr_namespace, i.cr_name, i.status, i.netplan_success, p.port_id IS NOT NULL
FROM {interfaces} i LEFT JOIN multi_primary p ON p.port_id = i.port_id
WHERE i.port_id IN ({keys})

-- name: interfaces-of-servers
SELECT i.id, i.port_id, i.subnet_id, i.macaddress, i.address, i.mtu, i.attached_node_id, i.attached_node_name,
  i.cr_namespace, i.cr_name, i.status, i.netplan_success, p.port_id IS NOT NULL
FROM {interfaces} i LEFT JOIN multi_primary p ON p.port_id = i.port_id
WHERE i.attached_node_id IN ({keys})

-- name: nodes
SELECT n.attached_node_id, n.attached_node_name, n.status, d.host_name, d.from_kubernetes
FROM node_table n LEFT JOIN multi_identity d ON d.attached_node_id = n.attached_node_id
WHERE n.attached_node_id IN ({keys})

-- name: subnets
SELECT subnet_id, subnet_name, cidr, network_id, mtu, status FROM multi_subnet WHERE subnet_id IN ({keys})

-- name: host-names
SELECT attached_node_name, attached_node_id FROM {interfaces} WHERE attached_node_name IN ({keys}) ORDER BY id

-- name: pendings-of-clouds
SELECT port_id, cr_namespace, cr_name, kind, cloud, value, first_seen, last_seen, held, reason
FROM multi_pending WHERE cloud IN ({keys})

-- name: pendings-of-objects
SELECT port_id, cr_namespace, cr_name, kind, cloud, value, first_seen, last_seen, held, reason
FROM multi_pending WHERE cr_namespace = ? AND cr_name IN ({keys})

-- name: cloud-sizes
SELECT c.cloud, CASE WHEN c.claimed_at >= ? THEN c.claimed_at END AS newcomers, COUNT(*)
FROM multi_claim c JOIN {interfaces} i ON i.port_id = c.port_id
WHERE i.status <> 'deleted' AND c.cloud IN ({keys}) GROUP BY c.cloud, newcomers ORDER BY c.cloud, newcomers

-- name: recent-withdrawals
SELECT cr_namespace, cr_name, cloud, SUM(ports) FROM multi_history
WHERE explained = 0 AND happened_at >= ? AND kind IN ('withdrawn', 'renamed', 'primary', 'unprimary')
GROUP BY cr_namespace, cr_name, cloud

-- name: applied
SELECT i.port_id, i.netplan_success FROM multi_claim c JOIN {interfaces} i ON i.port_id = c.port_id
WHERE i.status <> 'deleted' AND c.cr_namespace = ? AND c.cr_name IN ({keys})

-- name: counts
SELECT COUNT(*), COALESCE(SUM(netplan_success <> 0), 0) FROM {interfaces} WHERE attached_node_name IS NOT NULL
