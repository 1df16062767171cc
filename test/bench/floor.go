// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

// floorNamespace holds the objects that no controller looks at.
const floorNamespace = "floor"

// Columns of the tables that agents read.
const (
	nodeColumnList   = "attached_node_id, attached_node_name, status, created_at, modified_at"
	interfaceColumns = "port_id, subnet_id, macaddress, address, mtu, attached_node_id, attached_node_name, cr_namespace, cr_name, status, created_at, modified_at"
	interfaceWidth   = 12
)

var nodeColumns = strings.Split(nodeColumnList, ", ")

// tuple is "(?,?,?)".
func tuple(width int) string { return "(" + strings.Repeat("?,", width-1) + "?)" }

// floor is the least that a job can cost.
type floor struct {
	objects            int
	listing, relisting figures // with and without the login
	insert             figures // all rows that agents read
	create             time.Duration
	finalizers, status time.Duration // a patch of each object
}

// listingFloor is the bare listing, measured now.
func (w *world) listingFloor(ctx context.Context) (first, again figures, err error) {
	return w.part(ctx, job{Kind: "listing"})
}

// insertFloor inserts the agents' rows, of the first n NICs, into an empty
// database: one bare multi-row statement per table.
func (w *world) insertFloor(ctx context.Context, n int) (figures, error) {
	var f figures
	db, err := w.server.CreateDatabase(ctx)
	if err != nil {
		return f, err
	}
	s, l, err := lead(ctx, db, "floor")
	if err != nil {
		return f, err
	}
	defer s.Close()
	if _, err := l.Apply(ctx, inventory.Plan{Subnets: w.subnetRows()}, nil); err != nil {
		return f, err
	}
	pool, err := openPool(db)
	if err != nil {
		return f, err
	}
	defer pool.Close()
	if err := pool.PingContext(ctx); err != nil {
		return f, err
	}
	now := time.Now().UTC()
	var nodes, interfaces []any
	for i, v := range w.nics[:n] {
		nodes = append(nodes, v.serverID, v.vm, "active", now, now)
		interfaces = append(interfaces, v.portID, w.scale.Subnets[v.subnet].ID, v.mac, v.address, 1450, v.serverID, v.vm,
			objectNamespace, objectName(i%w.objects), "active", now, now)
	}
	start := time.Now()
	for _, s := range []struct {
		into   string
		width  int
		values []any
	}{
		{"node_table (" + nodeColumnList + ")", len(nodeColumns), nodes},
		{"multi_interface (" + interfaceColumns + ")", interfaceWidth, interfaces},
	} {
		rows := strings.TrimSuffix(strings.Repeat(tuple(s.width)+",", n), ",")
		if _, err := pool.ExecContext(ctx, "INSERT INTO "+s.into+" VALUES "+rows, s.values...); err != nil {
			return f, fmt.Errorf("the bare insert: %w", err)
		}
	}
	f = figures{statements: 2, rows: int64(2 * n), wall: time.Since(start)}
	return f, db.Drop(ctx)
}

func (w *world) subnetRows() []inventory.SubnetRow {
	rows := make([]inventory.SubnetRow, len(w.scale.Subnets))
	for i, s := range w.scale.Subnets {
		rows[i] = inventory.SubnetRow{SubnetID: s.ID, Name: s.Name, CIDR: s.CIDR, NetworkID: s.NetworkID, MTU: 1450, Status: inventory.Active}
	}
	return rows
}

// kubeFloor makes n objects that nobody watches, patches their finalizers and
// their statuses, bare, and removes them.
func (w *world) kubeFloor(ctx context.Context, n int) (f floor, err error) {
	start := time.Now()
	if err := w.create(ctx, floorNamespace, n); err != nil {
		return f, err
	}
	f.create = time.Since(start)
	start = time.Now()
	if err := w.patchAll(ctx, n, false, func(int) any {
		return map[string]any{"metadata": map[string]any{"finalizers": []string{v1alpha1.Finalizer}}}
	}); err != nil {
		return f, err
	}
	f.finalizers = time.Since(start)
	statuses := make([]any, n)
	for i := range statuses {
		statuses[i] = map[string]any{"status": w.status(i)}
	}
	start = time.Now()
	if err := w.patchAll(ctx, n, true, func(i int) any { return statuses[i] }); err != nil {
		return f, err
	}
	f.status = time.Since(start)
	if err := w.patchAll(ctx, n, false, func(int) any {
		return map[string]any{"metadata": map[string]any{"finalizers": nil}}
	}); err != nil {
		return f, err
	}
	return f, w.kube.DeleteAllOf(ctx, &v1alpha1.OpenstackConfig{}, client.InNamespace(floorNamespace))
}

func (w *world) patchAll(ctx context.Context, n int, status bool, patch func(i int) any) error {
	return parallel(ctx, n, func(ctx context.Context, i int) error {
		body, err := json.Marshal(patch(i))
		if err != nil {
			return err
		}
		o := &v1alpha1.OpenstackConfig{ObjectMeta: metav1.ObjectMeta{Namespace: floorNamespace, Name: objectName(i)}}
		if status {
			return w.kube.Status().Patch(ctx, o, client.RawPatch(types.MergePatchType, body))
		}
		return w.kube.Patch(ctx, o, client.RawPatch(types.MergePatchType, body))
	})
}

// status is one as the controller writes it.
func (w *world) status(i int) v1alpha1.OpenstackConfigStatus {
	now := metav1.Now()
	subnet := w.scale.Subnets[i%w.subnets]
	s := v1alpha1.OpenstackConfigStatus{
		ObservedGeneration: 1, Phase: v1alpha1.PhaseReady, LastSyncTime: &now, NextSyncTime: &now,
		Subnet:      &v1alpha1.SubnetStatus{ID: subnet.ID, Name: subnet.Name, CIDR: subnet.CIDR, NetworkID: subnet.NetworkID, MTU: 1450},
		Publication: &v1alpha1.PublicationStatus{Epoch: subnet.ID, Generation: 1, Sequence: 1},
	}
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionVMsResolved, v1alpha1.ConditionWithdrawalHeld, v1alpha1.ConditionPublished} {
		s.Conditions = append(s.Conditions, metav1.Condition{
			Type: kind, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonSynced, Message: "every VM is found and published",
			LastTransitionTime: now, ObservedGeneration: 1,
		})
	}
	for _, vm := range w.shares[i] {
		v := w.byVM[vm]
		s.Interfaces = append(s.Interfaces, v1alpha1.InterfaceStatus{
			VM: vm, ServerID: v.serverID, Node: vm, PortID: v.portID, MAC: v.mac, Addresses: []string{v.address}, Status: "active",
		})
	}
	s.Counts.VMs, s.Counts.Interfaces = int32(len(s.Interfaces)), int32(len(s.Interfaces))
	return s
}
