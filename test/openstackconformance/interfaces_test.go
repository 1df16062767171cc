// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

//nolint:thelper // sentences are tests, not helpers
package openstackconformance

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/attachinterfaces"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
)

var interfaceSentences = []sentence{
	{"an attach by port is synchronous, refuses a second time, and a detach keeps the user's port", attachOwnPort},
	{"an attach by network makes a port, and a detach deletes it", attachByNetwork},
	{"a detach answers 202 to a port that is free or unknown", func(t *testing.T, s *suite) {
		p := s.makePort(t, s.me, ports.CreateOpts{NetworkID: s.net.ID})
		for _, id := range []string{p.ID, nobody} {
			call(t, s.me.compute, http.MethodDelete, "/servers/"+s.serverOne+"/os-interface/"+id, "").expect(t, id, http.StatusAccepted)
		}
		call(t, s.me.compute, http.MethodDelete, "/servers/"+nobody+"/os-interface/"+p.ID, "").expect(t, "no server", http.StatusNotFound, "itemNotFound")
		if _, err := ports.Get(t.Context(), s.me.network, p.ID).Extract(); err != nil {
			t.Errorf("the free port is gone: %v", err)
		}
	}},
	{"what nova can't attach it refuses, each with its own error", attachRefusals},
	{"an attach whose network has no address left is 400, to an address in use 409", func(t *testing.T, s *suite) {
		for range 2 {
			s.makePort(t, s.me, ports.CreateOpts{NetworkID: s.tiny.ID})
		}
		s.attachRaw(t, fmt.Sprintf(`{"net_id":%q}`, s.tiny.ID)).expect(t, "full", http.StatusBadRequest, "No fixed IP addresses available for network: "+s.tiny.ID)
		taken := s.portsOfServer(t, s.serverTwo)[0].FixedIPs[0].IPAddress
		s.attachRaw(t, fmt.Sprintf(`{"net_id":%q,"fixed_ips":[{"ip_address":%q}]}`, s.net.ID, taken)).
			expect(t, "in use", http.StatusConflict, "Fixed IP "+taken+" is already in use.")
	}},
	{"a port that is deleted in neutron disappears from its server", func(t *testing.T, s *suite) {
		p := s.makePort(t, s.me, ports.CreateOpts{NetworkID: s.net.ID})
		s.attach(t, s.serverOne, p.ID)
		if err := ports.Delete(t.Context(), s.me.network, p.ID).ExtractErr(); err != nil {
			t.Fatalf("delete an attached port: %v", err)
		}
		s.cloud.eventually(t, "the deleted port is off the server", func(context.Context) (bool, error) {
			return !call(t, s.me.compute, http.MethodGet, "/servers/"+s.serverOne+"/os-interface", "").has(p.ID) &&
				!call(t, s.me.compute, http.MethodGet, "/servers/"+s.serverOne, "").has(p.MACAddress), nil
		})
	}},
	{"a stopped server can be attached to", func(t *testing.T, s *suite) {
		id := s.serverIDs[2]
		if err := servers.Stop(t.Context(), s.me.compute, id).ExtractErr(); err != nil {
			t.Fatal(err)
		}
		s.cloud.eventually(t, "the server is SHUTOFF", func(ctx context.Context) (bool, error) {
			v, err := servers.Get(ctx, s.me.compute, id).Extract()
			return err == nil && v.Status == "SHUTOFF", err
		})
		p := s.makePort(t, s.me, ports.CreateOpts{NetworkID: s.net.ID})
		s.attach(t, id, p.ID)
		s.detach(t, id, p.ID)
	}},
	{"a locked server refuses attach and detach with 409", func(t *testing.T, s *suite) {
		action := "/servers/" + s.serverTwo + "/action"
		call(t, s.me.compute, http.MethodPost, action, `{"lock":null}`).expect(t, "lock", http.StatusAccepted)
		defer func() {
			call(t, s.me.compute, http.MethodPost, action, `{"unlock":null}`).expect(t, "unlock", http.StatusAccepted)
		}()
		// Who locked it may go on; so the owner's lock stops the owner not at all
		// in some releases. What must hold: 409 says "is locked", or it works.
		p := s.makePort(t, s.me, ports.CreateOpts{NetworkID: s.net.ID})
		call(t, s.me.compute, http.MethodPost, "/servers/"+s.serverTwo+"/os-interface", fmt.Sprintf(`{"interfaceAttachment":{"port_id":%q}}`, p.ID)).
			expect(t, "attach", http.StatusConflict, "Instance "+s.serverTwo+" is locked")
		call(t, s.me.compute, http.MethodDelete, "/servers/"+s.serverTwo+"/os-interface/"+p.ID, "").
			expect(t, "detach", http.StatusConflict, "Instance "+s.serverTwo+" is locked")
	}},
}

