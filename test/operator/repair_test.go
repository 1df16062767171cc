// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/controller/multinicoperator"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// tampered is a child of a kind, what someone edits of it, and whether that is so.
type tampered struct {
	object client.Object
	edit   func()
	edited func() bool
}

// tamperings are one child of each kind.
func tamperings(namespace string) []tampered {
	at := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: namespace, Name: name} }
	deployment, set := &appsv1.Deployment{ObjectMeta: at(resources.ControllerName)}, &appsv1.StatefulSet{ObjectMeta: at(resources.DatabaseName)}
	service, secret := &corev1.Service{ObjectMeta: at(resources.TriggerName)}, &corev1.Secret{ObjectMeta: at(resources.CertificateName)}
	account, claim := &corev1.ServiceAccount{ObjectMeta: at(resources.DatabaseName)}, &corev1.PersistentVolumeClaim{ObjectMeta: at(resources.BackupName)}
	role, binding := &rbacv1.Role{ObjectMeta: at(resources.ControllerName)}, &rbacv1.RoleBinding{ObjectMeta: at(resources.ControllerName)}
	cluster := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: resources.ControllerClusterRole + ":" + namespace}}
	policy, budget := &networkingv1.NetworkPolicy{ObjectMeta: at(resources.IsolationName)}, &policyv1.PodDisruptionBudget{ObjectMeta: at(resources.ControllerName)}
	cron := &batchv1.CronJob{ObjectMeta: at(resources.BackupName)}
	one := func(subjects []rbacv1.Subject) bool { return len(subjects) != 1 }
	return []tampered{
		{deployment, func() { deployment.Spec.Template.Spec.Containers[0].Image = "forged" }, func() bool { return deployment.Spec.Template.Spec.Containers[0].Image == "forged" }},
		{set, func() {
			set.Spec.Template.Spec.Containers[0].Env = append(set.Spec.Template.Spec.Containers[0].Env, corev1.EnvVar{Name: "FORGED", Value: "1"})
		}, func() bool {
			return set.Spec.Template.Spec.Containers[0].Env[len(set.Spec.Template.Spec.Containers[0].Env)-1].Name == "FORGED"
		}},
		{service, func() { service.Spec.Selector["app"] = "forged" }, func() bool { return service.Spec.Selector["app"] == "forged" }},
		{secret, func() { secret.Data["tls.key"] = []byte("forged") }, func() bool { return string(secret.Data["tls.key"]) == "forged" }},
		{account, func() { account.AutomountServiceAccountToken = nil }, func() bool { return account.AutomountServiceAccountToken == nil }},
		{claim, func() { claim.Annotations["forged"] = "1" }, func() bool { return claim.Annotations["forged"] != "" }},
		{role, func() { role.Rules = role.Rules[1:] }, func() bool { return role.Rules[0].Resources[0] != "multinicoperators" }},
		{binding, func() { binding.Subjects = nil }, func() bool { return one(binding.Subjects) }},
		{cluster, func() {
			cluster.Subjects = append(cluster.Subjects, rbacv1.Subject{Kind: "User", APIGroup: rbacv1.GroupName, Name: "forged"})
		}, func() bool { return one(cluster.Subjects) }},
		{policy, func() { policy.Spec.Ingress = nil }, func() bool { return len(policy.Spec.Ingress) == 0 }},
		{budget, func() { budget.Spec.MaxUnavailable = new(intstr.FromInt32(9)) }, func() bool { return budget.Spec.MaxUnavailable.IntVal == 9 }},
		{cron, func() { cron.Spec.Schedule = "1 1 1 1 1" }, func() bool { return cron.Spec.Schedule == "1 1 1 1 1" }},
	}
}

func (b *bed) load(object client.Object) bool {
	b.t.Helper()
	err := b.client.Get(b.t.Context(), client.ObjectKeyFromObject(object), object)
	if client.IgnoreNotFound(err) != nil {
		b.t.Fatal(err)
	}
	return err == nil
}

