// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"encoding/json"
	"errors"
	"io"
)

// text is a JSON string that knows whether its key was there. null counts as
// there and empty.
type text struct {
	Value string
	Set   bool
}

// UnmarshalJSON is called for null too, unlike for a pointer.
func (t *text) UnmarshalJSON(b []byte) error {
	t.Set = true
	if string(b) == "null" {
		return nil
	}
	return json.Unmarshal(b, &t.Value)
}

// link is an entry of servers_links, ports_links, ...
type link struct {
	Rel  string `json:"rel"`
	Href string `json:"href"`
}

// decodeList reads {"<key>": [items], "<key>_links": [...]} as it streams and
// gives each item to item, so that a page of a thousand servers is never in
// memory as a whole. It fails unless the list is there, is an array, and the
// document ends properly; what item was given before is then to be thrown
// away.
func decodeList(body io.Reader, key string, item func(*json.Decoder) error) ([]link, error) {
	dec := json.NewDecoder(body)
	if err := expect(dec, '{'); err != nil {
		return nil, err
	}
	var links []link
	seen := false
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, jsonError(err)
		}
		switch t {
		case key:
			if seen {
				return nil, badAnswer("the list %q comes twice in one answer", key)
			}
			seen = true
			if err := decodeItems(dec, item); err != nil {
				return nil, err
			}
		case key + "_links":
			if err := dec.Decode(&links); err != nil {
				return nil, jsonError(err)
			}
		default:
			var skipped json.RawMessage
			if err := dec.Decode(&skipped); err != nil {
				return nil, jsonError(err)
			}
		}
	}
	if err := expect(dec, '}'); err != nil {
		return nil, err
	}
	if err := expectEnd(dec); err != nil {
		return nil, err
	}
	if !seen {
		return nil, badAnswer("the answer has no list %q", key)
	}
	return links, nil
}

func decodeItems(dec *json.Decoder, item func(*json.Decoder) error) error {
	if err := expect(dec, '['); err != nil {
		return err
	}
	for dec.More() {
		if err := item(dec); err != nil {
			return jsonError(err)
		}
	}
	return expect(dec, ']')
}

// expect reads one delimiter. null in place of a list fails here.
func expect(dec *json.Decoder, want json.Delim) error {
	t, err := dec.Token()
	if err != nil {
		return jsonError(err)
	}
	if t != want {
		return badAnswer("the answer is not of the form that the API promises: no %q where there must be one", want.String())
	}
	return nil
}

// expectEnd makes sure that nothing follows: two answers glued together by a
// broken proxy are not one.
func expectEnd(dec *json.Decoder) error {
	_, err := dec.Token()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		return badAnswer("the answer goes on after its end")
	}
	return jsonError(err)
}

// jsonError replaces encoding/json's errors, which quote the text; errors of
// the connection pass.
func jsonError(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return badAnswer("the answer is no JSON from byte %d on", syntax.Offset)
	case errors.As(err, &kind):
		return badAnswer("the answer's %q is of the wrong type", kind.Field)
	}
	return err
}
