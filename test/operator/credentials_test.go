// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

func TestCredentialsAreGeneratedOnceAndSurviveARestartAndTheirSecretsDeletion(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	stop := b.start()
	b.apply("generated", v1alpha1.MultiNicOperatorSpec{})
	b.waitReady("generated")
	first := b.credentials()
	if len(first.RootPassword) < 20 || len(first.Password) < 20 || first.RootPassword == first.Password || first.User != resources.DefaultDatabaseUser {
		t.Fatal("the generated credentials are weak, or missing")
	}
	if !b.server.accepts(first.User, first.Password) {
		t.Error("MariaDB refuses the generated ones")
	}
	digest := b.digest()
	stop()
	b.start()
	for _, name := range []string{resources.CredentialsName, resources.CertificateName, "multinic-operator-key"} {
		before := &corev1.Secret{}
		b.until("the operator has looked at "+name, func() bool { return b.metric(`multinic_operator_reconcile_total{result="success"}`) > 0 })
		if !b.read(name, before) {
			t.Fatalf("there is no Secret %s", name)
		}
		if err := b.client.Delete(t.Context(), before.DeepCopy()); err != nil {
			t.Fatal(err)
		}
		after := &corev1.Secret{}
		b.until("the Secret "+name+" is back", func() bool { return b.read(name, after) && after.UID != before.UID })
		for key, value := range before.Data {
			if string(after.Data[key]) != string(value) {
				t.Errorf("the Secret %s came back with another %s", name, key)
			}
		}
	}
	b.waitReady("generated")
	if b.credentials() != first || b.digest() != digest {
		t.Error("a restart and deletions changed the credentials or replaced the controller")
	}
}

// TestThePasswordsOutliveTheirSecretsDeletionWhileNoOperatorRuns: without root's
// password nobody could set another.
func TestThePasswordsOutliveTheirSecretsDeletionWhileNoOperatorRuns(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	stop := b.start()
	b.apply("unwatched", v1alpha1.MultiNicOperatorSpec{})
	b.waitReady("unwatched")
	first := b.credentials()
	stop()
	secret := &corev1.Secret{}
	if !b.read(resources.CredentialsName, secret) {
		t.Fatal("there is no Secret")
	}
	if err := b.client.Delete(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	b.start()
	b.until("the Secret is back", func() bool { return b.read(resources.CredentialsName, &corev1.Secret{}) })
	if b.credentials() != first {
		t.Error("other passwords were made than those that MariaDB has")
	}
}

func TestASecretThatTheSpecNamesIsFollowedWithinALook(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.options.LookEvery = time.Second
	b.start()
	ref := v1alpha1.DatabaseCredentials{SecretRef: &v1alpha1.LocalSecretReference{Name: "mine"}}
	b.apply("named", v1alpha1.MultiNicOperatorSpec{Database: v1alpha1.DatabaseSpec{Credentials: ref}})
	missing := func(want string) {
		t.Helper()
		op := b.waitFor("named", v1alpha1.ConditionReady, "False", v1alpha1.ReasonSecretMissing)
		b.until("the message names "+want, func() bool {
			op = b.get("named")
			return strings.Contains(op.Status.Message, want)
		})
	}
	missing(b.namespace + "/mine")
	b.makeSecret("mine", map[string]string{"user": "someone", "rootPassword": "root-1"})
	missing("password")
	b.makeSecret("mine", map[string]string{"user": "someone", "rootPassword": "root-1", "password": "pass-1"})
	b.waitReady("named")
	if !b.server.accepts("someone", "pass-1") || !b.server.accepts("root", "root-1") {
		t.Error("MariaDB refuses the Secret's credentials")
	}
	b.makeSecret("mine", map[string]string{"user": "someone", "rootPassword": "root-1", "password": "pass-2"})
	b.until("MariaDB has the Secret's new password alone", func() bool {
		return b.server.accepts("someone", "pass-2") && !b.server.accepts("someone", "pass-1")
	})
}

// TestASecretThatIsDeletedIsToldAndTheRestGoesOn: what was read of it is kept, and what
// someone breaks meanwhile is repaired.
func TestASecretThatIsDeletedIsToldAndTheRestGoesOn(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.options.LookEvery = time.Second
	b.start()
	b.makeSecret("mine", map[string]string{"user": "someone", "rootPassword": "root-1", "password": "pass-1"})
	b.makeSecret("proxy", map[string]string{"url": "http://proxy.example.com"})
	b.apply("named", v1alpha1.MultiNicOperatorSpec{
		Database: v1alpha1.DatabaseSpec{Credentials: v1alpha1.DatabaseCredentials{SecretRef: &v1alpha1.LocalSecretReference{Name: "mine"}}},
		Controller: v1alpha1.ControllerSpec{Env: []corev1.EnvVar{{Name: "HTTPS_PROXY", ValueFrom: &corev1.EnvVarSource{
			SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "proxy"}, Key: "url"},
		}}}},
	})
	b.waitReady("named")
	before := &appsv1.Deployment{}
	b.read(resources.ControllerName, before)
	for _, name := range []string{"mine", "proxy"} {
		if err := b.client.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: name}}); err != nil {
			t.Fatal(err)
		}
		b.waitFor("named", v1alpha1.ConditionReady, "False", v1alpha1.ReasonSecretMissing)
		if err := b.client.Delete(t.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: resources.DatabaseName}}); err != nil {
			t.Fatal(err)
		}
		b.until("the Service is repaired", func() bool { return b.read(resources.DatabaseName, &corev1.Service{}) })
		b.looks()
	}
	after := &appsv1.Deployment{}
	if b.read(resources.ControllerName, after); after.Generation != before.Generation {
		t.Errorf("the controller was replaced: %v, was %v", after.Spec.Template.Annotations, before.Spec.Template.Annotations)
	}
	if !b.server.accepts("someone", "pass-1") || !b.server.accepts("root", "root-1") {
		t.Error("MariaDB's passwords were changed")
	}
	// No pod can be replaced now: the former password must go on.
	b.makeSecret("mine", map[string]string{"user": "someone", "rootPassword": "root-1", "password": "pass-2"})
	b.until("MariaDB has the new password", func() bool { return b.server.accepts("someone", "pass-2") })
	b.looks()
	if !b.server.accepts("someone", "pass-1") {
		t.Error("the running controller is locked out")
	}
	b.makeSecret("proxy", map[string]string{"url": "http://proxy.example.com"})
	b.waitReady("named")
}

