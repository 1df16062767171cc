// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package internal_test holds the rules of docs/architecture.md about who may import
// whom. It parses the sources instead of configuring a linter, so that make test checks
// them on every machine.
package internal_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/xormsdhkdwk/multinic/"

// rule forbids some packages some imports. A pattern is an import path, with /... for
// it and all below; our own packages are written without the module's name.
type rule struct {
	of     []string // the packages that it concerns
	except []string // but not these
	forbid []string
	why    string
}

var (
	kubernetesClients = []string{"k8s.io/client-go/...", "sigs.k8s.io/controller-runtime/...", "k8s.io/apiextensions-apiserver/..."}
	gophercloud       = []string{"github.com/gophercloud/gophercloud/..."}
	database          = []string{"database/sql/...", "github.com/go-sql-driver/mysql/..."}
	product           = []string{"api/...", "cmd/...", "internal/..."}
)

var rules = []rule{
	{
		of:     []string{"api/..."},
		forbid: []string{"cmd/...", "internal/...", "test/...", "sigs.k8s.io/controller-runtime/..."},
		why:    "the API types are imported by other people's programs",
	},
	{
		of: []string{"internal/inventory/...", "internal/trigger/...", "internal/resources/..."},
		forbid: join(kubernetesClients, gophercloud, database, []string{
			"net/http/...", "os/exec", "internal/openstack/...", "internal/store/...", "internal/controller/...",
		}),
		why: "decisions are pure: values in, values out, no I/O",
	},
	{
		of:     []string{"..."},
		except: []string{"internal/openstack/...", "internal/credentials/...", "test/openstackconformance/...", "test/openstacklab/..."},
		forbid: gophercloud,
		why:    "OpenStack's client stops at our seam, internal/openstack",
	},
	{
		of:     []string{"..."},
		except: []string{"internal/store/...", "internal/dbadmin/...", "internal/mariadb/...", "test/..."},
		forbid: database,
		why:    "SQL lives in two rooms, internal/store (what is published) and internal/dbadmin (the server's accounts), over internal/mariadb",
	},
	{
		of:     []string{"internal/store/...", "internal/dbadmin/...", "internal/mariadb/...", "internal/openstack/..."},
		forbid: join(kubernetesClients, []string{"internal/controller/...", "internal/app/..."}),
		why:    "the seams know nothing of Kubernetes: they can be used and tested without it",
	},
	{
		of:     []string{"internal/backup/..."},
		forbid: join(kubernetesClients, gophercloud, []string{"internal/...", "cmd/..."}),
		why:    "what keeps dumps runs beside the database, in Pods without rights: it knows files, and nothing of what is in them",
	},
	{
		of:     []string{"internal/..."},
		except: []string{"internal/app/...", "internal/controller/..."},
		forbid: []string{"internal/controller/...", "internal/app/...", "cmd/..."},
		why:    "controllers are the top: they call the rest and are put together by internal/app",
	},
	{
		of:     []string{"internal/controller/..."},
		forbid: []string{"internal/app/...", "cmd/..."},
		why:    "controllers are given their parts, they don't fetch them",
	},
	{
		of: []string{"internal/plugin/...", "cmd/kubectl-multinic/..."},
		forbid: join(gophercloud, database, []string{
			"internal/app/...", "internal/controller/...", "internal/credentials/...", "internal/openstack/...", "internal/publication/...",
			"internal/round/...", "internal/store/...", "internal/dbadmin/...",
		}),
		why: "the plugin runs on people's machines, with their rights: it sees the API server alone",
	},
	{
		of:     []string{"..."},
		except: []string{"internal/backup/..."},
		forbid: []string{"github.com/minio/..."},
		why:    "the bucket's client stops at our seam, internal/backup",
	},
	{
		of: []string{"internal/children/..."},
		forbid: join(gophercloud, database, []string{
			"internal/credentials/...", "internal/health/...", "internal/inventory/...", "internal/openstack/...", "internal/publication/...",
			"internal/receiver/...", "internal/round/...", "internal/store/...", "internal/trigger/...",
		}),
		why: "it makes any objects be as they were built, and knows nothing of what they are for",
	},
	{
		of:     product,
		forbid: []string{"test/..."},
		why:    "what ships does not contain what tests it",
	},
}

func TestPackagesImportOnlyWhatTheyMay(t *testing.T) {
	t.Parallel()
	imports := productionImports(t)
	if len(imports) < 10 {
		t.Fatalf("only %d packages found: the test looks in the wrong place", len(imports))
	}
	for _, violation := range check(imports) {
		t.Error(violation)
	}
}

