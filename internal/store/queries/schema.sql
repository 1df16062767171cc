-- Copyright 2026 The MultiNic Authors.
-- SPDX-License-Identifier: Apache-2.0

-- name: columns
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = DATABASE() AND table_name IN ({keys})

-- name: interface-tables
SELECT table_name FROM information_schema.tables
WHERE table_schema = DATABASE() AND table_name LIKE 'multi\_interface%'

-- name: schema-version
SELECT COALESCE(MAX(version_id), 0) FROM multi_schema_version

