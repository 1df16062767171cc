// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"encoding/json"
	"errors"
	"strings"
)

// notification is what a message of Nova or Neutron is about: names and IDs
// that an object may name or have published.
type notification struct {
	eventType string
	servers   map[string]bool // IDs and names
	ports     map[string]bool
	subnets   map[string]bool
	networks  map[string]bool
}

// envelope is a message as oslo.messaging sends it: since version 2.0 the
// message itself is JSON in a string (oslo_messaging/_drivers/common.py,
// serialize_msg).
type envelope struct {
	Message   *string         `json:"oslo.message"`
	EventType string          `json:"event_type"`
	Payload   json.RawMessage `json:"payload"`
}

// parseNotification is nil without error for a body that is no notification.
func parseNotification(body []byte) (*notification, error) {
	var e envelope
	if json.Unmarshal(body, &e) != nil {
		return nil, nil //nolint:nilerr // no JSON is no notification; what it is the caller finds out
	}
	if e.Message != nil {
		inner := []byte(*e.Message)
		e = envelope{}
		if err := json.Unmarshal(inner, &e); err != nil || e.EventType == "" {
			return nil, errors.New("oslo.message holds no notification with an event_type")
		}
	}
	if e.EventType == "" {
		return nil, nil
	}
	n := &notification{
		eventType: e.EventType,
		servers:   map[string]bool{}, ports: map[string]bool{}, subnets: map[string]bool{}, networks: map[string]bool{},
	}
	var payload any
	if len(e.Payload) > 0 {
		if err := json.Unmarshal(e.Payload, &payload); err != nil {
			return nil, errors.New("the notification's payload is no JSON")
		}
	}
	n.read(payload, e.EventType, 0)
	return n, nil
}

// deepest is how far a payload is read.
const deepest = 12

// read collects what the payload names. Nova's versioned payloads keep their
// members in nova_object.data; those of instances have the server's ID in uuid
// and its name in display_name (nova: doc/notification_samples). Nova's older
// ones say instance_id. Neutron's have the resource under its own name, and
// after a deletion only <resource>_id (neutron: notifiers/batch_notifier.py and
// api/v2/base.py).
func (n *notification) read(v any, kind string, depth int) {
	if depth > deepest {
		return
	}
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			n.read(item, kind, depth+1)
		}
	case map[string]any:
		for key, value := range v {
			text, isText := value.(string)
			if isText && text != "" {
				n.note(kind, key, text)
				continue
			}
			switch singular := strings.TrimSuffix(key, "s"); singular {
			case "port", "subnet", "network":
				n.read(value, singular+".", depth+1)
			default:
				n.read(value, kind, depth+1)
			}
		}
	}
}

func (n *notification) note(kind, key, text string) {
	resource, _, _ := strings.Cut(kind, ".")
	switch key {
	case "uuid", "display_name":
		if strings.Contains(kind, "instance.") {
			n.servers[text] = true
		}
	case "instance_id", "instance_uuid", "device_id":
		n.servers[text] = true
	case "port_id":
		n.ports[text] = true
	case "subnet_id":
		n.subnets[text] = true
	case "network_id":
		if resource == "network" || resource == "subnet" {
			n.networks[text] = true
		}
	case "id":
		switch resource {
		case "port":
			n.ports[text] = true
		case "subnet":
			n.subnets[text] = true
		case "network":
			n.networks[text] = true
		}
	}
}

// concerns says whether an object names or has published what the message is
// about. One whose list is cut may have, and counts. A port on a server that
// nobody has published yet concerns the objects of its subnet that still miss
// something: they may know that server by its name alone.
func (n *notification) concerns(o *Object) bool {
	for _, vm := range o.VMNames {
		if n.servers[vm] {
			return true
		}
	}
	for _, i := range o.Interfaces {
		if n.servers[i.ServerID] || n.ports[i.PortID] {
			return true
		}
	}
	if o.Partial && len(n.servers)+len(n.ports) > 0 {
		return true
	}
	if strings.HasPrefix(n.eventType, "subnet.") || strings.HasPrefix(n.eventType, "network.") {
		return n.subnets[o.SubnetID] || n.networks[o.NetworkID] || n.subnets[o.SubnetName]
	}
	return o.Unsettled && (n.subnets[o.SubnetID] || o.SubnetID == "" && len(n.subnets) > 0)
}
