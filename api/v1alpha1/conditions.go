// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Annotations that a person or a tool sets on an OpenstackConfig.
const (
	// AnnotationReconcileRequestedAt asks for a run now, in every mode. Any
	// new value counts; by convention it is an RFC 3339 time. The value that
	// was last acted on is echoed in status.lastHandledReconcileAt.
	AnnotationReconcileRequestedAt = "multinic.example.com/reconcile-requested-at"
	// AnnotationConfirmWithdrawal lets held withdrawals go that were first
	// seen at or before its value, an RFC 3339 time.
	AnnotationConfirmWithdrawal = "multinic.example.com/confirm-withdrawal"
	// AnnotationAdmit on a MultiNicOperator of the controller's namespace opens
	// the gate by hand for the database epoch that is its value.
	AnnotationAdmit = "multinic.example.com/admit-epoch"
	// AnnotationBackupRequestedAt on a MultiNicOperator asks for a dump now. Any
	// new value counts; it is echoed in status.backupStatus.lastHandledRequest.
	AnnotationBackupRequestedAt = "multinic.example.com/backup-requested-at"
	// AnnotationRestoreRequestedAt on a MultiNicOperator asks for
	// spec.database.restoreFrom once more. Any new value counts.
	AnnotationRestoreRequestedAt = "multinic.example.com/restore-requested-at"
)

// OperatorFinalizer keeps a MultiNicOperator until what does not go with it by
// itself is gone: rights beyond its namespace, and volumes that are not to stay.
const OperatorFinalizer = "multinic.example.com/operator"

// Finalizer keeps an OpenstackConfig until its interfaces are withdrawn from
// the agents' view, or until that is written down to be done later.
const Finalizer = "multinic.example.com/interfaces"

// Labels of what an operator made.
const (
	LabelProtected = "multinic.example.com/protected"
	LabelManagedBy = "multinic.example.com/managed-by-operator"
)

// Types of the conditions of an OpenstackConfig.
const (
	// ConditionReady is True when the last due run succeeded and everything
	// that the spec names is published.
	ConditionReady = "Ready"
	// ConditionVMsResolved is False while a VM is missing, ambiguous, without
	// a port on the subnet, or not publishable; the message names the first
	// few, status.problems all.
	ConditionVMsResolved = "VMsResolved"
	// ConditionWithdrawalHeld is True while withdrawals wait for a person or
	// for the hold to pass, because they are suspiciously many.
	ConditionWithdrawalHeld = "WithdrawalHeld"
	// ConditionPublished is False while agents can't read the object's rows:
	// the database is away, or its gate is shut.
	ConditionPublished = "Published"
)

// Reasons of ConditionReady, a closed list.
const (
	ReasonSynced               = "Synced"               // everything is published
	ReasonPending              = "Pending"              // no run yet
	ReasonSuspended            = "Suspended"            // spec.suspend
	ReasonInvalidSpec          = "InvalidSpec"          // the spec contradicts itself; edit it
	ReasonCredentialsInvalid   = "CredentialsInvalid"   // Secret, password, project, certificate or endpoint; edit them
	ReasonSubnetUnresolved     = "SubnetUnresolved"     // no such subnet, or several
	ReasonVMsUnresolved        = "VMsUnresolved"        // see VMsResolved
	ReasonWithdrawalHeld       = "WithdrawalHeld"       // see WithdrawalHeld
	ReasonOpenStackUnavailable = "OpenStackUnavailable" // passing; it is tried again
	ReasonDatabaseUnavailable  = "DatabaseUnavailable"  // passing; it is tried again
)

// Reasons of the other conditions.
const (
	ReasonAllResolved     = "AllResolved"
	ReasonSomeUnresolved  = "SomeUnresolved"
	ReasonNothingHeld     = "NothingHeld"
	ReasonTooMany         = "TooMany" // withdrawals, more than the limits allow
	ReasonPublished       = "Published"
	ReasonGateShut        = "GateShut"        // the database is new or was restored and not whole yet
	ReasonDeletionDelayed = "DeletionDelayed" // the database is away; the deletion waits for it
)

// Phase is a summary of the conditions, for people.
// +kubebuilder:validation:Enum=Pending;Ready;Degraded;Error
type Phase string

const (
	// PhasePending: no run has finished yet.
	PhasePending Phase = "Pending"
	// PhaseReady: everything is as declared.
	PhaseReady Phase = "Ready"
	// PhaseDegraded: what could be done is done; the rest passes by itself
	// or concerns single VMs.
	PhaseDegraded Phase = "Degraded"
	// PhaseError: nothing goes on until a person changes something.
	PhaseError Phase = "Error"
)