func TestARuleSeesAViolation(t *testing.T) {
	t.Parallel()
	for _, forbidden := range []map[string][]string{
		{"api/v1alpha1": {"internal/inventory"}},
		{"internal/inventory": {"net/http"}},
		{"internal/trigger": {"sigs.k8s.io/controller-runtime/pkg/client"}},
		{"internal/round": {"github.com/gophercloud/gophercloud/v2"}},
		{"internal/app": {"database/sql"}},
		{"internal/controller/multinicoperator": {"github.com/go-sql-driver/mysql"}},
		{"internal/dbadmin": {"sigs.k8s.io/controller-runtime/pkg/client"}},
		{"internal/store/storetest": {"k8s.io/client-go/rest"}},
		{"internal/publication": {"internal/controller/openstackconfig"}},
		{"internal/controller/openstackconfig": {"internal/controller/multinicoperator"}},
		{"cmd/multinic": {"test/openstacksim"}},
		{"internal/plugin": {"internal/store"}},
		{"internal/backup": {"internal/store"}},
		{"internal/backup": {"sigs.k8s.io/controller-runtime/pkg/client"}},
		{"internal/store": {"github.com/minio/minio-go/v7"}},
		{"cmd/kubectl-multinic": {"internal/openstack"}},
		{"internal/children": {"internal/store"}},
	} {
		if len(check(forbidden)) == 0 {
			t.Errorf("nothing said of %v", forbidden)
		}
	}
	allowed := map[string][]string{
		"internal/openstack":                  {"github.com/gophercloud/gophercloud/v2"},
		"internal/controller/openstackconfig": {"internal/store", "internal/controller/openstackconfig/sub"},
		"internal/store":                      {"database/sql"},
		"internal/dbadmin":                    {"database/sql", "internal/store"},
		"internal/backup":                     {"github.com/minio/minio-go/v7"},
		"test/system":                         {"database/sql", "internal/app"},
		"internal/children":                   {"api/v1alpha1", "sigs.k8s.io/controller-runtime/pkg/client"},
		"internal/plugin":                     {"internal/trigger", "internal/inventory", "sigs.k8s.io/controller-runtime/pkg/client"},
	}
	for _, violation := range check(allowed) {
		t.Errorf("forbids what is allowed: %s", violation)
	}
}

// check gives one sentence for each import that a rule forbids. Packages that exist to
// test (…test) are held to the rules about Kubernetes, OpenStack and SQL, but may use
// test/.
func check(imports map[string][]string) []string {
	var violations []string
	for from, targets := range imports {
		for _, to := range targets {
			for _, r := range rules {
				excepted := matches(from, r.except) || strings.HasSuffix(from, "test") && matches(to, []string{"test/..."})
				if matches(from, r.of) && matches(to, r.forbid) && !excepted {
					violations = append(violations, fmt.Sprintf("%s imports %s: %s", from, to, r.why))
				}
			}
			if a, b := controller(from), controller(to); a != "" && b != "" && a != b {
				violations = append(violations, fmt.Sprintf("%s imports %s: controllers don't know each other, the API server is between them", from, to))
			}
		}
	}
	return violations
}

// controller gives the name of the controller that a package belongs to, else "".
func controller(pkg string) string {
	below, ok := strings.CutPrefix(pkg, "internal/controller/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(below, "/")
	return name
}

func matches(pkg string, patterns []string) bool {
	for _, pattern := range patterns {
		prefix, below := strings.CutSuffix(pattern, "...")
		if below && (strings.HasPrefix(pkg, prefix) || pkg == strings.TrimSuffix(prefix, "/")) || pkg == pattern {
			return true
		}
	}
	return false
}

func join(lists ...[]string) []string {
	var all []string
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// productionImports gives what each package of the module imports outside its tests.
// Our own packages come without the module's name.
func productionImports(t *testing.T) map[string][]string {
	t.Helper()
	imports := map[string][]string{}
	for _, top := range []string{"api", "cmd", "internal", "test"} {
		err := filepath.WalkDir(filepath.Join("..", top), func(file string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() && entry.Name() == "testdata" {
				return filepath.SkipDir
			}
			if entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
				return nil
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
			if err != nil {
				return err
			}
			pkg := path.Dir(filepath.ToSlash(strings.TrimPrefix(file, ".."+string(filepath.Separator))))
			for _, spec := range parsed.Imports {
				imported, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					return err
				}
				imports[pkg] = append(imports[pkg], strings.TrimPrefix(imported, module))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return imports
}
