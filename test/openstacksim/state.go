// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"maps"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"time"
)

// Project is a tenant of the cloud.
type Project struct {
	ID, Name string
	Disabled bool
}

// User is somebody who logs in by password.
type User struct {
	ID, Name, Password string
	// DefaultProjectID scopes a login that names no scope.
	DefaultProjectID string
	Disabled         bool
	// Roles by project ID: "member", "reader", "admin".
	Roles map[string][]string
}

// AppCredential is an application credential: a login bound to one project.
type AppCredential struct {
	ID, Name, Secret, UserID, ProjectID string
	Roles                               []string
	Unrestricted                        bool
	Expires                             time.Time // zero is never
}

// Net is a neutron network.
type Net struct {
	ID, Name, ProjectID, Description string
	Shared, External                 bool
	AdminDown                        bool
	PortSecurityDisabled             bool
	MTU                              int // 0 is 1450 (vxlan)
	Tags                             []string
	// ProviderType, ProviderPhysical and ProviderSegment are shown to admins.
	ProviderType, ProviderPhysical string
	ProviderSegment                int
	Revision                       int
	Created, Updated               time.Time

	unbindable bool // no L2 agent of any host serves it
	subnets    []string
}

// Subnet is a neutron subnet.
type Subnet struct {
	ID, Name, ProjectID, NetworkID, Description string
	CIDR                                        string
	// Gateway; empty is the first address, "none" is none.
	Gateway string
	// Pools are pairs of first and last address; empty is the whole subnet
	// without the gateway.
	Pools                [][2]string
	NoDHCP               bool
	IPv6RAMode, IPv6Mode string // "slaac", "dhcpv6-stateful", "dhcpv6-stateless" or empty
	DNS                  []string
	HostRoutes           []HostRoute
	Tags                 []string
	Revision             int
	Created, Updated     time.Time

	prefix netip.Prefix
	used   map[netip.Addr]string // address to port ID
	cursor map[int]netip.Addr    // by pool: no free address below it
}

// HostRoute is a route that DHCP hands out.
type HostRoute struct {
	Destination string `json:"destination"`
	NextHop     string `json:"nexthop"`
}

// FixedIP is one address of a port.
type FixedIP struct {
	SubnetID string `json:"subnet_id"`
	Address  string `json:"ip_address"`
}

// AddressPair is an allowed address pair of a port.
type AddressPair struct {
	MAC     string `json:"mac_address"`
	Address string `json:"ip_address"`
}

// Port is a neutron port.
type Port struct {
	ID, Name, ProjectID, NetworkID, Description string
	MAC                                         string
	FixedIPs                                    []FixedIP
	DeviceID, DeviceOwner                       string
	Status                                      string // "DOWN", "ACTIVE", "BUILD", "ERROR"
	AdminDown                                   bool
	PortSecurityDisabled                        bool
	SecurityGroups                              []string
	AddressPairs                                []AddressPair
	Tags                                        []string
	Host, VIFType, VNICType                     string
	Profile                                     map[string]any
	Revision                                    int
	Created, Updated                            time.Time

	// attaching names the server whose attach of this port is under way;
	// raced is set when a second server tried meanwhile.
	attaching string
	raced     bool
}

// SecurityGroup is the little of a security group that ports need.
type SecurityGroup struct{ ID, Name, ProjectID string }

// Server is a nova instance.
type Server struct {
	ID, Name, ProjectID, UserID string
	// Hostname is what the guest calls itself; a rename doesn't change it.
	Hostname                   string
	Description                string
	Status, VMState, TaskState string
	PowerState                 int
	Locked, CellDown           bool
	Metadata                   map[string]string
	Created, Updated, Launched time.Time

	// nics is nova's own cache of the server's interfaces, in order. A port
	// that isn't in it, or that nova made, is deleted with the server.
	nics    []nic
	actions []instanceAction
	number  int
}

type nic struct {
	portID   string
	preserve bool // nova: preserve_on_delete, set by an attach by port_id
}

type instanceAction struct {
	action, requestID, userID, projectID string
	start                                time.Time
	failed                               bool
}

// Endpoint is an entry of the catalogue.
type Endpoint struct {
	ID, ServiceType, ServiceName, Interface, Region, URL string
}

type token struct {
	id, userID, projectID string
	roles                 []string
	methods               []string
	appCredID             string
	auditID               string
	issued, expires       time.Time
	revoked               bool
}

// state is the whole cloud; Sim.mu guards it. Ports, networks and subnets are
// also kept in the order of their IDs, servers newest first, since that is how
// lists are paged.
type state struct {
	projects  map[string]*Project
	users     map[string]*User
	appCreds  map[string]*AppCredential
	tokens    map[string]*token
	endpoints []Endpoint
	groups    map[string]*SecurityGroup

	networks map[string]*Net
	subnets  map[string]*Subnet
	ports    map[string]*Port
	servers  map[string]*Server

	netOrder    []*Net
	subnetOrder []*Subnet
	portOrder   []*Port
	serverOrder []*Server // newest first, then by ID from high to low

	portsByDevice  map[string]map[string]*Port
	portsByNetwork map[string]map[string]*Port
	macs           map[string]int // network ID + MAC, counted

	portQuota, serverQuota map[string]int // by project; absent is none
	hypervisor             HypervisorFaults
	serverCount            int
}

