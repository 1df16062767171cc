// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// partCommand makes this program do one job on its own: the bare listing and
// the naive way run in a process of theirs, as the controller does, so that
// they share neither heap nor garbage collector with the simulator.
const partCommand = "part"

// job is what such a process is told.
type job struct {
	Kind                               string // listing or naive
	AuthURL, User, Password, ProjectID string
	Subnets                            []string // names
	Objects                            []naiveObject
	DB                                 testenv.DB
}

// partResult is what it answers. A wall of the second listing, which needs no
// login, is told apart.
type partResult struct {
	Calls      int
	Bytes      int64
	Statements int64
	Wall       time.Duration
	Again      struct {
		Calls int
		Bytes int64
		Wall  time.Duration
	}
	Error string
}

func runPart(ctx context.Context, in io.Reader, out io.Writer) error {
	var j job
	if err := json.NewDecoder(in).Decode(&j); err != nil {
		return err
	}
	var r partResult
	var err error
	switch j.Kind {
	case "listing":
		r, err = listTwice(ctx, j)
	case "naive":
		r, err = naively(ctx, j)
	default:
		err = fmt.Errorf("no part is called %q", j.Kind)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}

// part runs a job in a process of its own.
func (w *world) part(ctx context.Context, j job) (first, again figures, err error) {
	j.AuthURL, j.User, j.Password, j.ProjectID = w.sim.AuthURL(), w.scale.User.Name, w.scale.User.Password, w.scale.Project.ID
	for _, s := range w.scale.Subnets {
		j.Subnets = append(j.Subnets, s.Name)
	}
	self, err := os.Executable()
	if err != nil {
		return first, again, err
	}
	input, err := json.Marshal(j)
	if err != nil {
		return first, again, err
	}
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, self, partCommand)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &output, os.Stderr
	if err := cmd.Run(); err != nil {
		return first, again, fmt.Errorf("the part %s: %w", j.Kind, err)
	}
	var r partResult
	if err := json.Unmarshal(output.Bytes(), &r); err != nil {
		return first, again, err
	}
	first = figures{calls: r.Calls, bytes: r.Bytes, statements: r.Statements, wall: r.Wall}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		first.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		first.peak = usage.Maxrss << 10
	}
	again = figures{calls: r.Again.Calls, bytes: r.Again.Bytes, wall: r.Again.Wall}
	return first, again, nil
}
