// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Types of the conditions of a MultiNicOperator; ConditionReady sums them up.
const (
	// ConditionSpecAccepted is False while the spec, or a change of it, can't be
	// carried out; what was there before goes on.
	ConditionSpecAccepted = "SpecAccepted"
	// ConditionDatabaseAvailable is True while MariaDB serves.
	ConditionDatabaseAvailable = "DatabaseAvailable"
	// ConditionControllerAvailable is True while as many replicas are ready as
	// are asked for.
	ConditionControllerAvailable = "ControllerAvailable"
	// ConditionInSync is False while something differs from what the operator
	// would build and is not, or not yet, repaired.
	ConditionInSync = "InSync"
	// ConditionStorageResized is False while the data volume is smaller than
	// the spec asks for.
	ConditionStorageResized = "StorageResized"
	// ConditionBackedUp is False while the newest dump is older than it should
	// be, or failed, or is not copied where it should be.
	ConditionBackedUp = "BackedUp"
	// ConditionRestored tells of the restore that was asked for last.
	ConditionRestored = "Restored"
)

// Reasons of a MultiNicOperator's conditions, a closed list. InvalidSpec is
// among them.
const (
	ReasonRunning            = "Running"            // all is as declared
	ReasonProgressing        = "Progressing"        // it comes up, or changes
	ReasonNotActive          = "NotActive"          // an older MultiNicOperator of the namespace is active
	ReasonNamespacesOverlap  = "NamespacesOverlap"  // an older MultiNicOperator serves the same namespaces
	ReasonForeignObject      = "ForeignObject"      // an object of a child's name is someone else's
	ReasonAccepted           = "Accepted"           // the spec is carried out
	ReasonWouldLoseData      = "WouldLoseData"      // the change is refused
	ReasonSecretMissing      = "SecretMissing"      // a Secret that the spec names, or a key in it
	ReasonAvailable          = "Available"          // it serves
	ReasonUnavailable        = "Unavailable"        // not ready, or fewer replicas than asked for
	ReasonStopped            = "Stopped"            // for a restore or a move, or because another serves
	ReasonExternal           = "External"           // the database is not the operator's
	ReasonMoving             = "Moving"             // the rows are on their way to another server
	ReasonUpgradeBlocked     = "UpgradeBlocked"     // the backup before it failed, or can't be made
	ReasonNothingDiffers     = "NothingDiffers"     // all children are as built
	ReasonDrifted            = "Drifted"            // and protection.enableAutoRecovery is off
	ReasonContested          = "Contested"          // someone changes it again and again
	ReasonResized            = "Resized"            // the volume has its size
	ReasonResizing           = "Resizing"           // the volume is growing
	ReasonExpansionForbidden = "ExpansionForbidden" // by the volume's storage class
	ReasonBackedUp           = "BackedUp"           // the newest dump is young enough
	ReasonBackupDisabled     = "BackupDisabled"     // spec.database.backup.enabled is false, or the database is external
	ReasonNoBackupYet        = "NoBackupYet"        // the first one is still to come
	ReasonBackupFailed       = "BackupFailed"       // the last one; the message says why
	ReasonBackupOverdue      = "BackupOverdue"      // none has succeeded for longer than the schedule says
	ReasonBackupCopyFailed   = "BackupCopyFailed"   // the last dump is kept, and its copy in the bucket or pruning failed
	ReasonRestored           = "Restored"           // and published again
	ReasonRestoring          = "Restoring"          // publication is stopped meanwhile
	ReasonRestoreFailed      = "RestoreFailed"      // the message says why; publication goes on
	ReasonKubernetesRefused  = "KubernetesRefused"  // the API server refused a write; the message is its
)
