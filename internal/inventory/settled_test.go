// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory_test

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

// checkTrue is what must hold for objects after a true answer to all of them.
func (w *world) checkTrue() error {
	truth := w.read(w.facts)
	for _, o := range w.objects {
		for _, p := range w.facts.Ports {
			if _, _, wanted := truth.wanted(o, p.ID); wanted {
				if err := truth.checkWanted(o, p); err != nil {
					return err
				}
			}
		}
	}
	for a, b := range truth.twins() {
		_, one := w.pendingOn(a)
		_, other := w.pendingOn(b)
		if !one && !other {
			return fmt.Errorf("servers %s and %s both live and are seen under one host name, and nothing is pending", a, b)
		}
	}
	return nil
}

// checkWanted says that a port is published, or why it is not.
func (r *reading) checkWanted(o inventory.Object, p inventory.Port) error {
	_, claimed := r.db.Claims[inventory.ClaimKey{PortID: p.ID, Object: o.Key}]
	row, exists := r.db.Interfaces[p.ID]
	s := r.servers[p.DeviceID]
	switch {
	case claimed && row.SubnetID == subnetOf(o) && (row.MAC != p.MAC || row.Address != lowest(p, row.SubnetID)):
		return fmt.Errorf("port %s has the row %+v", p.ID, row)
	case claimed:
		return nil
	case exists && row.Status != inventory.Deleted && row.SubnetID != subnetOf(o):
		return r.reported(o, inventory.ClaimedForOtherSubnet)
	case r.borne(r.host(s), s.ID) || r.borne(r.db.Nodes[s.ID].HostName, s.ID):
		return r.reported(o, inventory.DuplicateHostName)
	default:
		return fmt.Errorf("port %s of %s is not published for %v", p.ID, s.ID, o.Key)
	}
}

func lowest(p inventory.Port, subnet string) string {
	var out []netip.Addr
	for _, ip := range p.FixedIPs {
		if ip.SubnetID == subnet {
			out = append(out, ip.Address)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return slices.MinFunc(out, netip.Addr.Compare).String()
}

func (w *world) reported(o inventory.Object, reason inventory.ProblemReason) error {
	if slices.ContainsFunc(w.last[o.Key].Problems, func(p inventory.Problem) bool { return p.Reason == reason }) {
		return nil
	}
	return fmt.Errorf("%v does not report %s", o.Key, reason)
}

// borne says whether another server is seen under the host name.
func (w *world) borne(host, server string) bool {
	return slices.ContainsFunc(w.db.AgentM(host), func(r inventory.InterfaceRow) bool { return r.ServerID != server })
}

// twins are pairs of live servers that are seen under one host name.
func (r *reading) twins() map[string]string {
	out, first := map[string]string{}, map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(r.db.Interfaces)) {
		row := r.db.Interfaces[id]
		if _, lives := r.servers[row.ServerID]; !row.Visible() || !lives {
			continue
		}
		host := strings.ToLower(row.HostName)
		if other, seen := first[host]; seen && other != row.ServerID {
			out[other] = row.ServerID
		}
		first[host] = row.ServerID
	}
	return out
}

func (w *world) pendingOn(server string) (inventory.Pending, bool) {
	for k, p := range w.db.Pendings {
		if w.db.Interfaces[k.PortID].ServerID == server {
			return p, true
		}
	}
	return inventory.Pending{}, false
}

// checkSettled is what must hold when nothing changes any more: the rows are
// the truth.
func (w *world) checkSettled() error {
	if err := w.checkTrue(); err != nil {
		return err
	}
	truth := w.read(w.facts)
	for a, b := range truth.twins() {
		return fmt.Errorf("servers %s and %s both live and are seen under one host name", a, b)
	}
	for k := range w.db.Claims {
		if err := truth.checkClaim(k); err != nil {
			return err
		}
	}
	return nil
}

func (r *reading) checkClaim(k inventory.ClaimKey) error {
	o, row := r.objects[k.Object.Name], r.db.Interfaces[k.PortID]
	p, s, wanted := r.wanted(o, k.PortID)
	if !wanted {
		return fmt.Errorf("port %s is published for %v: %+v", k.PortID, k.Object, row)
	}
	owner := r.objects[row.Owner.Name]
	switch evidence := r.isPrimary(s, p); {
	case row.SubnetID != subnetOf(o) || row.MAC != p.MAC || row.Address != lowest(p, row.SubnetID):
		return fmt.Errorf("port %+v has the row %+v", p, row)
	case row.Visible() && !owner.PublishPrimary && evidence == yes:
		return fmt.Errorf("the primary NIC %s is shown", k.PortID)
	case row.Visible() && (row.ServerID != s.ID || row.HostName != r.host(s) && !r.borne(r.host(s), row.ServerID)):
		return fmt.Errorf("port %s of %s is seen under %q, want %q", k.PortID, s.ID, row.HostName, r.host(s))
	case !row.Visible() && (owner.PublishPrimary || evidence == no || !row.EverPrimary) && !r.borne(r.db.Nodes[s.ID].HostName, s.ID):
		return fmt.Errorf("port %s of %s is hidden: %+v", k.PortID, s.ID, row)
	}
	return nil
}

// longest is how many runs a world may take to settle.
const longest = 40

// settle lets the cloud stand still and answers truly.
func (w *world) settle() error {
	names := slices.Sorted(maps.Keys(w.objects))
	for range longest {
		truth := w.read(w.facts)
		before := w.mustStay(truth, truth)
		plan, err := w.run(w.facts, names, false)
		if err = cmp.Or(err, w.check(before)); err != nil {
			return err
		}
		w.note("settling: %d pending", len(w.db.Pendings))
		if plan.Empty() && len(w.db.Pendings) == 0 {
			return w.checkSettled()
		}
		next, looks := w.now.Add(time.Minute), []time.Time(nil)
		for _, out := range w.last {
			if out.NextLook.After(w.now) {
				looks = append(looks, out.NextLook)
			}
		}
		if len(looks) > 0 {
			next = slices.MinFunc(looks, time.Time.Compare)
		}
		w.now = next
	}
	return fmt.Errorf("not settled after %d runs: pending %v", longest, w.db.Pendings)
}
