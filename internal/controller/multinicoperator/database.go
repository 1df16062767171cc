// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package multinicoperator

import (
	"context"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/children"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// database makes the internal server run, at the version and with the volume
// that the spec asks for. What it waits for it tells; later steps see whether
// the server is there.
func (r *Reconciler) database(ctx context.Context, p *passage) error {
	if p.external {
		return nil // what is left of the internal one goes when its rows have moved
	}
	if err := r.chooseImage(ctx, p); err != nil {
		return err
	}
	for _, object := range resources.Database(p.in) {
		err := r.ensure(ctx, p, object)
		if set, ok := object.(*appsv1.StatefulSet); ok && errors.Is(err, children.ErrImmutable) {
			return r.replaceSet(ctx, p, set)
		}
		if err != nil {
			return err
		}
	}
	set, err := r.databaseSet(ctx, p)
	if err != nil || set == nil {
		return err
	}
	if err := r.unblock(ctx, p, set); err != nil {
		return err
	}
	serving := set.Status.ObservedGeneration >= set.Generation && set.Status.ReadyReplicas > 0
	p.op.Status.DatabaseStatus.ReadyReplicas = set.Status.ReadyReplicas
	if err := r.volume(ctx, p, serving, set); err != nil {
		return err
	}
	switch {
	case !serving:
		p.set(v1alpha1.ConditionDatabaseAvailable, false, v1alpha1.ReasonProgressing, "%s", r.whyNotReady(ctx, p, resources.DatabaseName, "StatefulSet mariadb has no ready pod"))
		p.lookIn(waitEvery)
	case set.Status.CurrentRevision != set.Status.UpdateRevision:
		p.set(v1alpha1.ConditionDatabaseAvailable, false, v1alpha1.ReasonProgressing, "MariaDB's pod is replaced by one as the spec asks for")
		p.lookIn(waitEvery)
	case p.in.DatabaseImage == p.in.Spec.Database.Image: // else an upgrade is waiting, and has said so
		p.set(v1alpha1.ConditionDatabaseAvailable, true, v1alpha1.ReasonAvailable, "MariaDB serves")
	}
	return nil
}

// databaseSet is the StatefulSet as it is now: the cache may not know of our last
// write yet, and its status would be the former template's.
func (r *Reconciler) databaseSet(ctx context.Context, p *passage) (*appsv1.StatefulSet, error) {
	set := &appsv1.StatefulSet{}
	err := r.Reader.Get(ctx, p.name(resources.DatabaseName), set)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return set, err
}

// replaceSet deletes the StatefulSet and leaves its pod and volume, which the
// next one takes over: its templates of volumes can't be changed in place.
func (r *Reconciler) replaceSet(ctx context.Context, p *passage, set *appsv1.StatefulSet) error {
	live := &appsv1.StatefulSet{}
	if err := r.Reader.Get(ctx, client.ObjectKeyFromObject(set), live); err != nil {
		return client.IgnoreNotFound(err)
	}
	r.Log.Info("Replacing the StatefulSet around its pod", "namespace", p.namespace(), "name", set.Name)
	err := r.Client.Delete(ctx, live, client.Preconditions{UID: &live.UID, ResourceVersion: &live.ResourceVersion}, client.PropagationPolicy(metav1.DeletePropagationOrphan))
	r.Children.Forget(set)
	p.lookIn(waitEvery)
	return client.IgnoreNotFound(err)
}

// unblock deletes a pod that never got ready and is not of the revision that is
// wanted by now: a StatefulSet waits for ever for such a pod to get ready
// (kubernetes.io/docs/concepts/workloads/controllers/statefulset, "Forced rollback").
func (r *Reconciler) unblock(ctx context.Context, p *passage, set *appsv1.StatefulSet) error {
	if set.Status.ObservedGeneration < set.Generation || set.Status.UpdateRevision == "" {
		return nil
	}
	pod := &corev1.Pod{}
	if err := r.Client.Get(ctx, p.name(resources.DatabaseName+"-0"), pod); err != nil {
		return client.IgnoreNotFound(err)
	}
	if ready(pod) || !pod.DeletionTimestamp.IsZero() || pod.Labels[appsv1.StatefulSetRevisionLabel] == set.Status.UpdateRevision {
		return nil
	}
	r.Log.Info("Deleting a pod of a revision that never got ready", "namespace", pod.Namespace, "pod", pod.Name)
	return client.IgnoreNotFound(r.Client.Delete(ctx, pod, client.Preconditions{UID: &pod.UID}))
}

func ready(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// stored reads what the volumes hold, and keeps the claim of the data.
func (r *Reconciler) stored(ctx context.Context, p *passage) (data, dumps *resources.Stored, err error) {
	read := func(name string) (*corev1.PersistentVolumeClaim, *resources.Stored, error) {
		claim := &corev1.PersistentVolumeClaim{}
		if err := r.Reader.Get(ctx, p.name(name), claim); err != nil {
			return nil, nil, client.IgnoreNotFound(err)
		}
		if !claim.DeletionTimestamp.IsZero() {
			return nil, nil, nil
		}
		s := &resources.Stored{Image: claim.Annotations[annotationImage], Size: claim.Spec.Resources.Requests[corev1.ResourceStorage]}
		if claim.Spec.StorageClassName != nil {
			s.StorageClass = *claim.Spec.StorageClassName
		}
		return claim, s, nil
	}
	if p.claim, data, err = read(resources.DataClaimName); err != nil {
		return nil, nil, fmt.Errorf("reading the claim %s: %w", resources.DataClaimName, err)
	}
	_, dumps, err = read(resources.BackupName)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the claim %s: %w", resources.BackupName, err)
	}
	return data, dumps, nil
}

// Annotations of the data volume's claim.
const (
	annotationImage    = "multinic.example.com/mariadb-image" // that the data was last run with
	annotationRestored = "multinic.example.com/restored"      // the dump that was last asked for, and how it went
	annotationMoved    = "multinic.example.com/rows-moved-to" // the server that has the rows since
)

// volume makes the claim bear our labels, grow to the wanted size, and remember
// the image that has run on it.
func (r *Reconciler) volume(ctx context.Context, p *passage, serving bool, set *appsv1.StatefulSet) error {
	claim := p.claim
	if claim == nil {
		p.drop(v1alpha1.ConditionStorageResized)
		return nil
	}
	before := claim.DeepCopy()
	if claim.Labels == nil {
		claim.Labels = map[string]string{}
	}
	for k, v := range p.in.Labels("database") {
		claim.Labels[k] = v
	}
	if claim.Annotations == nil {
		claim.Annotations = map[string]string{}
	}
	if serving && set.Status.CurrentRevision == set.Status.UpdateRevision {
		claim.Annotations[annotationImage] = set.Spec.Template.Spec.Containers[0].Image
	}
	p.op.Status.DatabaseStatus.Image = claim.Annotations[annotationImage]
	size := claim.Status.Capacity[corev1.ResourceStorage]
	p.op.Status.DatabaseStatus.StorageSize = size.String()
	if claim.Status.Capacity == nil {
		p.op.Status.DatabaseStatus.StorageSize = ""
	}
	want := resource.MustParse(p.in.Spec.Database.StorageSize)
	if err := r.grow(ctx, p, claim, want); err != nil {
		return err
	}
	if equality.Semantic.DeepEqual(before, claim) {
		return nil
	}
	if err := r.Client.Patch(ctx, claim, client.MergeFrom(before), fieldOwner); err != nil {
		return fmt.Errorf("patching the claim %s: %w", claim.Name, err)
	}
	return nil
}

// grow asks for more where the class allows it, and tells how far it is.
func (r *Reconciler) grow(ctx context.Context, p *passage, claim *corev1.PersistentVolumeClaim, want resource.Quantity) error {
	asked, size := claim.Spec.Resources.Requests[corev1.ResourceStorage], claim.Status.Capacity[corev1.ResourceStorage]
	if want.Cmp(asked) > 0 && claim.Status.Phase != corev1.ClaimBound {
		p.set(v1alpha1.ConditionStorageResized, false, v1alpha1.ReasonResizing, "the volume grows from %s to %s when it is there: the claim %s is not bound yet", asked.String(), want.String(), claim.Name)
		p.lookIn(waitEvery)
		return nil
	}
	if want.Cmp(asked) > 0 {
		expandable, name, err := r.expandable(ctx, claim)
		if err != nil {
			return err
		}
		if !expandable {
			p.set(v1alpha1.ConditionStorageResized, false, v1alpha1.ReasonExpansionForbidden,
				"the volume has %s, and its storage class %q does not allow it to grow to %s: set storageSize back, or back up, delete the claim %s and restore", asked.String(), name, want.String(), claim.Name)
			return nil
		}
		if claim.Spec.Resources.Requests == nil {
			claim.Spec.Resources.Requests = corev1.ResourceList{}
		}
		claim.Spec.Resources.Requests[corev1.ResourceStorage] = want
	}
	if claim.Status.Capacity != nil && size.Cmp(want) < 0 {
		p.set(v1alpha1.ConditionStorageResized, false, v1alpha1.ReasonResizing, "the volume grows from %s to %s", size.String(), want.String())
		return nil
	}
	p.set(v1alpha1.ConditionStorageResized, true, v1alpha1.ReasonResized, "the volume has %s", size.String())
	return nil
}

func (r *Reconciler) expandable(ctx context.Context, claim *corev1.PersistentVolumeClaim) (bool, string, error) {
	if claim.Spec.StorageClassName == nil || *claim.Spec.StorageClassName == "" {
		return false, "", nil
	}
	class := &storagev1.StorageClass{}
	if err := r.Reader.Get(ctx, client.ObjectKey{Name: *claim.Spec.StorageClassName}, class); err != nil {
		return false, *claim.Spec.StorageClassName, client.IgnoreNotFound(err)
	}
	return class.AllowVolumeExpansion != nil && *class.AllowVolumeExpansion, class.Name, nil
}
