// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package publication

import (
	"context"
	"slices"
	"strings"
	"time"

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
	holders := p.holding(objects, leader.Mark().Epoch, leader.Unremembered())
	byHand, err := p.Cluster.Admits(ctx, leader.Mark().Epoch)
	if err != nil {
		p.Log.Error(err, "The word of a person on the gate can't be read")
	}
	// Of a database that nobody remembers nothing is shown before someone says what
	// it should hold. An object that is being deleted doesn't.
	stays := slices.ContainsFunc(objects, func(o Object) bool { return !o.Deleting })
	whole := len(holders) == 0 && (stays || !leader.Unremembered())
	if !whole && !byHand {
		p.setHolders(holders)
		return
	}
	if err := leader.Admit(ctx); err != nil {
		p.setHolders(nil) // it isn't for their sake
		p.Log.Error(err, "The gate can't be opened")
		_ = p.judge(ctx, leader, err, false)
		return
	}
	p.setHolders(nil)
	p.ensureAgents(ctx, leader)
	p.Log.Info("The gate is open: agents see the rows", "epoch", leader.Mark().Epoch, "byHand", !whole)
	p.Wake(nil)
}

// agentsRetry is how often the agents' account is tried again.
const agentsRetry = time.Minute

// ensureAgents makes or repairs the agents' account, which keeps nobody from
// publishing: trouble with it is told and tried again.
func (p *Publication) ensureAgents(ctx context.Context, leader *store.Leader) {
	err := leader.EnsureAgents(ctx)
	if ctx.Err() != nil {
		return
	}
	p.mu.Lock()
	before := p.agentsErr
	p.agentsErr, p.agentsTried = err, p.Clock.Now()
	p.mu.Unlock()
	switch {
	case err != nil && (before == nil || before.Error() != err.Error()):
		p.Log.Error(err, "The agents' account can't be made or repaired: agents may be unable to read")
	case err == nil && before != nil:
		p.Log.Info("The agents' account is as it should be")
	}
}

// retryAgents tries again what ensureAgents could not do.
func (p *Publication) retryAgents(ctx context.Context, leader *store.Leader) {
	p.mu.Lock()
	due := p.agentsErr != nil && p.Clock.Since(p.agentsTried) >= agentsRetry
	p.mu.Unlock()
	if due {
		p.ensureAgents(ctx, leader)
	}
}

// AgentsErr is why the agents' account may not be as it should; nil if it is, or
// is not ours to make.
func (p *Publication) AgentsErr() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.agentsErr
}

// holding are the objects that keep the gate of an epoch shut: those that had
// published before, or, where no status tells who had, all.
func (p *Publication) holding(objects []Object, epoch string, all bool) []inventory.Key {
	p.mu.Lock()
	defer p.mu.Unlock()
	var holders []inventory.Key
	for _, o := range objects {
		if (all || o.Mark.Epoch != "") && !o.Deleting && p.states[o.Key].Epoch != epoch {
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
