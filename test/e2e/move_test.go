// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// TestTheDatabaseMovesOutAndHome has agents at both servers all the time: those of the
// one that is left see the last rows or errors, those of the other errors or all rows.
func TestTheDatabaseMovesOutAndHome(t *testing.T) {
	s := up(t)
	external := externalServer(t)
	elsewhere := poll("external", external, wanted())
	defer elsewhere.stop()
	ids := s.ids(t)

	s.both(t, elsewhere, external, "the database moves to an external one", func() {
		set(t, func(op *v1alpha1.MultiNicOperator) {
			op.Spec.Database.Enabled = new(false)
			op.Spec.Controller.Env = []corev1.EnvVar{
				{Name: "DB_HOST", Value: externalHost}, {Name: "DB_USER", ValueFrom: fromSecret("username")}, {Name: "DB_PASSWORD", ValueFrom: fromSecret("password")},
			}
		})
	}, func() error {
		for _, child := range []client.Object{&appsv1.StatefulSet{}, &corev1.Service{}, &corev1.ServiceAccount{}} {
			if err := g.client.Get(t.Context(), key(namespace, resources.DatabaseName), child); client.IgnoreNotFound(err) != nil || err == nil {
				return fmt.Errorf("the internal %T is there (%v)", child, err)
			}
		}
		return rolledOut(t)
	})
	at := &system{agents: external}
	at.sameIDs(t, ids)
	at.stillApplied(t)
	claim := get(t, namespace, resources.DataClaimName, &corev1.PersistentVolumeClaim{})
	if claim.Labels[v1alpha1.LabelProtected] != "" || !claim.DeletionTimestamp.IsZero() {
		t.Errorf("the volume that is laid by has the labels %v", claim.Labels)
	}

	s.both(t, elsewhere, s.agents, "the database comes home", func() {
		set(t, func(op *v1alpha1.MultiNicOperator) {
			op.Spec.Database.Enabled = new(true)
			op.Spec.Controller.Env = nil
		})
	}, func() error {
		if err := equal(t.Context(), s.agents); err != nil {
			return err
		}
		return rolledOut(t)
	})
	s.sameIDs(t, ids)
	s.stillApplied(t)
}

// both is through with agents at two servers; then is the one that is to serve.
func (s *system) both(t *testing.T, elsewhere *poller, then *server, event string, action func(), effect func() error) {
	t.Helper()
	s.poller.begin(event)
	elsewhere.begin(event)
	begun := time.Now()
	action()
	eventually(t, event, effect)
	ready(t)
	change(t, then)
	took := time.Since(begun)
	s.poller.end(t, took)
	elsewhere.end(t, took)
	if err := equal(t.Context(), then); err != nil {
		t.Errorf("after %s: %v", event, err)
	}
}

const (
	externalHost     = "mariadb." + externalNamespace + ".svc"
	externalPassword = "external-password"
)

func fromSecret(key string) *corev1.EnvVarSource {
	return &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "external-db-secret"}, Key: key}}
}

// externalServer is someone's MariaDB, with an account for the agents that its owner made.
func externalServer(t *testing.T) *server {
	t.Helper()
	labels := map[string]string{"app": "mariadb"}
	at := metav1.ObjectMeta{Namespace: externalNamespace, Name: "mariadb", Labels: labels}
	make1(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: externalNamespace}})
	make1(t, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "external-db-secret"},
		StringData: map[string]string{"username": "multinic", "password": externalPassword},
	})
	make1(t, &corev1.Service{ObjectMeta: at, Spec: corev1.ServiceSpec{Selector: labels, Ports: []corev1.ServicePort{{Port: 3306, TargetPort: intstr.FromInt32(3306)}}}})
	make1(t, &corev1.Pod{ObjectMeta: at, Spec: corev1.PodSpec{Containers: []corev1.Container{{
		Name: "mariadb", Image: "mariadb:11.8", ImagePullPolicy: corev1.PullIfNotPresent,
		Env: []corev1.EnvVar{
			{Name: "MARIADB_ROOT_PASSWORD", Value: externalPassword}, {Name: "MARIADB_DATABASE", Value: "multinic"},
			{Name: "MARIADB_USER", Value: "multinic"}, {Name: "MARIADB_PASSWORD", Value: externalPassword},
		},
	}}}})
	root, err := connect("root", externalPassword, externalHost, "multinic")
	if err != nil {
		t.Fatal(err)
	}
	defer root.sql.Close()
	eventually(t, "the external MariaDB serves", func() error {
		for _, text := range []string{
			"CREATE OR REPLACE USER agent@'%' IDENTIFIED BY '" + externalPassword + "'", "GRANT SELECT, UPDATE ON multinic.* TO agent@'%'",
		} {
			if _, err := root.sql.ExecContext(t.Context(), text); err != nil {
				return err
			}
		}
		return nil
	})
	agents, err := connect("agent", externalPassword, externalHost, "multinic")
	if err != nil {
		t.Fatal(err)
	}
	return agents
}
