// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstackconformance

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"
)

const nobody = "00000000-0000-4000-8000-000000000000"

// suite is the ground that the sentences stand on.
type suite struct {
	cloud                *cloud
	me, stranger         *session
	admin                *session // nil without admin credentials
	prefix               string
	net, tiny, dual      *networks.Network
	subnet, tinySubnet   *subnets.Subnet
	v4, v6               *subnets.Subnet
	strangerNet          *networks.Network
	strangerPort         *ports.Port
	shared               networks.Network
	sharedSubnet         string
	strangerServer       string
	serverIDs            []string // prefix-1, prefix-2, prefix-10
	imageRef, flavorRef  string
	serverOne, serverTwo string
}

// sentence is one promise of the cloud.
type sentence struct {
	name  string
	check func(t *testing.T, s *suite)
}

// run judges a cloud. The sentences run one after another: the real lab has
// two cores, and several look at lists that others change.
func run(t *testing.T, c *cloud) {
	t.Helper()
	s := prepare(t, c)
	for _, group := range [][]sentence{identitySentences, networkSentences, pagingSentences, portSentences, serverSentences, memberSentences, interfaceSentences, lastSentences} {
		for _, one := range group {
			t.Run(one.name, func(t *testing.T) { one.check(t, s) })
		}
	}
	if s.admin == nil {
		t.Logf("no admin credentials: %d sentences about quotas and admin-only attributes were not judged", len(adminSentences))
		return
	}
	for _, one := range adminSentences {
		t.Run(one.name, func(t *testing.T) { one.check(t, s) })
	}
}

func prepare(t *testing.T, c *cloud) *suite {
	t.Helper()
	s := &suite{cloud: c, prefix: fmt.Sprintf("conformance-%06x", rand.Uint32()&0xffffff)}
	s.me, s.stranger = c.open(t, c.member), c.open(t, c.other)
	for _, one := range []*session{s.me, s.stranger} {
		one.identify(t)
	}
	if c.admin != nil {
		s.admin = c.open(t, *c.admin)
		s.admin.identify(t)
	}
	s.net, s.subnet = s.makeNet(t, s.me, "net", subnets.CreateOpts{CIDR: "10.201.0.0/24", IPVersion: 4})
	none := ""
	s.tiny, s.tinySubnet = s.makeNet(t, s.me, "tiny", subnets.CreateOpts{
		CIDR: "10.202.0.0/29", IPVersion: 4, GatewayIP: &none, AllocationPools: []subnets.AllocationPool{{Start: "10.202.0.2", End: "10.202.0.3"}},
	})
	s.dual, s.v4 = s.makeNet(t, s.me, "dual", subnets.CreateOpts{CIDR: "10.203.0.0/24", IPVersion: 4})
	s.v6 = s.makeSubnet(t, s.me, s.dual, "dual-v6", subnets.CreateOpts{CIDR: "fd00:203::/64", IPVersion: 6, IPv6AddressMode: "slaac", IPv6RAMode: "slaac"})
	s.strangerNet, _ = s.makeNet(t, s.stranger, "stranger", subnets.CreateOpts{CIDR: "10.204.0.0/24", IPVersion: 4})
	s.strangerPort = s.makePort(t, s.stranger, ports.CreateOpts{NetworkID: s.strangerNet.ID})
	s.findShared(t)
	s.findServers(t)
	s.bootServers(t)
	return s
}

// identify reads the session's project and user from its token.
func (s *session) identify(t *testing.T) {
	t.Helper()
	result := tokens.Get(t.Context(), s.identity, s.provider.Token())
	project, err := result.ExtractProject()
	if err != nil || project == nil {
		t.Fatalf("the login has no project: %v", err)
	}
	user, err := result.ExtractUser()
	if err != nil {
		t.Fatal(err)
	}
	s.projectID, s.userID = project.ID, user.ID
}

func (s *suite) makeNet(t *testing.T, as *session, name string, sub subnets.CreateOpts) (*networks.Network, *subnets.Subnet) {
	t.Helper()
	n, err := networks.Create(t.Context(), as.network, networks.CreateOpts{Name: s.prefix + "-" + name}).Extract()
	if err != nil {
		t.Fatalf("make network %s: %v", name, err)
	}
	s.cleanUp(t, "network "+name, func(ctx context.Context) error { return networks.Delete(ctx, as.network, n.ID).ExtractErr() })
	return n, s.makeSubnet(t, as, n, name, sub)
}

