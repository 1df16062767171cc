// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// columns is the width that every line keeps to.
const columns = 100

// screen prints what the demo has to say: plain text, and bold, green and the
// like only on a terminal.
type screen struct {
	mu       sync.Mutex
	w        io.Writer
	colour   bool
	start    time.Time
	finished atomic.Bool // the story was told to its end
	acts     int         // told so far
}

func newScreen(f *os.File) *screen {
	info, err := f.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	return &screen{w: f, colour: terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb", start: time.Now()}
}

// Escape sequences of ECMA-48, which every terminal of today understands.
const (
	bold  = "\x1b[1m"
	faint = "\x1b[2m"
	green = "\x1b[32m"
	red   = "\x1b[31m"
)

func (s *screen) paint(style, text string) string {
	if !s.colour || style == "" {
		return text
	}
	return style + text + "\x1b[0m"
}

func (s *screen) print(lines ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range lines {
		_, _ = fmt.Fprintln(s.w, line) // nobody to tell when the terminal is gone
	}
}

func (s *screen) title(cloud string) {
	what := "a simulated OpenStack"
	if cloud != "" {
		what = "your cloud " + cloud + ", which is only read"
	}
	s.print("", s.paint(bold, "MultiNic demo"))
	s.say("VMs and a subnet, declared in Kubernetes, become rows in MariaDB that node agents read. " +
		"What runs here is real (kube-apiserver, etcd, MariaDB, the controller) and is shown with " + what + ". " +
		"All of it listens on 127.0.0.1 and goes when the demo ends.")
}

// section begins a part of the story.
func (s *screen) section(heading string) { s.print("", s.paint(bold, heading)) }

// act begins the next numbered part of the story.
func (s *screen) act(heading string) {
	s.acts++
	s.section(fmt.Sprintf("%d. %s", s.acts, heading))
}

// say prints a paragraph.
func (s *screen) say(text string) { s.print(wrap(text, columns)...) }

// step is a line of progress: seconds since the start, what, and what of it.
func (s *screen) step(what, text string) { s.progress("", what, text) }

// good is a step that is done and was checked.
func (s *screen) good(what, text string) { s.progress(green, what, text) }

// patiently does something that may take long and says every now and then that
// it is still at it.
func (s *screen) patiently(what string, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	ticker := time.NewTicker(reassurance)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ticker.C:
			s.step(what, "still at it")
		}
	}
}

// reassurance is how long a reader is left without a line.
const reassurance = 20 * time.Second

// margin is where the text of a step begins.
const margin = 20

func (s *screen) progress(style, what, text string) {
	lines := wrap(text, columns-margin)
	s.print(s.paint(faint, s.elapsed()) + "  " + s.paint(style, fmt.Sprintf("%-11s", what)) + " " + lines[0])
	for _, line := range lines[1:] {
		s.print(strings.Repeat(" ", margin) + line)
	}
}

func (s *screen) elapsed() string { return fmt.Sprintf("%5.1fs", time.Since(s.start).Seconds()) }

// command is a line that the reader could type.
func (s *screen) command(line string) { s.print("", "  "+s.paint(faint, "$ ")+s.paint(bold, line)) }

// block prints text as it is, indented.
func (s *screen) block(text string) {
	for line := range strings.Lines(text) {
		s.print("  " + strings.TrimRight(line, "\n"))
	}
}

func (s *screen) log(what, text string) {
	s.print("", s.paint(faint, "--- "+what))
	s.print(s.paint(faint, strings.TrimRight(text, "\n")))
	s.print(s.paint(faint, "---"))
}

func (s *screen) failure(err error) {
	s.print("", s.paint(red, "The demo failed:"))
	for line := range strings.Lines(err.Error()) {
		s.print(strings.TrimRight(line, "\n"))
	}
}

// farewell ends what still runs and says how long that took.
func (s *screen) farewell(shutdown func() error) error {
	s.print("")
	s.step("Stopping", "the controller, Kubernetes and MariaDB, and removing their files")
	if err := shutdown(); err != nil {
		return err
	}
	s.good("Gone", "nothing is left behind but the caches of the builds")
	return nil
}

// Write lets others report progress line by line, as testenv does while it
// fetches or builds kube-apiserver.
func (s *screen) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		s.step("", strings.TrimPrefix(strings.TrimRight(line, "\n"), "testenv: "))
	}
	return len(p), nil
}

// wrap breaks a paragraph into lines of at most width runes, at spaces.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case runes(line)+1+runes(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}
