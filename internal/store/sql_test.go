// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

// notIn103 are words that MariaDB 10.3 doesn't know, or not in this meaning, and
// those that MySQL or Galera lack. The server here is newer and would not say.
var notIn103 = map[string]*regexp.Regexp{
	"RETURNING on INSERT (10.5)":        regexp.MustCompile(`(?i)\bRETURNING\b`),
	"the UUID type (10.7)":              regexp.MustCompile(`(?i)\bUUID\b`),
	"the INET4 and INET6 types (10.5)":  regexp.MustCompile(`(?i)\bINET[46]\b`),
	"row aliases (MySQL 8.0.19 only)":   regexp.MustCompile(`(?i)\bAS\s+new\b`),
	"JSON_TABLE (10.6)":                 regexp.MustCompile(`(?i)\bJSON_TABLE\b`),
	"SKIP LOCKED (10.6)":                regexp.MustCompile(`(?i)\bSKIP\s+LOCKED\b`),
	"NOWAIT":                            regexp.MustCompile(`(?i)\bNOWAIT\b`),
	"OFFSET ... FETCH (10.6)":           regexp.MustCompile(`(?i)\bFETCH\s+(FIRST|NEXT)\b`),
	"IF EXISTS in RENAME (10.5)":        regexp.MustCompile(`(?i)RENAME\s+TABLE\s+IF\b`),
	"RENAME COLUMN (10.5)":              regexp.MustCompile(`(?i)RENAME\s+COLUMN\b`),
	"uca1400 collations (10.10)":        regexp.MustCompile(`(?i)uca1400`),
	"0900 collations (MySQL 8 only)":    regexp.MustCompile(`(?i)_0900_`),
	"NATURAL_SORT_KEY (10.7)":           regexp.MustCompile(`(?i)NATURAL_SORT_KEY`),
	"SEQUENCE objects (not in MySQL)":   regexp.MustCompile(`(?i)\b(CREATE\s+SEQUENCE|NEXTVAL)\b`),
	"LOCK TABLES (not on Galera)":       regexp.MustCompile(`(?i)\bLOCK\s+TABLES?\b`),
	"GET_LOCK (one node only)":          regexp.MustCompile(`(?i)\bGET_LOCK\b`),
	"an alias in DELETE (11.6)":         regexp.MustCompile(`(?i)DELETE\s+FROM\s+\S+\s+(?:AS\s+)?[a-z]\s+WHERE`),
	"DESC in an index (10.8)":           regexp.MustCompile(`(?i)KEY\s+\w+\s*\([^)]*\bDESC\b`),
	"INSERT SET DEFAULT of expressions": regexp.MustCompile(`(?i)DEFAULT\s+\(`),
	"engines that Galera lacks":         regexp.MustCompile(`(?i)ENGINE\s*=\s*(?:MyISAM|Aria|MEMORY)`),
}

func TestTheSQLKeepsToTheDialectOfMariaDB103(t *testing.T) {
	t.Parallel()
	for _, files := range []fs.FS{migrationFiles, queryFiles} {
		err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := fs.ReadFile(files, path)
			for i, line := range strings.Split(string(content), "\n") {
				line, _, _ = strings.Cut(line, "--")
				for what, pattern := range notIn103 {
					if pattern.MatchString(line) {
						t.Errorf("%s:%d uses %s: %s", path, i+1, what, line)
					}
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheDialectScanFindsWhatItLooksFor(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"INSERT INTO t VALUES (1) RETURNING id", "id UUID NOT NULL", "VALUES (1) AS new ON DUPLICATE KEY UPDATE a = new.a",
		"SELECT 1 FROM t FOR UPDATE SKIP LOCKED", "DELETE FROM multi_claim c WHERE c.port_id = 1", "SELECT GET_LOCK('x', 1)",
	} {
		found := false
		for _, pattern := range notIn103 {
			found = found || pattern.MatchString(text)
		}
		if !found {
			t.Errorf("nothing is said against %s", text)
		}
	}
}

func TestEveryNamedStatementIsOne(t *testing.T) {
	t.Parallel()
	for name, text := range statements {
		if strings.TrimSpace(text) == "" || strings.Contains(text, ";") {
			t.Errorf("statement %s is empty, or more than one", name)
		}
	}
}
