// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"net/http"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/children"
	"github.com/xormsdhkdwk/multinic/internal/controller/multinicoperator"
	"github.com/xormsdhkdwk/multinic/internal/resources"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

const (
	installedIn = "multinic-system"
	operatorAs  = "system:serviceaccount:" + installedIn + ":multinic-operator"
)

// unused are the rights that no request needs, each with what it is there for.
var unused = map[string]string{
	"bind clusterroles.rbac.authorization.k8s.io":              "asked by the API server itself, when a binding is written",
	"update multinicoperators/finalizers.multinic.example.com": "asked by the admission of owner references, in clusters that have it on",
	"get configmaps":             "held to be granted to the controller",
	"list configmaps":            "held to be granted to the controller",
	"watch configmaps":           "held to be granted to the controller",
	"create configmaps":          "held to be granted to the controller",
	"update configmaps":          "held to be granted to the controller",
	"patch configmaps":           "held to be granted to the controller",
	"patch events":               "leader election's, when it tells the same again",
	"patch events.events.k8s.io": "the same event told again makes a series of it",
}

// TestEveryRightOfTheOperatorIsUsed runs the operator as its ServiceAccount through a
// whole life, and holds what the API server has written down of it against the
// roles that are shipped: nothing was forbidden, and of what is allowed all was
// asked for.
func TestEveryRightOfTheOperatorIsUsed(t *testing.T) {
	t.Parallel()
	plane := testenv.NewAuditedControlPlane(t, operatorAs)
	l := newLifeOn(newBedAt(t, plane.Config))
	installed := shipped(t, "../../config/operator")
	for _, o := range installed {
		if o.GetKind() == "CustomResourceDefinition" {
			continue
		}
		if err := l.client.Create(t.Context(), o); client.IgnoreAlreadyExists(err) != nil {
			t.Fatalf("%s %s: %v", o.GetKind(), o.GetName(), err)
		}
	}
	as := rest.AnonymousClientConfig(plane.Config)
	as.QPS, as.BearerToken = -1, l.token("multinic-operator")
	address := make(chan string, 10)
	l.options.Namespace, l.options.WatchNamespaces, l.options.LeaderElection, l.options.MetricsAuth = installedIn, nil, true, "on"
	l.options.Started = func(a string) { address <- a }
	stop := l.startWith(as)
	l.live(func(string) {}, func(stage string) {
		switch stage {
		case "create":
			l.askForMetrics(<-address)
			l.tamper(func(o *unstructured.Unstructured) { l.annotate(o, "example.com/someone", "was here") },
				func(o *unstructured.Unstructured) bool { return o.GetAnnotations()["example.com/someone"] == "" })
			l.rebind()
			l.losePod()
		case "rotate":
			l.setRecovery(false)
			stop()
			// As if an operator of an earlier version had made them.
			l.tamper(func(o *unstructured.Unstructured) { l.annotate(o, children.AnnotationDigest, "an earlier one") }, nil)
			stop = l.startWith(as)
			l.tamper(nil, func(o *unstructured.Unstructured) bool {
				return o.GetAnnotations()[children.AnnotationDigest] != "an earlier one"
			})
			l.setRecovery(true)
		case "delete":
			l.abandonedObject()
		}
	})
	l.judge(readAudit(t, plane.AuditLog()), rightsOf(t, installed, "multinic-operator", "multinic-operator-cluster"))
}

// judge compares what was asked with what is allowed.
func (l *life) judge(asked []entry, allowed []right) {
	l.t.Helper()
	used := map[right]int{}
	for _, e := range asked {
		used[e.right()]++
		if e.Response.Code == http.StatusForbidden {
			l.t.Errorf("forbidden: %s %s", e.Verb, e.RequestURI)
		}
	}
	for _, r := range allowed {
		why, known := unused[r.String()]
		if r.verb == "list" && used[r] == 0 && used[right{"watch", r.resource}] > 0 {
			continue // the cache lists where the API server can't stream what there is
		}
		switch {
		case used[r] == 0 && !known:
			l.t.Errorf("the operator may %s and never did", r)
		case used[r] > 0 && known:
			l.t.Errorf("the operator did %s, which is said to be %s", r, why)
		}
	}
	for name := range unused {
		held := false
		for _, r := range allowed {
			held = held || r.String() == name
		}
		if !held {
			l.t.Errorf("%s is excused, and nobody may do it", name)
		}
	}
	l.t.Logf("%d requests, %d rights of which %d are used", len(asked), len(allowed), len(allowed)-len(unused))
	if len(asked) < 500 {
		l.t.Errorf("only %d requests were written down", len(asked))
	}
}

func (l *life) token(account string) string {
	l.t.Helper()
	request := &authenticationv1.TokenRequest{}
	if err := l.client.SubResource("token").Create(l.t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: installedIn, Name: account}}, request); err != nil {
		l.t.Fatal(err)
	}
	return request.Status.Token
}

