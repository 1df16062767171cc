// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/xormsdhkdwk/multinic/internal/resources"
)

const (
	controllerLease = "multinic-controller.multinic.example.com"
	operatorLease   = "multinic-operator.multinic.example.com"
)

func TestTheProductionSampleBecomesASystemThatServesAgents(t *testing.T) {
	s := up(t)
	s.through(t, "nothing", func() {}, func() error { return nil })
	pod := get(t, namespace, resources.DatabaseName+"-0", &corev1.Pod{})
	out := run(t, "kubectl", "-n", namespace, "exec", pod.Name, "--", "sh", "-c",
		`MYSQL_PWD=$(cat $MYSQL_ROOT_PASSWORD_FILE) mariadb -h127.0.0.1 -uroot -Nse "select count(*) from multinic.multi_interface where status = 'active'"`)
	if got := strings.Fields(out); len(got) == 0 || got[len(got)-1] != strconv.Itoa(vms+1) {
		t.Errorf("MariaDB's own client sees %q active rows, want %d", out, vms+1)
	}
}

func TestAKilledLeaderIsReplacedAndAgentsNoticeNothing(t *testing.T) {
	s := up(t)
	leader := holder(t, controllerLease)
	// The same pod's next process may be the one that leads then.
	s.through(t, "the leader's process is killed", func() { kill(t, podOf(leader)) }, func() error { return otherHolder(t, controllerLease, leader) })
	leader = holder(t, controllerLease)
	s.through(t, "the leader's pod is deleted", func() { run(t, "kubectl", "-n", namespace, "delete", "pod", podOf(leader), "--wait=false") },
		func() error { return otherHolder(t, controllerLease, leader) })
	leader = holder(t, controllerLease)
	s.through(t, "the leader's pod is deleted by force", func() {
		run(t, "kubectl", "-n", namespace, "delete", "pod", podOf(leader), "--force", "--grace-period=0")
	}, func() error { return otherHolder(t, controllerLease, leader) })
}

func TestAKilledOperatorGoesOn(t *testing.T) {
	s := up(t)
	pod := podOf(holder(t, operatorLease))
	was := get(t, namespace, pod, &corev1.Pod{}).Status.ContainerStatuses[0].RestartCount
	s.through(t, "the operator's process is killed", func() { kill(t, pod) }, func() error { return restartedSince(t, pod, was) })
}

func TestMariaDBKilledUnderLoadComesBackWithEveryRow(t *testing.T) {
	s := up(t)
	const pod = resources.DatabaseName + "-0"
	load := s.load(t)
	was := get(t, namespace, pod, &corev1.Pod{})
	s.through(t, "MariaDB's process is killed under load", func() { kill(t, pod) },
		func() error { return restartedSince(t, pod, was.Status.ContainerStatuses[0].RestartCount) })
	s.through(t, "MariaDB's pod is deleted under load", func() { run(t, "kubectl", "-n", namespace, "delete", "pod", pod, "--wait=false") },
		func() error { return otherPod(t, pod, string(was.UID)) })
	load()
}

func TestTheNodesKubeletRestarts(t *testing.T) {
	s := up(t)
	s.through(t, "the node's kubelet is killed and started again", func() { run(t, "hack/cluster/restart-kubelet.sh") }, func() error { return nil })
}

// load keeps the database busy: the agents of a node say all the time that they have
// applied their NICs. What it returns ends it.
func (s *system) load(t *testing.T) (stop func()) {
	t.Helper()
	rows, err := s.agents.agentM(t.Context(), "test-vm-2")
	if err != nil {
		t.Fatal(err)
	}
	end, ended := make(chan struct{}), make(chan int)
	go func() {
		written := 0
		pace := time.NewTicker(5 * time.Millisecond)
		defer pace.Stop()
		for {
			select {
			case <-end:
				ended <- written
				return
			case <-pace.C:
				for _, row := range rows { // 0 rows changed within the second it was last told
					if _, err := s.agents.sql.Exec(agentMUpdate, true, row.ID); err == nil {
						written++
					}
				}
			}
		}
	}()
	return func() {
		close(end)
		t.Logf("%d updates of the agents meanwhile", <-ended)
	}
}

// holder is the process that holds a lease; "" if none does.
func holder(t *testing.T, lease string) string {
	t.Helper()
	l := get(t, namespace, lease, &coordinationv1.Lease{})
	if l.Spec.HolderIdentity == nil {
		return ""
	}
	return *l.Spec.HolderIdentity
}

// podOf is the pod that a holder runs in.
func podOf(holder string) string {
	pod, _, _ := strings.Cut(holder, "_")
	return pod
}

func otherHolder(t *testing.T, lease, was string) error {
	t.Helper()
	if is := holder(t, lease); is == was || is == "" {
		return fmt.Errorf("the lease is held by %q", is)
	}
	return nil
}

func restartedSince(t *testing.T, pod string, restarts int32) error {
	t.Helper()
	s := get(t, namespace, pod, &corev1.Pod{}).Status.ContainerStatuses
	if len(s) == 0 || s[0].RestartCount <= restarts || !s[0].Ready {
		return fmt.Errorf("its container is %+v", s)
	}
	return nil
}

func otherPod(t *testing.T, name, uid string) error {
	t.Helper()
	pod := &corev1.Pod{}
	if err := g.client.Get(t.Context(), key(namespace, name), pod); err != nil {
		return err
	}
	if string(pod.UID) == uid || len(pod.Status.ContainerStatuses) == 0 || !pod.Status.ContainerStatuses[0].Ready {
		return errors.New("no other pod is ready")
	}
	return nil
}

// kill ends the processes of a pod's container from outside, as the kernel does when
// memory runs out: they get to know nothing of it. They are those of the container's
// cgroup, and this machine sees them as its own.
func kill(t *testing.T, pod string) {
	t.Helper()
	status := get(t, namespace, pod, &corev1.Pod{}).Status.ContainerStatuses[0]
	_, id, _ := strings.Cut(status.ContainerID, "://")
	if id == "" {
		t.Fatalf("pod %s has no running container", pod)
	}
	groups, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	killed := 0
	for _, path := range groups {
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), id) {
			continue // it has ended meanwhile
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err := syscall.Kill(pid, syscall.SIGKILL); err == nil {
			killed++
		}
	}
	if killed == 0 {
		t.Fatalf("no process of container %s was found: is this machine the node?", id)
	}
}
