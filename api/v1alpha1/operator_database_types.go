// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
)

// Deletion policies of the volumes.
const (
	DeletionRetain = "Retain"
	DeletionDelete = "Delete"
)

// DatabaseSpec describes MariaDB.
type DatabaseSpec struct {
	// enabled runs MariaDB in the cluster. False: an external server, named
	// by controller.env.
	// +optional
	// +kubebuilder:default=true
	Enabled *bool `json:"enabled,omitempty"`
	// image of MariaDB, 10.3 or later. Another image is another version: a
	// backup is made before it is started, and an older one is refused.
	// +optional
	// +kubebuilder:default="mariadb:10.11"
	// +kubebuilder:validation:MaxLength=1024
	Image string `json:"image,omitempty"`
	// storageSize of the data volume. It can grow, not shrink.
	// +optional
	// +kubebuilder:default="10Gi"
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|Ei|k|M|G|T|P|E)?$`
	StorageSize string `json:"storageSize,omitempty"`
	// storageClassName of the data volume; the cluster's default if absent.
	// It can't change while the volume is there.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	StorageClassName *string `json:"storageClassName,omitempty"`
	// resources are requests; the memory is also the limit.
	// +optional
	Resources ResourceSpec `json:"resources,omitempty,omitzero"`
	// service is how node agents reach the database.
	// +optional
	Service DatabaseServiceSpec `json:"service,omitempty,omitzero"`
	// credentials of the database. What is absent is generated.
	// +optional
	Credentials DatabaseCredentials `json:"credentials,omitempty,omitzero"`
	// caSecretRef names a Secret of this namespace whose ca.crt the external
	// database's certificate is verified with; it turns TLS on. The internal
	// database has a certificate of the operator's.
	// +optional
	CASecretRef *LocalSecretReference `json:"caSecretRef,omitempty"`
	// deletionPolicy says what becomes of the volumes when this object is
	// deleted: Retain (default) keeps them for a later object of this name.
	// +optional
	// +kubebuilder:default=Retain
	// +kubebuilder:validation:Enum=Retain;Delete
	DeletionPolicy string `json:"deletionPolicy,omitempty"`
	// backup is the scheduled dump.
	// +optional
	Backup BackupSpec `json:"backup,omitempty,omitzero"`
	// restoreFrom names a backup to restore, or "latest". It is restored once
	// into each data volume, and again when the annotation
	// multinic.example.com/restore-requested-at gets a new value. Publication
	// stops until the restored rows have been checked against OpenStack.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^([a-z0-9][a-z0-9.-]*)?$`
	RestoreFrom string `json:"restoreFrom,omitempty"`
}

// DatabaseServiceSpec describes the Service mariadb.
// +kubebuilder:validation:XValidation:rule="!has(self.nodePort) || (has(self.type) && self.type != 'ClusterIP')",message="nodePort needs type NodePort or LoadBalancer"
type DatabaseServiceSpec struct {
	// type is ClusterIP, NodePort or LoadBalancer.
	// +optional
	// +kubebuilder:default=ClusterIP
	// +kubebuilder:validation:Enum=ClusterIP;NodePort;LoadBalancer
	Type corev1.ServiceType `json:"type,omitempty"`
	// nodePort on every node, such as 30306; one is given if absent.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	NodePort *int32 `json:"nodePort,omitempty"`
}

// DatabaseCredentials are inline (which warns) or in a Secret.
// +kubebuilder:validation:XValidation:rule="!has(self.secretRef) || !(has(self.rootPassword) || has(self.password) || has(self.user) || has(self.database))",message="secretRef replaces rootPassword, database, user and password: remove them, or secretRef"
type DatabaseCredentials struct {
	// +optional
	// +kubebuilder:validation:MaxLength=256
	RootPassword string `json:"rootPassword,omitempty"`
	// database name; "multinic" if empty.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Database string `json:"database,omitempty"`
	// user of the controller; "multinic" if empty.
	// +optional
	// +kubebuilder:validation:MaxLength=80
	User string `json:"user,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Password string `json:"password,omitempty"`
	// secretRef names a Secret of this namespace with the keys rootPassword,
	// database, user, password.
	// +optional
	SecretRef *LocalSecretReference `json:"secretRef,omitempty"`
}

// DatabaseStatus is how MariaDB does.
type DatabaseStatus struct {
	// +optional
	Phase Phase `json:"phase,omitempty"`
	// +optional
	ReadyReplicas int32 `json:"readyReplicas"`
	// image that the data was last run with.
	// +optional
	Image string `json:"image,omitempty"`
	// storageSize that the data volume has.
	// +optional
	StorageSize string `json:"storageSize,omitempty"`
}
