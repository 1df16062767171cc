// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

func TestASecretIsRotatedWithoutAnAgentNoticing(t *testing.T) {
	s := up(t)
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "e2e-database"},
		StringData: map[string]string{"rootPassword": "first ro'ot\\pw", "password": "first p'w\\"},
	}
	_ = g.client.Delete(t.Context(), secret.DeepCopy())
	make1(t, secret)
	s.through(t, "generated passwords are replaced by a Secret's", func() {
		set(t, func(op *v1alpha1.MultiNicOperator) {
			op.Spec.Database.Credentials.SecretRef = &v1alpha1.LocalSecretReference{Name: secret.Name}
		})
	}, func() error { return rotated(t, "first p'w\\") })
	s.through(t, "the Secret's passwords are changed", func() {
		edit(t, secret, func(o *corev1.Secret) {
			o.Data["rootPassword"], o.Data["password"] = []byte("second-root"), []byte("second")
		})
	}, func() error { return rotated(t, "second") })
	s.through(t, "the Secret's user is changed", func() {
		edit(t, secret, func(o *corev1.Secret) { o.Data["user"] = []byte("another") })
	}, func() error {
		if user := string(credentials(t)["user"]); user != "another" {
			return fmt.Errorf("the user is %s", user)
		}
		return rotated(t, "second")
	})
	database := string(credentials(t)["database"])
	host := resources.DatabaseHost(namespace)
	for account, works := range map[[2]string]bool{
		{"root", "second-root"}: true, {"root", "first ro'ot\\pw"}: false, {"another", "second"}: true, {"multinic", "second"}: false, {"another", "first p'w\\"}: false,
	} {
		eventually(t, fmt.Sprintf("%s with %q: works %t", account[0], account[1], works), func() error {
			c, err := connect(account[0], account[1], host, database)
			if err != nil {
				return err
			}
			defer c.sql.Close()
			if err := c.sql.PingContext(t.Context()); (err == nil) != works {
				return fmt.Errorf("it says %v", err)
			}
			return nil
		})
	}
}

func credentials(t *testing.T) map[string][]byte {
	t.Helper()
	return get(t, namespace, resources.CredentialsName, &corev1.Secret{}).Data
}

// rotated: the password is in force, and the former one is forgotten since every replica
// has been started with the new one.
func rotated(t *testing.T, password string) error {
	t.Helper()
	data := credentials(t)
	if string(data["password"]) != password || len(data["next.password"])+len(data["former.password"])+len(data["former.user"])+len(data["next.user"]) > 0 {
		return errors.New("it is on its way")
	}
	return rolledOut(t)
}

// rolledOut: every replica of the controller is of the newest revision, and ready.
func rolledOut(t *testing.T) error {
	t.Helper()
	d := get(t, namespace, resources.ControllerName, &appsv1.Deployment{})
	if n := *d.Spec.Replicas; d.Status.ObservedGeneration < d.Generation || d.Status.UpdatedReplicas != n || d.Status.Replicas != n || d.Status.ReadyReplicas != n {
		return fmt.Errorf("of %d replicas: %+v", n, d.Status)
	}
	return nil
}

func TestReplicasAreChanged(t *testing.T) {
	s := up(t)
	was := *theOperator(t).Spec.Controller.Replicas
	for _, n := range []int32{3, 1, was} {
		s.through(t, fmt.Sprintf("replicas: %d", n), func() {
			set(t, func(op *v1alpha1.MultiNicOperator) { op.Spec.Controller.Replicas = &n })
		}, func() error {
			if d := get(t, namespace, resources.ControllerName, &appsv1.Deployment{}); *d.Spec.Replicas != n {
				return fmt.Errorf("the Deployment has %d", *d.Spec.Replicas)
			}
			return rolledOut(t)
		})
		err := g.client.Get(t.Context(), key(namespace, resources.ControllerName), &policyv1.PodDisruptionBudget{})
		if (err == nil) != (n > 1) || client.IgnoreNotFound(err) != nil {
			t.Errorf("a PodDisruptionBudget at %d replicas: %v", n, err)
		}
	}
}
