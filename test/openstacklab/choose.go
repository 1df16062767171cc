// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacklab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/config"
	"github.com/gophercloud/gophercloud/v2/openstack/config/clouds"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"
)

// fewVMs are chosen where none are named.
const fewVMs = 3

// Choice is a subnet with VMs on it.
type Choice struct {
	// Subnet names it for people, SubnetRef for an OpenstackConfig.
	Subnet, SubnetRef string
	VMs               []string
}

// Choose finds VMs and a subnet: those that are named (by name or ID, "" for
// any), else the first subnet by name that has VMs, and a few of them.
func (l Login) Choose(ctx context.Context, vms, subnet string) (Choice, error) {
	inv, err := l.read(ctx)
	if err != nil {
		return Choice{}, err
	}
	return inv.choose(vms, subnet)
}

func (inv *contents) choose(vms, wanted string) (Choice, error) {
	if len(inv.servers) == 0 {
		return Choice{}, errors.New("its project has no VMs: choose a cloud whose project has some")
	}
	for _, subnet := range inv.subnets {
		if wanted != "" && subnet.ID != wanted && subnet.Name != wanted {
			continue
		}
		on := inv.on(subnet.ID)
		if wanted == "" && len(on) == 0 {
			continue
		}
		chosen := Choice{Subnet: fmt.Sprintf("%s (%s)", cmp.Or(subnet.Name, subnet.ID), subnet.CIDR), SubnetRef: inv.subnetRef(subnet)}
		if vms != "" {
			chosen.VMs = strings.Split(vms, ",")
			return chosen, nil
		}
		if len(on) == 0 {
			return Choice{}, fmt.Errorf("no VM of its project has a port on the subnet %s: name another with -subnet", wanted)
		}
		for _, server := range on[:min(len(on), fewVMs)] {
			chosen.VMs = append(chosen.VMs, inv.serverRef(server))
		}
		return chosen, nil
	}
	if wanted != "" {
		return Choice{}, fmt.Errorf("it has no subnet %q: see openstack subnet list", wanted)
	}
	return Choice{}, errors.New("none of its VMs has a port on a subnet: name VMs and a subnet with -vms and -subnet")
}

// contents of a project: what the choice is made from.
type contents struct {
	servers []servers.Server
	subnets []subnets.Subnet
	ports   []ports.Port
}

func (l Login) read(ctx context.Context) (contents, error) {
	var inv contents
	auth, endpoint, tls, err := clouds.Parse(clouds.WithLocations(l.Path), clouds.WithCloudName(l.Name))
	if err != nil {
		return inv, err
	}
	provider, err := config.NewProviderClient(ctx, auth, config.WithTLSConfig(tls))
	if err != nil {
		return inv, loginError(err)
	}
	network, err := openstack.NewNetworkV2(provider, endpoint)
	if err != nil {
		return inv, err
	}
	compute, err := openstack.NewComputeV2(provider, endpoint)
	if err != nil {
		return inv, err
	}
	err = inv.list(ctx, network, compute)
	return inv, err
}

// loginError says what gophercloud's error says, without Keystone's answer:
// that may quote the request with its password.
func loginError(err error) error {
	if status, ok := errors.AsType[gophercloud.ErrUnexpectedResponseCode](err); ok {
		return fmt.Errorf("logging in: Keystone answers HTTP %d: check auth_url, user, password and project", status.Actual)
	}
	return fmt.Errorf("logging in: %w", err)
}

func (inv *contents) list(ctx context.Context, network, compute *gophercloud.ServiceClient) error {
	pages, err := servers.List(compute, nil).AllPages(ctx)
	if err != nil {
		return fmt.Errorf("listing VMs: %w", err)
	}
	if inv.servers, err = servers.ExtractServers(pages); err != nil {
		return err
	}
	if pages, err = subnets.List(network, nil).AllPages(ctx); err != nil {
		return fmt.Errorf("listing subnets: %w", err)
	}
	if inv.subnets, err = subnets.ExtractSubnets(pages); err != nil {
		return err
	}
	if pages, err = ports.List(network, nil).AllPages(ctx); err != nil {
		return fmt.Errorf("listing ports: %w", err)
	}
	if inv.ports, err = ports.ExtractPorts(pages); err != nil {
		return err
	}
	slices.SortFunc(inv.servers, func(a, b servers.Server) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	slices.SortFunc(inv.subnets, func(a, b subnets.Subnet) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return nil
}

// on are the servers with a port on a subnet.
func (inv *contents) on(subnetID string) []servers.Server {
	devices := map[string]bool{}
	for _, port := range inv.ports {
		for _, ip := range port.FixedIPs {
			if ip.SubnetID == subnetID {
				devices[port.DeviceID] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(inv.servers), func(s servers.Server) bool { return !devices[s.ID] })
}

// serverRef is what names a server and no other: its name, else its ID.
func (inv *contents) serverRef(server servers.Server) string {
	same := 0
	for _, s := range inv.servers {
		if s.Name == server.Name {
			same++
		}
	}
	if same > 1 || server.Name == "" {
		return server.ID
	}
	return server.Name
}

func (inv *contents) subnetRef(subnet subnets.Subnet) string {
	same := 0
	for _, s := range inv.subnets {
		if s.Name == subnet.Name {
			same++
		}
	}
	if same > 1 || subnet.Name == "" {
		return subnet.ID
	}
	return subnet.Name
}
