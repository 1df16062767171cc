// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package multinicoperator

import (
	"context"
	"fmt"
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

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
		s := &resources.Stored{Size: claim.Spec.Resources.Requests[corev1.ResourceStorage]}
		if claim.Spec.StorageClassName != nil {
			s.StorageClass = *claim.Spec.StorageClassName
		}
		return claim, s, nil
	}
	if p.claim, data, err = read(resources.DataClaimName); err != nil {
		return nil, nil, fmt.Errorf("reading the claim %s: %w", resources.DataClaimName, err)
	}
	if err := r.lookAtBegun(ctx, p); err != nil {
		return nil, nil, err
	}
	if data != nil {
		data.Image = p.claim.Annotations[annotationImage]
	}
	claim, dumps, err := read(resources.BackupName)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the claim %s: %w", resources.BackupName, err)
	}
	if claim == nil || p.external {
		return data, nil, nil
	}
	return data, dumps, r.growDumps(ctx, p, claim)
}

// growDumps sees that the volume of the dumps can have the size that is asked for.
// One that is not there yet holds nothing: its claim, which can't be changed, is
// made anew.
func (r *Reconciler) growDumps(ctx context.Context, p *passage, claim *corev1.PersistentVolumeClaim) error {
	size := &p.in.Spec.Database.Backup.StorageSize
	want, asked := resource.MustParse(*size), claim.Spec.Resources.Requests[corev1.ResourceStorage]
	if want.Cmp(asked) <= 0 {
		return nil
	}
	if claim.Status.Phase != corev1.ClaimBound {
		r.Children.Forget(claim)
		return client.IgnoreNotFound(r.Client.Delete(ctx, claim, client.Preconditions{UID: &claim.UID, ResourceVersion: &claim.ResourceVersion}))
	}
	expandable, class, err := r.expandable(ctx, claim)
	if err != nil || expandable {
		return err
	}
	p.unmet = append(p.unmet, fmt.Sprintf("database.backup.storageSize %s: the volume has %s, and its storage class %q does not allow it to grow: set it back, or copy the dumps away and delete the claim %s", *size, asked.String(), class, claim.Name))
	*size = asked.String()
	return nil
}

// Annotations of the data volume's claim.
const (
	annotationImage    = "multinic.example.com/mariadb-image"       // that the data was last run with
	annotationBegun    = "multinic.example.com/mariadb-image-begun" // that it is to be run with, until it has been
	annotationRestored = "multinic.example.com/restored"            // the dump that was last asked for, and how it went
	annotationMoved    = "multinic.example.com/rows-moved-to"       // the server that has the rows since
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
	maps.Copy(claim.Labels, p.in.Labels("database"))
	if claim.Annotations == nil {
		claim.Annotations = map[string]string{}
	}
	if serving && set.Status.CurrentRevision == set.Status.UpdateRevision {
		claim.Annotations[annotationImage] = set.Spec.Template.Spec.Containers[0].Image
		delete(claim.Annotations, annotationBegun)
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
