-- Copyright 2026 The MultiNic Authors.
-- SPDX-License-Identifier: Apache-2.0

-- name: states
SELECT cr_namespace, cr_name, cr_uid, spec_hash, generation, epoch, last_success, last_attempt, last_tick,
  handled_request, handled_trigger, next_look, retry_at, failures
FROM cr_state

-- name: put-states
INSERT INTO cr_state
  (cr_namespace, cr_name, cr_uid, spec_hash, generation, epoch, last_success, last_attempt, last_tick,
   handled_request, handled_trigger, next_look, retry_at, failures, modified_at)
VALUES {rows}
ON DUPLICATE KEY UPDATE
  cr_uid          = VALUES(cr_uid),
  spec_hash       = VALUES(spec_hash),
  generation      = VALUES(generation),
  epoch           = VALUES(epoch),
  last_success    = VALUES(last_success),
  last_attempt    = VALUES(last_attempt),
  last_tick       = VALUES(last_tick),
  handled_request = VALUES(handled_request),
  handled_trigger = VALUES(handled_trigger),
  next_look       = VALUES(next_look),
  retry_at        = VALUES(retry_at),
  failures        = VALUES(failures),
  modified_at     = VALUES(modified_at)

-- name: drop-states
DELETE FROM cr_state WHERE cr_namespace = ? AND cr_name IN ({keys})
