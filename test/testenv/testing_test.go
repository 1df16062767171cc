// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

func mustExec(t *testing.T, exec func(context.Context, string, ...any) (sql.Result, error), statement string) {
	t.Helper()
	if _, err := exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}
