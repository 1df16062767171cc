// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package round

import (
	"context"
	"slices"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/store"
)

// read asks OpenStack, once, for everything that the tickets need. What is
// published for their objects is noted in them: it concerns the plan as well.
func (r *Rounds) read(ctx context.Context, tickets []entry) (*inventory.Snapshot, error) {
	known, err := r.known(ctx, tickets)
	if err != nil {
		return nil, err
	}
	queries := make([]inventory.Query, len(tickets))
	for i := range tickets {
		o := &tickets[i].Object
		o.KnownServers = known[o.Key]
		queries[i] = inventory.Query{Servers: o.VMNames, Subnet: o.SubnetName, KnownServers: o.KnownServers}
	}
	return r.Cloud.Snapshot(ctx, tickets[0].Credentials, queries)
}

// known are the servers that are published for each object: whether they
// still exist must come out of the reading.
func (r *Rounds) known(ctx context.Context, tickets []entry) (map[inventory.Key][]string, error) {
	var known map[inventory.Key][]string
	err := r.Publication.Write(ctx, func(l *store.Leader) error {
		var err error
		known, err = l.KnownServers(ctx, keys(tickets))
		return err
	})
	return known, err
}

// publish plans and writes, in one transaction.
func (r *Rounds) publish(ctx context.Context, snap *inventory.Snapshot, tickets []entry) (answers []answer, changed bool, err error) {
	nodes, err := r.Nodes(ctx)
	if err != nil {
		return nil, false, err
	}
	err = r.Publication.Write(ctx, func(l *store.Leader) error {
		have, err := l.View(ctx, r.viewQuery(tickets, snap, nodes))
		if err != nil {
			return err
		}
		planner := inventory.NewPlanner(r.Clock.Now(), nodes, have, r.jump.trustedSince(r.Clock.Now()))
		outcomes := make([]*inventory.Outcome, len(tickets))
		for i, t := range tickets {
			outcomes[i] = planner.Object(t.Object, snap)
		}
		plan := planner.Finish()
		mark := l.Mark()
		states, perTicket := r.states(tickets, outcomes, snap, mark.Epoch)
		if plan.Empty() {
			err = l.SaveStates(ctx, states)
		} else {
			changed = true
			mark, err = l.Apply(ctx, plan, states)
		}
		if err != nil {
			return err
		}
		r.Publication.Remember(states, changed)
		for i := range tickets {
			answers = append(answers, answer{Result: Result{Outcome: outcomes[i], State: perTicket[i], Mark: mark}})
		}
		return nil
	})
	return answers, changed, err
}

func (r *Rounds) viewQuery(tickets []entry, snap *inventory.Snapshot, nodes *inventory.Nodes) store.ViewQuery {
	var c inventory.Concerns
	clouds := []string{}
	hold := inventory.DefaultLimits().Hold
	for _, t := range tickets {
		c.Concern(t.Object, snap, nodes)
		if !slices.Contains(clouds, t.Object.Cloud) {
			clouds = append(clouds, t.Object.Cloud)
		}
		hold = max(hold, t.Object.Limits.Hold)
	}
	return store.ViewQuery{
		Objects: keys(tickets), Ports: c.Ports, Servers: c.Servers, Subnets: c.Subnets, HostNames: c.HostNames,
		Clouds: clouds, RecentSince: r.Clock.Now().Add(-hold),
	}
}

// states are what is remembered of the objects from now on, and beside them one
// for every ticket. A run that did not find its subnet has not succeeded: of it
// is remembered only when what is pending must be looked at again.
func (r *Rounds) states(tickets []entry, outcomes []*inventory.Outcome, snap *inventory.Snapshot, epoch string) (changed, perTicket []store.ObjectState) {
	for i, t := range tickets {
		s, next := t.State, outcomes[i].NextLook
		if outcomes[i].Subnet != nil {
			s.Key, s.UID = t.Object.Key, t.Object.UID
			s.Epoch, s.LastSuccess, s.NextLook = epoch, snap.TakenAt(), next
			changed = append(changed, s)
		} else if was, _ := r.Publication.State(t.Object.Key); was.Key == t.Object.Key {
			s = was
			if !s.NextLook.Equal(next) {
				s.NextLook = next
				changed = append(changed, s)
			}
		}
		perTicket = append(perTicket, s)
	}
	return changed, perTicket
}

func keys(tickets []entry) []inventory.Key {
	out := make([]inventory.Key, len(tickets))
	for i, t := range tickets {
		out[i] = t.Object.Key
	}
	return out
}