// askForMetrics makes the operator ask who is calling, and whether he may.
func (l *life) askForMetrics(address string) {
	l.t.Helper()
	request, err := http.NewRequestWithContext(l.t.Context(), http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		l.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+l.token("multinic-operator"))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		l.t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusForbidden {
		l.t.Errorf("/metrics answers %d to one without the role", response.StatusCode)
	}
}

// tamper does something to every child, then waits until each is right.
func (l *life) tamper(change func(*unstructured.Unstructured), right func(*unstructured.Unstructured) bool) {
	l.t.Helper()
	for _, kind := range multinicoperator.Children() {
		if _, isPod := kind.(*corev1.Pod); isPod {
			continue
		}
		for _, o := range l.those(kind) {
			if o.GetLabels()[v1alpha1.LabelManagedBy] == "" || o.GetKind() == "Job" || o.GetName() == resources.DataClaimName {
				continue
			}
			if change != nil {
				change(&o)
			}
			if right == nil {
				continue
			}
			l.await(o.GetKind()+" "+o.GetName(), func() string {
				err := l.client.Get(l.t.Context(), client.ObjectKeyFromObject(&o), &o)
				return l.lacks(err == nil && right(&o), "the repair")
			})
		}
	}
}

func (l *life) annotate(o *unstructured.Unstructured, key, value string) {
	l.t.Helper()
	before := o.DeepCopy()
	annotations := o.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[key] = value
	o.SetAnnotations(annotations)
	if err := l.client.Patch(l.t.Context(), o, client.MergeFrom(before)); err != nil {
		l.t.Fatal(err)
	}
}

// rebind has someone bind another role in the place of ours, which can't be
// changed back in place.
func (l *life) rebind() {
	l.t.Helper()
	name := client.ObjectKey{Name: resources.ControllerReaderRole + ":" + l.namespace}
	binding := &rbacv1.ClusterRoleBinding{}
	if err := l.client.Get(l.t.Context(), name, binding); err != nil {
		l.t.Fatal(err)
	}
	l.replace(binding, func() { binding.RoleRef.Name = "view" })
	l.await("the binding", func() string {
		err := l.client.Get(l.t.Context(), name, binding)
		return l.lacks(err == nil && binding.RoleRef.Name == resources.ControllerReaderRole, "the repair")
	})
}

// replace deletes an object and makes it anew, otherwise.
func (l *life) replace(o client.Object, change func()) {
	l.t.Helper()
	l.await("the replacement", func() string {
		if err := l.client.Delete(l.t.Context(), o); client.IgnoreNotFound(err) != nil {
			l.t.Fatal(err)
		}
		o.SetUID("")
		o.SetResourceVersion("")
		change()
		err := l.client.Create(l.t.Context(), o)
		if err != nil && !apierrors.IsAlreadyExists(err) {
			l.t.Fatal(err)
		}
		return l.lacks(err == nil, "a moment before the operator's")
	})
}

// losePod leaves MariaDB with a pod of a revision that is no longer wanted and
// never got ready.
func (l *life) losePod() {
	l.t.Helper()
	l.workloads.with(func(w *workloads) { w.frozen = true })
	pod := &corev1.Pod{}
	l.read(resources.DatabaseName+"-0", pod)
	uid := pod.UID
	pod.Status.Conditions[0].Status = corev1.ConditionFalse
	if err := l.client.Status().Update(l.t.Context(), pod); err != nil {
		l.t.Fatal(err)
	}
	pod.Labels[appsv1.StatefulSetRevisionLabel] = "old"
	if err := l.client.Update(l.t.Context(), pod); err != nil {
		l.t.Fatal(err)
	}
	l.await("the pod", func() string {
		return l.lacks(!l.read(resources.DatabaseName+"-0", pod) || pod.UID != uid, "its end")
	})
	l.workloads.with(func(w *workloads) { w.frozen = false })
	l.await("the pod", l.notReady)
}

func (l *life) setRecovery(on bool) {
	l.t.Helper()
	l.edit(l.name, func(op *v1alpha1.MultiNicOperator) { op.Spec.Protection.EnableAutoRecovery = &on })
	l.await("the setting", l.notReady)
}

// abandonedObject is an OpenstackConfig that is deleted where nobody serves it.
func (l *life) abandonedObject() {
	l.t.Helper()
	object := &v1alpha1.OpenstackConfig{}
	for _, o := range decoded(l.t, "../../config/samples/openstackconfig.yaml") {
		o.SetNamespace(l.namespace)
		o.SetFinalizers([]string{v1alpha1.Finalizer})
		if err := l.client.Create(l.t.Context(), o); err != nil {
			l.t.Fatal(err)
		}
		if err := l.client.Delete(l.t.Context(), o); err != nil {
			l.t.Fatal(err)
		}
		l.await("the object", func() string { return l.lacks(!l.read(o.GetName(), object), "its end") })
	}
}