// lastSentences delete a server of the suite.
var lastSentences = []sentence{
	{"a server's deletion keeps the user's port that nova attached and deletes the rest, also one whose device_id the user wrote", deleteServer},
}

func (s *suite) portsOfServer(t *testing.T, id string) []ports.Port {
	t.Helper()
	pages, err := ports.List(s.me.network, ports.ListOpts{DeviceID: id}).AllPages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found, err := ports.ExtractPorts(pages)
	if err != nil || len(found) == 0 {
		t.Fatalf("server %s has no ports: %v", id, err)
	}
	return found
}

func (s *suite) attach(t *testing.T, serverID, portID string) *attachinterfaces.Interface {
	t.Helper()
	i, err := attachinterfaces.Create(t.Context(), s.me.compute, serverID, attachinterfaces.CreateOpts{PortID: portID}).Extract()
	if err != nil {
		t.Fatalf("attach: %v", err)
	}
	return i
}

func (s *suite) attachRaw(t *testing.T, attachment string, headers ...string) answer {
	t.Helper()
	return call(t, s.me.compute, http.MethodPost, "/servers/"+s.serverOne+"/os-interface", `{"interfaceAttachment":`+attachment+`}`, headers...)
}

// detach asks for it and waits until the port is free.
func (s *suite) detach(t *testing.T, serverID, portID string) {
	t.Helper()
	if err := attachinterfaces.Delete(t.Context(), s.me.compute, serverID, portID).ExtractErr(); err != nil {
		t.Fatalf("detach: %v", err)
	}
	s.cloud.eventually(t, "the port is free", func(ctx context.Context) (bool, error) {
		p, err := ports.Get(ctx, s.me.network, portID).Extract()
		return err == nil && p.DeviceID == "" && p.DeviceOwner == "" && p.Status == "DOWN", err
	})
}

func attachOwnPort(t *testing.T, s *suite) {
	p := s.makePort(t, s.me, ports.CreateOpts{NetworkID: s.net.ID})
	i := s.attach(t, s.serverOne, p.ID)
	if i.PortID != p.ID || i.NetID != s.net.ID || i.MACAddr != p.MACAddress || len(i.FixedIPs) != 1 {
		t.Errorf("the answer: %+v", i)
	}
	got, err := ports.Get(t.Context(), s.me.network, p.ID).Extract()
	if err != nil || got.DeviceID != s.serverOne || !strings.HasPrefix(got.DeviceOwner, "compute:") {
		t.Errorf("right after the attach: %+v, %v", got, err)
	}
	list := "/servers/" + s.serverOne + "/os-interface"
	call(t, s.me.compute, http.MethodGet, list, "").expect(t, "os-interface", http.StatusOK, p.ID)
	call(t, s.me.compute, http.MethodGet, list+"/"+p.ID, "").expect(t, "one interface", http.StatusOK, `"port_id":"`+p.ID+`"`)
	s.cloud.eventually(t, "the port is ACTIVE and the server shows its address", func(ctx context.Context) (bool, error) {
		got, err := ports.Get(ctx, s.me.network, p.ID).Extract()
		return err == nil && got.Status == "ACTIVE" && call(t, s.me.compute, http.MethodGet, "/servers/"+s.serverOne, "").has(p.MACAddress), err
	})
	for _, server := range []string{s.serverOne, s.serverTwo} {
		_, err := attachinterfaces.Create(t.Context(), s.me.compute, server, attachinterfaces.CreateOpts{PortID: p.ID}).Extract()
		wantStatus(t, "a second attach", err, http.StatusConflict, "Port "+p.ID+" is still in use.")
	}
	s.detach(t, s.serverOne, p.ID)
	got, err = ports.Get(t.Context(), s.me.network, p.ID).Extract()
	if err != nil || got.MACAddress != p.MACAddress || len(got.FixedIPs) != 1 || got.FixedIPs[0] != p.FixedIPs[0] {
		t.Errorf("after the detach: %+v, %v", got, err)
	}
	s.cloud.eventually(t, "the server no longer shows the address", func(context.Context) (bool, error) {
		return !call(t, s.me.compute, http.MethodGet, "/servers/"+s.serverOne, "").has(p.MACAddress), nil
	})
}

