// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package publication

import (
	"context"
	"slices"
	"strings"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/store"
)

// tryAdmit opens the gate once publication is whole: every object that had
// published before has succeeded in this epoch. One that never published
// holds nothing; a person can open it by hand.
func (p *Publication) tryAdmit(ctx context.Context, leader *store.Leader) {
	if leader.GateOpen() {
		p.setHolders(nil)
		return
	}
	objects, err := p.Cluster.Objects(ctx)
	if err != nil {
		p.Log.Error(err, "The gate stays shut: the objects can't be listed")
		return
	}
	holders := p.holding(objects, leader.Mark().Epoch)
	byHand, err := p.Cluster.AdmitEpoch(ctx)
	if err != nil {
		p.Log.Error(err, "The word of a person on the gate can't be read")
	}
	if len(holders) > 0 && byHand != leader.Mark().Epoch {
		p.setHolders(holders)
		return
	}
	if err := leader.Admit(ctx); err != nil {
		_ = p.judge(ctx, leader, err, false)
		p.Log.Error(err, "The gate can't be opened")
		return
	}
	p.setHolders(nil)
	p.Log.Info("The gate is open: agents see the rows", "epoch", leader.Mark().Epoch, "byHand", len(holders) > 0)
	p.Wake(nil)
}

// holding are the objects that keep the gate of an epoch shut.
func (p *Publication) holding(objects []Object, epoch string) []inventory.Key {
	p.mu.Lock()
	defer p.mu.Unlock()
	var holders []inventory.Key
	for _, o := range objects {
		if o.Mark.Epoch != "" && !o.Deleting && p.states[o.Key].Epoch != epoch {
			holders = append(holders, o.Key)
		}
	}
	slices.SortFunc(holders, func(a, b inventory.Key) int { return strings.Compare(a.String(), b.String()) })
	return holders
}

func (p *Publication) setHolders(keys []inventory.Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holders = keys
}
