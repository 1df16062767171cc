// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// selection is what a call's body asks for.
type selection struct {
	// Namespace, Name and Labels narrow; all empty means every object.
	Namespace string            `json:"namespace"`
	Name      string            `json:"name"`
	Labels    map[string]string `json:"labels"`
	// notification is what a message of OpenStack is about; nil for other bodies.
	notification *notification
}

func (s *selection) all() bool {
	return s.Namespace == "" && s.Name == "" && len(s.Labels) == 0 && s.notification == nil
}

// parse understands a body: empty for all; a selection; or a notification of
// OpenStack as its message bus carries it.
func parse(body []byte) (*selection, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return &selection{}, nil
	}
	n, err := parseNotification(body)
	if err != nil {
		return nil, err
	}
	if n != nil {
		return &selection{notification: n}, nil
	}
	s := &selection{}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(s); err != nil {
		return nil, fmt.Errorf(`the body is neither empty, nor {"namespace": ..., "name": ..., "labels": {...}}, nor a notification of OpenStack: %w`, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the body goes on after its JSON object")
	}
	if s.Name != "" && s.Namespace == "" {
		return nil, errors.New("name needs a namespace beside it")
	}
	return s, nil
}

// matches says whether an object is asked for.
func (s *selection) matches(o *Object) bool {
	if s.notification != nil {
		return s.notification.concerns(o)
	}
	if s.Namespace != "" && s.Namespace != o.Namespace || s.Name != "" && s.Name != o.Name {
		return false
	}
	for key, value := range s.Labels {
		if got, ok := o.Labels[key]; !ok || got != value {
			return false
		}
	}
	return true
}
