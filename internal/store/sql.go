// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

//go:embed queries/*.sql
var queryFiles embed.FS

// statements are those of queries/*.sql by name. Read-only after init.
var statements = mustLoad(queryFiles)

// mustLoad splits the files at their "-- name:" lines and drops comments.
func mustLoad(files fs.FS) map[string]string {
	out := map[string]string{}
	paths, err := fs.Glob(files, "queries/*.sql")
	if err != nil || len(paths) == 0 {
		panic(fmt.Sprintf("store: no queries embedded: %v", err))
	}
	for _, path := range paths {
		content, err := fs.ReadFile(files, path)
		if err != nil {
			panic(err)
		}
		name := ""
		for line := range strings.Lines(string(content)) {
			if after, ok := strings.CutPrefix(line, "-- name:"); ok {
				name = strings.TrimSpace(after)
				if _, again := out[name]; again {
					panic("store: two statements are called " + name)
				}
				out[name] = ""
				continue
			}
			if name != "" && !strings.HasPrefix(line, "--") && strings.TrimSpace(line) != "" {
				out[name] += line
			}
		}
	}
	return out
}

// statement is the text of a named statement for the interface table's present
// name.
func statement(name, interfaces string) string {
	text, ok := statements[name]
	if !ok {
		panic("store: no statement is called " + name)
	}
	return strings.ReplaceAll(text, "{interfaces}", interfaces)
}

// tuples is "(?,?),(?,?)": rows tuples of so many columns.
func tuples(rows, columns int) string {
	tuple := "(" + strings.Repeat("?,", columns-1) + "?),"
	return strings.TrimSuffix(strings.Repeat(tuple, rows), ",")
}

// marks is "?,?,?".
func marks(n int) string { return strings.Repeat("?,", n-1) + "?" }