func (b *bed) kind(object client.Object) string {
	b.t.Helper()
	gvk, err := b.client.GroupVersionKindFor(object)
	if err != nil {
		b.t.Fatal(err)
	}
	return gvk.Kind
}

func TestEveryKindOfChildComesBackAsItWas(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.start()
	b.apply("kept", v1alpha1.MultiNicOperatorSpec{Controller: v1alpha1.ControllerSpec{Replicas: new(int32(2))}})
	b.waitReady("kept")
	all := tamperings(b.namespace)
	if want := len(multinicoperator.Children()) - 2; len(all) != want { // Jobs and pods are made once
		t.Errorf("%d kinds are tried, want %d", len(all), want)
	}
	for _, v := range all {
		kind := b.kind(v.object)
		series := fmt.Sprintf("multinic_operator_repairs_total{kind=%q}", kind)
		repairs := b.metric(series)
		repaired := func(what string) {
			repairs++
			b.until(fmt.Sprintf("repair %.0f of %s is counted: %s", repairs, kind, what), func() bool { return b.metric(series) >= repairs })
		}
		if !b.load(v.object) {
			t.Fatalf("there is no %s", kind)
		}
		uid := v.object.GetUID()
		if err := b.client.Delete(t.Context(), v.object, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		b.until(kind+" that was deleted is back", func() bool { return b.load(v.object) && v.object.GetUID() != uid })
		t.Logf("%s was back after %s", kind, time.Since(began).Round(time.Millisecond))
		repaired("deleted")
		b.until(kind+" loses its labels", func() bool {
			b.load(v.object)
			v.object.SetLabels(nil)
			return b.client.Update(t.Context(), v.object) == nil
		})
		b.until(kind+" has its labels again", func() bool { return b.load(v.object) && v.object.GetLabels()[v1alpha1.LabelProtected] == "true" })
		repaired("labels")
		b.until(kind+" is edited", func() bool {
			b.load(v.object)
			v.edit()
			return b.client.Update(t.Context(), v.object) == nil
		})
		b.until(kind+" that was edited is as built", func() bool { return b.load(v.object) && !v.edited() })
		repaired("edited")
		b.waitEvent("Repaired", kind+" ")
	}
	b.waitReady("kept")
}

// TestAServiceAccountMadeAnewGetsNewPods: the API server refuses the tokens of the former
// one, so a controller that went on with them could neither lead nor read an object.
func TestAServiceAccountMadeAnewGetsNewPods(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.start()
	b.apply("renewed", v1alpha1.MultiNicOperatorSpec{})
	b.waitReady("renewed")
	deployment, account := &appsv1.Deployment{}, &corev1.ServiceAccount{}
	b.read(resources.ControllerName, deployment)
	b.read(resources.ControllerName, account)
	before, uid := deployment.Spec.Template.Annotations[resources.AnnotationDigest], account.UID
	if err := b.client.Delete(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	b.until("the ServiceAccount is there again, and the pods are replaced", func() bool {
		return b.read(resources.ControllerName, account) && account.UID != uid &&
			b.read(resources.ControllerName, deployment) && deployment.Spec.Template.Annotations[resources.AnnotationDigest] != before
	})
}

func TestWithoutAutoRecoveryADifferenceIsToldAndLeft(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.options.LookEvery = time.Second
	b.start()
	b.apply("told", v1alpha1.MultiNicOperatorSpec{Protection: v1alpha1.ProtectionSpec{EnableAutoRecovery: new(false)}})
	b.waitReady("told")
	b.workloads.with(func(w *workloads) { w.frozen = true })
	d := &appsv1.Deployment{}
	b.change(resources.ControllerName, d, func() { d.Spec.Template.Spec.Containers[0].Image = "forged" })
	op := b.waitFor("told", v1alpha1.ConditionInSync, "False", v1alpha1.ReasonDrifted)
	if c := meta.FindStatusCondition(op.Status.Conditions, v1alpha1.ConditionInSync); !strings.Contains(c.Message, "containers[controller].image") || !strings.Contains(c.Message, resources.ControllerName) {
		t.Errorf("the place is not told: %s", c.Message)
	}
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: resources.TriggerName}}
	if err := b.client.Delete(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	b.until("the missing Service is told", func() bool {
		c := meta.FindStatusCondition(b.get("told").Status.Conditions, v1alpha1.ConditionInSync)
		return strings.Contains(c.Message, resources.TriggerName+": (missing)")
	})
	b.looks()
	if b.read(resources.ControllerName, d); d.Spec.Template.Spec.Containers[0].Image != "forged" || b.read(resources.TriggerName, service) {
		t.Error("a difference was repaired")
	}
	b.workloads.with(func(w *workloads) { w.frozen = false })
	b.edit("told", func(op *v1alpha1.MultiNicOperator) { op.Spec.Protection.EnableAutoRecovery = new(true) })
	b.waitFor("told", v1alpha1.ConditionInSync, "True", v1alpha1.ReasonNothingDiffers)
	if b.read(resources.ControllerName, d); d.Spec.Template.Spec.Containers[0].Image == "forged" || !b.read(resources.TriggerName, service) {
		t.Error("what differed was not repaired when repairs were switched on")
	}
	b.waitReady("told")
	// A system that is removed and made again without repairs is made whole.
	b.edit("told", func(op *v1alpha1.MultiNicOperator) { op.Spec.Protection.EnableAutoRecovery = new(false) })
	if err := b.client.Delete(t.Context(), b.get("told")); err != nil {
		t.Fatal(err)
	}
	b.until("it is gone", func() bool {
		return !b.read("told", &v1alpha1.MultiNicOperator{}) && !b.read(resources.TriggerName, service)
	})
	b.apply("told", v1alpha1.MultiNicOperatorSpec{Protection: v1alpha1.ProtectionSpec{EnableAutoRecovery: new(false)}})
	b.waitReady("told")
	b.until("its children are there", func() bool { return b.read(resources.TriggerName, service) })
}

func TestReplicasUnderAnAutoscalerAreItsOwn(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.options.LookEvery = time.Second
	b.start()
	b.apply("scaled", v1alpha1.MultiNicOperatorSpec{})
	b.waitReady("scaled")
	hpa := &autoscalingv1.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: "mine"},
		Spec: autoscalingv1.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv1.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: resources.ControllerName}, MaxReplicas: 5,
		},
	}
	if err := b.client.Create(t.Context(), hpa); err != nil {
		t.Fatal(err)
	}
	d := &appsv1.Deployment{}
	b.looks()
	b.change(resources.ControllerName, d, func() { d.Spec.Replicas = new(int32(3)) })
	b.until("the status tells its number", func() bool { return b.get("scaled").Status.ControllerStatus.ReadyReplicas == 3 })
	b.looks()
	if n, _ := b.controller(); n != 3 {
		t.Errorf("the operator set the replicas to %d", n)
	}
	b.waitReady("scaled")
	if err := b.client.Delete(t.Context(), hpa); err != nil {
		t.Fatal(err)
	}
	b.until("the spec's number is in force again", func() bool { n, _ := b.controller(); return n == 1 })
}

func TestAWriterThatFightsIsNoticedAndSlowed(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.start()
	b.apply("fought", v1alpha1.MultiNicOperatorSpec{})
	b.waitReady("fought")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"selector":{"app":"forged"}}}`))
			_ = b.client.Patch(ctx, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: resources.TriggerName}}, patch)
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	op := b.waitFor("fought", v1alpha1.ConditionInSync, "False", v1alpha1.ReasonContested)
	if !strings.Contains(op.Status.Message, resources.TriggerName) {
		t.Errorf("the object is not named: %s", op.Status.Message)
	}
	series := `multinic_operator_repairs_total{kind="Service"}`
	before, began := b.metric(series), time.Now()
	b.until("some more repairs", func() bool { return b.metric(series) >= before+2 })
	if took := time.Since(began); took < 2*time.Second {
		t.Errorf("two more repairs came within %s", took)
	}
	cancel()
	<-ended
	b.waitFor("fought", v1alpha1.ConditionInSync, "True", v1alpha1.ReasonNothingDiffers)
}
