// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package publication

import (
	"context"
	"maps"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

// Applied says, by port, which of an object's interfaces the agents have
// configured, as of the last reading of the database; nil where rows were
// written since.
func (p *Publication) Applied(k inventory.Key) map[string]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stale[k] > 0 {
		return nil
	}
	return p.applied[k]
}

// Total counts interfaces as of the last reading, or only the applied ones.
func (p *Publication) Total(onlyApplied bool) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, ports := range p.applied {
		for _, applied := range ports {
			if applied || !onlyApplied {
				n++
			}
		}
	}
	return n
}

// refreshApplied reads the agents' marks and wakes the objects for which
// they changed.
func (p *Publication) refreshApplied(ctx context.Context) {
	leader, _ := p.current()
	if leader == nil {
		return
	}
	p.mu.Lock()
	before := p.writes
	p.mu.Unlock()
	applied, err := leader.AppliedByObject(ctx)
	if err != nil {
		_ = p.judge(ctx, leader, err, false)
		return
	}
	p.mu.Lock()
	if p.leader != leader {
		p.mu.Unlock()
		return // of a database that is no longer led
	}
	var changed []inventory.Key
	for k, ports := range applied {
		if p.stale[k] > 0 || !maps.Equal(ports, p.applied[k]) {
			changed = append(changed, k)
		}
	}
	p.applied = applied
	maps.DeleteFunc(p.stale, func(_ inventory.Key, writing int) bool { return writing <= before })
	p.mu.Unlock()
	if len(changed) > 0 {
		p.Wake(changed)
	}
}

// purge forgets what has been withdrawn long ago. The caller holds write.
func (p *Publication) purge(ctx context.Context) {
	leader, _ := p.current()
	if leader == nil {
		return
	}
	writes := leader.Writes()
	n, err := leader.Purge(ctx)
	if p.judge(ctx, leader, err, leader.Writes() > writes) != nil {
		p.Log.Error(err, "Old rows can't be purged")
	} else if n > 0 {
		p.Log.Info("Purged old rows", "rows", n)
	}
}