// HypervisorFaults make nova-compute refuse.
type HypervisorFaults struct{ Attach, Detach, Boot bool }

func newState() *state {
	return &state{
		projects: map[string]*Project{}, users: map[string]*User{},
		appCreds: map[string]*AppCredential{}, tokens: map[string]*token{},
		groups: map[string]*SecurityGroup{}, networks: map[string]*Net{},
		subnets: map[string]*Subnet{}, ports: map[string]*Port{}, servers: map[string]*Server{},
		portsByDevice: map[string]map[string]*Port{}, portsByNetwork: map[string]map[string]*Port{},
		macs: map[string]int{}, portQuota: map[string]int{}, serverQuota: map[string]int{},
	}
}

func (st *state) addNet(n *Net) {
	st.networks[n.ID] = n
	i := sort.Search(len(st.netOrder), func(i int) bool { return st.netOrder[i].ID >= n.ID })
	st.netOrder = slices.Insert(st.netOrder, i, n)
}

func (st *state) removeNet(n *Net) {
	delete(st.networks, n.ID)
	st.netOrder = slices.DeleteFunc(st.netOrder, func(o *Net) bool { return o == n })
}

func (st *state) addSubnet(n *Subnet) {
	st.subnets[n.ID] = n
	i := sort.Search(len(st.subnetOrder), func(i int) bool { return st.subnetOrder[i].ID >= n.ID })
	st.subnetOrder = slices.Insert(st.subnetOrder, i, n)
}

func (st *state) removeSubnet(n *Subnet) {
	delete(st.subnets, n.ID)
	st.subnetOrder = slices.DeleteFunc(st.subnetOrder, func(o *Subnet) bool { return o == n })
}

// portIndex is where a port with this ID is, or would be, in portOrder.
func (st *state) portIndex(id string) int {
	return sort.Search(len(st.portOrder), func(i int) bool { return st.portOrder[i].ID >= id })
}

func (st *state) addPort(p *Port) {
	st.ports[p.ID] = p
	st.portOrder = slices.Insert(st.portOrder, st.portIndex(p.ID), p)
	st.macs[p.NetworkID+p.MAC]++
	index(st.portsByNetwork, p.NetworkID, p)
	if p.DeviceID != "" {
		index(st.portsByDevice, p.DeviceID, p)
	}
}

// removePort forgets a port and frees its addresses.
func (st *state) removePort(p *Port) {
	st.freeAddresses(p)
	delete(st.ports, p.ID)
	i := st.portIndex(p.ID)
	st.portOrder = slices.Delete(st.portOrder, i, i+1)
	st.countMAC(p, -1)
	unindex(st.portsByNetwork, p.NetworkID, p)
	unindex(st.portsByDevice, p.DeviceID, p)
}

func (st *state) countMAC(p *Port, by int) {
	k := p.NetworkID + p.MAC
	if st.macs[k] += by; st.macs[k] <= 0 {
		delete(st.macs, k)
	}
}

func (st *state) setDevice(p *Port, id, owner string) {
	unindex(st.portsByDevice, p.DeviceID, p)
	p.DeviceID, p.DeviceOwner = id, owner
	if id != "" {
		index(st.portsByDevice, id, p)
	}
}

func index(m map[string]map[string]*Port, key string, p *Port) {
	if m[key] == nil {
		m[key] = map[string]*Port{}
	}
	m[key][p.ID] = p
}

func unindex(m map[string]map[string]*Port, key string, p *Port) {
	delete(m[key], p.ID)
	if len(m[key]) == 0 {
		delete(m, key)
	}
}

// before is nova's default order: created_at from late to early (in whole
// seconds, as its column is), then the ID from high to low.
func (v *Server) before(o *Server) bool {
	if a, b := v.Created.Unix(), o.Created.Unix(); a != b {
		return a > b
	}
	return v.ID > o.ID
}

func (st *state) addServer(s *Server) {
	st.servers[s.ID] = s
	st.serverOrder = slices.Insert(st.serverOrder, st.serverIndex(s), s)
}

// serverIndex is where a server is, or would be, in serverOrder.
func (st *state) serverIndex(s *Server) int {
	return sort.Search(len(st.serverOrder), func(i int) bool { return !st.serverOrder[i].before(s) })
}

func (st *state) removeServer(s *Server) {
	delete(st.servers, s.ID)
	i := st.serverIndex(s)
	st.serverOrder = slices.Delete(st.serverOrder, i, i+1)
}

// devicePorts are the ports whose device_id is id, by ID.
func (st *state) devicePorts(id string) []*Port {
	ps := slices.Collect(maps.Values(st.portsByDevice[id]))
	slices.SortFunc(ps, func(a, b *Port) int { return strings.Compare(a.ID, b.ID) })
	return ps
}

// defaultGroup is the security group that neutron makes for each project.
func (st *state) defaultGroup(projectID string) *SecurityGroup {
	for _, g := range st.groups {
		if g.ProjectID == projectID && g.Name == "default" {
			return g
		}
	}
	return nil
}
