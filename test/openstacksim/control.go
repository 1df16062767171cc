// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The control API is what the Go methods are, for a script: JSON under /_sim/
// on keystone's port, without a password, only with Options.Control.
//
//	GET    /_sim/servers                     all servers with their ports
//	POST   /_sim/servers                     {"name","project","networks":[names]}
//	DELETE /_sim/servers/{ref}
//	POST   /_sim/servers/{ref}/rename        {"name"}
//	POST   /_sim/servers/{ref}/rebuild       a new ID under the old name
//	POST   /_sim/servers/{ref}/status        {"status":"ERROR"}
//	POST   /_sim/servers/{ref}/address       {"subnet","address"}: of its port on that subnet
//	POST   /_sim/servers/{ref}/interfaces    {"network"}: one more interface
//	DELETE /_sim/ports/{id}
//	GET    /_sim/networks, /_sim/subnets
//	GET    /_sim/calls                       counters; DELETE zeroes them
//	POST   /_sim/faults                      {"fault": a controlFault}; DELETE clears all
//	POST   /_sim/tokens/revoke
//
// A ref is an ID, or a name that is unique in the project that ?project=name
// gives, in the whole cloud without one.
func (s *Sim) controlRoutes(rt *router) {
	route := func(pattern string, h func(r *http.Request, in controlRequest) any) {
		rt.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { control(w, r, h) })
	}
	route("GET /_sim/servers", func(*http.Request, controlRequest) any { return s.controlServers() })
	route("POST /_sim/servers", s.controlAddServer)
	route("DELETE /_sim/servers/{ref}", func(r *http.Request, _ controlRequest) any {
		s.DeleteServer(s.serverRef(r))
		return nil
	})
	route("POST /_sim/servers/{ref}/rename", func(r *http.Request, in controlRequest) any {
		s.RenameServer(s.serverRef(r), in.Name)
		return nil
	})
	route("POST /_sim/servers/{ref}/rebuild", func(r *http.Request, _ controlRequest) any {
		return s.controlServer(s.RebuildServer(s.serverRef(r)))
	})
	route("POST /_sim/servers/{ref}/status", func(r *http.Request, in controlRequest) any {
		s.SetServerStatus(s.serverRef(r), in.Status)
		return nil
	})
	route("POST /_sim/servers/{ref}/address", s.controlAddress)
	route("POST /_sim/servers/{ref}/interfaces", func(r *http.Request, in controlRequest) any {
		return s.AddInterface(s.serverRef(r), s.networkRef(in.Network))
	})
	route("DELETE /_sim/ports/{id}", func(r *http.Request, _ controlRequest) any {
		s.DeletePort(r.PathValue("id"))
		return nil
	})
	route("GET /_sim/networks", func(*http.Request, controlRequest) any { return s.Networks() })
	route("GET /_sim/subnets", func(*http.Request, controlRequest) any { return s.Subnets() })
	route("GET /_sim/calls", func(*http.Request, controlRequest) any {
		return map[string]any{"calls": s.TotalCalls(), "bytes": s.Bytes(), "operations": s.Counters()}
	})
	route("DELETE /_sim/calls", func(*http.Request, controlRequest) any { s.ResetJournal(); return nil })
	route("POST /_sim/faults", func(_ *http.Request, in controlRequest) any { s.Inject(in.Fault.fault()); return nil })
	route("DELETE /_sim/faults", func(*http.Request, controlRequest) any { s.ClearFaults(); return nil })
	route("POST /_sim/tokens/revoke", func(*http.Request, controlRequest) any { s.RevokeTokens(""); return nil })
}

// controlRequest is the body of any control request.
type controlRequest struct {
	Name     string       `json:"name"`
	Project  string       `json:"project"`
	Status   string       `json:"status"`
	Network  string       `json:"network"`
	Subnet   string       `json:"subnet"`
	Address  string       `json:"address"`
	Networks []string     `json:"networks"`
	Fault    controlFault `json:"fault"`
}

// controlFault is a Fault in JSON; Body is one of the names in bodyNames.
type controlFault struct {
	Service     string  `json:"service"`
	Method      string  `json:"method"`
	Path        string  `json:"path"`
	Query       string  `json:"query"`
	Body        string  `json:"body"`
	Skip        int     `json:"skip"`
	Count       int     `json:"count"`
	Status      int     `json:"status"`
	Probability float64 `json:"probability"`
	LatencyMS   int     `json:"latencyMS"`
	RetryAfter  string  `json:"retryAfter"`
}

