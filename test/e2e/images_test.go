// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

func TestTheControllersImageIsChanged(t *testing.T) {
	s := up(t)
	const other = "multinic:e2e"
	was := theOperator(t).Spec.Controller.Image
	run(t, "make", "cluster-load", "IMG="+other)
	image := func(image string) func() {
		return func() { set(t, func(op *v1alpha1.MultiNicOperator) { op.Spec.Controller.Image = image }) }
	}
	runs := func(image string) func() error {
		return func() error {
			if is := get(t, namespace, resources.ControllerName, &appsv1.Deployment{}).Spec.Template.Spec.Containers[0].Image; is != image {
				return fmt.Errorf("it runs %s", is)
			}
			return rolledOut(t)
		}
	}
	s.through(t, "the controller's image is changed", image(other), runs(other))
	s.through(t, "the controller's image is nowhere, then set back", func() {
		image("multinic:nowhere")()
		eventually(t, "the status tells it", func() error { return tells(t, v1alpha1.ConditionControllerAvailable, "ImagePull") })
		image(was)()
	}, runs(was))
}

// tells says whether a condition is False and speaks of something.
func tells(t *testing.T, kind, text string) error {
	t.Helper()
	for _, c := range theOperator(t).Status.Conditions {
		if c.Type == kind {
			if c.Status == metav1.ConditionFalse && strings.Contains(c.Message, text) {
				return nil
			}
			return fmt.Errorf("%s is %s: %s", kind, c.Status, c.Message)
		}
	}
	return fmt.Errorf("there is no condition %s", kind)
}

func TestMariaDBIsUpgradedAfterABackup(t *testing.T) {
	s := up(t)
	image := func(image string) func() {
		return func() { set(t, func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.Image = image }) }
	}
	s.through(t, "MariaDB's tag is changed within its version", image("mariadb:10.11.19"), func() error { return databaseRuns(t, "mariadb:10.11.19") })
	s.through(t, "MariaDB's image is nowhere, then set back", func() {
		image("mariadb:nowhere")()
		eventually(t, "the status tells it", func() error { return tells(t, v1alpha1.ConditionDatabaseAvailable, "ImagePull") })
		image("mariadb:10.11.19")()
	}, func() error { return databaseRuns(t, "mariadb:10.11.19") })
	before := upgradeBackups(t)
	s.through(t, "MariaDB 10.11 becomes 11.8", image("mariadb:11.8"), func() error { return databaseRuns(t, "mariadb:11.8") })
	var version string
	if err := s.agents.sql.QueryRow("SELECT VERSION()").Scan(&version); err != nil || !strings.HasPrefix(version, "11.8") {
		t.Errorf("the server is %s, %v", version, err)
	}
	// A Job's result is read as it ends, or at the latest at the next run.
	eventually(t, "a backup from before the upgrade is listed", func() error {
		if after := upgradeBackups(t); len(after) <= len(before) && slices.Equal(after, before) {
			return fmt.Errorf("they are %v", after)
		}
		return nil
	})
	set(t, func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.Image = "mariadb:10.11" })
	holds(t, v1alpha1.ConditionSpecAccepted, metav1.ConditionFalse, v1alpha1.ReasonWouldLoseData)
	if err := databaseRuns(t, "mariadb:11.8"); err != nil {
		t.Errorf("after going back was refused: %v", err)
	}
	image("mariadb:11.8")()
	ready(t)
}

func upgradeBackups(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(slices.Clone(theOperator(t).Status.BackupStatus.Available), func(name string) bool {
		return !strings.HasSuffix(name, string(resources.BeforeUpgrade))
	})
}

// databaseRuns: MariaDB's pod is of that image, and ready.
func databaseRuns(t *testing.T, image string) error {
	t.Helper()
	pod := &corev1.Pod{}
	if err := g.client.Get(t.Context(), key(namespace, resources.DatabaseName+"-0"), pod); err != nil {
		return err
	}
	if is := pod.Spec.Containers[0].Image; is != image {
		return fmt.Errorf("it runs %s", is)
	}
	if len(pod.Status.ContainerStatuses) == 0 || !pod.Status.ContainerStatuses[0].Ready {
		return fmt.Errorf("the pod is not ready: %+v", pod.Status)
	}
	return nil
}
