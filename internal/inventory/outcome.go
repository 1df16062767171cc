// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory

import "time"

// Object is what the pure part knows of an OpenstackConfig.
type Object struct {
	Key
	UID string
	// Cloud is where its credentials lead: identity endpoint and region.
	Cloud      string
	VMNames    []string
	SubnetName string
	// KnownServers are the IDs of the servers that are published for it, as
	// in its Query: a new name of theirs concerns it too.
	KnownServers   []string
	PublishPrimary bool
	Limits         Limits
	// ConfirmedAt lets withdrawals go that were first seen at or before it.
	ConfirmedAt time.Time
}

// ProblemReason says why a VM is not published as declared; a closed list.
type ProblemReason string

// The reasons of a Problem.
const (
	NotFound              ProblemReason = "NotFound"
	Ambiguous             ProblemReason = "Ambiguous"
	NoPort                ProblemReason = "NoPort"
	InError               ProblemReason = "Error"
	Building              ProblemReason = "Building"
	Gone                  ProblemReason = "Deleted"
	Renamed               ProblemReason = "Renamed"
	DuplicateHostName     ProblemReason = "DuplicateHostName"
	ClaimedForOtherSubnet ProblemReason = "ClaimedForOtherSubnet"
	Detached              ProblemReason = "Detached"
)

// Problem is what keeps one VM from being published as declared.
type Problem struct {
	VM      string
	Reason  ProblemReason
	Message string
}

// InterfaceState is one published interface of an object.
type InterfaceState struct {
	VM        string
	NodeName  string
	Addresses []string
	Row       InterfaceRow
}

// Outcome is what a run found out for one object.
type Outcome struct {
	Key Key
	// Subnet is nil where SubnetMatches is not exactly one: then nothing of
	// the object was changed.
	Subnet        *Subnet
	SubnetMatches []Subnet
	// Interfaces by VM and port ID, Problems by VM.
	Interfaces []InterfaceState
	Problems   []Problem
	// Pendings of the object after the run, by port.
	Pendings []Pending
	// NextLook is when OpenStack must be asked again for a pending
	// withdrawal, in every mode; zero if none is.
	NextLook time.Time
	// Changed says that the plan writes something of the object that is to be
	// found again in every later database: a claim, or a row that it claims or
	// claimed. What only waits is none.
	Changed bool
}

// Held counts the withdrawals that were refused for their number.
func (o *Outcome) Held() int {
	n := 0
	for _, p := range o.Pendings {
		if p.Held {
			n++
		}
	}
	return n
}
