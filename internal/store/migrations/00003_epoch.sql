-- Copyright 2026 The MultiNic Authors.
-- SPDX-License-Identifier: Apache-2.0

-- The database's identity, its owner and its writer: one row, id 1. See doc.go.

-- +goose NO TRANSACTION
-- +goose Up

CREATE TABLE IF NOT EXISTS multi_epoch (
  id          TINYINT      NOT NULL,
  owner       VARCHAR(512) NOT NULL,
  epoch       VARCHAR(36)  NOT NULL,
  generation  BIGINT       NOT NULL,
  sequence    BIGINT       NOT NULL,
  fencing     BIGINT       NOT NULL,
  leader      VARCHAR(36)  NOT NULL,
  gate        VARCHAR(8)   NOT NULL,
  writes      BIGINT       NOT NULL,
  created_at  DATETIME(6)  NOT NULL,
  modified_at DATETIME(6)  NOT NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
