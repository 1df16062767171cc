// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// OpenstackConfigSpec says which VMs, which subnet, and how to log in to
// their cloud.
type OpenstackConfigSpec struct {
	// vmNames are the names or the IDs of the VMs whose interfaces on the
	// subnet are published. No duplicates; the order has no meaning. A name
	// that fits several VMs is resolved by the Kubernetes Node that names one
	// of them (spec.providerID), else it is reported and the others go on.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=10000
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=255
	VMNames []string `json:"vmNames"`

	// subnetName is the name or the ID of the Neutron subnet. A name that
	// fits several subnets is an error which lists their IDs.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	SubnetName string `json:"subnetName"`

	// credentials say how to log in to OpenStack: inline, or by secretRef.
	// +required
	Credentials Credentials `json:"credentials"`

	// suspend stops all work on this object. What it has published stays;
	// deleting it still works.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// publishPrimary shows agents also the NIC that carries the node's own
	// Kubernetes address. Off by default: an agent renames what it
	// configures, which cuts the node off.
	// +optional
	PublishPrimary bool `json:"publishPrimary,omitempty"`

	// withdrawal limits how much may disappear at once without a person's
	// word. It overrides the operator's.
	// +optional
	Withdrawal *WithdrawalPolicy `json:"withdrawal,omitempty"`
}

// Credentials are either inline (authURL, username, password, ...) or a
// secretRef, never both: a mix could send someone's token elsewhere.
// +kubebuilder:validation:XValidation:rule="!has(self.secretRef) || !(has(self.authURL) || has(self.username) || has(self.password) || has(self.projectID) || has(self.domainName) || has(self.networkEndpoint) || has(self.computeEndpoint) || has(self.insecureSkipTLSVerify))",message="secretRef replaces all inline fields: remove authURL, username, password, projectID, domainName, networkEndpoint, computeEndpoint and insecureSkipTLSVerify, or secretRef"
// +kubebuilder:validation:XValidation:rule="has(self.secretRef) || (has(self.username) && has(self.password))",message="username and password are required where there is no secretRef"
// +kubebuilder:validation:XValidation:rule="!has(self.cloud) || has(self.secretRef)",message="cloud names an entry of the clouds.yaml in secretRef; it has no meaning without one"
type Credentials struct {
	// authURL is Keystone's address, with or without /v3. Without it the
	// operator's spec.openstack.identityEndpoint is used.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^https?://[^\s/?#@]+(/[^\s]*)?$`
	AuthURL string `json:"authURL,omitempty"`

	// username in the domain domainName.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Username string `json:"username,omitempty"`

	// password in clear text: everyone who may read this object can read it.
	// Prefer secretRef.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Password string `json:"password,omitempty"`

	// projectID is the project whose VMs and ports are read. Without it the
	// user's default project is.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	ProjectID string `json:"projectID,omitempty"`

	// domainName is the user's domain; "Default" if empty.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	DomainName string `json:"domainName,omitempty"`

	// networkEndpoint is Neutron's address, with or without /v2.0, in place
	// of the one in the service catalogue.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^https?://[^\s/?#@]+(/[^\s]*)?$`
	NetworkEndpoint string `json:"networkEndpoint,omitempty"`

	// computeEndpoint is Nova's address, with or without /v2.1, in place of
	// the one in the service catalogue.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^https?://[^\s/?#@]+(/[^\s]*)?$`
	ComputeEndpoint string `json:"computeEndpoint,omitempty"`

	// insecureSkipTLSVerify accepts any certificate: whoever sits in between
	// can read the password. For a private CA use secretRef with cacert.
	// +optional
	InsecureSkipTLSVerify bool `json:"insecureSkipTLSVerify,omitempty"`

	// secretRef names a Secret of this namespace with the key clouds.yaml,
	// and the key cacert where the cloud has a CA of its own.
	// +optional
	SecretRef *LocalSecretReference `json:"secretRef,omitempty"`

	// cloud is the entry of clouds.yaml to use; not needed where there is
	// only one, or one that is called openstack.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Cloud string `json:"cloud,omitempty"`
}

