-- Copyright 2026 The MultiNic Authors.
-- SPDX-License-Identifier: Apache-2.0

-- The three tables that node agents read. Their columns are a contract with
-- programs that are not ours: what only MultiNic needs to know lies in the
-- tables of the next migration.
--
-- Every statement is repeatable: DDL commits by itself, so a migration that was
-- killed half way runs again from its start.

-- +goose NO TRANSACTION
-- +goose Up

CREATE TABLE IF NOT EXISTS multi_subnet (
  id          BIGINT       NOT NULL AUTO_INCREMENT,
  subnet_id   VARCHAR(64)  NOT NULL,
  subnet_name VARCHAR(255) NOT NULL,
  cidr        VARCHAR(64)  NOT NULL,
  network_id  VARCHAR(64)  NOT NULL,
  mtu         INT          NULL,
  status      VARCHAR(16)  NOT NULL,
  created_at  DATETIME(6)  NOT NULL,
  modified_at DATETIME(6)  NOT NULL,
  deleted_at  DATETIME(6)  NULL,
  PRIMARY KEY (id),
  UNIQUE KEY subnet_id (subnet_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS node_table (
  id                 BIGINT       NOT NULL AUTO_INCREMENT,
  attached_node_id   VARCHAR(64)  NOT NULL,
  attached_node_name VARCHAR(255) NOT NULL,
  status             VARCHAR(16)  NOT NULL,
  created_at         DATETIME(6)  NOT NULL,
  modified_at        DATETIME(6)  NOT NULL,
  deleted_at         DATETIME(6)  NULL,
  PRIMARY KEY (id),
  UNIQUE KEY attached_node_id (attached_node_id),
  KEY attached_node_name (attached_node_name)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Named as while the gate is shut (see gate.go): whoever leads opens it.
--
-- attached_node_name alone compares without regard to case: a guest may call
-- itself Worker-1 where Kubernetes, which writes names in lower case, says
-- worker-1. Of the collations that 10.3 has, unicode_520 tells emoji apart.
--
-- The foreign keys bear no names of ours: a name is unique in its database, and
-- a dump is at times restored beside the table under its other name. InnoDB's
-- own names follow the table's.
CREATE TABLE IF NOT EXISTS multi_interface_shut_0 (
  id                 BIGINT       NOT NULL AUTO_INCREMENT,
  port_id            VARCHAR(64)  NOT NULL,
  subnet_id          VARCHAR(64)  NOT NULL,
  macaddress         VARCHAR(64)  NOT NULL,
  address            VARCHAR(45)  NULL,
  mtu                INT          NULL,
  attached_node_id   VARCHAR(64)  NOT NULL,
  attached_node_name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci NULL,
  cr_namespace       VARCHAR(63)  NOT NULL,
  cr_name            VARCHAR(253) NOT NULL,
  status             VARCHAR(16)  NOT NULL,
  netplan_success    TINYINT(1)   NOT NULL DEFAULT 0,
  created_at         DATETIME(6)  NOT NULL,
  modified_at        DATETIME(6)  NOT NULL,
  deleted_at         DATETIME(6)  NULL,
  PRIMARY KEY (id),
  UNIQUE KEY port_id (port_id),
  KEY subnet_id (subnet_id),
  KEY attached_node_id (attached_node_id),
  KEY attached_node_name (attached_node_name),
  FOREIGN KEY (subnet_id) REFERENCES multi_subnet (subnet_id),
  FOREIGN KEY (attached_node_id) REFERENCES node_table (attached_node_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
