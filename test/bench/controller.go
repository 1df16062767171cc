// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	appsv1 "k8s.io/api/apps/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// Lines of the controller's log that mark a phase.
const (
	lineServing    = "Serving health and metrics"
	lineLeading    = "Leading the database"
	lineCompleted  = "Reconcile completed successfully"
	lineProceeding = "Proceeding with reconcile"
)

// controller is the process that is measured.
type controller struct {
	cmd     *exec.Cmd
	started time.Time
	done    chan struct{} // closed when its log has ended

	mu      sync.Mutex
	lines   map[string][]time.Time // when each of the marking lines came
	address string                 // of its metrics
	last    []string               // lines, for when something goes wrong
	changed chan struct{}          // closed and replaced with every line
}

// startController runs it against the world, with the memory limit that the
// shipped Deployment gives it.
func (w *world) startController() error {
	limit, err := shippedEnv("GOMEMLIMIT")
	if err != nil {
		return err
	}
	// The objects of the floor are nobody's.
	cmd := exec.Command(w.binary, "controller", "--leader-elect=false", "--bind-address=127.0.0.1:0", "--trigger-bind-address=",
		"--namespace="+controllerNamespace, "--watch-namespace="+objectNamespace)
	cmd.Env = append(os.Environ(), append(w.db.Env(), "KUBECONFIG="+w.plane.Kubeconfig, "GOMEMLIMIT="+limit)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is ours to pass on
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	c := &controller{cmd: cmd, done: make(chan struct{}), lines: map[string][]time.Time{}, changed: make(chan struct{}), started: time.Now()}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the controller: %w", err)
	}
	var keep io.Writer = io.Discard
	if w.log != "" {
		file, err := os.OpenFile(w.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return errors.Join(err, cmd.Process.Kill())
		}
		keep = file
	}
	go c.follow(io.TeeReader(stderr, keep))
	w.controller = c
	return nil
}

// shippedEnv is a variable of the shipped Deployment's container.
func shippedEnv(name string) (string, error) {
	path := filepath.Join("config", "manager", "controller.yaml")
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("the benchmark runs in the project's root: %w", err)
	}
	deployment := &appsv1.Deployment{}
	if err := utilyaml.Unmarshal(content, deployment); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	for _, c := range deployment.Spec.Template.Spec.Containers {
		for _, e := range c.Env {
			if e.Name == name {
				return e.Value, nil
			}
		}
	}
	return "", fmt.Errorf("%s sets no %s", path, name)
}

func (c *controller) follow(log io.Reader) {
	defer close(c.done)
	scanner := bufio.NewScanner(log)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		c.note(scanner.Text(), time.Now())
	}
}

func (c *controller) note(line string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, marker := range []string{lineServing, lineLeading, lineCompleted, lineProceeding} {
		if strings.Contains(line, marker) {
			c.lines[marker] = append(c.lines[marker], now)
		}
	}
	if strings.Contains(line, lineServing) {
		_, c.address, _ = strings.Cut(line, "address=")
	}
	c.last = append(c.last, line)
	if len(c.last) > 200 {
		c.last = append(c.last[:0], c.last[150:]...)
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

// seen are the times of a marking line so far.
func (c *controller) seen(marker string) []time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lines[marker]
}

// wait waits until a marking line has come n times in all, and tells when the
// n-th came.
func (c *controller) wait(ctx context.Context, marker string, n int) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		c.mu.Lock()
		times, changed := c.lines[marker], c.changed
		c.mu.Unlock()
		if len(times) >= n {
			return times[n-1], nil
		}
		select {
		case <-changed:
		case <-c.done:
			return time.Time{}, errors.New("the controller ended")
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("the controller's log says %q %d times, %d were waited for: %w", marker, len(times), n, ctx.Err())
		}
	}
}

func (c *controller) tail() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.last[max(0, len(c.last)-20):], "\n")
}

// stop ends it as the kubelet does.
func (c *controller) stop() error {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.done:
	case <-time.After(30 * time.Second):
		_ = c.cmd.Process.Kill()
		<-c.done
	}
	return c.cmd.Wait()
}

// metrics reads /metrics into sums over all labels but those in by: the key is
// the metric's name, or name/value of that label.
func (c *controller) metrics(ctx context.Context, by map[string]string) (map[string]float64, error) {
	c.mu.Lock()
	address := c.address
	c.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for name, family := range families {
		for _, m := range family.GetMetric() {
			key := []string{name}
			for _, l := range m.GetLabel() {
				if l.GetName() == by[name] {
					key = append(key, l.GetValue())
				}
			}
			out[strings.Join(key, "/")] += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return out, nil
}

// cpu is the processor time that it has used.
func (c *controller) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// proc(5): the fields after the name in brackets; utime and stime are the
	// 12th and 13th of them, in ticks of 1/100 s on every Linux that Go runs on.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// peakRSS is the most memory that it has held (VmHWM), in bytes.
func (c *controller) peakRSS() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, found := strings.Cut(string(status), "VmHWM:")
	if !found {
		return 0, errors.New("/proc tells no VmHWM")
	}
	kilobytes, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	return kilobytes << 10, err
}
