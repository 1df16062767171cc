-- Copyright 2026 The MultiNic Authors.
-- SPDX-License-Identifier: Apache-2.0

-- name: read-epoch
SELECT owner, epoch, generation, sequence, fencing, leader, gate FROM multi_epoch WHERE id = 1

-- name: lock-epoch
-- Waits for a transaction that has the row, so that what is read is decided.
SELECT owner, epoch, generation, sequence, fencing, leader, gate FROM multi_epoch WHERE id = 1 FOR UPDATE

-- name: add-epoch
INSERT IGNORE INTO multi_epoch
  (id, owner, epoch, generation, sequence, fencing, leader, gate, writes, created_at, modified_at)
VALUES (1, '', '', 0, 0, 0, '', 'shut', 0, ?, ?)

-- name: seize
-- Makes us the writer. From here on every guard of an earlier leader fails.
UPDATE multi_epoch SET owner = ?, fencing = ?, leader = ?, writes = writes + 1, modified_at = ? WHERE id = 1

-- name: settle
UPDATE multi_epoch SET epoch = ?, generation = ?, sequence = ?, gate = ?, writes = writes + 1, modified_at = ?
WHERE id = 1 AND fencing = ? AND leader = ?

-- name: guard
-- The first statement of every writing transaction: fails for a deposed leader,
-- for a replaced database and for a second application of one plan. It always
-- changes the row (writes), so that Galera's certification sees two writers on
-- two nodes, where row locks do not reach.
UPDATE multi_epoch SET sequence = sequence + ?, writes = writes + 1, modified_at = ?
WHERE id = 1 AND fencing = ? AND leader = ? AND epoch = ? AND sequence = ?

-- name: write-gate
UPDATE multi_epoch SET gate = ?, writes = writes + 1, modified_at = ?
WHERE id = 1 AND fencing = ? AND leader = ? AND epoch = ?

-- name: touch-epoch
-- Changes the row and nothing that it says: see settleUncertain.
UPDATE multi_epoch SET writes = writes + 1, modified_at = ? WHERE id = 1 AND fencing = ? AND leader = ?
