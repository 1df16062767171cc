// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import "fmt"

// Lab is what SeedLab made.
type Lab struct {
	Project, OtherProject  Project
	User, OtherUser, Admin User
	AppCredential          AppCredential
	// Networks and Subnets by name; of the two dup-subnets, the first.
	Networks map[string]Net
	Subnets  map[string]Subnet
	Servers  []Server // test-vm-1..n, then the two named twin-vm
}

// Credentials of the lab's user "multinic".
func (l *Lab) Credentials() Credentials { return Credentials{User: &l.User} }

// SeedLab fills the cloud as the project's real lab is filled: project k8s
// with user multinic (a member) and an application credential, ten subnets of
// all kinds, servers test-vm-1..n on k8s-net, two servers named twin-vm, and a
// second project, other, with a user, a network and a test-vm-1 of its own.
func (s *Sim) SeedLab(servers int) *Lab {
	l := &Lab{Networks: map[string]Net{}, Subnets: map[string]Subnet{}}
	l.Project, l.OtherProject = s.AddProject("k8s"), s.AddProject("other")
	l.User = s.AddUser(User{Name: "multinic", Password: "multinic-password", DefaultProjectID: l.Project.ID})
	l.OtherUser = s.AddUser(User{Name: "stranger", Password: "stranger-password", DefaultProjectID: l.OtherProject.ID})
	l.AppCredential = s.AddAppCredential(AppCredential{Name: "multinic-ac", UserID: l.User.ID})
	s.mu.RLock()
	var adminProject string
	for _, u := range s.live.users {
		if u.Name == "admin" {
			l.Admin, adminProject = *u, u.DefaultProjectID
		}
	}
	s.mu.RUnlock()

	l.net(s, l.Project.ID, "k8s-net", Subnet{Name: "k8s-subnet", CIDR: "10.10.0.0/16"})
	l.net(s, l.Project.ID, "internal-net", Subnet{Name: "internal-subnet", CIDR: "10.20.0.0/16", Gateway: "none"})
	l.net(s, l.Project.ID, "data-net", Subnet{Name: "data-subnet", CIDR: "10.30.0.0/24", Pools: [][2]string{{"10.30.0.10", "10.30.0.250"}}})
	l.net(s, l.Project.ID, "dup-net-a", Subnet{Name: "dup-subnet", CIDR: "10.40.0.0/24"})
	l.net(s, l.Project.ID, "dup-net-b", Subnet{Name: "dup-subnet", CIDR: "10.41.0.0/24"})
	l.net(s, l.Project.ID, "tiny-net", Subnet{Name: "tiny-subnet", CIDR: "10.50.0.0/29", Gateway: "none", NoDHCP: true, Pools: [][2]string{{"10.50.0.2", "10.50.0.3"}}})
	l.net(s, l.Project.ID, "two-net", Subnet{Name: "two-subnet-a", CIDR: "10.60.0.0/24"}, Subnet{Name: "two-subnet-b", CIDR: "10.61.0.0/24"})
	l.net(s, l.Project.ID, "dual-net", Subnet{Name: "dual-subnet-v4", CIDR: "10.70.0.0/24"},
		Subnet{Name: "dual-subnet-v6", CIDR: "fd00:70::/64", IPv6Mode: "slaac", IPv6RAMode: "slaac"})
	shared := s.AddNetwork(Net{Name: "shared-net", ProjectID: adminProject, Shared: true, MTU: 1500, ProviderType: "vlan", ProviderPhysical: "physnet1", ProviderSegment: 200})
	l.Networks[shared.Name] = shared
	l.Subnets["shared-subnet"] = s.AddSubnet(Subnet{Name: "shared-subnet", NetworkID: shared.ID, CIDR: "10.80.0.0/24"})
	l.net(s, l.OtherProject.ID, "other-net", Subnet{Name: "other-subnet", CIDR: "10.90.0.0/24"})

	k8s := l.Networks["k8s-net"].ID
	l.Servers = s.AddServers(l.Project.ID, "test-vm", servers, k8s)
	for range 2 {
		l.Servers = append(l.Servers, s.AddServer(Server{Name: "twin-vm", ProjectID: l.Project.ID}, k8s))
	}
	s.AddServer(Server{Name: "test-vm-1", ProjectID: l.OtherProject.ID}, l.Networks["other-net"].ID)
	return l
}

func (l *Lab) net(s *Sim, projectID, name string, subnets ...Subnet) {
	n := s.AddNetwork(Net{Name: name, ProjectID: projectID})
	l.Networks[name] = n
	for _, sn := range subnets {
		sn.NetworkID = n.ID
		made := s.AddSubnet(sn)
		if _, twice := l.Subnets[sn.Name]; !twice {
			l.Subnets[sn.Name] = made
		}
	}
}

// Scale is what SeedScale made.
type Scale struct {
	Project  Project
	User     User
	Networks []Net
	Subnets  []Subnet
	Servers  []Server
}

// Credentials of the scale project's user.
func (l *Scale) Credentials() Credentials { return Credentials{User: &l.User} }

// SeedScale fills one project with many servers vm-1..n, spread over networks
// net-1.. with one /16 subnet-1.. each: server i has one interface, on subnet
// 1+(i-1) mod subnets.
func (s *Sim) SeedScale(servers, subnets int) *Scale {
	mustf(subnets > 0 && subnets < 200, "subnets from 1 to 199")
	l := &Scale{Project: s.AddProject("scale")}
	l.User = s.AddUser(User{Name: "scale", Password: "scale-password", DefaultProjectID: l.Project.ID})
	for i := range subnets {
		n := s.AddNetwork(Net{Name: fmt.Sprintf("net-%d", i+1), ProjectID: l.Project.ID})
		l.Networks = append(l.Networks, n)
		l.Subnets = append(l.Subnets, s.AddSubnet(Subnet{Name: fmt.Sprintf("subnet-%d", i+1), NetworkID: n.ID, CIDR: fmt.Sprintf("10.%d.0.0/16", i+1)}))
	}
	l.Servers = s.addSpread(l, servers)
	return l
}

func (s *Sim) addSpread(l *Scale, count int) []Server {
	out := make([]Server, 0, count)
	s.change(func(st *state) {
		for i := range count {
			v := &Server{Name: fmt.Sprintf("vm-%d", i+1), ProjectID: l.Project.ID}
			s.bootServer(st, v, []string{l.Networks[i%len(l.Networks)].ID})
			out = append(out, v.copied())
		}
	})
	return out
}
