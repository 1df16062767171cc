// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build openstack

package openstacklab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/app"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

const (
	subnetName = "k8s-subnet"
	patience   = 5 * time.Minute
)

// truth is what Neutron's own listing says of the subnet: addresses and MAC
// of every server's ports, by port ID; and the servers' names.
type truth struct {
	rows  map[string]string
	names []string
}

func readTruth(t *testing.T) truth {
	t.Helper()
	ctx := t.Context()
	provider, err := openstack.AuthenticatedClient(ctx, gophercloud.AuthOptions{
		IdentityEndpoint: os.Getenv("OS_AUTH_URL"), Username: os.Getenv("OS_USERNAME"), Password: os.Getenv("OS_PASSWORD"), DomainName: "Default",
		Scope: &gophercloud.AuthScope{ProjectName: os.Getenv("OS_PROJECT_NAME"), DomainName: "Default"},
	})
	if err != nil {
		t.Fatalf("%v: run make test-openstack, or source its openrc", err)
	}
	endpoint := gophercloud.EndpointOpts{Region: os.Getenv("OS_REGION_NAME")}
	neutron, err1 := openstack.NewNetworkV2(provider, endpoint)
	nova, err2 := openstack.NewComputeV2(provider, endpoint)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	subnetPages, err := subnets.List(neutron, subnets.ListOpts{Name: subnetName}).AllPages(ctx)
	if err != nil {
		t.Fatal(err)
	}
	found, err := subnets.ExtractSubnets(subnetPages)
	if err != nil || len(found) != 1 {
		t.Fatalf("%d subnets are called %s (%v)", len(found), subnetName, err)
	}
	serverPages, err := servers.List(nova, servers.ListOpts{}).AllPages(ctx)
	if err != nil {
		t.Fatal(err)
	}
	vms, err := servers.ExtractServers(serverPages)
	if err != nil {
		t.Fatal(err)
	}
	portPages, err := ports.List(neutron, ports.ListOpts{FixedIPs: []ports.FixedIPOpts{{SubnetID: found[0].ID}}}).AllPages(ctx)
	if err != nil {
		t.Fatal(err)
	}
	all, err := ports.ExtractPorts(portPages)
	if err != nil {
		t.Fatal(err)
	}
	out := truth{rows: map[string]string{}}
	byID := map[string]string{}
	for _, vm := range vms {
		if strings.HasPrefix(vm.Name, "test-vm-") {
			byID[vm.ID] = vm.Name
			out.names = append(out.names, vm.Name)
		}
	}
	for _, p := range all {
		if name, ours := byID[p.DeviceID]; ours {
			out.rows[p.ID] = fmt.Sprintf("%s %s %s", name, p.MACAddress, p.FixedIPs[0].IPAddress)
		}
	}
	slices.Sort(out.names)
	return out
}

func TestTheRowsEqualThePortListOfARealOpenStack(t *testing.T) {
	want := readTruth(t)
	if len(want.names) < 20 {
		t.Fatalf("the lab has %d servers test-vm-*, it should have 20 or more", len(want.names))
	}
	ctrl.SetLogger(logr.Discard())
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	kube := testenv.Kube(t)
	c, err := client.New(kube, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	namespace, db := testenv.Namespace(t, c), testenv.Database(t)
	address := runController(t, kube, namespace, db)

	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "openstack"}, StringData: map[string]string{"clouds.yaml": fmt.Sprintf(
		"clouds:\n  lab:\n    region_name: %q\n    auth:\n      auth_url: %q\n      username: %q\n      password: %q\n      project_name: %q\n      user_domain_name: Default\n      project_domain_name: Default\n",
		os.Getenv("OS_REGION_NAME"), os.Getenv("OS_AUTH_URL"), os.Getenv("OS_USERNAME"), os.Getenv("OS_PASSWORD"), os.Getenv("OS_PROJECT_NAME"))}}
	if err := c.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	o := &v1alpha1.OpenstackConfig{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "lab"}, Spec: v1alpha1.OpenstackConfigSpec{
		VMNames: want.names, SubnetName: subnetName, Credentials: v1alpha1.Credentials{SecretRef: &v1alpha1.LocalSecretReference{Name: "openstack"}},
	}}
	begun := time.Now()
	if err := c.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	waitReady(t, c, o)
	t.Logf("%d VMs with %d interfaces in %.1f s from the object's creation to Ready, %s", len(want.names), len(want.rows), time.Since(begun).Seconds(), calls(address()))

	rows, err := db.Open(t).Query("SELECT port_id, attached_node_name, macaddress, address FROM multi_interface WHERE status = 'active'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	got := map[string]string{}
	for rows.Next() {
		var port, host, mac, ip string
		if err := rows.Scan(&port, &host, &mac, &ip); err != nil {
			t.Fatal(err)
		}
		got[port] = fmt.Sprintf("%s %s %s", host, mac, ip)
	}
	if !maps.Equal(got, want.rows) {
		t.Errorf("the table says\n%v\nNeutron says\n%v", got, want.rows)
	}
}

// waitReady waits for the object, the lab being slow.
func waitReady(t *testing.T, c client.Client, o *v1alpha1.OpenstackConfig) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
			t.Fatal(err)
		}
		ready := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionReady)
		if ready != nil && ready.Status == metav1.ConditionTrue {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not Ready within %s: %+v", patience, ready)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// runController runs the controller until the test ends, and tells where its
// metrics are.
func runController(t *testing.T, kube *rest.Config, namespace string, db testenv.DB) (address func() string) {
	t.Helper()
	served := make(chan string, 1)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	log := logr.FromSlogHandler(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	go func() {
		done <- app.RunController(ctx, kube, log, app.Options{
			Namespace: namespace, WatchNamespaces: []string{namespace}, Address: "127.0.0.1:0",
			Getenv: func(name string) string {
				for _, pair := range db.Env() {
					if value, ok := strings.CutPrefix(pair, name+"="); ok {
						return value
					}
				}
				return ""
			},
			Started: func(address string) { served <- address },
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	var at string
	return func() string {
		if at == "" {
			at = <-served
		}
		return at
	}
}

// calls counts the calls to OpenStack and sums their time up, by the
// controller's own metric.
func calls(address string) string {
	response, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	var total, seconds float64
	var each []string
	for line := range strings.Lines(string(body)) {
		for _, kind := range []string{"count", "sum"} {
			rest, ok := strings.CutPrefix(line, "multinic_openstack_request_duration_seconds_"+kind+"{")
			if !ok {
				continue
			}
			labels, value, _ := strings.Cut(strings.TrimSpace(rest), "} ")
			var v float64
			_, _ = fmt.Sscan(value, &v)
			if kind == "count" {
				total += v
			} else {
				seconds += v
			}
			each = append(each, fmt.Sprintf("%s %s: %.3g", labels, kind, v))
		}
	}
	return fmt.Sprintf("%.0f calls that took %.1f s (%s)", total, seconds, strings.Join(each, "; "))
}
