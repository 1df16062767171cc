// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// TestEveryChildComesBack deletes one of each kind and takes a label off it, and takes
// the time until it is as it was. The claims are not among them: what they hold would go.
func TestEveryChildComesBack(t *testing.T) {
	s := up(t)
	if n := *theOperator(t).Spec.Controller.Replicas; n < 2 {
		t.Fatalf("%d replicas: there is no PodDisruptionBudget to delete", n)
	}
	for _, child := range []struct {
		name   string
		object client.Object
	}{
		{resources.ControllerName, &appsv1.Deployment{}},
		{resources.ControllerName, &corev1.ServiceAccount{}},
		{resources.ControllerName, &rbacv1.Role{}},
		{resources.ControllerName, &rbacv1.RoleBinding{}},
		{resources.ControllerName, &policyv1.PodDisruptionBudget{}},
		{resources.IsolationName, &networkingv1.NetworkPolicy{}},
		{resources.TriggerName, &corev1.Service{}},
		{resources.BackupName, &batchv1.CronJob{}},
		{resources.CredentialsName, &corev1.Secret{}},
		{resources.AgentAccessName, &corev1.Secret{}},
		{resources.CertificateName, &corev1.Secret{}},
		{resources.DatabaseName, &corev1.Service{}},
		{resources.DatabaseName, &appsv1.StatefulSet{}},
	} {
		what := fmt.Sprintf("%T %s", child.object, child.name)[len("*"):]
		get(t, namespace, child.name, child.object)
		edited := "edited: " + what
		takeTime(t, s, edited, func() {
			edit(t, child.object, func(o client.Object) {
				labels := o.GetLabels()
				delete(labels, v1alpha1.LabelProtected)
				o.SetLabels(labels)
			})
		}, func() error {
			get(t, namespace, child.name, child.object)
			if child.object.GetLabels()[v1alpha1.LabelProtected] != "true" {
				return errors.New("the label is off")
			}
			return nil
		})
		uid := child.object.GetUID()
		takeTime(t, s, "deleted: "+what, func() {
			if err := g.client.Delete(t.Context(), child.object, client.PropagationPolicy("Background")); err != nil {
				t.Fatal(err)
			}
		}, func() error {
			if err := g.client.Get(t.Context(), key(namespace, child.name), child.object); err != nil {
				return err
			}
			if child.object.GetUID() == uid || !child.object.GetDeletionTimestamp().IsZero() {
				return errors.New("it is the old one")
			}
			return nil
		})
	}
}

// takeTime takes the time until a child is back, and lets the system settle.
func takeTime(t *testing.T, s *system, what string, action func(), back func() error) {
	t.Helper()
	s.through(t, what, func() {
		action()
		begun := time.Now()
		for deadline := begun.Add(patience); ; time.Sleep(10 * time.Millisecond) {
			err := back()
			if err == nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: %v", what, err)
			}
		}
		figures = append(figures, figure{what: "until it is back: " + what, took: time.Since(begun)})
	}, func() error { return rolledOut(t) })
}
