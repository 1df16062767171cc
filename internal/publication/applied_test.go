// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package publication

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/internal/store/storetest"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// wakesOnce says which objects the next reading of the agents' marks wakes, and
// that those after it wake none.
func (b *bed) wakesOnce(when string, objects ...int) {
	b.t.Helper()
	var want []inventory.Key
	for _, n := range objects {
		want = append(want, storetest.Object(n))
	}
	for range 3 {
		b.woken = nil
		b.refreshApplied(b.t.Context())
		slices.SortFunc(b.woken, func(a, b inventory.Key) int { return strings.Compare(a.String(), b.String()) })
		if !slices.Equal(b.woken, want) {
			b.t.Errorf("%s: woken are %v, want %v", when, b.woken, want)
		}
		want, when = nil, when+", read again"
	}
}

// publishes applies a plan of these objects and remembers it, as a round does.
func (b *bed) publishes(plan inventory.Plan, objects ...int) {
	b.t.Helper()
	b.must(func(ctx context.Context, l *store.Leader) error {
		var states []store.ObjectState
		for _, n := range objects {
			states = append(states, store.ObjectState{Key: storetest.Object(n), Epoch: l.Mark().Epoch})
		}
		_, err := l.Apply(ctx, plan, states)
		b.Remember(states, true)
		return err
	})
}

func TestWhatTheAgentsHaveConfiguredWakesAnObjectOncePerChange(t *testing.T) {
	t.Parallel()
	db := testenv.Database(t)
	b := newBed(t, db)
	b.tends()
	b.wakesOnce("nothing is published")
	b.publishes(storetest.FirstRun(4, 2), 0, 1)
	b.wakesOnce("published", 0, 1)
	exec(t, db, "UPDATE multi_interface SET netplan_success = 1 WHERE port_id = '"+storetest.UUID('p', 3)+"'")
	b.wakesOnce("configured", 1)

	withdraw := func(n, owner int) inventory.Plan {
		row := storetest.Interface(n, owner)
		row.Status = inventory.Deleted
		return inventory.Plan{
			Interfaces: []inventory.InterfaceWrite{{Row: row, ResetApplied: true}},
			DropClaims: []inventory.ClaimKey{{PortID: row.PortID, Object: row.Owner}},
		}
	}
	b.publishes(withdraw(2, 1), 1)
	b.wakesOnce("one of two is withdrawn", 1)
	b.publishes(withdraw(3, 1), 1)
	b.wakesOnce("the other too")
}
