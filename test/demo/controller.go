// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// stopTimeout is how long the controller may take to end after SIGTERM; in a
// cluster it has terminationGracePeriodSeconds: 30.
const stopTimeout = 20 * time.Second

// controller is the program under show, as a process of its own.
type controller struct {
	binary  string
	address string // of health and metrics
	webhook string // of the trigger webhook
	logFile string

	cmd    *exec.Cmd
	exited chan struct{} // closed when cmd has ended, after err is set
	err    error
}

// build compiles cmd/multinic into dir.
func (c *controller) build(ctx context.Context, dir string) error {
	c.binary = filepath.Join(dir, "multinic")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", c.binary, "./cmd/multinic")
	if output, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("go build ./cmd/multinic: %w\n%s", err, output)
	}
	return nil
}

// start runs the controller and returns when /readyz says yes.
func (c *controller) start(ctx context.Context, dir, kubeconfig string, env []string) error {
	var err error
	if c.webhook, err = freeAddress(); err != nil {
		return err
	}
	if c.address, err = freeAddress(); err != nil {
		return err
	}
	c.logFile = filepath.Join(dir, "controller.log")
	log, err := os.Create(c.logFile)
	if err != nil {
		return err
	}
	defer log.Close()
	c.cmd = exec.Command(c.binary, "controller", "--namespace="+controllerNamespace, "--bind-address="+c.address,
		"--trigger-bind-address="+c.webhook, "--trigger-tls-bind-address=127.0.0.1:0")
	c.cmd.Env = append(append(os.Environ(), "KUBECONFIG="+kubeconfig), env...)
	c.cmd.Stdout, c.cmd.Stderr = log, log
	// A process group of its own: Ctrl-C reaches the demo alone, which then
	// stops the controller in order.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.cmd.Start(); err != nil {
		c.cmd = nil
		return fmt.Errorf("starting the controller: %w", err)
	}
	c.exited = make(chan struct{})
	go func() {
		c.err = c.cmd.Wait()
		close(c.exited)
	}()
	return eventually(ctx, "the controller's /readyz", func() error {
		select {
		case <-c.exited:
			return final{fmt.Errorf("the controller ended (%w): its log below says why", c.err)}
		default:
		}
		_, err := c.get(ctx, "/readyz")
		return err
	})
}

// whileItRuns is a context that also ends with the controller.
func (c *controller) whileItRuns(ctx context.Context) (context.Context, context.CancelFunc) {
	running, cancel := context.WithCancel(ctx)
	exited := c.exited
	go func() {
		select {
		case <-exited:
			cancel()
		case <-running.Done():
		}
	}()
	return running, cancel
}

// get reads a path of the controller; any status but 200 is an error that
// holds the answer.
func (c *controller) get(ctx context.Context, path string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.address+path, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s: %s", path, response.Status, strings.TrimSpace(string(body)))
	}
	return string(body), nil
}

// stop ends the controller in order, as the kubelet would, and says if it did
// not end well. It does nothing when the controller does not run.
func (c *controller) stop() error {
	if c.cmd == nil {
		return nil
	}
	select {
	case <-c.exited:
		c.cmd = nil
		if c.err == nil {
			return errors.New("the controller ended before its time, without an error of its own")
		}
		return fmt.Errorf("the controller ended before its time: %w", c.err)
	default:
	}
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-c.exited:
	case <-time.After(stopTimeout):
		_ = c.cmd.Process.Kill()
		<-c.exited
		c.err = fmt.Errorf("it had to be killed %s after SIGTERM", stopTimeout)
	}
	c.cmd = nil
	if c.err != nil {
		return fmt.Errorf("the controller did not stop well: %w", c.err)
	}
	return nil
}

// logTail is the end of what the controller has logged.
func (c *controller) logTail() string {
	content, err := os.ReadFile(c.logFile)
	if err != nil {
		return "(none)"
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}

// freeAddress is a loopback address that nobody listened on a moment ago.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// patience is how long anything may take on a slow, loaded machine.
const patience = 3 * time.Minute

// final is an error that waiting does not mend.
type final struct{ error }

// eventually asks until there is no complaint.
func eventually(ctx context.Context, what string, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		if f, ok := errors.AsType[final](err); ok {
			return f.error
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err()
			}
			return fmt.Errorf("%s: not within %s; at last: %w", what, patience, err)
		}
	}
}
