// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/controller/multinicoperator"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

const (
	outside     = "db.example.com"
	annotMoved  = "multinic.example.com/rows-moved-to"
	annotMove   = multinicoperator.AnnotationMove
	moveJobs    = string(resources.ForMove)
	movedObject = "moved"
)

// movable is a bed whose system has published something.
func movable(t *testing.T) *bed {
	t.Helper()
	b := newBed(t)
	b.options.LookEvery = time.Second
	b.start()
	b.apply(movedObject, v1alpha1.MultiNicOperatorSpec{})
	b.waitReady(movedObject)
	b.publish()
	return b
}

func (b *bed) goOut() {
	b.t.Helper()
	b.edit(movedObject, func(op *v1alpha1.MultiNicOperator) {
		op.Spec.Database.Enabled = new(false)
		op.Spec.Controller.Env = []corev1.EnvVar{{Name: "DB_HOST", Value: outside}, {Name: "DB_USER", Value: "someone"}, {Name: "DB_PASSWORD", Value: "something"}}
	})
}

func (b *bed) comeIn() {
	b.t.Helper()
	b.edit(movedObject, func(op *v1alpha1.MultiNicOperator) {
		op.Spec.Database.Enabled, op.Spec.Controller.Env = new(true), nil
	})
}

func (b *bed) moves() (n int) {
	for _, reason := range b.workloads.reasons() {
		if reason == moveJobs {
			n++
		}
	}
	return n
}

func (b *bed) wantLaidBy() {
	b.t.Helper()
	internal := map[string]client.Object{
		"StatefulSet": &appsv1.StatefulSet{}, "Service": &corev1.Service{}, "NetworkPolicy": &networkingv1.NetworkPolicy{}, "ServiceAccount": &corev1.ServiceAccount{},
	}
	b.until("nothing of the internal database is left", func() bool {
		return !slices.ContainsFunc([]client.Object{internal["StatefulSet"], internal["Service"], internal["NetworkPolicy"], internal["ServiceAccount"]}, func(o client.Object) bool {
			return b.read(resources.DatabaseName, o)
		}) && !b.read(resources.BackupName, &batchv1.CronJob{}) && !b.read(resources.ServerFilesName, &corev1.Secret{})
	})
	b.until("what outlives it has lost its labels", func() bool {
		for name, object := range map[string]client.Object{
			resources.DataClaimName: &corev1.PersistentVolumeClaim{}, resources.BackupName: &corev1.PersistentVolumeClaim{}, resources.CredentialsName: &corev1.Secret{},
		} {
			if !b.read(name, object) {
				b.t.Fatalf("%T %s is gone", object, name)
			}
			if object.GetLabels()[v1alpha1.LabelProtected] != "" || object.GetLabels()[v1alpha1.LabelManagedBy] != "" {
				return false
			}
		}
		return true
	})
}

func (b *bed) movedTo() string {
	b.t.Helper()
	claim := &corev1.PersistentVolumeClaim{}
	b.read(resources.DataClaimName, claim)
	return claim.Annotations[annotMoved]
}

func TestTheRowsMoveToAnExternalDatabaseAndBack(t *testing.T) {
	t.Parallel()
	b := movable(t)
	b.workloads.with(func(w *workloads) { w.linger = true })
	b.goOut()
	b.waitFor(movedObject, v1alpha1.ConditionReady, "False", v1alpha1.ReasonMoving)
	b.until("the controller is to stop", func() bool { n, _ := b.controller(); return n == 0 })
	b.looks()
	if b.moves() > 0 {
		t.Fatal("the rows are copied while a pod of the controller still runs")
	}
	b.workloads.with(func(w *workloads) { w.linger = false; w.broken[resources.DefaultControllerImage] = true })
	b.until("the controller is to run on the external server", func() bool { n, host := b.controller(); return n == 1 && host == outside })
	b.workloads.with(func(w *workloads) {
		job := w.ran[len(w.ran)-1]
		pod := job.job.Spec.Template.Spec
		if job.reason != moveJobs || job.controllers != 0 || env(pod.InitContainers[0], "DB_HOST") != resources.DatabaseHost(b.namespace) || env(pod.Containers[0], "DB_HOST") != outside {
			t.Errorf("the Job %s, with %d controllers, is from %s to %s", job.reason, job.controllers, env(pod.InitContainers[0], "DB_HOST"), env(pod.Containers[0], "DB_HOST"))
		}
	})
	b.looks()
	if !b.read(resources.DatabaseName, &appsv1.StatefulSet{}) || !b.agentsRead() {
		t.Fatal("the internal database went before the controller was ready on the external one")
	}
	b.workloads.with(func(w *workloads) { delete(w.broken, resources.DefaultControllerImage) })
	op := b.waitReady(movedObject)
	b.waitFor(movedObject, v1alpha1.ConditionDatabaseAvailable, "True", v1alpha1.ReasonExternal)
	b.wantLaidBy()
	if b.agentsRead() {
		t.Error("the internal database was laid by open: when it is started again, agents will get old rows")
	}
	if b.movedTo() != outside {
		t.Errorf("the claim says that its rows are at %q; the status is %+v", b.movedTo(), op.Status)
	}

	b.comeIn()
	b.until("the rows are copied home", func() bool { return b.moves() == 2 })
	b.waitFor(movedObject, v1alpha1.ConditionDatabaseAvailable, "True", v1alpha1.ReasonAvailable)
	b.waitReady(movedObject)
	if _, host := b.controller(); host != resources.DatabaseHost(b.namespace) || b.movedTo() != "" || b.moves() != 2 {
		t.Errorf("the controller names %s, the claim %q, after %d moves", host, b.movedTo(), b.moves())
	}
	b.goOut()
	b.until("the rows are copied again", func() bool { return b.moves() == 3 })
	b.waitFor(movedObject, v1alpha1.ConditionDatabaseAvailable, "True", v1alpha1.ReasonExternal)
	b.waitReady(movedObject)
}

