// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/test/openstacksim"
)

// eventually polls until ok or ten seconds are over.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

func (g *ground) port(t *testing.T, network string) openstacksim.Port {
	t.Helper()
	return g.AddPort(openstacksim.Port{NetworkID: g.lab.Networks[network].ID})
}

func (g *ground) attach(t *testing.T, server, port string) reply {
	t.Helper()
	r, err := do(g.token, http.MethodPost, g.compute+"/servers/"+server+"/os-interface", fmt.Sprintf(`{"interfaceAttachment":{"port_id":%q}}`, port))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestServersOfADownCellVanishFromListsButForStubsFrom269(t *testing.T) {
	t.Parallel()
	g := lab(t, openstacksim.Options{})
	down := g.lab.Servers[0]
	g.SetCellDown(true, down.ID)
	all := len(g.lab.Servers)
	for _, row := range []struct {
		path, version string
		servers       int
		stub          bool
	}{
		{"/servers", "2.68", all - 1, false},
		{"/servers", "2.69", all, true},
		{"/servers/detail", "2.69", all, true},
		{"/servers/detail?limit=1000", "2.69", all - 1, false}, // paging has no stubs
		{"/servers/detail?name=test-vm", "2.69", all - 3, false},
		{"/servers?nonsense=1", "2.69", all, true}, // ignored, so no filter
	} {
		r := g.get(t, g.compute+row.path, "X-OpenStack-Nova-API-Version", row.version)
		if n := count(t, r.body, "servers"); n != row.servers || bytes.Contains(r.body, []byte("UNKNOWN")) != row.stub {
			t.Errorf("%s at %s: %d servers instead of %d, stub expected %v: %.300s", row.path, row.version, n, row.servers, row.stub, r.body)
		}
		if bytes.Contains(r.body, []byte(`"name": "test-vm-1"`)) {
			t.Errorf("%s at %s: a name of a server nobody can ask", row.path, row.version)
		}
	}
	if r := g.get(t, g.compute+"/servers/"+down.ID, "X-OpenStack-Nova-API-Version", "2.68"); r.status != 500 {
		t.Errorf("GET before 2.69: %d", r.status)
	}
	if r := g.get(t, g.compute+"/servers/"+down.ID, "X-OpenStack-Nova-API-Version", "2.69"); r.status != 200 || bytes.Contains(r.body, []byte(`"name"`)) {
		t.Errorf("GET from 2.69 on: %d %s", r.status, r.body)
	}
	g.SetCellDown(false, down.ID)
	if r := g.get(t, g.compute+"/servers"); count(t, r.body, "servers") != all {
		t.Errorf("back again: %s", r.body)
	}
}

func TestAFailedBindingLeavesTheUsersPortHalfAttachedAndADetachKillsIt(t *testing.T) {
	t.Parallel()
	g := lab(t, openstacksim.Options{})
	g.SetBindable(g.lab.Networks["internal-net"].ID, false)
	server, p := g.lab.Servers[0].ID, g.port(t, "internal-net")
	if r := g.attach(t, server, p.ID); r.status != 500 || !strings.Contains(string(r.body), "PortBindingFailed_Remote") {
		t.Fatalf("%d %s", r.status, r.body)
	}
	interfaces := g.compute + "/servers/" + server + "/os-interface"
	if half, _ := g.Port(p.ID); half.DeviceID != server || half.VIFType != "binding_failed" {
		t.Errorf("the port: %+v", half)
	}
	if r := g.get(t, interfaces); !bytes.Contains(r.body, []byte(p.ID)) {
		t.Errorf("os-interface doesn't list it: %s", r.body)
	}
	if r := g.get(t, g.compute+"/servers/"+server); bytes.Contains(r.body, []byte(p.MAC)) {
		t.Errorf("the server shows its address: %s", r.body)
	}
	if r := g.attach(t, server, p.ID); r.status != 409 {
		t.Errorf("a retry: %d", r.status)
	}
	if r, err := do(g.token, http.MethodDelete, interfaces+"/"+p.ID, ""); err != nil || r.status != 202 {
		t.Errorf("detach: %d %v", r.status, err)
	}
	eventually(t, "the user's port is deleted", func() bool { _, there := g.Port(p.ID); return !there })
	// The cure: clearing device_id keeps the next one.
	q := g.port(t, "internal-net")
	g.attach(t, server, q.ID)
	if r, err := do(g.token, http.MethodPut, g.network+"/ports/"+q.ID, `{"port":{"device_id":"","device_owner":""}}`); err != nil || r.status != 200 {
		t.Fatalf("clear: %d %v", r.status, err)
	}
	if r := g.get(t, interfaces); bytes.Contains(r.body, []byte(q.ID)) {
		t.Errorf("still listed: %s", r.body)
	}
}

func TestARefusingHypervisorGivesTheUsersPortBack(t *testing.T) {
	t.Parallel()
	g := lab(t, openstacksim.Options{})
	server, p := g.lab.Servers[0].ID, g.port(t, "internal-net")
	g.SetHypervisorFaults(openstacksim.HypervisorFaults{Attach: true, Detach: true})
	if r := g.attach(t, server, p.ID); r.status != 500 || !strings.Contains(string(r.body), "Failed to attach network adapter device") {
		t.Errorf("%d %s", r.status, r.body)
	}
	if free, _ := g.Port(p.ID); free.DeviceID != "" || free.Status != "DOWN" {
		t.Errorf("the port: %+v", free)
	}
	g.AttachPort(server, p.ID)
	if r, err := do(g.token, http.MethodDelete, g.compute+"/servers/"+server+"/os-interface/"+p.ID, ""); err != nil || r.status != 202 {
		t.Errorf("detach: %d %v", r.status, err)
	}
	eventually(t, "the action tells the failure", func() bool {
		return bytes.Contains(g.get(t, g.compute+"/servers/"+server+"/os-instance-actions").body, []byte(`"action": "detach_interface"`))
	})
	if still, _ := g.Port(p.ID); still.DeviceID != server {
		t.Errorf("the port was detached all the same: %+v", still)
	}
}

func TestATimedOutAttachStillHappens(t *testing.T) {
	t.Parallel()
	g := lab(t, openstacksim.Options{AttachTime: 300 * time.Millisecond, RPCTimeout: 50 * time.Millisecond})
	server, p := g.lab.Servers[0].ID, g.port(t, "internal-net")
	if r := g.attach(t, server, p.ID); r.status != 500 || !strings.Contains(string(r.body), "MessagingTimeout") {
		t.Fatalf("%d %s", r.status, r.body)
	}
	eventually(t, "the attach is done", func() bool { got, _ := g.Port(p.ID); return got.Status == "ACTIVE" && got.DeviceID == server })
}

func TestOnePortForTwoServersAtOnceFailsForBoth(t *testing.T) {
	t.Parallel()
	g := lab(t, openstacksim.Options{AttachTime: 200 * time.Millisecond})
	p := g.port(t, "internal-net")
	var wg sync.WaitGroup
	got := make([]int, 2)
	for i := range got {
		wg.Go(func() { got[i] = g.attach(t, g.lab.Servers[i].ID, p.ID).status })
	}
	wg.Wait()
	if got[0]+got[1] != 404+500 {
		t.Errorf("%v instead of a 404 and a 500", got)
	}
	if left, _ := g.Port(p.ID); left.DeviceID == "" {
		t.Errorf("device_id is on neither: %+v", left)
	}
}

func TestARebuiltServerHasANewIDAndItsOldName(t *testing.T) {
	t.Parallel()
	g := lab(t, openstacksim.Options{})
	old := g.ServerByName(g.lab.Project.ID, "test-vm-3")
	oldPort := g.ServerPorts(old.ID)[0]
	fresh := g.RebuildServer(old.ID)
	if fresh.ID == old.ID || fresh.Name != old.Name || len(g.ServerPorts(fresh.ID)) != 1 {
		t.Errorf("%+v became %+v", old, fresh)
	}
	if _, there := g.Port(oldPort.ID); there {
		t.Error("nova's own port outlived its server")
	}
	g.RenameServer(fresh.ID, "renamed")
	if r := g.get(t, g.compute+"/servers?name=^renamed$"); !bytes.Contains(r.body, []byte(fresh.ID)) {
		t.Errorf("%s", r.body)
	}
	g.SetServerStatus(fresh.ID, "ERROR")
	if r := g.get(t, g.compute+"/servers?status=ERROR"); !bytes.Contains(r.body, []byte(fresh.ID)) {
		t.Errorf("%s", r.body)
	}
}

func TestTheControlAPIChangesTheCloudAndRefusesWhatIsNotThere(t *testing.T) {
	t.Parallel()
	g := lab(t, openstacksim.Options{Control: true})
	control := strings.TrimSuffix(g.AuthURL(), "/v3") + "/_sim"
	post := func(path, body string) reply {
		t.Helper()
		r, err := do("", http.MethodPost, control+path, body)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := post("/servers/test-vm-1/address?project=k8s", `{"subnet":"k8s-subnet","address":"10.10.77.7"}`); r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if r := get(t, "", control+"/servers"); !bytes.Contains(r.body, []byte("10.10.77.7")) {
		t.Errorf("%s", r.body)
	}
	if r := post("/servers", `{"name":"new-vm","project":"k8s","networks":["data-net"]}`); r.status != 200 || len(g.ServerPorts(g.ServerByName("", "new-vm").ID)) != 1 {
		t.Errorf("%d %s", r.status, r.body)
	}
	for _, row := range [][2]string{{"/servers/test-vm-1/rename", `{"name":"two projects have one"}`}, {"/servers/nobody/rename", `{"name":"x"}`}, {"/servers/twin-vm/rename", `{"name":"x"}`}, {"/servers/test-vm-1/address", `{`}, {"/faults", `{"fault":{"body":"nonsense"}}`}} {
		if r := post(row[0], row[1]); r.status != 400 || !bytes.Contains(r.body, []byte(`"error"`)) {
			t.Errorf("%s: %d %s", row[0], r.status, r.body)
		}
	}
	if _, err := do("", http.MethodDelete, control+"/servers/new-vm", ""); err != nil || len(g.Servers()) != len(g.lab.Servers)+1 {
		t.Errorf("delete: %v, %d servers", err, len(g.Servers()))
	}
	if r := get(t, "", strings.TrimSuffix(lab(t, openstacksim.Options{}).AuthURL(), "/v3")+"/_sim/servers"); r.status != 404 {
		t.Errorf("without Options.Control: %d", r.status)
	}
}
