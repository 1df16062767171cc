// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package receiver

import "testing"

// As Nova and Neutron send them (nova: doc/notification_samples/instance-create-end.json;
// neutron: what a port's change puts on the bus), cut to what matters.
const (
	novaCreated = `{"event_type":"instance.create.end","payload":{"nova_object.data":{"uuid":"178b0921-8f85-4257-88b6-2e743b5a975c","display_name":"web-1",
		"flavor":{"nova_object.data":{"flavorid":"a22d5517","name":"test_flavor"}},"ip_addresses":[{"nova_object.data":{"port_uuid":"ce531f90","mac":"fa:16:3e:4c:2c:30"}}]},
		"nova_object.name":"InstanceCreatePayload","nova_object.namespace":"nova","nova_object.version":"1.12"},"priority":"INFO","publisher_id":"nova-compute:compute"}`
	novaLegacy     = `{"event_type":"compute.instance.delete.end","payload":{"instance_id":"178b0921-8f85-4257-88b6-2e743b5a975c","display_name":"web-1"}}`
	neutronUpdated = `{"event_type":"port.update.end","payload":{"port":{"id":"port-1","device_id":"server-1","network_id":"net-1","fixed_ips":[{"subnet_id":"subnet-1","ip_address":"10.0.0.5"}]}}}`
	neutronBulk    = `{"event_type":"port.create.end","payload":{"ports":[{"id":"port-8","device_id":""},{"id":"port-1","device_id":""}]}}`
	neutronDeleted = `{"event_type":"port.delete.end","payload":{"port_id":"port-1"}}`
	subnetDeleted  = `{"event_type":"subnet.delete.end","payload":{"subnet_id":"subnet-1"}}`
	networkUpdated = `{"event_type":"network.update.end","payload":{"network":{"id":"net-1","mtu":1400}}}`
	keypairCreated = `{"event_type":"keypair.create.end","payload":{"nova_object.data":{"name":"web-1"}}}`
	enveloped      = `{"oslo.version":"2.0","oslo.message":"{\"event_type\":\"port.delete.end\",\"payload\":{\"port_id\":\"port-1\"}}"}`
)

func TestANotificationConcernsWhoNamesOrHasPublishedItsSubject(t *testing.T) {
	t.Parallel()
	byName := Object{Name: "by-name", VMNames: []string{"web-1"}}
	byID := Object{Name: "by-id", VMNames: []string{"178b0921-8f85-4257-88b6-2e743b5a975c"}}
	published := Object{Name: "published", VMNames: []string{"x"}, SubnetID: "subnet-1", NetworkID: "net-1", Interfaces: []Interface{{"server-1", "port-1"}}}
	missing := Object{Name: "missing", VMNames: []string{"y"}, SubnetID: "subnet-1", NetworkID: "net-1", Unsettled: true}
	elsewhere := Object{Name: "elsewhere", VMNames: []string{"z"}, SubnetID: "subnet-2", NetworkID: "net-2", Unsettled: true}
	cut := Object{Name: "cut", VMNames: []string{"z"}, SubnetID: "subnet-2", Partial: true}
	for name, row := range map[string]struct {
		body string
		want []string
	}{
		"a server was made":    {novaCreated, []string{"by-name", "by-id", "cut"}},
		"in the old form":      {novaLegacy, []string{"by-name", "by-id", "cut"}},
		"a port changed":       {neutronUpdated, []string{"published", "missing", "cut"}},
		"several ports":        {neutronBulk, []string{"published", "cut"}},
		"a port was deleted":   {neutronDeleted, []string{"published", "cut"}},
		"in its envelope":      {enveloped, []string{"published", "cut"}},
		"a subnet was deleted": {subnetDeleted, []string{"published", "missing"}},
		"a network's MTU":      {networkUpdated, []string{"published", "missing"}},
		"something else":       {keypairCreated, nil},
	} {
		s, err := parse([]byte(row.body))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got []string
		for _, o := range []Object{byName, byID, published, missing, elsewhere, cut} {
			if s.matches(&o) {
				got = append(got, o.Name)
			}
		}
		if len(got) != len(row.want) {
			t.Errorf("%s: %v, it should be %v", name, got, row.want)
			continue
		}
		for i := range got {
			if got[i] != row.want[i] {
				t.Errorf("%s: %v, it should be %v", name, got, row.want)
			}
		}
	}
}

func TestANotificationOfNobodyIsAcceptedAndWakesNobody(t *testing.T) {
	t.Parallel()
	c := newCluster()
	r, _ := newReceiver(c)
	code, _, got := ask(t, r, signedCall(noon, keypairCreated))
	if code != 202 || got.Matched != 0 || got.All || !c.calls.Stamp("a/one").IsZero() {
		t.Errorf("%d %+v", code, got)
	}
}
