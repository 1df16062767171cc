// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MultiNicOperatorSpec says how MultiNic runs in a namespace: its controller,
// its database, what is protected and when OpenStack is called. Every field
// has a default; an empty spec is a whole system.
type MultiNicOperatorSpec struct {
	// controller is the Deployment multinic-controller.
	// +optional
	Controller ControllerSpec `json:"controller,omitempty,omitzero"`
	// database is the StatefulSet mariadb, or an external server.
	// +optional
	Database DatabaseSpec `json:"database,omitempty,omitzero"`
	// openstack holds the endpoints for objects that name no authURL, or the
	// same one; never for another cloud's.
	// +optional
	OpenStack OpenStackSpec `json:"openstack,omitempty,omitzero"`
	// protection of what the operator made.
	// +optional
	Protection ProtectionSpec `json:"protection,omitempty,omitzero"`
	// reconcileTrigger says when OpenStack is called.
	// +optional
	ReconcileTrigger ReconcileTriggerSpec `json:"reconcileTrigger,omitempty,omitzero"`
	// withdrawal limits how much may disappear at once without a person's
	// word, for every object that does not say otherwise.
	// +optional
	Withdrawal *WithdrawalPolicy `json:"withdrawal,omitempty"`
	// imagePullSecrets name Secrets of this namespace for the images of the
	// controller, the database and the backups.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	ImagePullSecrets []LocalSecretReference `json:"imagePullSecrets,omitempty"`
}

// ControllerSpec describes the Deployment multinic-controller.
type ControllerSpec struct {
	// image of the controller.
	// +optional
	// +kubebuilder:default="multinic:v1alpha1"
	// +kubebuilder:validation:MaxLength=1024
	Image string `json:"image,omitempty"`
	// replicas: one is active, the others stand by.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10
	Replicas *int32 `json:"replicas,omitempty"`
	// resources are requests; the memory is also the limit.
	// +optional
	Resources ResourceSpec `json:"resources,omitempty,omitzero"`
	// healthProbe sets the readiness probe.
	// +optional
	HealthProbe HealthProbeSpec `json:"healthProbe,omitempty,omitzero"`
	// env is added to the controller's environment; DB_HOST, DB_PORT,
	// DB_USER, DB_PASSWORD and DB_NAME name an external database.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=100
	Env []corev1.EnvVar `json:"env,omitempty"`
	// watchNamespaces limits the controller to the OpenstackConfigs of these
	// namespaces. Empty: all.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	WatchNamespaces []string `json:"watchNamespaces,omitempty"`
}

// ResourceSpec is a pair of Kubernetes quantities.
type ResourceSpec struct {
	// cpu as in "200m" or "1".
	// +optional
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?|[0-9]+m)$`
	CPU string `json:"cpu,omitempty"`
	// memory as in "256Mi".
	// +optional
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|Ei|k|M|G|T|P|E)?$`
	Memory string `json:"memory,omitempty"`
}

// HealthProbeSpec sets the readiness probe of the controller.
type HealthProbeSpec struct {
	// port of /healthz, /readyz, /livez and /metrics: the controller serves
	// them there. 8083 and 8443 are the trigger webhook's.
	// +optional
	// +kubebuilder:default=8082
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port *int32 `json:"port,omitempty"`
	// path that the readiness probe asks: /readyz, /healthz or /livez.
	// +optional
	// +kubebuilder:default="/readyz"
	// +kubebuilder:validation:Enum=/readyz;/healthz;/livez
	Path string `json:"path,omitempty"`
}

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

// OpenStackSpec are default endpoints.
type OpenStackSpec struct {
	// identityEndpoint is Keystone's address.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^https?://[^\s/?#@]+(/[^\s]*)?$`
	IdentityEndpoint string `json:"identityEndpoint,omitempty"`
	// networkEndpoint is Neutron's address.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^https?://[^\s/?#@]+(/[^\s]*)?$`
	NetworkEndpoint string `json:"networkEndpoint,omitempty"`
	// computeEndpoint is Nova's address.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^https?://[^\s/?#@]+(/[^\s]*)?$`
	ComputeEndpoint string `json:"computeEndpoint,omitempty"`
}

// ProtectionSpec says what the webhook refuses and what the operator repairs.
type ProtectionSpec struct {
	// enableMutationPrevention refuses edits of protected objects by anyone
	// but the operator and Kubernetes itself.
	// +optional
	// +kubebuilder:default=true
	EnableMutationPrevention *bool `json:"enableMutationPrevention,omitempty"`
	// enableAutoRecovery undoes every difference from what the operator would
	// build; otherwise differences are only reported.
	// +optional
	// +kubebuilder:default=true
	EnableAutoRecovery *bool `json:"enableAutoRecovery,omitempty"`
	// allowedOperations widens what others may do to protected objects. The
	// reads get, list and watch are accepted and change nothing.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:Enum=get;list;watch;update;patch;scale;delete
	AllowedOperations []string `json:"allowedOperations,omitempty"`
}

