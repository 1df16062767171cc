// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/duration"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// width is what a terminal shows at least of a line.
const width = 100

// print writes a line of the answer, tell one beside it: what goes to a file or a pipe
// is the answer alone.
func (p *program) print(format string, args ...any) { writeLine(p.Streams.Out, format, args...) }
func (p *program) tell(format string, args ...any)  { writeLine(p.Streams.ErrOut, format, args...) }

func writeLine(w io.Writer, format string, args ...any) {
	fmt.Fprintln(w, clean(fmt.Sprintf(format, args...)))
}

// clean takes out what a terminal would obey: names and messages come from others.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && unicode.IsControl(r) {
			return '?'
		}
		return r
	}, s)
}

// wrap breaks text at spaces so that no line is longer than the width; prefix begins
// the first line, hang the others. A word that is too long stays whole.
func wrap(text, prefix, hang string) []string {
	var lines []string
	line, empty := prefix, true
	for word := range strings.FieldsSeq(text) {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line, empty = hang, true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	return append(lines, line)
}

// table writes columns two spaces apart, the last as long as it is.
func (p *program) table(rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(pad(cell, widths[i]+2))
		}
		p.print("%s", strings.TrimRight(line.String(), " "))
	}
}

func pad(s string, to int) string {
	return s + strings.Repeat(" ", max(0, to-utf8.RuneCountInString(s)))
}

// count writes a number with its noun.
func count[N int | int32](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// ago writes how long something is past.
func (p *program) ago(t time.Time) string {
	return duration.HumanDuration(max(0, p.Now().Sub(t))) + " ago"
}

// errNo is the answer no.
var errNo = errors.New("not confirmed: nothing was changed (--yes answers beforehand)")

// ask puts a question; anything but yes is no, and so is Ctrl-C.
func (p *program) ask(ctx context.Context, question string) error {
	_, _ = fmt.Fprint(p.Streams.ErrOut, question+" [y/N] ")
	answers := make(chan string, 1)
	go func() {
		answer, _ := bufio.NewReader(p.Streams.In).ReadString('\n')
		answers <- answer
	}()
	answer := ""
	select {
	case answer = <-answers:
	case <-ctx.Done():
	}
	if !strings.HasSuffix(answer, "\n") {
		p.tell("")
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	default:
		return errNo
	}
}

// key names an object as people do.
func key(obj client.Object) string { return obj.GetNamespace() + "/" + obj.GetName() }
