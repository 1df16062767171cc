// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

// FuzzDecodeList holds the decoder to encoding/json: what it takes for a
// whole list is valid JSON with that list, item for item.
func FuzzDecodeList(f *testing.F) {
	for _, seed := range []string{
		`{"servers": [{"id": "a", "name": "b", "status": "ACTIVE"}], "servers_links": [{"rel": "next", "href": "x"}]}`,
		`{"servers": []}`, `{"servers": null}`, `{"servers": [{"id": "a", "status": "UNKNOWN"}]}`, `{"x": {"servers": []}, "servers": []}`,
		`{"servers": [}`, `[]`, `{"servers": [{"id": "a"}`, `{"servers":[]}{}`, `{"servers":[],"servers":[]}`, `{"SERVERS":[]}`, `{"servers":[null]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var got []inventory.Server
		links, err := decodeList(bytes.NewReader(body), "servers", func(dec *json.Decoder) error {
			v, err := decodeServer(dec)
			got = append(got, v)
			return err
		})
		if err != nil {
			var syntax *json.SyntaxError
			var kind *json.UnmarshalTypeError
			if errors.As(err, &syntax) || errors.As(err, &kind) {
				t.Fatalf("the error quotes the body: %v", err)
			}
			return
		}
		if !json.Valid(body) {
			t.Fatal("taken for whole, but not valid JSON")
		}
		var want struct {
			Servers []map[string]any `json:"servers"`
		}
		dec := json.NewDecoder(bytes.NewReader(body))
		if err := dec.Decode(&want); err != nil {
			return // of another type than this crude model knows
		}
		if len(got) != len(want.Servers) && len(links) == 0 && bytes.Count(bytes.ToLower(body), []byte("servers")) == 1 {
			t.Fatalf("%d servers, want %d", len(got), len(want.Servers))
		}
		for _, v := range got {
			if v.ID == "" || v.Status == "UNKNOWN" {
				t.Fatalf("an incomplete server was taken: %+v", v)
			}
		}
	})
}

func BenchmarkDecodePageOfServers(b *testing.B) {
	var page bytes.Buffer
	page.WriteString(`{"servers": [`)
	for i := range 1000 {
		if i > 0 {
			page.WriteByte(',')
		}
		s := goodServer(vmID, "vm-1")
		s["padding"] = string(bytes.Repeat([]byte("x"), 1200))
		page.Write(asJSON(s))
	}
	page.WriteString(`]}`)
	b.SetBytes(int64(page.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeList(bytes.NewReader(page.Bytes()), "servers", func(dec *json.Decoder) error {
			_, err := decodeServer(dec)
			return err
		}); err != nil {
			b.Fatal(err)
		}
	}
}
