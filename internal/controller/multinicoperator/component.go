// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package multinicoperator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// controller makes the controller's Deployment and what goes with it.
func (r *Reconciler) controller(ctx context.Context, p *passage) error {
	if err := r.autoscaled(ctx, p); err != nil {
		return err
	}
	if err := r.account(ctx, p); err != nil {
		return err
	}
	if err := r.rightsElsewhere(ctx, p); err != nil {
		return err
	}
	wanted := resources.Controller(p.in)
	for _, object := range wanted[1:] {
		if p.elsewhere(object) {
			continue
		}
		if err := r.ensure(ctx, p, object); err != nil {
			return err
		}
	}
	if err := r.dropUnwanted(ctx, p, wanted); err != nil {
		return err
	}
	// Past the cache: one that does not know of our last write yet would tell the
	// former template's rollout for this one's.
	deployment := &appsv1.Deployment{}
	if err := r.Reader.Get(ctx, p.name(resources.ControllerName), deployment); client.IgnoreNotFound(err) != nil {
		return err
	}
	s := &p.op.Status.ControllerStatus
	s.ReadyReplicas, s.DesiredReplicas = deployment.Status.ReadyReplicas, *p.in.Spec.Controller.Replicas
	if p.in.Autoscaled && deployment.Spec.Replicas != nil {
		s.DesiredReplicas = *deployment.Spec.Replicas
	}
	if p.in.Stopped {
		return nil // told by the step that has stopped it
	}
	rolledOut := deployment.Status.ObservedGeneration >= deployment.Generation && deployment.Status.UpdatedReplicas == s.DesiredReplicas &&
		deployment.Status.Replicas == s.DesiredReplicas && deployment.Status.ReadyReplicas == s.DesiredReplicas
	if !rolledOut {
		p.lookIn(waitEvery)
		why := fmt.Sprintf("%d of %d replicas are ready, %d of them up to date", s.ReadyReplicas, s.DesiredReplicas, deployment.Status.UpdatedReplicas)
		reason := v1alpha1.ReasonUnavailable
		if deployment.Status.ObservedGeneration < deployment.Generation || deployment.Status.UpdatedReplicas < s.DesiredReplicas || s.ReadyReplicas >= s.DesiredReplicas {
			reason = v1alpha1.ReasonProgressing // its pods are being replaced
		}
		p.set(v1alpha1.ConditionControllerAvailable, false, reason, "%s", r.whyNotReady(ctx, p, resources.ControllerName, why))
		return nil
	}
	p.set(v1alpha1.ConditionControllerAvailable, true, v1alpha1.ReasonAvailable, "%d of %d replicas are ready", s.ReadyReplicas, s.DesiredReplicas)
	if !p.external && !p.unread && (p.creds.FormerPassword != "" || p.creds.FormerUser != "") {
		// Every replica has been started with the new ones.
		p.lookIn(waitEvery)
		return r.keepCredentials(ctx, p, p.creds.Settled())
	}
	return r.leave(ctx, p)
}

// rightsElsewhere makes the bindings in the namespaces that the controller serves. One
// that is not there, or is going, stops none of the rest. The controller is not told of
// one that is not there: it could not list its objects, and would serve no other either.
func (r *Reconciler) rightsElsewhere(ctx context.Context, p *passage) error {
	for _, object := range resources.Controller(p.in) {
		if !p.elsewhere(object) {
			continue
		}
		err := r.ensure(ctx, p, object)
		if err != nil && !errors.Is(err, errWait) {
			return err
		}
		if err != nil {
			p.lookIn(waitEvery)
		}
	}
	if len(p.absent) == 0 {
		return nil
	}
	p.set(v1alpha1.ConditionSpecAccepted, false, v1alpha1.ReasonInvalidSpec, "controller.watchNamespaces names what does not exist: %s: make it, or take it out", strings.Join(p.absent, ", "))
	c := &p.in.Spec.Controller
	there := slices.DeleteFunc(slices.Clone(c.WatchNamespaces), func(namespace string) bool { return slices.Contains(p.absent, namespace) })
	if len(there) > 0 {
		c.WatchNamespaces = there
		return nil
	}
	// None named would mean all: it keeps their names, and has nothing to do.
	p.in.Stopped = true
	p.set(v1alpha1.ConditionControllerAvailable, false, v1alpha1.ReasonStopped, "none of the namespaces that the controller is to serve is there")
	return nil
}

// elsewhere says whether an object belongs into another namespace.
func (p *passage) elsewhere(object resources.Object) bool {
	return object.GetNamespace() != "" && object.GetNamespace() != p.namespace()
}

