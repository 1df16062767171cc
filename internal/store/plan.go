// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

// Lengths of the columns that hold text for people, in characters.
const reasonLength = 1024

// applyPlan writes the plan's rows: parents first, and each table's in the order
// of its key, so that two writers meet in the same order and InnoDB appends to
// its pages instead of splitting them.
func (t *txn) applyPlan(ctx context.Context, plan *inventory.Plan) error {
	for _, step := range []func(context.Context, *inventory.Plan) error{
		t.putSubnets, t.putNodes, t.putRows, t.putPrimaries,
		t.dropClaims, t.putClaims, t.dropPendings, t.putPendings, t.addHistory,
	} {
		if err := step(ctx, plan); err != nil {
			return err
		}
	}
	return nil
}

func (t *txn) putSubnets(ctx context.Context, plan *inventory.Plan) error {
	now := t.s.now()
	list := slices.Clone(plan.Subnets)
	slices.SortFunc(list, func(a, b inventory.SubnetRow) int { return cmp.Compare(a.SubnetID, b.SubnetID) })
	r := newRows("put-subnets", 9, len(list))
	for _, v := range list {
		r.add(v.SubnetID, v.Name, v.CIDR, v.NetworkID, nullInt(v.MTU), string(v.Status), now, now, deletedAt(v.Status, now))
	}
	return t.put(ctx, r)
}

func (t *txn) putNodes(ctx context.Context, plan *inventory.Plan) error {
	now := timeText(t.s.now())
	list := slices.Clone(plan.Nodes)
	slices.SortFunc(list, func(a, b inventory.NodeRow) int { return cmp.Compare(a.ServerID, b.ServerID) })
	nodes, identities := newRows("put-nodes", 6, len(list)), newRows("put-identities", 3, len(list))
	for _, v := range list {
		nodes.add(v.ServerID, v.Name, string(v.Status), now, now, deletedAt(v.Status, now))
		identities.add(v.ServerID, v.HostName, v.FromKubernetes)
	}
	if err := t.put(ctx, nodes); err != nil {
		return err
	}
	return t.put(ctx, identities)
}

// putRows writes the interfaces and what follows from them: a node or a subnet
// without a row that lives is marked deleted. One that gets a row back, the plan
// itself makes active.
func (t *txn) putRows(ctx context.Context, plan *inventory.Plan) error {
	var ports, nodes, subnets []string // that may be left, or empty from the start
	inUse := map[string]bool{}
	for i := range plan.Interfaces {
		v := &plan.Interfaces[i].Row
		gone := v.Status == inventory.Deleted
		if gone || v.ID != 0 { // a new row leaves nothing
			ports = append(ports, v.PortID)
		}
		if gone {
			nodes, subnets = append(nodes, v.ServerID), append(subnets, v.SubnetID)
		} else {
			inUse[v.ServerID], inUse[v.SubnetID] = true, true
		}
	}
	for _, v := range plan.Nodes {
		nodes = append(nodes, v.ServerID)
	}
	for _, v := range plan.Subnets {
		subnets = append(subnets, v.SubnetID)
	}
	err := t.queryKeys(ctx, "homes", nil, unique(ports), func(r *sql.Rows) error {
		var node, subnet string
		err := r.Scan(&node, &subnet)
		nodes, subnets = append(nodes, node), append(subnets, subnet)
		return err
	})
	if err != nil {
		return err
	}
	if err := t.putInterfaces(ctx, plan); err != nil {
		return err
	}
	used := func(id string) bool { return inUse[id] }
	if err := t.retire(ctx, "empty-nodes", "retire-nodes", slices.DeleteFunc(nodes, used)); err != nil {
		return err
	}
	return t.retire(ctx, "empty-subnets", "retire-subnets", slices.DeleteFunc(subnets, used))
}

// retire looks for those without a row that lives, without locks, so that agents
// are not in the way, and marks them. Rows are the leader's alone to move.
func (t *txn) retire(ctx context.Context, find, mark string, of []string) error {
	var empty []string
	err := t.queryKeys(ctx, find, nil, unique(of), func(r *sql.Rows) error {
		var id string
		err := r.Scan(&id)
		empty = append(empty, id)
		return err
	})
	if err != nil {
		return err
	}
	now := timeText(t.s.now())
	_, err = t.execKeys(ctx, mark, []any{now, now}, unique(empty))
	return err
}

func (t *txn) putInterfaces(ctx context.Context, plan *inventory.Plan) error {
	now := timeText(t.s.now())
	// By reference: rows are large.
	list := make([]*inventory.InterfaceWrite, len(plan.Interfaces))
	for i := range plan.Interfaces {
		list[i] = &plan.Interfaces[i]
	}
	slices.SortFunc(list, func(a, b *inventory.InterfaceWrite) int { return cmp.Compare(a.Row.PortID, b.Row.PortID) })
	kept, reset := newRows("put-interfaces", 13, 0), newRows("reset-interfaces", 13, len(list))
	for _, w := range list {
		target := kept
		if w.ResetApplied {
			target = reset
		}
		v := &w.Row
		hostName := v.HostName
		if v.Status != inventory.Active {
			hostName = "" // agent M looks at nothing else
		}
		target.add(v.PortID, v.SubnetID, v.MAC, nullString(v.Address), nullInt(v.MTU), v.ServerID, nullString(hostName),
			v.Owner.Namespace, v.Owner.Name, string(v.Status), now, now, deletedAt(v.Status, now))
	}
	if err := t.put(ctx, kept); err != nil {
		return err
	}
	return t.put(ctx, reset)
}

