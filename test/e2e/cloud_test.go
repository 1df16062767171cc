// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/test/openstacksim"
)

const (
	vms               = 7
	busyVM            = "test-vm-7" // its address changes all the time
	objectsNamespace  = "multinic-e2e"
	externalNamespace = "multinic-e2e-external"
)

// declare makes the objects that the agents' rows come from: the sample, which names
// three VMs by an inline password, and others by a Secret.
func declare(t *testing.T) {
	t.Helper()
	make1(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: objectsNamespace}})
	make1(t, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: objectsNamespace, Name: "openstack"},
		StringData: map[string]string{"clouds.yaml": g.sim.CloudsYAML(g.lab.Credentials())},
	})
	make1(t, sampleConfig(t))
	if len(g.sim.ServerPorts(g.lab.Servers[0].ID)) == 1 {
		g.sim.AddInterface(g.lab.Servers[0].ID, g.lab.Networks["data-net"].ID)
	}
	make1(t, config("more", "k8s-subnet", "test-vm-4", "test-vm-5", "test-vm-6"))
	make1(t, config("second-nic", "data-subnet", "test-vm-1"))
	make1(t, config("busy", "k8s-subnet", busyVM))
}

func config(name, subnet string, names ...string) *v1alpha1.OpenstackConfig {
	o := &v1alpha1.OpenstackConfig{ObjectMeta: metav1.ObjectMeta{Namespace: objectsNamespace, Name: name}}
	o.Spec.VMNames, o.Spec.SubnetName = names, subnet
	o.Spec.Credentials.SecretRef = &v1alpha1.LocalSecretReference{Name: "openstack"}
	return o
}

// sampleConfig is the sample but for the address of the cloud and the login.
func sampleConfig(t *testing.T) *v1alpha1.OpenstackConfig {
	t.Helper()
	o := &v1alpha1.OpenstackConfig{}
	readSample(t, "openstackconfig.yaml", o)
	o.Namespace = "default"
	c := &o.Spec.Credentials
	c.AuthURL, c.NetworkEndpoint, c.ComputeEndpoint = g.sim.URL(openstacksim.Identity), g.sim.URL(openstacksim.Network), g.sim.URL(openstacksim.Compute)
	c.Username, c.Password, c.ProjectID = g.lab.User.Name, g.lab.User.Password, g.lab.Project.ID
	return o
}

func readSample(t *testing.T, name string, into client.Object) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "config", "samples", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(text, into); err != nil {
		t.Fatal(err)
	}
}

// make1 makes an object, or leaves the one that is there.
func make1(t *testing.T, object client.Object) {
	t.Helper()
	if err := g.client.Create(t.Context(), object); client.IgnoreAlreadyExists(err) != nil {
		t.Fatal(err)
	}
}

// wanted is the cloud as agents are to see it, by host and MAC. The busy VM's address
// may be any.
func wanted() map[string]map[string]nic {
	out := map[string]map[string]nic{}
	for _, server := range g.lab.Servers[:vms] {
		out[server.Name] = map[string]nic{}
		for _, port := range g.sim.ServerPorts(server.ID) {
			for _, subnet := range g.lab.Subnets {
				if subnet.ID == port.FixedIPs[0].SubnetID {
					n := nic{CIDR: subnet.CIDR, Address: port.FixedIPs[0].Address}
					for _, network := range g.lab.Networks {
						if network.ID == port.NetworkID {
							n.MTU = int64(cmp.Or(network.MTU, 1450))
						}
					}
					if server.Name == busyVM {
						n.Address = ""
					}
					out[server.Name][port.MAC] = n
				}
			}
		}
	}
	return out
}

var lastAddress int

// change gives the busy VM another address in the cloud, asks for a run, and waits until
// the agent sees it: proof that what is published is the cloud as it is now.
func change(t *testing.T, s *server) {
	t.Helper()
	lastAddress++
	address := fmt.Sprintf("10.10.%d.%d", 100+lastAddress/200, 1+lastAddress%200)
	port := g.sim.ServerPorts(g.sim.ServerByName(g.lab.Project.ID, busyVM).ID)[0]
	g.sim.SetFixedIP(port.ID, g.lab.Subnets["k8s-subnet"].ID, address)
	edit(t, &v1alpha1.OpenstackConfig{ObjectMeta: metav1.ObjectMeta{Namespace: objectsNamespace, Name: "busy"}}, func(o *v1alpha1.OpenstackConfig) {
		o.Annotations = map[string]string{v1alpha1.AnnotationReconcileRequestedAt: time.Now().Format(time.RFC3339Nano)}
	})
	eventually(t, "a change in the cloud is published", func() error {
		rows, err := s.agentM(t.Context(), busyVM)
		if err != nil {
			return err
		}
		if rows[port.MAC].Address != address {
			return fmt.Errorf("the agent sees %+v, the cloud has %s", rows[port.MAC], address)
		}
		return nil
	})
}

// equal says how what agents see differs from the cloud; nothing may be added either.
func equal(ctx context.Context, s *server) error {
	var problems []string
	for host, want := range wanted() {
		for agent, read := range map[string]func(context.Context, string) (map[string]nic, error){"M": s.agentM, "G": s.agentG} {
			have, err := read(ctx, host)
			if err != nil {
				return err
			}
			if problem := missing(want, have, agent); problem != "" || len(have) != len(want) {
				problems = append(problems, fmt.Sprintf("agent %s on %s has %d rows, want %d: %s", agent, host, len(have), len(want), problem))
			}
		}
	}
	if len(problems) > 0 {
		return fmt.Errorf("%s", strings.Join(problems, "; "))
	}
	return nil
}
