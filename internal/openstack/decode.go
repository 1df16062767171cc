// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"encoding/json"
	"errors"
	"io"
)

const (
	// maxValue bounds what a decoder must hold at once: an item of a list, or
	// an answer that is none. A server with all its metadata and user data has
	// some 200 kB, a catalogue of many regions too.
	maxValue = 1 << 20
	// maxText bounds what is kept of an item: 255 characters, each in JSON's
	// longest spelling, are 3 kB.
	maxText = 16 << 10
)

// valueReader fails where a decoder wants to take in more than maxValue at
// once: encoding/json buffers every value whole, and what is blank besides.
type valueReader struct {
	r           io.Reader
	read, limit int64
}

func newValueReader(r io.Reader) *valueReader { return &valueReader{r: r, limit: maxValue} }

// next allows as much again from where the decoder is.
func (v *valueReader) next(dec *json.Decoder) { v.limit = dec.InputOffset() + maxValue }

func (v *valueReader) Read(p []byte) (int, error) {
	if v.read >= v.limit {
		return 0, badAnswer("one value of the answer is larger than %d bytes", maxValue)
	}
	n, err := v.r.Read(p[:min(int64(len(p)), v.limit-v.read)])
	v.read += int64(n)
	return n, err
}

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
	if len(b) > maxText {
		return badAnswer("an item has a text of more than %d bytes where an ID or a name belongs", maxText)
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
	in := newValueReader(body)
	dec := json.NewDecoder(in)
	if err := expect(dec, '{'); err != nil {
		return nil, err
	}
	var links []link
	seen := false
	for dec.More() {
		in.next(dec)
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
			if err := decodeItems(in, dec, item); err != nil {
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

// decodeWhole reads one JSON value and nothing after it.
func decodeWhole(body io.Reader, into any) error {
	dec := json.NewDecoder(newValueReader(body))
	if err := dec.Decode(into); err != nil {
		return jsonError(err)
	}
	return expectEnd(dec)
}

func decodeItems(in *valueReader, dec *json.Decoder, item func(*json.Decoder) error) error {
	if err := expect(dec, '['); err != nil {
		return err
	}
	for dec.More() {
		in.next(dec)
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
