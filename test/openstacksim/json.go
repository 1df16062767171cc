// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"encoding/json"
	"strconv"
	"strings"
)

// jsonWriter appends one JSON document in the order the real services use,
// without reflection: a page of a thousand servers is built ten thousand times
// in one benchmark. The separators matter for the size of a body: nova and
// keystone write ", " and ": ", neutron's resources "," and ":".
type jsonWriter struct {
	buf    []byte
	comma  string
	colon  string
	fields map[string]bool // of the object being written; nil is all
	open   bool            // a comma is due before the next member
}

func spacedJSON() *jsonWriter  { return &jsonWriter{comma: ", ", colon: ": "} }
func compactJSON() *jsonWriter { return &jsonWriter{comma: ",", colon: ":"} }

func (w *jsonWriter) sep() {
	if w.open {
		w.buf = append(w.buf, w.comma...)
	}
	w.open = true
}

func (w *jsonWriter) begin(bracket byte) {
	w.buf = append(w.buf, bracket)
	w.open = false
}

func (w *jsonWriter) end(bracket byte) {
	w.buf = append(w.buf, bracket)
	w.open = true
}

// key starts a member, unless the caller of the API didn't ask for it.
func (w *jsonWriter) key(k string) bool {
	if w.fields != nil && !w.fields[k] {
		return false
	}
	w.sep()
	w.buf = append(w.buf, '"')
	w.buf = append(w.buf, k...)
	w.buf = append(w.buf, '"')
	w.buf = append(w.buf, w.colon...)
	w.open = true
	return true
}

// raw writes a member whose value is JSON already.
func (w *jsonWriter) raw(k, v string) {
	if w.key(k) {
		w.buf = append(w.buf, v...)
	}
}

func (w *jsonWriter) str(k, v string) {
	if w.key(k) {
		w.quote(v)
	}
}

// strOrNull writes null for the empty string.
func (w *jsonWriter) strOrNull(k, v string) {
	if v == "" {
		w.raw(k, "null")
		return
	}
	w.str(k, v)
}

func (w *jsonWriter) integer(k string, v int) {
	if w.key(k) {
		w.buf = strconv.AppendInt(w.buf, int64(v), 10)
	}
}

func (w *jsonWriter) boolean(k string, v bool) { w.raw(k, strconv.FormatBool(v)) }

func (w *jsonWriter) strs(k string, vs []string) {
	if !w.key(k) {
		return
	}
	w.begin('[')
	for _, v := range vs {
		w.sep()
		w.quote(v)
	}
	w.end(']')
}

// some writes [] without the cost of encoding/json when there is nothing.
func (w *jsonWriter) some(k string, n int, v any) {
	if n == 0 {
		w.raw(k, "[]")
		return
	}
	w.any(k, v)
}

// any writes a member by way of encoding/json; for what is rare and odd.
func (w *jsonWriter) any(k string, v any) {
	if w.key(k) {
		w.buf = append(w.buf, mustJSON(v)...)
	}
}

func (w *jsonWriter) quote(s string) {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			w.buf = append(w.buf, mustJSON(s)...)
			return
		}
	}
	w.buf = append(w.buf, '"')
	w.buf = append(w.buf, s...)
	w.buf = append(w.buf, '"')
}

func mustJSON(v any) []byte {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("openstacksim: encode: " + err.Error())
	}
	return []byte(strings.TrimSuffix(b.String(), "\n"))
}
