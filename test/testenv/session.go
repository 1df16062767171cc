// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// sessionEnv carries the session directory's name to every descendant, so that
// the watchdog knows them.
const sessionEnv = "MULTINIC_TESTENV"

//go:embed watchdog.sh
var watchdogScript string

// session is what this process has outside itself: one directory and the
// watchdog that ends whatever belongs to it.
type session struct {
	dir      string
	lifeline io.Closer // its closing, by us or by our death, wakes the watchdog
	watchdog *exec.Cmd
}

// process is this process's session. A process has one directory and one
// watchdog however many tests run in it, hence the package-level state.
var process struct {
	sync.Mutex
	session *session
}

// TempDir makes a new directory, readable by this user only, that goes away with
// this process, however the process ends.
func TempDir(prefix string) (string, error) {
	process.Lock()
	defer process.Unlock()
	if process.session == nil {
		s, err := startSession()
		if err != nil {
			return "", err
		}
		process.session = s
	}
	return os.MkdirTemp(process.session.dir, prefix+"-")
}

// Shutdown ends every server that this process started and removes their files,
// and returns when that is done. A program calls it before it exits, so that
// nothing is left when the user's prompt returns; tests need not: the same
// happens shortly after the process has ended.
func Shutdown() error {
	process.Lock()
	s := process.session
	process.session = nil
	process.Unlock()
	if s == nil {
		return nil
	}
	if err := s.lifeline.Close(); err != nil {
		return fmt.Errorf("waking the watchdog: %w", err)
	}
	if err := s.watchdog.Wait(); err != nil {
		return fmt.Errorf("the watchdog that cleans up %s failed: %w", s.dir, err)
	}
	return nil
}

func startSession() (*session, error) {
	suffix := make([]byte, 8)
	if _, err := rand.Read(suffix); err != nil {
		return nil, err
	}
	tmp, err := filepath.Abs(os.TempDir())
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(tmp, "multinic-testenv-"+hex.EncodeToString(suffix))
	if strings.ContainsAny(dir, "\n") {
		return nil, fmt.Errorf("cannot work below TMPDIR=%q: a line break in its name", tmp)
	}

	cmd := exec.Command("/bin/sh", "-c", watchdogScript)
	cmd.Dir = "/"
	// The watchdog must not be found by the watchdog of a process that started us.
	cmd.Env = withoutEnv(os.Environ(), sessionEnv)
	// A session of its own: Ctrl-C and a killed process group do not reach it.
	// Its output goes nowhere, or go test would wait for it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the watchdog: %w", err)
	}
	s := &session{dir: dir, lifeline: lifeline, watchdog: cmd}

	// Told first, made second: there is no moment at which the directory exists
	// and nobody would remove it.
	if _, err := io.WriteString(lifeline, dir+"\n"); err != nil {
		return nil, errors.Join(fmt.Errorf("talking to the watchdog: %w", err), lifeline.Close())
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, errors.Join(err, lifeline.Close())
	}
	if err := os.Setenv(sessionEnv, dir); err != nil {
		return nil, errors.Join(err, lifeline.Close())
	}
	return s, nil
}

func withoutEnv(env []string, name string) []string {
	kept := make([]string, 0, len(env))
	for _, e := range env {
		if !strings.HasPrefix(e, name+"=") {
			kept = append(kept, e)
		}
	}
	return kept
}
