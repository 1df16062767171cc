// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package backup

import _ "embed"

//go:embed scripts/common.sh
var commonScript string

//go:embed scripts/dump.sh
var dumpScript string

//go:embed scripts/load.sh
var loadScript string

// DumpScript and LoadScript are run as /bin/sh -ec in MariaDB's image. Their
// environment is the controller's (DB_HOST, DB_PORT, DB_USER, DB_PASSWORD, DB_NAME,
// DB_TLS, DB_TLS_CA) and BACKUP_FILE: what is written, or loaded. LoadScript also
// reads BACKUP_FILE with [RowsSuffix], which Fetch writes, and EXPECT_OWNER: the
// cluster and namespace to which rows that are there already must belong.
var (
	DumpScript = commonScript + dumpScript
	LoadScript = commonScript + loadScript
	// RestoreScript loads, and leaves the gate shut for whoever leads next.
	RestoreScript = "RESTORE=true\n" + LoadScript
)

// RowsSuffix names the file beside a fetched dump that tells its rows.
const RowsSuffix = ".rows"
