// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"cmp"
	"strings"
	"time"
)

// Key names an OpenstackConfig.
type Key struct{ Namespace, Name string }

func (k Key) String() string { return k.Namespace + "/" + k.Name }

func (k Key) compare(other Key) int {
	return cmp.Or(strings.Compare(k.Namespace, other.Namespace), strings.Compare(k.Name, other.Name))
}

// Status is the publication's state of a row (never Neutron's).
type Status string

const (
	// Active rows are what agents configure.
	Active Status = "active"
	// Primary rows carry the node's own Kubernetes address: stored, hidden
	// from agents, which would otherwise rename the NIC and cut the node off.
	Primary Status = "primary"
	// Deleted rows are withdrawn; they keep their id until they are purged.
	Deleted Status = "deleted"
)

// SubnetRow is a row of multi_subnet.
type SubnetRow struct {
	SubnetID  string
	Name      string
	CIDR      string // canonical
	NetworkID string
	MTU       int // 0 is stored as NULL
	Status    Status
}

// NodeRow is a row of node_table with what makes identity sticky.
//
// In a Plan its Status is as it was read, or Active where a row that lives
// refers to it. The store marks it Deleted when the last such row goes; the
// same holds for a SubnetRow.
type NodeRow struct {
	ServerID string
	// Name is attached_node_name: the Kubernetes node's, else the VM's.
	Name string
	// HostName is the short host name that its interfaces are published under.
	HostName string
	// FromKubernetes says that Name came from a Node object once; it then
	// outlives that object.
	FromKubernetes bool
	Status         Status
}

// InterfaceRow is a row of multi_interface.
type InterfaceRow struct {
	// ID is the database's; 0 for a row that does not exist yet. It never
	// changes in the life of a port, also over deletion and return.
	ID       int64
	PortID   string
	SubnetID string
	MAC      string
	Address  string // the lowest of the port's addresses on the subnet; "" is stored as NULL
	MTU      int    // 0 is stored as NULL
	ServerID string
	// HostName is attached_node_name: the only thing agent M looks at. Empty
	// (NULL) in every row that agents must not see.
	HostName string
	// Owner is the object whose name the row bears: its oldest claim.
	Owner  Key
	Status Status
	// Applied is netplan_success, which agents write.
	Applied bool
	// EverPrimary says that the port was once known to carry the node's own
	// address; it outlives the Node object.
	EverPrimary bool
}

// Visible says whether agents see the row.
func (r InterfaceRow) Visible() bool { return r.Status == Active && r.HostName != "" }

// Claim says that an object wants a port published. A row lives until its
// last claim goes.
type Claim struct {
	PortID string
	Object Key
	UID    string // of the object
	// VMRef is the entry of spec.vmNames that led to the port and SubnetRef
	// the spec.subnetName: an entry that is no longer in the spec explains a
	// withdrawal, any other reason does not.
	VMRef     string
	SubnetRef string
	SubnetID  string
	ServerID  string
	// Cloud is where the port lives: the identity endpoint and the region.
	Cloud string
	Since time.Time
}

// PendingKind is what would happen to a row.
type PendingKind string

const (
	// PendingWithdraw would drop an object's claim.
	PendingWithdraw PendingKind = "withdraw"
	// PendingRename would publish the row under another host name or server.
	PendingRename PendingKind = "rename"
	// PendingPrimary would hide the row as the node's primary NIC.
	PendingPrimary PendingKind = "primary"
	// PendingUnprimary would show agents a row that was hidden as primary.
	PendingUnprimary PendingKind = "unprimary"
)

// Pending is a withdrawal that waits: for its second look, or held.
type Pending struct {
	PortID string
	Object Key
	Kind   PendingKind
	Cloud  string
	// Value is what it would become (the new host name, or a digest of it where
	// that is long), so that two answers that differ do not count as agreeing.
	Value string
	// FirstSeen and LastSeen are when the readings ended that were the first
	// and the latest of an unbroken row of complete answers that all say so.
	FirstSeen time.Time
	LastSeen  time.Time
	// Held says that it was refused for its size at the last look.
	Held   bool
	Reason string
}

func (d Pending) key() PendingKey { return PendingKey{d.PortID, d.Object, d.Kind} }

// Newcomers are claims of a cloud that were made at one time.
type Newcomers struct {
	Cloud  string
	Since  time.Time
	Claims int
}

// Published is what the database holds of a set of objects, read at one time.
type Published struct {
	// Subnets by subnet ID, Nodes by server ID, Interfaces by port ID:
	// everything that the objects claim, and the rows that exist already of
	// the ports, servers and subnets that were asked for: of each server that
	// was asked for, is claimed, or has one of those rows, all its interfaces,
	// because they share its name.
	Subnets    map[string]SubnetRow
	Nodes      map[string]NodeRow
	Interfaces map[string]InterfaceRow
	// Claims on any of those ports, by any object.
	Claims []Claim
	// HostNames says which server holds a short host name: those asked for
	// and those of Nodes, as far as a visible row bears them. Key: host name
	// in lower case.
	HostNames map[string]string
	// Pendings of the objects' clouds, of all objects.
	Pendings []Pending
	// Clouds counts, per cloud, the claims on rows that are not deleted, and
	// Newcomers those of them that are as young as the withdrawals counted
	// below, by cloud and age.
	Clouds    map[string]int
	Newcomers []Newcomers
	// RecentByObject and RecentByCloud count the unexplained withdrawals of
	// the last Limits.Hold (Events of the kinds withdrawn, renamed, primary
	// and unprimary): a slow trickle is as bad as a flood.
	RecentByObject map[Key]int
	RecentByCloud  map[string]int
}