// putPrimaries keeps who was ever primary, beside multi_interface, whose columns
// are the agents'.
func (t *txn) putPrimaries(ctx context.Context, plan *inventory.Plan) error {
	ever := newRows("put-primaries", 1, 0)
	var never []string
	for i := range plan.Interfaces {
		switch v := &plan.Interfaces[i].Row; {
		case v.EverPrimary:
			ever.add(v.PortID)
		case v.ID != 0: // a new row has none to drop
			never = append(never, v.PortID)
		}
	}
	if err := t.put(ctx, ever); err != nil {
		return err
	}
	_, err := t.execKeys(ctx, "drop-primaries", nil, unique(never))
	return err
}

func (t *txn) putClaims(ctx context.Context, plan *inventory.Plan) error {
	list := make([]*inventory.Claim, len(plan.PutClaims))
	for i := range plan.PutClaims {
		list[i] = &plan.PutClaims[i]
	}
	slices.SortFunc(list, func(a, b *inventory.Claim) int {
		return cmp.Or(compareKeys(a.Object, b.Object), cmp.Compare(a.PortID, b.PortID))
	})
	r := newRows("put-claims", 10, len(list))
	for _, v := range list {
		r.add(v.Object.Namespace, v.Object.Name, v.PortID, v.UID, v.VMRef, v.SubnetRef, v.SubnetID, v.ServerID, v.Cloud, timeText(v.Since))
	}
	return t.put(ctx, r)
}

func (t *txn) dropClaims(ctx context.Context, plan *inventory.Plan) error {
	ports := map[inventory.Key][]string{}
	for _, v := range plan.DropClaims {
		ports[v.Object] = append(ports[v.Object], v.PortID)
	}
	for _, object := range sortedKeys(ports) {
		if _, err := t.execKeys(ctx, "drop-claims", []any{object.Namespace, object.Name}, unique(ports[object])); err != nil {
			return err
		}
	}
	return nil
}

func (t *txn) putPendings(ctx context.Context, plan *inventory.Plan) error {
	r := newRows("put-pendings", 10, len(plan.PutPendings))
	for _, v := range plan.PutPendings {
		r.add(v.Object.Namespace, v.Object.Name, v.PortID, string(v.Kind), v.Cloud, v.Value, timeText(v.FirstSeen),
			timeText(v.LastSeen), v.Held, cut(v.Reason, reasonLength))
	}
	return t.put(ctx, r)
}

func (t *txn) dropPendings(ctx context.Context, plan *inventory.Plan) error {
	ports := map[inventory.PendingKind]map[inventory.Key][]string{}
	for _, v := range plan.DropPendings {
		if ports[v.Kind] == nil {
			ports[v.Kind] = map[inventory.Key][]string{}
		}
		ports[v.Kind][v.Object] = append(ports[v.Kind][v.Object], v.PortID)
	}
	for kind, objects := range ports {
		for _, object := range sortedKeys(objects) {
			first := []any{object.Namespace, object.Name, string(kind)}
			if _, err := t.execKeys(ctx, "drop-pendings", first, unique(objects[object])); err != nil {
				return err
			}
		}
	}
	return nil
}

// portsPerEvent bounds a row of the history: about 100 kB of lines.
const portsPerEvent = 1000

// addHistory writes one row for what happened to several ports of an object
// alike.
func (t *txn) addHistory(ctx context.Context, plan *inventory.Plan) error {
	type event struct {
		at        int64
		object    inventory.Key
		cloud     string
		kind      string
		explained bool
	}
	type lines struct {
		event
		ports   int
		details strings.Builder
	}
	var list []*lines
	latest := map[event]*lines{}
	for _, v := range plan.History {
		key := event{v.At.UnixMicro(), v.Object, v.Cloud, v.Kind, v.Explained}
		l := latest[key]
		if l == nil || l.ports == portsPerEvent {
			l = &lines{event: key}
			latest[key] = l
			list = append(list, l)
		}
		l.ports++
		l.details.WriteString(v.PortID + " " + strings.ReplaceAll(cut(v.Detail, reasonLength), "\n", " ") + "\n")
	}
	r := newRows("add-history", 8, len(list))
	for _, l := range list {
		r.add(timeText(time.UnixMicro(l.at)), l.object.Namespace, l.object.Name, l.cloud, l.kind, l.explained, l.ports, l.details.String())
	}
	return t.put(ctx, r)
}

func sortedKeys(m map[inventory.Key][]string) []inventory.Key {
	keys := make([]inventory.Key, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, compareKeys)
	return keys
}

func compareKeys(a, b inventory.Key) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// deletedAt is now for a row that is withdrawn; the statement keeps an earlier one.
func deletedAt(status inventory.Status, now any) any {
	if status == inventory.Deleted {
		return now
	}
	return nil
}