// TestNoSecretIsTold lets everything happen that speaks of credentials, and looks
// at everything that is read by others than their owner.
func TestNoSecretIsTold(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.start()
	b.applyWith("silent", inline("tell-root-1", "writer", "tell-writer-1"))
	b.setCredentials("silent", inline("tell-root-2", "writer", "tell-writer-2"))
	b.until("the rotation has ended", func() bool {
		return !b.server.accepts("writer", "tell-writer-1") && b.server.accepts("root", "tell-root-2")
	})
	for _, name := range []string{resources.CredentialsName, resources.ServerFilesName, resources.AgentAccessName} {
		secret := &corev1.Secret{}
		b.change(name, secret, func() { secret.Data["user"] = []byte("tell-forged") })
		b.until("the Secret "+name+" is repaired", func() bool { return b.read(name, secret) && string(secret.Data["user"]) != "tell-forged" })
	}
	b.setCredentials("silent", inline("tell-root-2", "root", "tell-writer-3"))
	b.waitFor("silent", v1alpha1.ConditionReady, "False", v1alpha1.ReasonInvalidSpec)
	b.setCredentials("silent", inline("tell-root-2", "writer", "tell-writer-2"))
	b.waitReady("silent")
	c := b.credentials()
	_, metrics := b.ask("/metrics", "")
	_, health := b.ask("/healthz", "")
	status, err := json.Marshal(b.get("silent").Status)
	if err != nil {
		t.Fatal(err)
	}
	places := map[string]string{
		"log": b.log.String(), "events": strings.Join(b.events(), "\n"), "status": string(status), "metrics": metrics, "health": health,
		"objects": b.objects(),
	}
	for place, text := range places {
		if len(text) < 10 {
			t.Errorf("there is nothing in the %s", place)
		}
		for _, secret := range []string{"tell-", c.AgentPassword, c.ProbePassword} {
			if strings.Contains(text, secret) {
				t.Errorf("the %s tell %q", place, secret)
			}
		}
	}
}

// objects are all workloads, as whoever may read those sees them.
func (b *bed) objects() string {
	b.t.Helper()
	var out []string
	for _, list := range []client.ObjectList{&appsv1.DeploymentList{}, &appsv1.StatefulSetList{}, &corev1.PodList{}} {
		if err := b.client.List(b.t.Context(), list, client.InNamespace(b.namespace)); err != nil {
			b.t.Fatal(err)
		}
		text, err := json.Marshal(list)
		if err != nil {
			b.t.Fatal(err)
		}
		out = append(out, string(text))
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}
