// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package backup

import "time"

const DumpScript, LoadScript = "exit 1", "exit 1"

type Result struct {
	Name      string
	Bytes     int64
	CreatedAt *time.Time
	Available []string
	Error     string
}
