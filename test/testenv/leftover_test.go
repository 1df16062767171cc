// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// victimEnv makes the test binary start servers and end in the way that it names.
const victimEnv = "MULTINIC_TESTENV_VICTIM"

func TestMain(m *testing.M) {
	if end := os.Getenv(victimEnv); end != "" {
		victim(end)
	}
	os.Exit(m.Run())
}

// victim is a process with what testenv can start (a control plane takes seconds, so
// only for the likeliest ends); it says where on standard output, and ends.
func victim(end string) {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
	}
	server, err := testenv.StartMariaDB(context.Background(), testenv.MariaDBOptions{})
	fail(err)
	fail(server.Freeze()) // the hardest to end: it sees no SIGTERM
	if end == "killed" || end == "interrupted" {
		_, err = testenv.StartControlPlane(context.Background())
		fail(err)
	}
	if end == "killed with a cluster" {
		_, err = testenv.StartGalera(context.Background())
		fail(err)
	}
	child := exec.Command("sleep", "3600") // a program that a test started itself
	fail(child.Start())
	dir, err := testenv.TempDir("victim")
	fail(err)
	fmt.Println(filepath.Dir(dir))
	switch end {
	case "panic":
		panic("as ordered")
	case "exit":
		os.Exit(0)
	case "shutdown":
		fail(testenv.Shutdown())
		os.Exit(0)
	default: // the test ends us
		select {}
	}
}

func TestNothingIsLeftBehindHoweverTheProcessEnds(t *testing.T) {
	t.Parallel()
	for name, order := range map[string]struct {
		signal    syscall.Signal
		processes int // running when the signal is sent
	}{
		"killed":                {syscall.SIGKILL, 4}, // mariadbd, sleep, etcd, kube-apiserver
		"killed with a cluster": {syscall.SIGKILL, 5}, // mariadbd, sleep, three nodes
		"interrupted":           {syscall.SIGINT, 4},
		"quit":                  {syscall.SIGQUIT, 2}, // go test's time-out
		"panic":                 {},
		"exit":                  {},
		"shutdown":              {},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "killed with a cluster" && runtime.GOOS != "linux" {
				t.Skip("there is no Galera for " + runtime.GOOS)
			}
			victim := exec.Command(os.Args[0])
			victim.Env = append(os.Environ(), victimEnv+"="+name)
			// A group of its own, signalled as a whole: what a terminal does on Ctrl-C.
			victim.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			output, err := victim.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := victim.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(output).ReadString('\n')
			if err != nil {
				t.Fatalf("the process did not come up: %v, %v", err, victim.Wait())
			}
			dir := strings.TrimSpace(line)
			if order.signal != 0 {
				// The youngest may still be on its way into its program: it has no
				// command line then.
				running := descendants(t, dir)
				for deadline := time.Now().Add(time.Minute); len(running) < order.processes && time.Now().Before(deadline); running = descendants(t, dir) {
					time.Sleep(10 * time.Millisecond)
				}
				if len(running) != order.processes {
					t.Fatalf("expected %d processes, found %q", order.processes, running)
				}
				if err := syscall.Kill(-victim.Process.Pid, order.signal); err != nil {
					t.Fatal(err)
				}
			}
			_ = victim.Wait() // it fails by design
			eventuallyGone(t, dir, name == "shutdown")
		})
	}
}

// A person who has typed the KUBECONFIG that the demo prints has the directory's
// name in every program of that shell.
func TestAProgramThatOnlyKnowsOfTheDirectoryLivesOn(t *testing.T) {
	t.Parallel()
	victim := exec.Command(os.Args[0])
	victim.Env = append(os.Environ(), victimEnv+"=quit")
	output, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatalf("the process did not come up: %v, %v", err, victim.Wait())
	}
	dir := strings.TrimSpace(line)
	stranger := exec.Command("sleep", "3600")
	stranger.Env = []string{"KUBECONFIG=" + filepath.Join(dir, "kubeconfig")}
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- stranger.Wait() }()
	_ = victim.Process.Kill()
	_ = victim.Wait() // it fails by design
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(dir); os.IsNotExist(err) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the directory is still there")
		}
	}
	select {
	case <-ended:
		t.Error("a stranger was killed for the name in its environment")
	default:
	}
	_ = stranger.Process.Kill()
}

// eventuallyGone fails unless no process and no file of the session is left within a
// deadline, at once when the session says it has cleaned up.
func eventuallyGone(t *testing.T, dir string, atOnce bool) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for {
		running := descendants(t, dir)
		_, err := os.Stat(dir)
		if len(running) == 0 && os.IsNotExist(err) {
			return
		}
		if atOnce || time.Now().After(deadline) {
			t.Fatalf("left behind: processes %q, directory %v", running, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// descendants gives the command lines of the processes that name the session's
// directory in their command line or environment.
func descendants(t *testing.T, dir string) []string {
	t.Helper()
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil || len(processes) == 0 {
		t.Fatalf("this test needs /proc: %v", err)
	}
	var found []string
	for _, process := range processes {
		command, _ := os.ReadFile(filepath.Join(process, "cmdline")) // it may be gone
		environment, _ := os.ReadFile(filepath.Join(process, "environ"))
		if len(command) > 0 && strings.Contains(string(command)+string(environment), dir) {
			found = append(found, strings.ReplaceAll(string(command), "\x00", " "))
		}
	}
	return found
}
