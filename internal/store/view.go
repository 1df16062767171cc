// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/mariadb"
)

// ViewQuery says what is to be read. Everything that the objects claim is read
// with it; the rest names what may be published already by others. A server
// stands for all its interfaces, as inventory.Published says.
type ViewQuery struct {
	Objects   []inventory.Key
	Ports     []string // IDs
	Servers   []string // IDs
	Subnets   []string // IDs
	HostNames []string // short ones; compared without regard to case
	Clouds    []string
	// RecentSince is from when on unexplained withdrawals are counted, and
	// claims are newcomers.
	RecentSince time.Time
}

// View reads what is published of the query's things, all at one time, with
// whatever this leader has written.
func (l *Leader) View(ctx context.Context, q ViewQuery) (*inventory.Published, error) {
	if err := l.settled(ctx); err != nil {
		return nil, fmt.Errorf("database, view: %w", err)
	}
	var out *inventory.Published
	err := l.read(ctx, "view", func(t *txn) error {
		v := view{t: t, q: q, out: newPublished()}
		out = v.out
		return v.read(ctx, l)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func newPublished() *inventory.Published {
	return &inventory.Published{
		Subnets:        map[string]inventory.SubnetRow{},
		Nodes:          map[string]inventory.NodeRow{},
		Interfaces:     map[string]inventory.InterfaceRow{},
		HostNames:      map[string]string{},
		Clouds:         map[string]int{},
		RecentByObject: map[inventory.Key]int{},
		RecentByCloud:  map[string]int{},
	}
}

// read runs f in a read-only transaction, which sees the database at one time
// (REPEATABLE READ), and once more if the gate has moved meanwhile.
func (l *Leader) read(ctx context.Context, operation string, f func(*txn) error) error {
	return l.s.operation(ctx, operation, readLimit, func(ctx context.Context) error {
		return l.s.retry(ctx, func() error {
			for {
				name := l.table()
				_, err := l.s.inTx(ctx, true, name, f)
				if mariadb.Number(err) != mariadb.ErrNoSuchTable || l.table() == name {
					return err
				}
			}
		})
	})
}

// view is one reading.
type view struct {
	t   *txn
	q   ViewQuery
	out *inventory.Published
}

func (v *view) read(ctx context.Context, l *Leader) error {
	row, found, err := v.t.readEpoch(ctx, "read-epoch")
	if err != nil {
		return err
	}
	if err := l.compare(row, found); err != nil {
		return err
	}
	ports, servers, err := v.claimed(ctx)
	if err != nil {
		return err
	}
	if ports, err = v.interfaces(ctx, ports, servers); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{
		func(ctx context.Context) error { return v.claims(ctx, ports) },
		v.nodes, v.subnets, v.hostNames, v.pendings, v.clouds, v.recent,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// claimed are the ports and servers that the objects claim and those that were
// asked for.
func (v *view) claimed(ctx context.Context) (ports, servers []string, err error) {
	ports, servers = slices.Clone(v.q.Ports), slices.Clone(v.q.Servers)
	err = v.t.queryObjects(ctx, "claimed-ports", v.q.Objects, func(r *sql.Rows) error {
		var port, server string
		err := r.Scan(&port, &server)
		ports, servers = append(ports, port), append(servers, server)
		return err
	})
	return ports, servers, err
}

func (v *view) claims(ctx context.Context, ports []string) error {
	err := v.t.queryKeys(ctx, "claims", nil, unique(ports), func(r *sql.Rows) error {
		var c inventory.Claim
		err := r.Scan(&c.PortID, &c.Object.Namespace, &c.Object.Name, &c.UID, &c.VMRef, &c.SubnetRef, &c.SubnetID,
			&c.ServerID, &c.Cloud, &c.Since)
		v.out.Claims = append(v.out.Claims, c)
		return err
	})
	sort.Slice(v.out.Claims, func(i, j int) bool { return older(v.out.Claims[i], v.out.Claims[j]) })
	return err
}

// older orders claims by age; of two equals, by names, so that the order is
// always the same.
func older(a, b inventory.Claim) bool {
	if !a.Since.Equal(b.Since) {
		return a.Since.Before(b.Since)
	}
	if a.Object != b.Object {
		return a.Object.String() < b.Object.String()
	}
	return a.PortID < b.PortID
}

// interfaces reads the rows of the ports and all rows of their servers, which
// share one name, and returns the ports with theirs. The servers come first: most
// of the ports are theirs. What is left has moved since, or is no row.
func (v *view) interfaces(ctx context.Context, ports, servers []string) ([]string, error) {
	asked := map[string]bool{}
	ofServers := func(servers []string) error {
		for _, id := range servers {
			asked[id] = true
		}
		return v.t.queryKeys(ctx, "interfaces-of-servers", nil, unique(servers), v.scanInterface)
	}
	if err := ofServers(servers); err != nil {
		return nil, err
	}
	others := slices.DeleteFunc(slices.Clone(ports), func(id string) bool { _, read := v.out.Interfaces[id]; return read })
	if err := v.t.queryKeys(ctx, "interfaces", nil, unique(others), v.scanInterface); err != nil {
		return nil, err
	}
	var more []string
	for _, row := range v.out.Interfaces {
		if !asked[row.ServerID] {
			more = append(more, row.ServerID)
		}
	}
	if err := ofServers(more); err != nil {
		return nil, err
	}
	return slices.AppendSeq(ports, maps.Keys(v.out.Interfaces)), nil
}

func (v *view) scanInterface(r *sql.Rows) error {
	var row inventory.InterfaceRow
	var address, hostName sql.NullString
	var mtu sql.NullInt64
	err := r.Scan(&row.ID, &row.PortID, &row.SubnetID, &row.MAC, &address, &mtu, &row.ServerID, &hostName,
		&row.Owner.Namespace, &row.Owner.Name, &row.Status, &row.Applied, &row.EverPrimary)
	row.Address, row.HostName, row.MTU = address.String, hostName.String, int(mtu.Int64)
	v.out.Interfaces[row.PortID] = row
	return err
}

func (v *view) nodes(ctx context.Context) error {
	servers := slices.Clone(v.q.Servers)
	for _, row := range v.out.Interfaces {
		servers = append(servers, row.ServerID)
	}
	for _, claim := range v.out.Claims {
		servers = append(servers, claim.ServerID)
	}
	return v.t.queryKeys(ctx, "nodes", nil, unique(servers), func(r *sql.Rows) error {
		var row inventory.NodeRow
		var hostName sql.NullString
		var fromKubernetes sql.NullBool
		err := r.Scan(&row.ServerID, &row.Name, &row.Status, &hostName, &fromKubernetes)
		row.HostName, row.FromKubernetes = hostName.String, fromKubernetes.Bool
		v.out.Nodes[row.ServerID] = row
		return err
	})
}

func (v *view) subnets(ctx context.Context) error {
	subnets := slices.Clone(v.q.Subnets)
	for _, row := range v.out.Interfaces {
		subnets = append(subnets, row.SubnetID)
	}
	for _, claim := range v.out.Claims {
		subnets = append(subnets, claim.SubnetID)
	}
	return v.t.queryKeys(ctx, "subnets", nil, unique(subnets), func(r *sql.Rows) error {
		var row inventory.SubnetRow
		var mtu sql.NullInt64
		err := r.Scan(&row.SubnetID, &row.Name, &row.CIDR, &row.NetworkID, &mtu, &row.Status)
		row.MTU = int(mtu.Int64)
		v.out.Subnets[row.SubnetID] = row
		return err
	})
}

// hostNames reads who bears the names that were asked for and those of the
// nodes; of two, which agents can't tell apart, the older row's server.
func (v *view) hostNames(ctx context.Context) error {
	names := slices.Clone(v.q.HostNames)
	for _, node := range v.out.Nodes {
		names = append(names, node.HostName)
	}
	return v.t.queryKeys(ctx, "host-names", nil, unique(names), func(r *sql.Rows) error {
		var name, server string
		err := r.Scan(&name, &server)
		if name = strings.ToLower(name); v.out.HostNames[name] == "" {
			v.out.HostNames[name] = server
		}
		return err
	})
}

func (v *view) pendings(ctx context.Context) error {
	seen := map[inventory.PendingKey]bool{}
	scan := func(r *sql.Rows) error {
		var p inventory.Pending
		err := r.Scan(&p.PortID, &p.Object.Namespace, &p.Object.Name, &p.Kind, &p.Cloud, &p.Value, &p.FirstSeen,
			&p.LastSeen, &p.Held, &p.Reason)
		if key := (inventory.PendingKey{PortID: p.PortID, Object: p.Object, Kind: p.Kind}); !seen[key] {
			seen[key] = true
			v.out.Pendings = append(v.out.Pendings, p)
		}
		return err
	}
	if err := v.t.queryKeys(ctx, "pendings-of-clouds", nil, unique(v.q.Clouds), scan); err != nil {
		return err
	}
	return v.t.queryObjects(ctx, "pendings-of-objects", v.q.Objects, scan)
}

func (v *view) clouds(ctx context.Context) error {
	return v.t.queryKeys(ctx, "cloud-sizes", []any{v.q.RecentSince.UTC()}, unique(v.q.Clouds), func(r *sql.Rows) error {
		var cloud string
		var since sql.NullTime
		var n int
		err := r.Scan(&cloud, &since, &n)
		v.out.Clouds[cloud] += n
		if since.Valid && !v.q.RecentSince.IsZero() {
			v.out.Newcomers = append(v.out.Newcomers, inventory.Newcomers{Cloud: cloud, Since: since.Time, Claims: n})
		}
		return err
	})
}

// recent reads all unexplained withdrawals of late, of which there are few, and
// keeps what was asked for.
func (v *view) recent(ctx context.Context) error {
	if v.q.RecentSince.IsZero() {
		return nil
	}
	objects, clouds := map[inventory.Key]bool{}, map[string]bool{}
	for _, key := range v.q.Objects {
		objects[key] = true
	}
	for _, cloud := range v.q.Clouds {
		clouds[cloud] = true
	}
	return v.t.query(ctx, "recent-withdrawals", []any{v.q.RecentSince.UTC()}, func(r *sql.Rows) error {
		var key inventory.Key
		var cloud string
		var n int
		err := r.Scan(&key.Namespace, &key.Name, &cloud, &n)
		if objects[key] {
			v.out.RecentByObject[key] += n
		}
		if clouds[cloud] {
			v.out.RecentByCloud[cloud] += n
		}
		return err
	})
}

// queryObjects runs a statement for the objects of one namespace after the other.
func (t *txn) queryObjects(ctx context.Context, name string, objects []inventory.Key, scan func(*sql.Rows) error) error {
	for _, group := range byNamespace(objects) {
		if err := t.queryKeys(ctx, name, []any{group.namespace}, group.names, scan); err != nil {
			return err
		}
	}
	return nil
}

type namespaceGroup struct {
	namespace string
	names     []any
}

// byNamespace groups objects, sorted and each once.
func byNamespace(objects []inventory.Key) []namespaceGroup {
	names := map[string][]string{}
	for _, key := range objects {
		names[key.Namespace] = append(names[key.Namespace], key.Name)
	}
	groups := make([]namespaceGroup, 0, len(names))
	for namespace, list := range names {
		groups = append(groups, namespaceGroup{namespace, unique(list)})
	}
	sort.Slice(groups, func(i, j int) bool { return groups[i].namespace < groups[j].namespace })
	return groups
}

// unique sorts, leaves each value once and drops empty ones.
func unique(values []string) []any {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	out := make([]any, 0, len(sorted))
	for _, v := range sorted {
		if v != "" {
			out = append(out, v)
		}
	}
	return out
}

// Applied tells of each published port of the objects whether its agent has
// configured it (netplan_success).
func (l *Leader) Applied(ctx context.Context, objects []inventory.Key) (map[string]bool, error) {
	out := map[string]bool{}
	err := l.read(ctx, "applied", func(t *txn) error {
		clear(out)
		return t.queryObjects(ctx, "applied", objects, func(r *sql.Rows) error {
			var port string
			var applied bool
			err := r.Scan(&port, &applied)
			out[port] = applied
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Counts are the rows that agents see, and those of them that are applied.
func (l *Leader) Counts(ctx context.Context) (published, applied int, err error) {
	err = l.read(ctx, "counts", func(t *txn) error {
		return t.query(ctx, "counts", nil, func(r *sql.Rows) error { return r.Scan(&published, &applied) })
	})
	return published, applied, err
}
