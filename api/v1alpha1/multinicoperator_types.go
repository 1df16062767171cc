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
