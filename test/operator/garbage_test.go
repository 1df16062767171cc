// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/controller/multinicoperator"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// ownedBy is an owner's mark at a pod, as Kubernetes' controllers make it.
func (w *workloads) ownedBy(owner client.Object) []metav1.OwnerReference {
	gvk, err := apiutil.GVKForObject(owner, w.client.Scheme())
	if err != nil {
		panic(err) // kinds of client-go's
	}
	return []metav1.OwnerReference{*metav1.NewControllerRef(owner, gvk)}
}

// orphan does what the garbage collector does for a StatefulSet that is deleted
// without its pods.
func (w *workloads) orphan(ctx context.Context, set *appsv1.StatefulSet) error {
	if !controllerutil.ContainsFinalizer(set, metav1.FinalizerOrphanDependents) {
		return nil
	}
	pod := &corev1.Pod{}
	switch err := w.client.Get(ctx, client.ObjectKey{Namespace: set.Namespace, Name: set.Name + "-0"}, pod); {
	case err == nil:
		before := pod.DeepCopy()
		pod.OwnerReferences = nil
		if err := w.client.Patch(ctx, pod, client.MergeFrom(before)); err != nil {
			return err
		}
	case client.IgnoreNotFound(err) != nil:
		return err
	}
	before := set.DeepCopy()
	controllerutil.RemoveFinalizer(set, metav1.FinalizerOrphanDependents)
	return w.client.Patch(ctx, set, client.MergeFrom(before))
}

// volume grows a bound claim to what it asks for, and lets a deleted one go that no
// pod uses; then the StatefulSet's pod waits for the next.
func (w *workloads) volume(ctx context.Context, claim *corev1.PersistentVolumeClaim, pod string) (waits bool, err error) {
	if err := w.client.Get(ctx, client.ObjectKeyFromObject(claim), claim); err != nil {
		return true, client.IgnoreNotFound(err)
	}
	if claim.DeletionTimestamp.IsZero() {
		want := claim.Spec.Resources.Requests[corev1.ResourceStorage]
		if have := claim.Status.Capacity[corev1.ResourceStorage]; want.Cmp(have) > 0 {
			return false, w.bind(ctx, claim)
		}
		return false, nil
	}
	err = w.client.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: pod}, &corev1.Pod{})
	if err == nil || client.IgnoreNotFound(err) != nil {
		return true, err
	}
	return true, w.release(ctx, claim)
}

func (w *workloads) release(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	before := claim.DeepCopy()
	claim.Finalizers = nil
	return client.IgnoreNotFound(w.client.Patch(ctx, claim, client.MergeFrom(before)))
}

// stuck says whether a pod of another revision never got ready: the StatefulSet's
// controller waits for such a pod and replaces it by nothing.
func (w *workloads) stuck(ctx context.Context, name, revision string) (bool, error) {
	pod := &corev1.Pod{}
	if err := w.client.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, pod); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	notReady := len(pod.Status.Conditions) == 1 && pod.Status.Conditions[0].Status == corev1.ConditionFalse
	return notReady && pod.Labels[appsv1.StatefulSetRevisionLabel] != revision, nil
}

// replicas makes a Deployment's pods, and ends those that are too many or of
// another template, unless they linger.
func (w *workloads) replicas(ctx context.Context, d *appsv1.Deployment, n int32) error {
	template, err := json.Marshal(d.Spec.Template)
	if err != nil {
		return err
	}
	revision := resources.Digest(string(template))[:8]
	pods := &corev1.PodList{}
	if err := w.client.List(ctx, pods, w.in(), client.MatchingLabels(d.Spec.Selector.MatchLabels)); err != nil {
		return err
	}
	wanted := map[string]bool{}
	for i := range n {
		wanted[fmt.Sprintf("%s-%s-%d", d.Name, revision, i)] = true
	}
	for i := range pods.Items {
		if name := pods.Items[i].Name; !wanted[name] && !w.linger {
			if err := w.client.Delete(ctx, &pods.Items[i], client.GracePeriodSeconds(0)); client.IgnoreNotFound(err) != nil {
				return err
			}
		}
	}
	for name := range wanted {
		if err := w.pod(ctx, d, name, *d.Spec.Template.DeepCopy(), revision, !w.broken[d.Spec.Template.Spec.Containers[0].Image]); err != nil {
			return err
		}
	}
	return nil
}

// collect deletes what belongs to an owner that is gone, when one has gone.
func (w *workloads) collect(ctx context.Context) error {
	owners := map[types.UID]bool{}
	for _, list := range []client.ObjectList{&v1alpha1.MultiNicOperatorList{}, &appsv1.StatefulSetList{}, &appsv1.DeploymentList{}, &batchv1.JobList{}} {
		if err := w.client.List(ctx, list, w.in()); err != nil {
			return err
		}
		gather(list, owners)
	}
	gone := map[types.UID]bool{}
	for uid := range w.owners {
		gone[uid] = !owners[uid]
	}
	if slices.Contains(slices.Collect(maps.Values(gone)), true) {
		for _, kind := range multinicoperator.Children() {
			if err := w.collectKind(ctx, kind, gone); err != nil {
				return err
			}
		}
	}
	w.owners = owners
	claims := &corev1.PersistentVolumeClaimList{}
	if err := w.client.List(ctx, claims, w.in()); err != nil {
		return err
	}
	for i := range claims.Items {
		claim := &claims.Items[i]
		used := claim.Name == resources.DataClaimName && w.client.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: resources.DatabaseName + "-0"}, &corev1.Pod{}) == nil
		if !claim.DeletionTimestamp.IsZero() && !used {
			if err := w.release(ctx, claim); err != nil {
				return err
			}
		}
	}
	return nil
}

func gather(list client.ObjectList, owners map[types.UID]bool) {
	switch list := list.(type) {
	case *v1alpha1.MultiNicOperatorList:
		for i := range list.Items {
			owners[list.Items[i].UID] = true
		}
	case *appsv1.StatefulSetList:
		for i := range list.Items {
			owners[list.Items[i].UID] = true
		}
	case *appsv1.DeploymentList:
		for i := range list.Items {
			owners[list.Items[i].UID] = true
		}
	case *batchv1.JobList:
		for i := range list.Items {
			owners[list.Items[i].UID] = true
		}
	}
}

func (w *workloads) collectKind(ctx context.Context, kind client.Object, gone map[types.UID]bool) error {
	gvk, err := apiutil.GVKForObject(kind, w.client.Scheme())
	if err != nil {
		return err
	}
	if strings.HasPrefix(gvk.Kind, "Cluster") {
		return nil
	}
	list := &unstructured.UnstructuredList{}
	gvk.Kind += "List"
	list.SetGroupVersionKind(gvk)
	if err := w.client.List(ctx, list, w.in()); err != nil {
		return err
	}
	for i := range list.Items {
		object := &list.Items[i]
		for _, ref := range object.GetOwnerReferences() {
			if gone[ref.UID] {
				err := w.client.Delete(ctx, object, client.GracePeriodSeconds(0), client.PropagationPolicy(metav1.DeletePropagationBackground))
				if client.IgnoreNotFound(err) != nil {
					return err
				}
			}
		}
	}
	return nil
}
