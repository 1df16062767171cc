// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"net/http"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

func TestTheOperatorsHealthTellsOfTheDatabaseAndItsReadinessDoesNot(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.options.LookEvery = time.Second
	b.start()
	b.apply("healthy", v1alpha1.MultiNicOperatorSpec{})
	b.waitReady("healthy")
	answers := func(path string, want int) (body string) {
		t.Helper()
		b.until(path+" answers as it should", func() bool {
			var code int
			code, body = b.ask(path, "")
			return code == want
		})
		return body
	}
	answers("/healthz", http.StatusOK)
	b.server.away.Store(true)
	b.setCredentials("healthy", v1alpha1.DatabaseCredentials{Password: "another"}) // so that it is looked for
	b.waitFor("healthy", v1alpha1.ConditionDatabaseAvailable, "False", v1alpha1.ReasonUnavailable)
	body := answers("/healthz", http.StatusServiceUnavailable)
	if !strings.Contains(body, "healthy") || !strings.Contains(body, "DatabaseAvailable") {
		t.Errorf("/healthz does not tell whose database: %s", body)
	}
	for _, path := range []string{"/readyz", "/livez"} {
		if code, body := b.ask(path, ""); code != http.StatusOK {
			t.Errorf("%s answers %d: %s", path, code, body)
		}
	}
	b.server.away.Store(false)
	b.waitReady("healthy")
	answers("/healthz", http.StatusOK)
}

func TestMetricsAreServedToWhomeverTheClusterLets(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.options.MetricsAuth = "on"
	b.start()
	b.until("health is served", func() bool { code, _ := b.ask("/livez", ""); return code == http.StatusOK })
	token := func(name string) string {
		t.Helper()
		account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: name}}
		if err := b.client.Create(t.Context(), account); err != nil {
			t.Fatal(err)
		}
		request := &authenticationv1.TokenRequest{}
		if err := b.client.SubResource("token").Create(t.Context(), account, request); err != nil {
			t.Fatal(err)
		}
		return request.Status.Token
	}
	stranger, reader := token("stranger"), token("reader")
	role := &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: b.namespace + "-metrics"},
		Rules:      []rbacv1.PolicyRule{{NonResourceURLs: []string{"/metrics"}, Verbs: []string{"get"}}},
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role.Name}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: b.namespace, Name: "reader"}},
	}
	if err := b.client.Create(t.Context(), role); err != nil {
		t.Fatal(err)
	}
	if err := b.client.Create(t.Context(), binding); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		who, token string
		want       int
	}{
		{"no one", "", http.StatusUnauthorized},
		{"a forger", "forged", http.StatusUnauthorized},
		{"a stranger", stranger, http.StatusForbidden},
	} {
		if code, body := b.ask("/metrics", c.token); code != c.want || strings.Contains(body, "multinic_operator") {
			t.Errorf("%s gets %d, want %d", c.who, code, c.want)
		}
	}
	b.until("the reader gets the metrics", func() bool {
		code, body := b.ask("/metrics", reader)
		return code == http.StatusOK && strings.Contains(body, "controller_runtime")
	})
	b.until("health is told without a token", func() bool { code, _ := b.ask("/healthz", ""); return code == http.StatusOK })
}