func (s *suite) makeSubnet(t *testing.T, as *session, n *networks.Network, name string, opts subnets.CreateOpts) *subnets.Subnet {
	t.Helper()
	opts.NetworkID, opts.Name = n.ID, s.prefix+"-"+name+"-subnet"
	sub, err := subnets.Create(t.Context(), as.network, opts).Extract()
	if err != nil {
		t.Fatalf("make subnet %s: %v", name, err)
	}
	return sub
}

// makePort makes a port that goes away with the test.
func (s *suite) makePort(t *testing.T, as *session, opts ports.CreateOptsBuilder) *ports.Port {
	t.Helper()
	p, err := ports.Create(t.Context(), as.network, opts).Extract()
	if err != nil {
		t.Fatalf("make a port: %v", err)
	}
	s.cleanUp(t, "port", func(ctx context.Context) error { return ports.Delete(ctx, as.network, p.ID).ExtractErr() })
	return p
}

// cleanUp deletes at the end of the test; what is gone already is fine.
func (s *suite) cleanUp(t *testing.T, what string, remove func(ctx context.Context) error) {
	t.Helper()
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if err := remove(ctx); err != nil && !gophercloud.ResponseCodeIs(err, http.StatusNotFound) {
			t.Errorf("clean up %s: %v", what, err)
		}
	})
}

func (s *suite) findShared(t *testing.T) {
	t.Helper()
	yes := true
	pages, err := networks.List(s.me.network, networks.ListOpts{Shared: &yes}).AllPages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found, err := networks.ExtractNetworks(pages)
	if err != nil || len(found) == 0 || len(found[0].Subnets) == 0 {
		t.Fatalf("the suite needs a shared network with a subnet; found %d: %v", len(found), err)
	}
	s.shared, s.sharedSubnet = found[0], found[0].Subnets[0]
}

// findServers borrows image and flavour of any server, and looks for one of
// the stranger.
func (s *suite) findServers(t *testing.T) {
	t.Helper()
	first := func(as *session) servers.Server {
		pages, err := servers.List(as.compute, servers.ListOpts{}).AllPages(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		found, err := servers.ExtractServers(pages)
		if err != nil || len(found) == 0 {
			t.Fatalf("the suite needs one server in each project: %v", err)
		}
		return found[0]
	}
	mine := first(s.me)
	s.imageRef, _ = mine.Image["id"].(string)
	s.flavorRef, _ = mine.Flavor["id"].(string)
	s.strangerServer = first(s.stranger).ID
}

// bootServers makes three servers whose names make a regular expression err.
func (s *suite) bootServers(t *testing.T) {
	t.Helper()
	for _, n := range []string{"-1", "-2", "-10"} {
		v, err := servers.Create(t.Context(), s.me.compute, servers.CreateOpts{
			Name: s.prefix + n, ImageRef: s.imageRef, FlavorRef: s.flavorRef, Networks: []servers.Network{{UUID: s.net.ID}},
		}, nil).Extract()
		if err != nil {
			t.Fatalf("boot a server: %v", err)
		}
		s.serverIDs = append(s.serverIDs, v.ID)
		s.removeServer(t, v.ID)
	}
	for _, id := range s.serverIDs {
		s.waitActive(t, id)
	}
	s.serverOne, s.serverTwo = s.serverIDs[0], s.serverIDs[1]
}

// removeServer deletes a server at the end and waits until it is gone, since
// its ports hold the network.
func (s *suite) removeServer(t *testing.T, id string) {
	t.Helper()
	s.cleanUp(t, "server", func(ctx context.Context) error {
		if err := servers.Delete(ctx, s.me.compute, id).ExtractErr(); err != nil {
			return err
		}
		return s.gone(ctx, id)
	})
}

func (s *suite) waitActive(t *testing.T, id string) {
	t.Helper()
	s.cloud.eventually(t, "server "+id+" is ACTIVE", func(ctx context.Context) (bool, error) {
		v, err := servers.Get(ctx, s.me.compute, id).Extract()
		if err == nil && v.Status == "ERROR" {
			t.Fatalf("server %s went to ERROR: %s", id, v.Fault.Message)
		}
		return err == nil && v.Status == "ACTIVE", err
	})
}
