-- Copyright 2026 The MultiNic Authors.
-- SPDX-License-Identifier: Apache-2.0

-- What is old is looked up first, without locks, and then deleted by key: a
-- DELETE that searches would lock every row it passes, those of agents too.

-- name: old-interfaces
SELECT i.id FROM {interfaces} i
WHERE i.status = 'deleted' AND i.deleted_at < ?
  AND NOT EXISTS (SELECT 1 FROM multi_claim c WHERE c.port_id = i.port_id)
LIMIT 500

-- name: purge-interfaces
DELETE FROM {interfaces} WHERE status = 'deleted' AND deleted_at < ? AND id IN ({keys})

-- name: old-nodes
SELECT n.id FROM node_table n
WHERE n.status = 'deleted' AND n.deleted_at < ?
  AND NOT EXISTS (SELECT 1 FROM {interfaces} i WHERE i.attached_node_id = n.attached_node_id)
LIMIT 500

-- name: purge-nodes
DELETE FROM node_table WHERE status = 'deleted' AND deleted_at < ? AND id IN ({keys})

-- name: old-subnets
SELECT s.id FROM multi_subnet s
WHERE s.status = 'deleted' AND s.deleted_at < ?
  AND NOT EXISTS (SELECT 1 FROM {interfaces} i WHERE i.subnet_id = s.subnet_id)
LIMIT 500

-- name: purge-subnets
DELETE FROM multi_subnet WHERE status = 'deleted' AND deleted_at < ? AND id IN ({keys})

-- name: old-history
SELECT id FROM multi_history WHERE explained IN (0, 1) AND happened_at < ? LIMIT 500

-- name: purge-history
DELETE FROM multi_history WHERE happened_at < ? AND id IN ({keys})

-- name: orphaned-identities
SELECT d.attached_node_id FROM multi_identity d
WHERE NOT EXISTS (SELECT 1 FROM node_table n WHERE n.attached_node_id = d.attached_node_id)
LIMIT 500

-- name: purge-identities
DELETE FROM multi_identity WHERE attached_node_id IN ({keys})

-- name: orphaned-primaries
SELECT p.port_id FROM multi_primary p
WHERE NOT EXISTS (SELECT 1 FROM {interfaces} i WHERE i.port_id = p.port_id)
LIMIT 500

-- name: purge-primaries
DELETE FROM multi_primary WHERE port_id IN ({keys})