// LocalSecretReference names a Secret of the same namespace.
type LocalSecretReference struct {
	// name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// WithdrawalPolicy limits how much may disappear from the agents' view
// without a person's word. Only what the object's own change does not
// explain counts: a VM that is taken out of vmNames goes at once.
type WithdrawalPolicy struct {
	// hold is how long complete answers must agree before a withdrawal over
	// the limits is done without a person's confirmation. Default 30m.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(s|m|h))+$`
	Hold string `json:"hold,omitempty"`

	// maxPercentOfObject and maxOfObject: more than both of an object's
	// interfaces are held. Default 50 (per cent) and 3.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	MaxPercentOfObject *int32 `json:"maxPercentOfObject,omitempty"`
	// +optional
	// +kubebuilder:validation:Minimum=0
	MaxOfObject *int32 `json:"maxOfObject,omitempty"`

	// maxPercentOfCloud and maxOfCloud: more than both of a whole cloud's
	// interfaces are held. Default 20 (per cent) and 10.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	MaxPercentOfCloud *int32 `json:"maxPercentOfCloud,omitempty"`
	// +optional
	// +kubebuilder:validation:Minimum=0
	MaxOfCloud *int32 `json:"maxOfCloud,omitempty"`
}

// OpenstackConfigStatus is what was found and what was published.
type OpenstackConfigStatus struct {
	// observedGeneration is the generation that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// phase sums the conditions up: Pending, Ready, Degraded or Error.
	// +optional
	Phase Phase `json:"phase,omitempty"`

	// conditions: Ready, VMsResolved, WithdrawalHeld, Published.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// subnet is what subnetName was resolved to.
	// +optional
	Subnet *SubnetStatus `json:"subnet,omitempty"`

	// counts of the last run.
	// +optional
	Counts Counts `json:"counts,omitempty,omitzero"`

	// lastSyncTime is when the run ended that last changed this status. A
	// run that finds everything as it was writes nothing.
	// +optional
	LastSyncTime *metav1.Time `json:"lastSyncTime,omitempty"`

	// nextSyncTime is when OpenStack was to be asked next, as of lastSyncTime.
	// +optional
	NextSyncTime *metav1.Time `json:"nextSyncTime,omitempty"`

	// lastHandledReconcileAt is the value of the annotation
	// multinic.example.com/reconcile-requested-at that was last acted on.
	// +optional
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`

	// interfaces that are published, by VM. At most 500 are listed here; the
	// database has all.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=500
	Interfaces []InterfaceStatus `json:"interfaces,omitempty"`

	// interfacesOmitted is how many interfaces are published but not listed.
	// +optional
	InterfacesOmitted int32 `json:"interfacesOmitted,omitempty"`

	// problems, by VM: what keeps a VM from being published as declared. At
	// most 100 are listed; counts.problems has their number.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	Problems []ProblemStatus `json:"problems,omitempty"`

	// publication says which state of the database bears this object's rows;
	// it tells a new or restored database from the one that was written.
	// +optional
	Publication *PublicationStatus `json:"publication,omitempty"`
}

// SubnetStatus is a resolved subnet.
type SubnetStatus struct {
	ID        string `json:"id"`
	Name      string `json:"name,omitempty"`
	CIDR      string `json:"cidr"`
	NetworkID string `json:"networkID,omitempty"`
	// mtu of the network in bytes; absent where the cloud does not tell.
	// +optional
	MTU int32 `json:"mtu,omitempty"`
}

// Counts of an object's VMs and interfaces.
type Counts struct {
	// vms that the spec names.
	VMs int32 `json:"vms"`
	// interfaces that are published, primary ones included.
	Interfaces int32 `json:"interfaces"`
	// primary interfaces: published but hidden from agents.
	Primary int32 `json:"primary"`
	// applied interfaces: the agent has reported success.
	Applied int32 `json:"applied"`
	// problems: VMs that are not published as declared.
	Problems int32 `json:"problems"`
	// pendingWithdrawals wait for their second look or are held.
	PendingWithdrawals int32 `json:"pendingWithdrawals"`
}

// InterfaceStatus is one published interface.
type InterfaceStatus struct {
	// vm is the entry of spec.vmNames.
	VM       string `json:"vm"`
	ServerID string `json:"serverID"`
	// node is the Kubernetes node's name, else the VM's.
	Node   string `json:"node,omitempty"`
	PortID string `json:"portID"`
	MAC    string `json:"mac"`
	// addresses on the subnet, the lowest first.
	// +listType=atomic
	Addresses []string `json:"addresses,omitempty"`
	// status of the row: active, or primary (hidden from agents).
	Status string `json:"status"`
	// applied says that the node's agent has configured it (netplan_success).
	Applied bool `json:"applied"`
}

// ProblemStatus is what keeps one VM from being published as declared.
type ProblemStatus struct {
	// vm is the entry of spec.vmNames.
	VM string `json:"vm"`
	// reason: NotFound, Ambiguous, NoPort, Error, Building, Deleted,
	// Renamed, DuplicateHostName, ClaimedForOtherSubnet, Detached.
	Reason string `json:"reason"`
	// message tells what to do.
	Message string `json:"message"`
}

// PublicationStatus names a state of the database.
type PublicationStatus struct {
	// epoch changes whenever the database is new or was restored.
	Epoch string `json:"epoch"`
	// generation counts the epochs.
	Generation int64 `json:"generation"`
	// sequence counts the transactions of the epoch; a database whose
	// sequence is lower than this was restored from before.
	Sequence int64 `json:"sequence"`
}

// OpenstackConfig declares which VMs' interfaces on which subnet are
// published to the node agents.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=osc,categories=multinic
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Subnet",type=string,JSONPath=`.status.subnet.cidr`
// +kubebuilder:printcolumn:name="VMs",type=integer,JSONPath=`.status.counts.vms`
// +kubebuilder:printcolumn:name="Interfaces",type=integer,JSONPath=`.status.counts.interfaces`
// +kubebuilder:printcolumn:name="Applied",type=integer,JSONPath=`.status.counts.applied`
// +kubebuilder:printcolumn:name="Problems",type=integer,JSONPath=`.status.counts.problems`
// +kubebuilder:printcolumn:name="Last Sync",type=date,JSONPath=`.status.lastSyncTime`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
type OpenstackConfig struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is wanted.
	// +required
	Spec OpenstackConfigSpec `json:"spec"`
	// status is what was found.
	// +optional
	Status OpenstackConfigStatus `json:"status,omitempty"`
}

// OpenstackConfigList is a list of OpenstackConfigs.
// +kubebuilder:object:root=true
type OpenstackConfigList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []OpenstackConfig `json:"items"`
}