func attachByNetwork(t *testing.T, s *suite) {
	i, err := attachinterfaces.Create(t.Context(), s.me.compute, s.serverOne, attachinterfaces.CreateOpts{NetworkID: s.dual.ID}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	if i.NetID != s.dual.ID || len(i.FixedIPs) != 2 {
		t.Errorf("the answer: %+v", i)
	}
	if err := attachinterfaces.Delete(t.Context(), s.me.compute, s.serverOne, i.PortID).ExtractErr(); err != nil {
		t.Fatal(err)
	}
	s.cloud.eventually(t, "nova's own port is deleted", func(ctx context.Context) (bool, error) {
		_, err := ports.Get(ctx, s.me.network, i.PortID).Extract()
		return gophercloud.ResponseCodeIs(err, http.StatusNotFound), nil
	})
}

func attachRefusals(t *testing.T, s *suite) {
	p := s.makePort(t, s.me, ports.CreateOpts{NetworkID: s.net.ID})
	for _, row := range []struct {
		why, attachment string
		status          int
		text            string
	}{
		{"unknown port", fmt.Sprintf(`{"port_id":%q}`, nobody), 404, "Port id " + nobody + " could not be found."},
		{"another project's port", fmt.Sprintf(`{"port_id":%q}`, s.strangerPort.ID), 404, "Port id " + s.strangerPort.ID + " could not be found."},
		{"another project's network", fmt.Sprintf(`{"net_id":%q}`, s.strangerNet.ID), 404, "Network " + s.strangerNet.ID + " could not be found."},
		{"unknown network", fmt.Sprintf(`{"net_id":%q}`, nobody), 500, "computeFault"},
		{"port and network", fmt.Sprintf(`{"port_id":%q,"net_id":%q}`, p.ID, s.net.ID), 400, "Must not input both network_id and port_id"},
		{"neither, with several networks", `{}`, 400, "Multiple possible networks found, use a Network ID to be more specific."},
		{"no UUID", `{"port_id":"nonsense"}`, 400, "'nonsense' is not a 'uuid'"},
		{"a tag before 2.49", fmt.Sprintf(`{"port_id":%q,"tag":"nic1"}`, p.ID), 400, "Additional properties are not allowed ('tag' was unexpected)"},
	} {
		s.attachRaw(t, row.attachment).expect(t, row.why, row.status, row.text)
	}
	path := "/servers/" + s.serverOne + "/os-interface"
	call(t, s.me.compute, http.MethodPost, path, "nonsense").expect(t, "no JSON", http.StatusBadRequest, "Malformed request body")
	call(t, s.me.compute, http.MethodPost, path, `{"x":"`+strings.Repeat("x", 120_000)+`"}`).expect(t, "too large", http.StatusRequestEntityTooLarge, `"code":"413 Request Entity Too Large"`)
	call(t, s.me.compute, http.MethodPost, "/servers/"+nobody+"/os-interface", fmt.Sprintf(`{"interfaceAttachment":{"port_id":%q}}`, p.ID)).
		expect(t, "unknown server", http.StatusNotFound, "Instance "+nobody+" could not be found.")
}

func deleteServer(t *testing.T, s *suite) {
	id := s.serverIDs[2]
	made := s.portsOfServer(t, id)[0]
	attached := s.makePort(t, s.me, ports.CreateOpts{NetworkID: s.net.ID})
	s.attach(t, id, attached.ID)
	written := s.makePort(t, s.me, ports.CreateOpts{NetworkID: s.net.ID, DeviceID: id, DeviceOwner: "compute:nova"})
	call(t, s.me.compute, http.MethodGet, "/servers/"+id+"/os-interface", "").expect(t, "os-interface lists what names the server", http.StatusOK, written.ID, attached.ID, made.ID)
	if err := servers.Delete(t.Context(), s.me.compute, id).ExtractErr(); err != nil {
		t.Fatal(err)
	}
	if err := s.gone(t.Context(), id); err != nil {
		t.Fatalf("the server isn't gone: %v", err)
	}
	kept, err := ports.Get(t.Context(), s.me.network, attached.ID).Extract()
	if err != nil || kept.DeviceID != "" || kept.DeviceOwner != "" || kept.Status != "DOWN" {
		t.Errorf("the user's port: %+v, %v", kept, err)
	}
	for why, p := range map[string]string{"the port nova made": made.ID, "the port whose device_id the user wrote": written.ID} {
		_, err := ports.Get(t.Context(), s.me.network, p).Extract()
		wantStatus(t, why, err, http.StatusNotFound, "PortNotFound")
	}
}