// TriggerMode says when OpenStack is called.
// +kubebuilder:validation:Enum=immediate;scheduled;manual;webhook
type TriggerMode string

const (
	// TriggerImmediate calls on every change and every interval (1m).
	TriggerImmediate TriggerMode = "immediate"
	// TriggerScheduled calls at the ticks of interval or schedule.
	TriggerScheduled TriggerMode = "scheduled"
	// TriggerManual calls when an object changes or someone asks.
	TriggerManual TriggerMode = "manual"
	// TriggerWebhook calls when the webhook is called.
	TriggerWebhook TriggerMode = "webhook"
)

// ReconcileTriggerSpec says when OpenStack is called. A change takes effect
// without a restart.
// +kubebuilder:validation:XValidation:rule="!(has(self.interval) && has(self.schedule))",message="interval and schedule are two ways to say the same: remove one"
// +kubebuilder:validation:XValidation:rule="!has(self.interval) || (duration(self.interval) >= duration('10s') && duration(self.interval) <= duration('24h'))",message="interval must be between 10s and 24h"
type ReconcileTriggerSpec struct {
	// mode is immediate, scheduled, manual or webhook.
	// +optional
	// +kubebuilder:default=immediate
	Mode TriggerMode `json:"mode,omitempty"`
	// immediateOnCRChange runs at once when an OpenstackConfig is created or
	// its meaning changes, in every mode.
	// +optional
	// +kubebuilder:default=true
	ImmediateOnCRChange *bool `json:"immediateOnCRChange,omitempty"`
	// interval between two calls, 10s to 24h, aligned to midnight in
	// timezone. Default 1m in the mode immediate, 15m in scheduled.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(s|m|h))+$`
	Interval string `json:"interval,omitempty"`
	// schedule in cron's five fields, in timezone.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Schedule string `json:"schedule,omitempty"`
	// timezone by its IANA name; "UTC" if empty.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Timezone string `json:"timezone,omitempty"`
	// webhook is the receiver of POST /v1/trigger.
	// +optional
	Webhook WebhookSpec `json:"webhook,omitempty,omitzero"`
}

// WebhookSpec describes the trigger's receiver.
type WebhookSpec struct {
	// enabled serves the webhook also in the other modes; the mode webhook
	// always serves it.
	// +optional
	Enabled bool `json:"enabled,omitempty"`
	// secretRef names a Secret of this namespace with the key (and, while it
	// is rotated, previousKey) that signs calls; made at install if absent.
	// +optional
	SecretRef *LocalSecretReference `json:"secretRef,omitempty"`
	// tlsSecretRef names a Secret with tls.crt and tls.key to serve TLS.
	// +optional
	TLSSecretRef *LocalSecretReference `json:"tlsSecretRef,omitempty"`
}

// MultiNicOperatorStatus is how the system does.
type MultiNicOperatorStatus struct {
	// phase sums the conditions up.
	// +optional
	Phase Phase `json:"phase,omitempty"`
	// message for people.
	// +optional
	Message string `json:"message,omitempty"`
	// lastUpdated is when this status last changed.
	// +optional
	LastUpdated *metav1.Time `json:"lastUpdated,omitempty"`
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// +optional
	ControllerStatus ControllerStatus `json:"controllerStatus,omitempty,omitzero"`
	// +optional
	DatabaseStatus DatabaseStatus `json:"databaseStatus,omitempty,omitzero"`
	// +optional
	ProtectionStatus ProtectionStatus `json:"protectionStatus,omitempty,omitzero"`
	// +optional
	BackupStatus BackupStatus `json:"backupStatus,omitempty,omitzero"`
}

// ControllerStatus is how the controller does.
type ControllerStatus struct {
	// +optional
	Phase Phase `json:"phase,omitempty"`
	// +optional
	ReadyReplicas int32 `json:"readyReplicas"`
	// +optional
	DesiredReplicas int32 `json:"desiredReplicas"`
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

// ProtectionStatus counts refusals.
type ProtectionStatus struct {
	// active says that the webhook is in place.
	// +optional
	Active bool `json:"active"`
	// +optional
	PreventedMutations int32 `json:"preventedMutations"`
	// +optional
	LastProtectionEvent *metav1.Time `json:"lastProtectionEvent,omitempty"`
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

// MultiNicOperator brings up and looks after a whole MultiNic.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=mno,categories=multinic
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=`.spec.reconcileTrigger.mode`
// +kubebuilder:printcolumn:name="Controller",type=integer,JSONPath=`.status.controllerStatus.readyReplicas`
// +kubebuilder:printcolumn:name="Database",type=integer,JSONPath=`.status.databaseStatus.readyReplicas`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.message`,priority=1
type MultiNicOperator struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is wanted.
	// +optional
	Spec MultiNicOperatorSpec `json:"spec,omitempty"`
	// status is how it is.
	// +optional
	Status MultiNicOperatorStatus `json:"status,omitempty"`
}

// MultiNicOperatorList is a list of MultiNicOperators.
// +kubebuilder:object:root=true
type MultiNicOperatorList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []MultiNicOperator `json:"items"`
}
