// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"cmp"
	"strings"
	"time"
)

// InterfaceWrite is one row of multi_interface as it is to be.
type InterfaceWrite struct {
	Row InterfaceRow
	// ResetApplied sets netplan_success to 0: MAC, address, MTU, subnet or
	// node changed, or the row is new or back. Otherwise what the agent
	// wrote stays.
	ResetApplied bool
}

// ClaimKey names a claim.
type ClaimKey struct {
	PortID string
	Object Key
}

// PendingKey names a pending withdrawal.
type PendingKey struct {
	PortID string
	Object Key
	Kind   PendingKind
}

func (k PendingKey) compare(other PendingKey) int {
	return cmp.Or(k.Object.compare(other.Object), strings.Compare(k.PortID, other.PortID), strings.Compare(string(k.Kind), string(other.Kind)))
}

// Event is one line of the append-only history.
type Event struct {
	At     time.Time
	Object Key
	PortID string
	Cloud  string
	// Kind is one of published, updated, revived, withdrawn, renamed,
	// primary, unprimary, released (another claim keeps the row), owner.
	Kind string
	// Explained is false where the answers alone are the reason and the
	// limits let it pass; true for the object's own change, a person's
	// confirmation and a hold that has passed. Only the others count as
	// recent.
	Explained bool
	Detail    string
}

// Plan is everything that one transaction writes. An empty Plan writes
// nothing.
type Plan struct {
	Subnets      []SubnetRow
	Nodes        []NodeRow
	Interfaces   []InterfaceWrite
	PutClaims    []Claim
	DropClaims   []ClaimKey
	PutPendings  []Pending
	DropPendings []PendingKey
	History      []Event
}

// Empty says that there is nothing to write.
func (p *Plan) Empty() bool {
	return len(p.Subnets) == 0 && len(p.Nodes) == 0 && len(p.Interfaces) == 0 && len(p.PutClaims) == 0 &&
		len(p.DropClaims) == 0 && len(p.PutPendings) == 0 && len(p.DropPendings) == 0 && len(p.History) == 0
}

// written are the IDs of the ports, servers and subnets of which a row is written.
func (p *Plan) written() map[string]bool {
	out := map[string]bool{}
	for _, row := range p.Subnets {
		out[row.SubnetID] = true
	}
	for _, row := range p.Nodes {
		out[row.ServerID] = true
	}
	for _, w := range p.Interfaces {
		out[w.Row.PortID] = true
	}
	return out
}

// TouchesAgents says whether a row that agents read would change.
func (p *Plan) TouchesAgents() bool {
	return len(p.Subnets) > 0 || len(p.Nodes) > 0 || len(p.Interfaces) > 0
}