var bodyNames = map[string]BodyFault{
	"cut": BodyCut, "brokenJSON": BodyBrokenJSON, "html": BodyHTML, "emptyList": BodyEmptyList, "empty": BodyEmpty,
	"shortPage": BodyShortPage, "endless": BodyEndless, "huge": BodyHuge, "reset": BodyReset,
}

func (f controlFault) fault() Fault {
	body, ok := bodyNames[f.Body]
	mustf(ok || f.Body == "", "unknown body fault %q", f.Body)
	out := Fault{
		Service: Service(f.Service), Method: f.Method, Path: f.Path, Query: f.Query, Skip: f.Skip, Count: f.Count, Status: f.Status,
		Probability: f.Probability, Latency: time.Duration(f.LatencyMS) * time.Millisecond, Body: body,
	}
	if f.RetryAfter != "" {
		out.Header = http.Header{"Retry-After": {f.RetryAfter}}
	}
	return out
}

// control turns the panic of a Go method into a 400: here a wrong name is the
// caller's error, not a test's.
func control(w http.ResponseWriter, r *http.Request, h func(*http.Request, controlRequest) any) {
	w.Header().Set("Content-Type", "application/json")
	defer func() {
		if p := recover(); p != nil {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write(mustJSON(map[string]string{"error": strings.TrimPrefix(fmt.Sprint(p), "openstacksim: ")}))
		}
	}()
	var in controlRequest
	if r.Method == http.MethodPost && r.ContentLength != 0 {
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&in); err != nil {
			panic("body: " + err.Error())
		}
	}
	out := h(r, in)
	if out == nil {
		out = map[string]bool{"ok": true}
	}
	_, _ = w.Write(append(mustJSON(out), '\n'))
}

// serverRef is the ID behind an ID or a name.
func (s *Sim) serverRef(r *http.Request) string {
	ref := r.PathValue("ref")
	if v, ok := s.Server(ref); ok {
		return v.ID
	}
	return s.ServerByName(s.projectRef(r.URL.Query().Get("project")), ref).ID
}

// projectRef is the ID behind a project's ID or name; empty for an empty one.
func (s *Sim) projectRef(ref string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, p := range s.live.projects {
		if p.Name == ref || p.ID == ref {
			return p.ID
		}
	}
	mustf(ref == "", "no project %q", ref)
	return ""
}

func (s *Sim) networkRef(ref string) string {
	for _, n := range s.Networks() {
		if n.ID == ref || n.Name == ref {
			return n.ID
		}
	}
	panic(fmt.Sprintf("openstacksim: no network %q", ref))
}

func (s *Sim) controlAddServer(_ *http.Request, in controlRequest) any {
	var nets []string
	for _, n := range in.Networks {
		nets = append(nets, s.networkRef(n))
	}
	return s.controlServer(s.AddServer(Server{Name: in.Name, ProjectID: s.projectRef(in.Project)}, nets...))
}

// controlAddress changes the address of the server's port on a subnet.
func (s *Sim) controlAddress(r *http.Request, in controlRequest) any {
	id := s.serverRef(r)
	for _, p := range s.ServerPorts(id) {
		for _, f := range p.FixedIPs {
			for _, sn := range s.Subnets() {
				if f.SubnetID == sn.ID && (in.Subnet == sn.ID || in.Subnet == sn.Name) {
					s.SetFixedIP(p.ID, sn.ID, in.Address)
					return nil
				}
			}
		}
	}
	panic(fmt.Sprintf("openstacksim: server %s has no address on subnet %q", id, in.Subnet))
}

type controlledServer struct {
	ID, Name, Project, Status string
	Ports                     []controlledPort
}

type controlledPort struct{ ID, Network, MAC, Addresses string }

func (s *Sim) controlServer(v Server) controlledServer {
	out := controlledServer{ID: v.ID, Name: v.Name, Status: v.Status}
	ps := s.ServerPorts(v.ID)
	s.mu.RLock()
	defer s.mu.RUnlock()
	if p := s.live.projects[v.ProjectID]; p != nil {
		out.Project = p.Name
	}
	for _, p := range ps {
		var addresses []string
		for _, f := range p.FixedIPs {
			addresses = append(addresses, f.Address)
		}
		out.Ports = append(out.Ports, controlledPort{p.ID, s.live.networks[p.NetworkID].Name, p.MAC, strings.Join(addresses, " ")})
	}
	return out
}

func (s *Sim) controlServers() []controlledServer {
	out := []controlledServer{}
	for _, v := range s.Servers() {
		out = append(out, s.controlServer(v))
	}
	return out
}
