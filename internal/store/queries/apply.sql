-- Copyright 2026 The MultiNic Authors.
-- SPDX-License-Identifier: Apache-2.0

-- Statements of Apply. {rows} becomes a list of value tuples, {keys} a list of
-- values or tuples, {interfaces} the name that multi_interface has at present.
--
-- In ON DUPLICATE KEY UPDATE the assignments are made from left to right and
-- later ones see earlier ones' results, so modified_at and deleted_at, which
-- compare old with new, come first.

-- name: put-subnets
INSERT INTO multi_subnet
  (subnet_id, subnet_name, cidr, network_id, mtu, status, created_at, modified_at, deleted_at)
VALUES {rows}
ON DUPLICATE KEY UPDATE
  modified_at = IF(subnet_name = VALUES(subnet_name) AND cidr = VALUES(cidr)
    AND network_id = VALUES(network_id) AND mtu <=> VALUES(mtu) AND status = VALUES(status),
    modified_at, VALUES(modified_at)),
  deleted_at  = IF(VALUES(deleted_at) IS NULL, NULL, IFNULL(deleted_at, VALUES(deleted_at))),
  subnet_name = VALUES(subnet_name),
  cidr        = VALUES(cidr),
  network_id  = VALUES(network_id),
  mtu         = VALUES(mtu),
  status      = VALUES(status)

-- name: put-nodes
INSERT INTO node_table
  (attached_node_id, attached_node_name, status, created_at, modified_at, deleted_at)
VALUES {rows}
ON DUPLICATE KEY UPDATE
  modified_at = IF(attached_node_name = VALUES(attached_node_name) AND status = VALUES(status),
    modified_at, VALUES(modified_at)),
  deleted_at  = IF(VALUES(deleted_at) IS NULL, NULL, IFNULL(deleted_at, VALUES(deleted_at))),
  attached_node_name = VALUES(attached_node_name),
  status             = VALUES(status)

-- name: put-identities
INSERT INTO multi_identity (attached_node_id, host_name, from_kubernetes)
VALUES {rows}
ON DUPLICATE KEY UPDATE
  host_name       = VALUES(host_name),
  from_kubernetes = VALUES(from_kubernetes)

-- name: put-interfaces
-- netplan_success is the agents': a row that exists keeps theirs.
INSERT INTO {interfaces}
  (port_id, subnet_id, macaddress, address, mtu, attached_node_id, attached_node_name,
   cr_namespace, cr_name, status, created_at, modified_at, deleted_at)
VALUES {rows}
ON DUPLICATE KEY UPDATE
  modified_at = IF(subnet_id = VALUES(subnet_id) AND macaddress = VALUES(macaddress)
    AND address <=> VALUES(address) AND mtu <=> VALUES(mtu)
    AND attached_node_id = VALUES(attached_node_id)
    AND CAST(attached_node_name AS BINARY) <=> CAST(VALUES(attached_node_name) AS BINARY)
    AND cr_namespace = VALUES(cr_namespace) AND cr_name = VALUES(cr_name)
    AND status = VALUES(status),
    modified_at, VALUES(modified_at)),
  deleted_at = IF(VALUES(deleted_at) IS NULL, NULL, IFNULL(deleted_at, VALUES(deleted_at))),
  subnet_id          = VALUES(subnet_id),
  macaddress         = VALUES(macaddress),
  address            = VALUES(address),
  mtu                = VALUES(mtu),
  attached_node_id   = VALUES(attached_node_id),
  attached_node_name = VALUES(attached_node_name),
  cr_namespace       = VALUES(cr_namespace),
  cr_name            = VALUES(cr_name),
  status             = VALUES(status)

-- name: reset-interfaces
-- The same for rows that agents must apply anew: always a real change.
INSERT INTO {interfaces}
  (port_id, subnet_id, macaddress, address, mtu, attached_node_id, attached_node_name,
   cr_namespace, cr_name, status, created_at, modified_at, deleted_at)
VALUES {rows}
ON DUPLICATE KEY UPDATE
  modified_at = VALUES(modified_at),
  deleted_at  = IF(VALUES(deleted_at) IS NULL, NULL, IFNULL(deleted_at, VALUES(deleted_at))),
  subnet_id          = VALUES(subnet_id),
  macaddress         = VALUES(macaddress),
  address            = VALUES(address),
  mtu                = VALUES(mtu),
  attached_node_id   = VALUES(attached_node_id),
  attached_node_name = VALUES(attached_node_name),
  cr_namespace       = VALUES(cr_namespace),
  cr_name            = VALUES(cr_name),
  status             = VALUES(status),
  netplan_success    = 0

-- name: homes
-- Where rows are before they are written.
SELECT DISTINCT attached_node_id, subnet_id FROM {interfaces} WHERE port_id IN ({keys})

-- name: empty-nodes
SELECT n.attached_node_id FROM node_table n
WHERE n.status <> 'deleted' AND n.attached_node_id IN ({keys})
  AND NOT EXISTS (SELECT 1 FROM {interfaces} i WHERE i.attached_node_id = n.attached_node_id AND i.status <> 'deleted')

-- name: retire-nodes
UPDATE node_table SET status = 'deleted', modified_at = ?, deleted_at = ? WHERE attached_node_id IN ({keys})

-- name: empty-subnets
SELECT s.subnet_id FROM multi_subnet s
WHERE s.status <> 'deleted' AND s.subnet_id IN ({keys})
  AND NOT EXISTS (SELECT 1 FROM {interfaces} i WHERE i.subnet_id = s.subnet_id AND i.status <> 'deleted')

-- name: retire-subnets
UPDATE multi_subnet SET status = 'deleted', modified_at = ?, deleted_at = ? WHERE subnet_id IN ({keys})

-- name: put-primaries
INSERT IGNORE INTO multi_primary (port_id) VALUES {rows}

-- name: drop-primaries
DELETE FROM multi_primary WHERE port_id IN ({keys})

-- name: put-claims
INSERT INTO multi_claim
  (cr_namespace, cr_name, port_id, cr_uid, vm_ref, subnet_ref, subnet_id, attached_node_id, cloud, claimed_at)
VALUES {rows}
ON DUPLICATE KEY UPDATE
  cr_uid           = VALUES(cr_uid),
  vm_ref           = VALUES(vm_ref),
  subnet_ref       = VALUES(subnet_ref),
  subnet_id        = VALUES(subnet_id),
  attached_node_id = VALUES(attached_node_id),
  cloud            = VALUES(cloud),
  claimed_at       = VALUES(claimed_at)

-- name: drop-claims
DELETE FROM multi_claim WHERE cr_namespace = ? AND cr_name = ? AND port_id IN ({keys})

-- name: put-pendings
INSERT INTO multi_pending
  (cr_namespace, cr_name, port_id, kind, cloud, value, first_seen, last_seen, held, reason)
VALUES {rows}
ON DUPLICATE KEY UPDATE
  cloud      = VALUES(cloud),
  value      = VALUES(value),
  first_seen = VALUES(first_seen),
  last_seen  = VALUES(last_seen),
  held       = VALUES(held),
  reason     = VALUES(reason)

-- name: drop-pendings
DELETE FROM multi_pending WHERE cr_namespace = ? AND cr_name = ? AND kind = ? AND port_id IN ({keys})

-- name: add-history
INSERT INTO multi_history
  (happened_at, cr_namespace, cr_name, cloud, kind, explained, ports, details)
VALUES {rows}
