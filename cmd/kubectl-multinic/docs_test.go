// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/xormsdhkdwk/multinic/internal/plugin"
)

// verbs are all commands that are ours.
func verbs() []*cobra.Command {
	all := []*cobra.Command{plugin.New(plugin.Options{})}
	for i := 0; i < len(all); i++ {
		all = append(all, all[i].Commands()...)
	}
	return all
}

func TestEveryVerbHasAnExampleAndEveryExampleIsRunByAScript(t *testing.T) {
	t.Parallel()
	ran := map[string]bool{}
	files, _ := filepath.Glob("testdata/script/*.txtar")
	background := regexp.MustCompile(` &\w*&?$`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		script, _, _ := strings.Cut(string(text), "\n-- ")
		for line := range strings.Lines(script) {
			if command, ok := strings.CutPrefix(strings.TrimSpace(line), "exec "); ok {
				ran[background.ReplaceAllString(command, "")] = true
			}
		}
	}
	for _, cmd := range verbs() {
		examples := 0
		for line := range strings.Lines(cmd.Example) {
			line = strings.TrimSpace(line)
			if !strings.HasPrefix(line, "kubectl") {
				continue
			}
			examples++
			if !ran[line] {
				t.Errorf("%s --help shows an example that no script runs to success: %s", cmd.CommandPath(), line)
			}
		}
		if examples == 0 {
			t.Errorf("%s --help has no example", cmd.CommandPath())
		}
	}
}

func TestTheDocsNameOnlyVerbsAndFlagsThatThereAre(t *testing.T) {
	t.Parallel()
	var files []string
	for _, pattern := range []string{"../../README*.md", "../../docs/*/*.md", "../../CHANGELOG.md"} {
		found, _ := filepath.Glob(pattern)
		files = append(files, found...)
	}
	commands := 0
	call := regexp.MustCompile("(?m)(?:`|^|  )kubectl multinic ([^`\n#|]+)")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range call.FindAllStringSubmatch(string(text), -1) {
			commands++
			root := plugin.New(plugin.Options{})
			cmd, args, err := root.Find(strings.Fields(match[1]))
			if err == nil {
				err = cmd.ParseFlags(args)
			}
			if err != nil || cmd == root && !strings.HasPrefix(match[1], "--") {
				t.Errorf("%s says kubectl multinic %s: %v", file, match[1], err)
			}
		}
	}
	if commands < 10 {
		t.Errorf("only %d commands found in %d files: the test looks for the wrong thing", commands, len(files))
	}
}
