// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/test/openstacksim"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// Namespaces of the run: the controller's own, and its objects'.
const (
	controllerNamespace = "multinic-system"
	objectNamespace     = "bench"
)

// world is everything around the controller.
type world struct {
	settings
	sim    *openstacksim.Sim
	scale  *openstacksim.Scale
	nics   []nic // by VM, in the order of their numbers
	byVM   map[string]nic
	shares [][]string // VM names by object; object i is on subnet i mod subnets

	plane  *testenv.ControlPlane
	config *rest.Config // without a limit of its own
	kube   client.Client

	server *testenv.MariaDB
	root   *sql.DB // of the server, to no database
	db     testenv.DB

	binary     string // the controller's
	controller *controller
	watch      *objectWatch
}

// nic is what OpenStack holds of one VM.
type nic struct {
	vm, serverID, portID, mac, address string
	subnet                             int
}

func newWorld(ctx context.Context, s settings) (w *world, err error) {
	w = &world{settings: s}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.binary, err = buildController(ctx); err != nil {
		return w, err
	}
	w.sim = openstacksim.New(openstacksim.Options{Latency: s.latency})
	w.sim.Start()
	w.scale = w.sim.SeedScale(s.vms, s.subnets)
	w.readNICs()
	w.share()
	if w.server, err = testenv.StartMariaDB(ctx, testenv.MariaDBOptions{}); err != nil {
		return w, err
	}
	if w.root, err = w.server.Root(); err != nil {
		return w, err
	}
	if w.plane, err = testenv.StartControlPlane(ctx); err != nil {
		return w, err
	}
	scheme := runtime.NewScheme()
	if err = errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return w, err
	}
	w.config = rest.CopyConfig(w.plane.Config)
	w.config.QPS = -1
	if w.kube, err = client.New(w.config, client.Options{Scheme: scheme}); err != nil {
		return w, err
	}
	for _, name := range []string{controllerNamespace, objectNamespace, floorNamespace} {
		if err = w.kube.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
			return w, err
		}
	}
	return w, w.freshDatabase(ctx)
}

// buildController builds it as a user would.
func buildController(ctx context.Context) (string, error) {
	dir, err := testenv.TempDir("bench")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "multinic")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/xormsdhkdwk/multinic/cmd/multinic")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("building the controller: %w", err)
	}
	return binary, nil
}

func (w *world) readNICs() {
	ports := map[string]openstacksim.Port{}
	for _, p := range w.sim.Ports() {
		ports[p.DeviceID] = p
	}
	w.nics, w.byVM = make([]nic, len(w.scale.Servers)), map[string]nic{}
	for i, v := range w.scale.Servers {
		p := ports[v.ID]
		w.nics[i] = nic{vm: v.Name, serverID: v.ID, portID: p.ID, mac: p.MAC, address: p.FixedIPs[0].Address, subnet: i % w.subnets}
		w.byVM[v.Name] = w.nics[i]
	}
}

// share gives every object an equal part of the VMs on its subnet.
func (w *world) share() {
	bySubnet := make([][]string, w.subnets)
	for _, n := range w.nics {
		bySubnet[n.subnet] = append(bySubnet[n.subnet], n.vm)
	}
	w.shares = make([][]string, w.objects)
	for subnet, vms := range bySubnet {
		mine := (w.objects - subnet + w.subnets - 1) / w.subnets // objects on this subnet
		for k := range mine {
			w.shares[subnet+k*w.subnets] = vms[k*len(vms)/mine : (k+1)*len(vms)/mine]
		}
	}
}

// freshDatabase is an empty one with the schema, owned by this cluster, as a
// controller leaves it that had nothing to do yet.
func (w *world) freshDatabase(ctx context.Context) error {
	db, err := w.server.CreateDatabase(ctx)
	if err != nil {
		return err
	}
	ns := &corev1.Namespace{}
	if err := w.kube.Get(ctx, client.ObjectKey{Name: "kube-system"}, ns); err != nil {
		return err
	}
	w.db = db
	s, _, err := lead(ctx, db, string(ns.UID)+"/"+controllerNamespace)
	if err != nil {
		return err
	}
	return s.Close()
}

// lead opens a database as a controller does; the caller closes the store.
func lead(ctx context.Context, db testenv.DB, owner string) (*store.Store, *store.Leader, error) {
	s, err := store.Open(store.Config{Host: db.Host, Port: db.Port, User: db.User, Password: db.Password, Database: db.Name, Cluster: owner})
	if err != nil {
		return nil, nil, err
	}
	l, err := s.Lead(ctx, store.Mark{})
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return s, l, nil
}

// close stops all of it. testenv.Shutdown removes what is left.
func (w *world) close() {
	if w.controller != nil {
		_ = w.controller.stop()
	}
	if w.watch != nil {
		w.watch.stop()
	}
	if w.plane != nil {
		_ = w.plane.Remove()
	}
	if w.root != nil {
		_ = w.root.Close()
	}
	if w.server != nil {
		_ = w.server.Remove()
	}
	if w.sim != nil {
		w.sim.Close()
	}
}

func (w *world) logTail() string {
	if w.controller == nil {
		return ""
	}
	return "\nthe end of the controller's log:\n" + w.controller.tail()
}