func env(c corev1.Container, name string) string {
	for _, e := range c.Env {
		if e.Name == name {
			return e.Value
		}
	}
	return ""
}

func TestAMoveThatFailsIsCalledOffBySettingTheDatabaseBack(t *testing.T) {
	t.Parallel()
	b := movable(t)
	b.workloads.with(func(w *workloads) { w.fails[moveJobs] = "no route to host" })
	b.goOut()
	b.until("the failure is told", func() bool {
		return strings.Contains(b.get(movedObject).Status.Message, "no route to host")
	})
	b.comeIn()
	b.waitReady(movedObject)
	if n, host := b.controller(); n != 1 || host != resources.DatabaseHost(b.namespace) {
		t.Errorf("%d replicas on %s", n, host)
	}
	if b.moves() != 1 || !b.agentsRead() {
		t.Errorf("%d moves, and agents read: %t", b.moves(), b.agentsRead())
	}
	b.workloads.with(func(w *workloads) { delete(w.fails, moveJobs) })
	b.goOut()
	b.until("the rows are copied", func() bool { return b.moves() == 2 })
	b.waitFor(movedObject, v1alpha1.ConditionDatabaseAvailable, "True", v1alpha1.ReasonExternal)
}

func TestAMoveThatFailedGoesOnWithoutTheRowsWhenItIsToldTo(t *testing.T) {
	t.Parallel()
	b := movable(t)
	b.workloads.with(func(w *workloads) { w.fails[moveJobs] = "no route to host" })
	b.goOut()
	b.until("the failure is told", func() bool {
		return strings.Contains(b.get(movedObject).Status.Message, "no route to host")
	})
	b.annotate(movedObject, annotMove, "skip")
	b.waitReady(movedObject)
	b.waitFor(movedObject, v1alpha1.ConditionDatabaseAvailable, "True", v1alpha1.ReasonExternal)
	b.wantLaidBy()
	if _, host := b.controller(); host != outside {
		t.Errorf("the controller names %s", host)
	}
	if b.agentsRead() {
		t.Error("the internal database was laid by open")
	}
}

// TestAFirstInternalDatabaseTakesTheRowsOfTheExternalOne: there was no internal one
// before.
func TestAFirstInternalDatabaseTakesTheRowsOfTheExternalOne(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.options.LookEvery = time.Second
	b.start()
	b.apply(movedObject, v1alpha1.MultiNicOperatorSpec{
		Database:   v1alpha1.DatabaseSpec{Enabled: new(false)},
		Controller: v1alpha1.ControllerSpec{Env: []corev1.EnvVar{{Name: "DB_HOST", Value: outside}, {Name: "DB_USER", Value: "u"}, {Name: "DB_PASSWORD", Value: "p"}}},
	})
	b.waitReady(movedObject)
	b.workloads.with(func(w *workloads) { w.fails[moveJobs] = "no route to host" })
	b.comeIn()
	b.until("the failure is told", func() bool {
		return strings.Contains(b.get(movedObject).Status.Message, "no route to host")
	})
	if n, host := b.controller(); n != 0 || host != outside {
		t.Errorf("%d replicas on %s", n, host)
	}
	b.goOut() // the way back
	b.waitReady(movedObject)
	if n, host := b.controller(); n != 1 || host != outside {
		t.Errorf("set back: %d replicas on %s", n, host)
	}
	b.workloads.with(func(w *workloads) { delete(w.fails, moveJobs) })
	b.comeIn()
	b.until("the controller runs on the internal one", func() bool { n, host := b.controller(); return n == 1 && host == resources.DatabaseHost(b.namespace) })
	b.waitReady(movedObject)
}

