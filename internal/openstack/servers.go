// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sort"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

// servers holds what was learned of the servers.
type servers struct {
	byID   map[string]inventory.Server
	all    bool
	absent map[string]bool
	// missing are known servers that the whole list lacks: see judgeMissing.
	missing []string
}

// allServers lists the project.
func (s *session) allServers(ctx context.Context, w wanted) (*servers, error) {
	found := &servers{byID: map[string]inventory.Server{}, all: true, absent: map[string]bool{}}
	if err := s.listServers(ctx, nil, found, func(inventory.Server) bool { return true }); err != nil {
		return nil, err
	}
	for _, id := range w.known {
		if _, ok := found.byID[id]; !ok {
			found.missing = append(found.missing, id)
		}
	}
	return found, nil
}

// judgeMissing decides what counts as gone of the known servers that the whole
// list lacks. The list alone does not say it: Nova leaves the servers of a
// cell that is down out of every list that is filtered or paged, with status
// 200 (nova: api/openstack/compute/servers.py, _is_cell_down_supported).
//
// Where Neutron has no port of the server either, the two agree, however many
// they are: a mass loss must be seen whole, or the limits would weigh a part
// of it. Of the others some are asked for by ID (Nova answers a GET of a
// server in such a cell without name, or with 500); of the rest nothing is
// concluded.
func (s *session) judgeMissing(ctx context.Context, w wanted, found *servers, facts inventory.Facts) error {
	onPort := make(map[string]bool, len(facts.Ports))
	for _, p := range facts.Ports {
		onPort[p.DeviceID] = true
	}
	read := make(map[string]bool, 2*len(facts.Subnets))
	for _, v := range facts.Subnets {
		read[v.ID], read[canonical(v.Name)] = true, true
	}
	gets := 0
	for _, id := range found.missing {
		// Neutron was asked only for the ports on subnets that there are.
		asked := !slices.ContainsFunc(w.knownOn[id], func(ref string) bool { return !read[ref] })
		if asked && !onPort[id] {
			found.absent[id] = true
			continue
		}
		if gets++; gets > maxVerify {
			found.all = false
			continue
		}
		if err := s.getServer(ctx, id, found); err != nil {
			return err
		}
	}
	return nil
}

// fewServers reads the servers that are asked for one by one by ID and by
// patterns over their names; it gives nil where listing all is the better way.
func (s *session) fewServers(ctx context.Context, w wanted) (*servers, error) {
	if len(w.serverIDs)+len(w.serverNames)+len(w.known) == 0 {
		return &servers{}, nil
	}
	patterns := namePatterns(w.serverNames)
	if len(w.serverIDs) > maxGetServer || (len(w.serverNames) > 0 && patterns == nil) {
		return nil, nil
	}
	found := &servers{byID: map[string]inventory.Server{}, absent: map[string]bool{}}
	gets := 0
	for _, id := range w.serverIDs {
		gets++
		if err := s.getServer(ctx, id, found); err != nil {
			return nil, err
		}
	}
	names := append([]string(nil), w.serverNames...)
	for _, id := range w.serverIDs {
		// What is no ID may still be a name.
		if found.absent[id] {
			names = append(names, w.spelt[id]...)
		}
	}
	if len(names) > len(w.serverNames) {
		if patterns = namePatterns(names); patterns == nil {
			return nil, nil
		}
	}
	ids := append(append([]string(nil), w.known...), w.serverIDs...)
	isName, isID := set(names), set(ids)
	for _, p := range patterns {
		err := s.listServers(ctx, url.Values{"name": {p.expr}}, found, func(v inventory.Server) bool {
			return isName[v.Name] || isID[v.ID]
		})
		if err != nil {
			return nil, err
		}
	}
	for _, id := range w.known {
		if _, ok := found.byID[id]; ok || found.absent[id] {
			continue
		}
		if gets++; gets > maxGetServer {
			return nil, nil
		}
		if err := s.getServer(ctx, id, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// listServers adds what keep wants. Without a query the list has no limit
// either, so that Nova tells of cells that are down where it can.
func (s *session) listServers(ctx context.Context, query url.Values, found *servers, keep func(inventory.Server) bool) error {
	var out []inventory.Server
	err := s.list(ctx, listing{
		service: computeService, op: opListServers, path: "servers/detail", key: "servers", query: query, unlimited: query == nil,
		restart: func() { out = nil },
		item: func(dec *json.Decoder) (string, error) {
			v, err := decodeServer(dec)
			if err == nil && keep(v) {
				out = append(out, v)
			}
			return v.ID, err
		},
	})
	if err != nil {
		return err
	}
	for _, v := range out {
		found.byID[v.ID] = v
	}
	return nil
}

// getServer asks for one server by ID. Only Nova's own itemNotFound says that
// there is none; any other 404 says that this is not Nova.
func (s *session) getServer(ctx context.Context, id string, found *servers) error {
	c := call{service: computeService, op: opGetServer, decode: func(resp *http.Response) error {
		var answer struct {
			Server *serverItem `json:"server"`
		}
		if err := decodeWhole(resp.Body, &answer); err != nil {
			return err
		}
		if answer.Server == nil {
			return badAnswer("the answer has no server")
		}
		v, err := answer.Server.server()
		if err != nil {
			return err
		}
		found.byID[v.ID] = v
		return nil
	}}
	err := s.get(ctx, c, func(l *login) string { return l.endpoints.compute + "servers/" + url.PathEscape(id) })
	var e *Error
	if errors.As(err, &e) && e.Status == http.StatusNotFound && e.fault.name == "itemNotFound" {
		found.absent[id] = true
		return nil
	}
	return err
}

// serverItem is a server as Nova lists it.
type serverItem struct {
	ID       text `json:"id"`
	Name     text `json:"name"`
	Status   text `json:"status"`
	HostName text `json:"OS-EXT-SRV-ATTR:hostname"`
}

func decodeServer(dec *json.Decoder) (inventory.Server, error) {
	var v serverItem
	if err := dec.Decode(&v); err != nil {
		return inventory.Server{}, err
	}
	return v.server()
}

// server refuses what Nova tells of a server in a cell that is down: its ID
// and the status UNKNOWN, and no name (from microversion 2.69 on).
func (v serverItem) server() (inventory.Server, error) {
	if v.ID.Value == "" {
		return inventory.Server{}, badAnswer("a server has no id")
	}
	if !v.Name.Set || !v.Status.Set || v.Status.Value == "UNKNOWN" {
		return inventory.Server{}, badAnswer("partial: server %q comes without name or with status UNKNOWN, as when a Nova cell is down", excerpt(v.ID.Value))
	}
	return inventory.Server{ID: v.ID.Value, Name: v.Name.Value, HostName: v.HostName.Value, Status: v.Status.Value}, nil
}

// list is in the order of IDs, so that equal answers make equal snapshots.
func (f *servers) list() []inventory.Server {
	out := make([]inventory.Server, 0, len(f.byID))
	for _, v := range f.byID {
		out = append(out, v)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}
