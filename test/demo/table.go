// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func runes(s string) int { return utf8.RuneCountInString(s) }

// table is text in rows and columns.
type table struct {
	header []string
	rows   [][]string
	gap    int  // spaces between columns
	rule   bool // a line under the header
}

// least is the width below which no column is cut.
const least = 8

// render gives the table in lines of at most width runes: the widest columns
// are cut, which two dots at the end of a cell show.
func (t table) render(width int) string {
	widths := t.widths(width)
	var b strings.Builder
	line := func(cells []string) {
		var l strings.Builder
		for i, cell := range cells {
			cell = cut(cell, widths[i])
			l.WriteString(cell)
			if i < len(cells)-1 {
				l.WriteString(strings.Repeat(" ", widths[i]-runes(cell)+t.gap))
			}
		}
		b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
	line(t.header)
	if t.rule {
		rules := make([]string, len(widths))
		for i, w := range widths {
			rules[i] = strings.Repeat("-", w)
		}
		line(rules)
	}
	for _, row := range t.rows {
		line(row)
	}
	return b.String()
}

func (t table) widths(width int) []int {
	widths := make([]int, len(t.header))
	total := t.gap * (len(t.header) - 1)
	for i, h := range t.header {
		widths[i] = runes(h)
		for _, row := range t.rows {
			widths[i] = max(widths[i], runes(row[i]))
		}
		total += widths[i]
	}
	for ; total > width; total-- {
		widest := 0
		for i := range widths {
			if widths[i] > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= least {
			break
		}
		widths[widest]--
	}
	return widths
}

func cut(s string, width int) string {
	if runes(s) <= width {
		return s
	}
	return string([]rune(s)[:width-2]) + ".."
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// short leaves of a UUID what people tell it by.
func short(s string) string {
	if uuid.MatchString(s) {
		return s[:8] + ".."
	}
	return s
}

// kubectlTable is a Table of the API server as kubectl prints it: columns of
// priority 0, names in capitals, three spaces between.
func kubectlTable(in *metav1.Table) (table, error) {
	t := table{gap: 3}
	var shown []int
	for i, c := range in.ColumnDefinitions {
		if c.Priority == 0 {
			shown = append(shown, i)
			t.header = append(t.header, strings.ToUpper(c.Name))
		}
	}
	for _, r := range in.Rows {
		var row []string
		for _, i := range shown {
			if i >= len(r.Cells) {
				return table{}, fmt.Errorf("the API server sent a row of %d cells for %d columns", len(r.Cells), len(in.ColumnDefinitions))
			}
			cell := ""
			if r.Cells[i] != nil {
				cell = fmt.Sprint(r.Cells[i])
			}
			row = append(row, cell)
		}
		t.rows = append(t.rows, row)
	}
	return t, nil
}