// TestARestoreWaitsForTheRowsThatComeHome: two must not load into one database at
// once, and what was asked for by name is to be there in the end.
func TestARestoreWaitsForTheRowsThatComeHome(t *testing.T) {
	t.Parallel()
	b := movable(t)
	b.goOut()
	b.waitFor(movedObject, v1alpha1.ConditionDatabaseAvailable, "True", v1alpha1.ReasonExternal)
	b.waitReady(movedObject)
	b.workloads.with(func(w *workloads) { w.hold = moveJobs })
	b.edit(movedObject, func(op *v1alpha1.MultiNicOperator) {
		op.Spec.Database.Enabled, op.Spec.Controller.Env, op.Spec.Database.RestoreFrom = new(true), nil, "dump-1"
	})
	b.until("the rows are being copied", func() bool { return len(b.jobsFor(resources.ForMove)) > 0 })
	b.waitFor(movedObject, v1alpha1.ConditionRestored, "False", v1alpha1.ReasonRestoring)
	b.looks()
	if got := b.jobsFor(resources.ForRestore, resources.BeforeRestore); len(got) > 0 {
		t.Fatalf("the restore has begun meanwhile: %v", got)
	}
	b.workloads.with(func(w *workloads) { w.hold = "" })
	b.waitFor(movedObject, v1alpha1.ConditionRestored, "True", v1alpha1.ReasonRestored)
	b.waitReady(movedObject)
	reasons := b.workloads.reasons()
	if i := slices.Index(reasons, string(resources.ForRestore)); i < 0 || slices.Contains(reasons[i:], moveJobs) || b.moves() != 2 {
		t.Errorf("the Jobs were %v", reasons)
	}
}

// TestAMoveWaitsForARestoreThatWasCalledOff: its pod may still load.
func TestAMoveWaitsForARestoreThatWasCalledOff(t *testing.T) {
	t.Parallel()
	b := movable(t)
	pod := &corev1.Pod{}
	pod.Namespace, pod.Name = b.namespace, "still-loading"
	pod.Labels = map[string]string{
		"app": resources.BackupName, resources.LabelReason: string(resources.ForRestore), v1alpha1.LabelManagedBy: movedObject, v1alpha1.LabelProtected: "true",
	}
	pod.Spec.AutomountServiceAccountToken = new(false)
	pod.Spec.Containers = []corev1.Container{{Name: "load", Image: "mariadb:10.11"}}
	if err := b.client.Create(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	b.goOut()
	b.waitFor(movedObject, v1alpha1.ConditionControllerAvailable, "False", v1alpha1.ReasonStopped)
	b.until("the controller is stopped on the internal server", func() bool {
		n, host := b.controller()
		return n == 0 && host == resources.DatabaseHost(b.namespace)
	})
	b.looks()
	if got := b.jobsFor(resources.ForMove); len(got) > 0 {
		t.Fatalf("the rows are copied while a restore loads: %v", got)
	}
	if err := b.client.Delete(t.Context(), pod, client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	b.waitFor(movedObject, v1alpha1.ConditionDatabaseAvailable, "True", v1alpha1.ReasonExternal)
	if b.moves() != 1 {
		t.Errorf("%d moves", b.moves())
	}
}

// TestAMoveWaitsForASecretThatIsMissing: the controller goes on where it is until then.
func TestAMoveWaitsForASecretThatIsMissing(t *testing.T) {
	t.Parallel()
	b := movable(t)
	b.edit(movedObject, func(op *v1alpha1.MultiNicOperator) {
		op.Spec.Database.Enabled = new(false)
		op.Spec.Controller.Env = []corev1.EnvVar{
			{Name: "DB_HOST", Value: outside}, {Name: "DB_USER", Value: "someone"},
			{Name: "DB_PASSWORD", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "outside"}, Key: "password"}}},
		}
	})
	b.waitFor(movedObject, v1alpha1.ConditionReady, "False", v1alpha1.ReasonSecretMissing)
	b.looks()
	if n, host := b.controller(); n != 1 || host != resources.DatabaseHost(b.namespace) || len(b.jobsFor(resources.ForMove)) > 0 {
		t.Fatalf("%d replicas on %s, with the Jobs %v", n, host, b.jobsFor(resources.ForMove))
	}
	b.makeSecret("outside", map[string]string{"password": "something"})
	b.waitFor(movedObject, v1alpha1.ConditionDatabaseAvailable, "True", v1alpha1.ReasonExternal)
	b.waitReady(movedObject)
}

// jobsFor are the names of the Jobs there are for those reasons.
func (b *bed) jobsFor(reasons ...resources.Reason) (names []string) {
	b.t.Helper()
	list := &batchv1.JobList{}
	if err := b.client.List(b.t.Context(), list, client.InNamespace(b.namespace)); err != nil {
		b.t.Fatal(err)
	}
	for i := range list.Items {
		if slices.Contains(reasons, resources.Reason(list.Items[i].Labels[resources.LabelReason])) {
			names = append(names, list.Items[i].Name)
		}
	}
	return names
}
