-- Copyright 2026 The MultiNic Authors.
-- SPDX-License-Identifier: Apache-2.0

-- What MultiNic remembers beside what it publishes. Agents have no rights here.

-- +goose NO TRANSACTION
-- +goose Up

-- Which objects want a port published. A port's row lives until its last claim
-- goes. Clustered by object, as claims are read.
CREATE TABLE IF NOT EXISTS multi_claim (
  cr_namespace     VARCHAR(63)  NOT NULL,
  cr_name          VARCHAR(253) NOT NULL,
  port_id          VARCHAR(64)  NOT NULL,
  cr_uid           VARCHAR(64)  NOT NULL,
  vm_ref           VARCHAR(255) NOT NULL,
  subnet_ref       VARCHAR(255) NOT NULL,
  subnet_id        VARCHAR(64)  NOT NULL,
  attached_node_id VARCHAR(64)  NOT NULL,
  cloud            VARCHAR(512) NOT NULL,
  claimed_at       DATETIME(6)  NOT NULL,
  PRIMARY KEY (cr_namespace, cr_name, port_id),
  KEY port_id (port_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Withdrawals that wait for their second look, or are held.
CREATE TABLE IF NOT EXISTS multi_pending (
  cr_namespace VARCHAR(63)   NOT NULL,
  cr_name      VARCHAR(253)  NOT NULL,
  port_id      VARCHAR(64)   NOT NULL,
  kind         VARCHAR(16)   NOT NULL,
  cloud        VARCHAR(512)  NOT NULL,
  value        VARCHAR(255)  NOT NULL,
  first_seen   DATETIME(6)   NOT NULL,
  last_seen    DATETIME(6)   NOT NULL,
  held         TINYINT(1)    NOT NULL,
  reason       VARCHAR(1024) NOT NULL,
  PRIMARY KEY (cr_namespace, cr_name, port_id, kind)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What changed, when and why: only appended to, pruned by age. A row is what one
-- run did to one object: its ports and their details stand one a line. The key
-- serves both questions that are asked of it: the unexplained of late, and the
-- old.
CREATE TABLE IF NOT EXISTS multi_history (
  id           BIGINT       NOT NULL AUTO_INCREMENT,
  happened_at  DATETIME(6)  NOT NULL,
  cr_namespace VARCHAR(63)  NOT NULL,
  cr_name      VARCHAR(253) NOT NULL,
  cloud        VARCHAR(512) NOT NULL,
  kind         VARCHAR(16)  NOT NULL,
  explained    TINYINT(1)   NOT NULL,
  ports        INT          NOT NULL,
  details      MEDIUMTEXT   NOT NULL,
  PRIMARY KEY (id),
  KEY explained (explained, happened_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What makes a server's identity sticky; beside node_table, whose columns are
-- the agents'.
CREATE TABLE IF NOT EXISTS multi_identity (
  attached_node_id VARCHAR(64)  NOT NULL,
  host_name        VARCHAR(255) NOT NULL,
  from_kubernetes  TINYINT(1)   NOT NULL,
  PRIMARY KEY (attached_node_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Ports that were once known to carry a node's own address.
CREATE TABLE IF NOT EXISTS multi_primary (
  port_id VARCHAR(64) NOT NULL,
  PRIMARY KEY (port_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What is remembered of each object between runs.
CREATE TABLE IF NOT EXISTS cr_state (
  cr_namespace    VARCHAR(63)  NOT NULL,
  cr_name         VARCHAR(253) NOT NULL,
  cr_uid          VARCHAR(64)  NOT NULL,
  spec_hash       VARCHAR(128) NOT NULL,
  generation      BIGINT       NOT NULL,
  epoch           VARCHAR(36)  NOT NULL,
  last_success    DATETIME(6)  NULL,
  last_attempt    DATETIME(6)  NULL,
  last_tick       DATETIME(6)  NULL,
  handled_request VARCHAR(255) NOT NULL,
  handled_trigger DATETIME(6)  NULL,
  next_look       DATETIME(6)  NULL,
  retry_at        DATETIME(6)  NULL,
  failures        INT          NOT NULL,
  modified_at     DATETIME(6)  NOT NULL,
  PRIMARY KEY (cr_namespace, cr_name)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
