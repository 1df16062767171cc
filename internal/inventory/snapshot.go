// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"sort"
	"time"
)

// Query is what one object asks of its project.
type Query struct {
	// Servers are names or IDs, as in spec.vmNames.
	Servers []string
	// Subnet is a name or an ID.
	Subnet string
	// KnownServers are the IDs of the servers that are published for the
	// object. Each of them must come out of the Snapshot as Present or
	// Absent, whatever it is called now.
	KnownServers []string
}

// Presence says what a complete answer tells of one server ID.
type Presence int

const (
	// NotAsked: the question was narrower; nothing follows from it.
	NotAsked Presence = iota
	// Present: Nova listed it.
	Present
	// Absent: Nova was asked for it, or for everything, and does not have it,
	// or has it as deleted.
	Absent
)

// Facts is what was read from a project, before it becomes a Snapshot.
type Facts struct {
	// TakenAt is when the first request of the reading was sent: the truth
	// is at least as new as this.
	TakenAt time.Time
	// EndedAt is when the last answer had come: the truth is at most as new
	// as this. Zero stands for TakenAt.
	EndedAt time.Time
	Subnets []Subnet
	Servers []Server
	Ports   []Port
	// AllServers says that Servers is the whole project's list.
	AllServers bool
	// AbsentServers are IDs that Nova answered 404 to; of use where
	// AllServers is false.
	AbsentServers []string
}

// Snapshot is a complete answer of one project to a set of queries. It is
// immutable and may be shared.
type Snapshot struct {
	takenAt       time.Time
	endedAt       time.Time
	allServers    bool
	serverByID    map[string]Server
	serversByName map[string][]Server
	absent        map[string]bool
	subnetByID    map[string]Subnet
	subnetsByName map[string][]Subnet
	portsByServer map[string][]Port
}

// NewSnapshot indexes facts. The caller vouches that every page of every
// list has come and was whole.
func NewSnapshot(f Facts) *Snapshot {
	s := &Snapshot{
		takenAt:       f.TakenAt,
		endedAt:       f.EndedAt,
		allServers:    f.AllServers,
		serverByID:    make(map[string]Server, len(f.Servers)),
		serversByName: make(map[string][]Server, len(f.Servers)),
		absent:        make(map[string]bool, len(f.AbsentServers)),
		subnetByID:    make(map[string]Subnet, len(f.Subnets)),
		subnetsByName: make(map[string][]Subnet, len(f.Subnets)),
		portsByServer: make(map[string][]Port, len(f.Servers)),
	}
	if s.endedAt.Before(s.takenAt) {
		s.endedAt = s.takenAt
	}
	// Lists that change while they are paged can name a thing twice.
	for _, v := range f.Servers {
		if v.Status == "DELETED" || v.Status == "SOFT_DELETED" { // Nova lists them to some; they are gone
			s.absent[v.ID] = true
			continue
		}
		if _, again := s.serverByID[v.ID]; !again {
			s.serverByID[v.ID] = v
			s.serversByName[v.Name] = append(s.serversByName[v.Name], v)
		}
	}
	for _, id := range f.AbsentServers {
		s.absent[id] = true
	}
	for _, v := range f.Subnets {
		if _, again := s.subnetByID[v.ID]; !again {
			s.subnetByID[v.ID] = v
			s.subnetsByName[v.Name] = append(s.subnetsByName[v.Name], v)
		}
	}
	seen := make(map[string]bool, len(f.Ports))
	for _, p := range f.Ports {
		if !seen[p.ID] && p.DeviceID != "" {
			seen[p.ID] = true
			s.portsByServer[p.DeviceID] = append(s.portsByServer[p.DeviceID], p)
		}
	}
	return s
}

// TakenAt is when the reading began.
func (s *Snapshot) TakenAt() time.Time { return s.takenAt }

// EndedAt is when the reading ended.
func (s *Snapshot) EndedAt() time.Time { return s.endedAt }

// Subnets are those whose ID or, if there is none, whose name is ref, by ID. An
// ID may be written in capitals.
func (s *Snapshot) Subnets(ref string) []Subnet {
	if v, ok := s.subnetByID[canonical(ref)]; ok {
		return []Subnet{v}
	}
	out := append([]Subnet(nil), s.subnetsByName[ref]...)
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}

// Servers are those whose ID or, if there is none, whose name is exactly
// ref, by ID. An ID may be written in capitals.
func (s *Snapshot) Servers(ref string) []Server {
	if v, ok := s.serverByID[canonical(ref)]; ok {
		return []Server{v}
	}
	out := append([]Server(nil), s.serversByName[ref]...)
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}

// Server tells what is known of a server ID.
func (s *Snapshot) Server(id string) (Server, Presence) {
	if v, ok := s.serverByID[id]; ok {
		return v, Present
	}
	if s.allServers || s.absent[id] {
		return Server{}, Absent
	}
	return Server{}, NotAsked
}

// Ports are the server's ports with an address on the subnet, by ID.
func (s *Snapshot) Ports(serverID, subnetID string) []Port {
	var out []Port
	for _, p := range s.portsByServer[serverID] {
		for _, ip := range p.FixedIPs {
			if ip.SubnetID == subnetID {
				out = append(out, p)
				break
			}
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}
