// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestATableKeepsToItsWidthAndCutsTheWidestColumn(t *testing.T) {
	t.Parallel()
	in := table{gap: 2, rule: true, header: []string{"id", "attached_node_name"}, rows: [][]string{{"1", strings.Repeat("n", 60)}, {"22", "b"}}}
	const want = `id  attached_node_name
--  --------------------------
1   nnnnnnnnnnnnnnnnnnnnnnnn..
22  b
`
	if got := in.render(30); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestATableThatFitsIsNotCut(t *testing.T) {
	t.Parallel()
	in := table{gap: 3, header: []string{"NAME", "VMS"}, rows: [][]string{{"서브넷", "3"}}}
	if got, want := in.render(100), "NAME   VMS\n서브넷    3\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestOnlyUUIDsAreShortened(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"4865a0da-0000-4000-8000-0123456789ab": "4865a0da..",
		"openstack-config-of-our-big-cluster":  "openstack-config-of-our-big-cluster",
		"":                                     "",
	} {
		if got := short(in); got != want {
			t.Errorf("short(%q) is %q, want %q", in, got, want)
		}
	}
}

func TestAServerTableIsPrintedAsKubectlDoes(t *testing.T) {
	t.Parallel()
	in := &metav1.Table{
		ColumnDefinitions: []metav1.TableColumnDefinition{{Name: "Name"}, {Name: "Phase"}, {Name: "Message", Priority: 1}, {Name: "VMs"}},
		Rows:              []metav1.TableRow{{Cells: []any{"a", nil, "long", int64(3)}}},
	}
	got, err := kubectlTable(in)
	if err != nil {
		t.Fatal(err)
	}
	if want := "NAME   PHASE   VMS\na              3\n"; got.render(100) != want {
		t.Errorf("got\n%swant\n%s", got.render(100), want)
	}
	in.Rows[0].Cells = in.Rows[0].Cells[:1]
	if _, err := kubectlTable(in); err == nil {
		t.Error("a row that is too short was taken")
	}
}

func TestStepsWrapUnderTheirText(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	s := &screen{w: &b, start: time.Now()}
	s.step("MariaDB", strings.Repeat("word ", 30))
	lines := splitLines(b.String())
	if len(lines) != 2 || !strings.HasPrefix(lines[1], strings.Repeat(" ", margin)+"word") {
		t.Errorf("got %q", lines)
	}
	for _, line := range lines {
		if len(line) > columns {
			t.Errorf("a line of %d columns: %q", len(line), line)
		}
	}
	if strings.Contains(b.String(), "\x1b") {
		t.Error("colours where there is no terminal")
	}
}
