// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// BackupSpec describes the scheduled dump.
type BackupSpec struct {
	// enabled makes scheduled dumps.
	// +optional
	// +kubebuilder:default=true
	Enabled *bool `json:"enabled,omitempty"`
	// schedule in cron's five fields.
	// +optional
	// +kubebuilder:default="0 3 * * *"
	// +kubebuilder:validation:MaxLength=128
	Schedule string `json:"schedule,omitempty"`
	// keep is how many dumps are kept.
	// +optional
	// +kubebuilder:default=7
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	Keep *int32 `json:"keep,omitempty"`
	// storageSize of the volume for the dumps. It can grow, not shrink.
	// +optional
	// +kubebuilder:default="10Gi"
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|Ei|k|M|G|T|P|E)?$`
	StorageSize string `json:"storageSize,omitempty"`
	// storageClassName of the volume; the cluster's default if absent.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	StorageClassName *string `json:"storageClassName,omitempty"`
	// s3 is a second place for every dump.
	// +optional
	S3 *S3Spec `json:"s3,omitempty"`
}

// S3Spec names a bucket of S3-compatible storage.
type S3Spec struct {
	// endpoint as in "https://s3.example.com".
	// +required
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^https?://[^\s/?#@]+/?$`
	Endpoint string `json:"endpoint"`
	// bucket must exist.
	// +required
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9][a-z0-9.-]*[a-z0-9]$`
	Bucket string `json:"bucket"`
	// prefix of the objects' names. The cluster and the namespace come after
	// it, so that those that share a bucket don't meet.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9/._-]*$`
	Prefix string `json:"prefix,omitempty"`
	// region, where the storage asks for one.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9-]*$`
	Region string `json:"region,omitempty"`
	// secretRef names a Secret of this namespace with accessKeyID and
	// secretAccessKey, and ca.crt for a private authority.
	// +required
	SecretRef LocalSecretReference `json:"secretRef"`
}

// BackupStatus is what is known of the dumps.
type BackupStatus struct {
	// +optional
	LastSuccessfulTime *metav1.Time `json:"lastSuccessfulTime,omitempty"`
	// +optional
	LastName string `json:"lastName,omitempty"`
	// +optional
	LastSizeBytes int64 `json:"lastSizeBytes,omitempty"`
	// lastFailureTime is when a dump last failed, if none has succeeded since.
	// +optional
	LastFailureTime *metav1.Time `json:"lastFailureTime,omitempty"`
	// problem is what came after the last dump and failed: its copy in the
	// bucket, or pruning. Empty where nothing did.
	// +optional
	Problem string `json:"problem,omitempty"`
	// available are the newest dumps, newest first, as the last one saw them.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=50
	Available []string `json:"available,omitempty"`
	// lastHandledRequest echoes the annotation
	// multinic.example.com/backup-requested-at once that dump has ended.
	// +optional
	LastHandledRequest string `json:"lastHandledRequest,omitempty"`
	// restored is the restore that was last asked for.
	// +optional
	Restored *RestoreStatus `json:"restored,omitempty"`
}

// RestoreStatus is how a restore went.
type RestoreStatus struct {
	// from is the backup's name as it was asked for.
	From string `json:"from"`
	// requestedAt is the annotation multinic.example.com/restore-requested-at.
	// +optional
	RequestedAt string `json:"requestedAt,omitempty"`
	// phase is Running, Succeeded or Failed.
	// +kubebuilder:validation:Enum=Running;Succeeded;Failed
	Phase string `json:"phase"`
	// +optional
	Message string `json:"message,omitempty"`
	// +optional
	Time *metav1.Time `json:"time,omitempty"`
}