// account makes the controller's ServiceAccount, and replaces the pods of one that was
// made anew: their tokens are the former one's, which the API server refuses.
func (r *Reconciler) account(ctx context.Context, p *passage) error {
	if err := r.ensure(ctx, p, resources.Controller(p.in)[0]); err != nil {
		return err
	}
	live := &corev1.ServiceAccount{}
	if err := r.Reader.Get(ctx, p.name(resources.ControllerName), live); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("reading the ServiceAccount %s: %w", resources.ControllerName, err)
	}
	p.in.ControllerDigest = resources.Digest(p.in.ControllerDigest, string(live.UID))[:32]
	if !p.unread {
		return nil
	}
	// A Secret that is missing is no reason to replace pods that have read it.
	deployment := &appsv1.Deployment{}
	err := r.Reader.Get(ctx, p.name(resources.ControllerName), deployment)
	if digest := deployment.Spec.Template.Annotations[resources.AnnotationDigest]; digest != "" {
		p.in.ControllerDigest = digest
	}
	return client.IgnoreNotFound(err)
}

// autoscaled leaves the number of replicas to a HorizontalPodAutoscaler that the
// user made.
func (r *Reconciler) autoscaled(ctx context.Context, p *passage) error {
	list := &autoscalingv1.HorizontalPodAutoscalerList{}
	if err := r.Reader.List(ctx, list, client.InNamespace(p.namespace())); err != nil {
		return fmt.Errorf("listing HorizontalPodAutoscalers: %w", err)
	}
	p.in.Autoscaled = slices.ContainsFunc(list.Items, func(h autoscalingv1.HorizontalPodAutoscaler) bool {
		return h.Spec.ScaleTargetRef.Kind == "Deployment" && h.Spec.ScaleTargetRef.Name == resources.ControllerName
	})
	if !p.in.Autoscaled || p.in.Stopped {
		return nil
	}
	deployment := &appsv1.Deployment{}
	err := r.Reader.Get(ctx, p.name(resources.ControllerName), deployment)
	if err == nil && deployment.Spec.Replicas != nil && *deployment.Spec.Replicas == 0 {
		// We have stopped it, and a HorizontalPodAutoscaler leaves alone what has
		// no replicas.
		p.in.Autoscaled = false
	}
	return client.IgnoreNotFound(err)
}

// dropUnwanted removes what an earlier spec has asked for: the budget of two
// replicas, the rights in namespaces that are no longer served.
func (r *Reconciler) dropUnwanted(ctx context.Context, p *passage, wanted []resources.Object) error {
	keep := map[string]bool{}
	for _, object := range wanted {
		keep[describe(object, r.Client)] = true
	}
	budget := &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace(), Name: resources.ControllerName}}
	if !keep[describe(budget, r.Client)] {
		if err := r.gone(ctx, p, budget); err != nil {
			return err
		}
	}
	bindings, err := r.bindingsElsewhere(ctx, p)
	if err != nil {
		return err
	}
	for _, b := range bindings {
		if keep[describe(b, r.Client)] {
			continue
		}
		if err := r.gone(ctx, p, b); err != nil {
			return err
		}
	}
	return nil
}

// bindingsElsewhere are our bindings that are not in our namespace.
func (r *Reconciler) bindingsElsewhere(ctx context.Context, p *passage) (out []client.Object, err error) {
	mine := client.MatchingLabels{v1alpha1.LabelManagedBy: p.op.Name, resources.LabelOperatorNamespace: p.namespace()}
	cluster, local := &rbacv1.ClusterRoleBindingList{}, &rbacv1.RoleBindingList{}
	if err := r.Client.List(ctx, cluster, mine); err != nil {
		return nil, err
	}
	if err := r.Client.List(ctx, local, mine); err != nil {
		return nil, err
	}
	for i := range cluster.Items {
		out = append(out, &cluster.Items[i])
	}
	for i := range local.Items {
		out = append(out, &local.Items[i])
	}
	return out, nil
}

// whyNotReady looks for what a pod says of itself: an image that can't be pulled,
// a container that ends again and again, a volume that is not there.
func (r *Reconciler) whyNotReady(ctx context.Context, p *passage, app, otherwise string) string {
	pods := &corev1.PodList{}
	if err := r.Client.List(ctx, pods, client.InNamespace(p.namespace()), client.MatchingLabels{"app": app}); err != nil {
		return otherwise
	}
	if why := whyWaiting(pods.Items); why != "" {
		return otherwise + ": " + why
	}
	return otherwise
}

// whyWaiting is what the first of these pods that can't start says of it; "" if none
// does.
func whyWaiting(pods []corev1.Pod) string {
	for i := range pods {
		pod := &pods[i]
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
				return fmt.Sprintf("pod %s can't be scheduled: %s", pod.Name, c.Message)
			}
		}
		for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			if w := s.State.Waiting; w != nil && w.Reason != "" && w.Reason != "ContainerCreating" && w.Reason != "PodInitializing" {
				return fmt.Sprintf("pod %s, image %s: %s %s", pod.Name, s.Image, w.Reason, tail(w.Message, 300))
			}
		}
	}
	return ""
}
