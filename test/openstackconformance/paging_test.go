// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

//nolint:thelper // sentences are tests, not helpers
package openstackconformance

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
)

// page is what matters of a page of either service.
type page struct {
	Ports, Servers           []object
	PortsLinks, ServersLinks []link
}

type object struct {
	ID string `json:"id"`
}

type link struct {
	Rel  string `json:"rel"`
	Href string `json:"href"`
}

func readPage(t *testing.T, a answer) page {
	t.Helper()
	a.expect(t, "a page", http.StatusOK)
	var doc struct {
		Ports        []object `json:"ports"`
		Servers      []object `json:"servers"`
		PortsLinks   []link   `json:"ports_links"`
		ServersLinks []link   `json:"servers_links"`
	}
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
		t.Fatal(err)
	}
	return page(doc)
}

func rels(links []link) string {
	var rels []string
	for _, l := range links {
		rels = append(rels, l.Rel)
	}
	return strings.Join(rels, " ")
}

func (p page) rel(name string) string {
	for _, l := range append(slices.Clone(p.PortsLinks), p.ServersLinks...) {
		if l.Rel == name {
			return l.Href
		}
	}
	return ""
}

var pagingSentences = []sentence{
	{"neutron's pages have next and previous, the first too, and end with an empty page after a full one", neutronPages},
	{"neutron pages backwards with page_reverse", neutronBackwards},
	{"neutron without a limit answers everything and no links", func(t *testing.T, s *suite) {
		p := readPage(t, call(t, s.me.network, http.MethodGet, "/ports?fields=id&network_id="+s.net.ID, ""))
		if p.PortsLinks != nil || len(p.Ports) < 3 {
			t.Errorf("%d ports, links %v", len(p.Ports), p.PortsLinks)
		}
	}},
	{"neutron lists by ID unless told otherwise, and sorts by keys", func(t *testing.T, s *suite) {
		p := readPage(t, call(t, s.me.network, http.MethodGet, "/ports?fields=id&limit=100&network_id="+s.net.ID, ""))
		if !slices.IsSortedFunc(p.Ports, func(a, b object) int { return strings.Compare(a.ID, b.ID) }) {
			t.Errorf("not by ID: %v", p.Ports)
		}
		a := call(t, s.me.network, http.MethodGet, "/ports?fields=mac_address&sort_key=mac_address&sort_dir=desc&network_id="+s.net.ID, "")
		var doc struct {
			Ports []struct {
				MAC string `json:"mac_address"`
			} `json:"ports"`
		}
		if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(doc.Ports); i++ {
			if doc.Ports[i-1].MAC < doc.Ports[i].MAC {
				t.Errorf("not downwards: %v", doc.Ports)
			}
		}
	}},
	{"neutron's bad limit is 400, its unknown marker 404", func(t *testing.T, s *suite) {
		for _, limit := range []string{"-1", "abc"} {
			call(t, s.me.network, http.MethodGet, "/ports?limit="+limit, "").expect(t, limit, http.StatusBadRequest, "BadRequest", "Bad limit request: Limit must be an integer 0 or greater and not '"+limit+"'.")
		}
		call(t, s.me.network, http.MethodGet, "/ports?limit=2&marker="+nobody, "").expect(t, "marker", http.StatusNotFound, "PortNotFound")
	}},
	{"gophercloud collects all pages of neutron, the last one full", func(t *testing.T, s *suite) {
		pages, err := ports.List(s.me.network, ports.ListOpts{NetworkID: s.net.ID, Limit: 1}).AllPages(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		paged, err := ports.ExtractPorts(pages)
		if err != nil {
			t.Fatal(err)
		}
		if all := s.portsOf(t, s.net.ID); len(paged) != len(all) {
			t.Errorf("%d ports by pages of one, %d at once", len(paged), len(all))
		}
	}},
	{"nova's pages have next exactly when they are full, also when nothing follows", novaPages},
	{"nova lists the newest first", func(t *testing.T, s *suite) {
		p := readPage(t, call(t, s.me.compute, http.MethodGet, "/servers?name="+s.prefix, ""))
		var got []string
		for _, v := range p.Servers {
			got = append(got, v.ID)
		}
		// Within a second the order is that of Nova's own row numbers, which
		// nobody outside sees.
		created := func(id string) time.Time {
			v, err := servers.Get(t.Context(), s.me.compute, id).Extract()
			if err != nil {
				t.Fatal(err)
			}
			return v.Created
		}
		if !slices.IsSortedFunc(got, func(a, b string) int { return created(b).Compare(created(a)) }) {
			t.Errorf("not by creation time downwards: %v", got)
		}
	}},
	{"nova's limit of 0 is an empty list, one above the maximum is cut, a negative one 400", func(t *testing.T, s *suite) {
		call(t, s.me.compute, http.MethodGet, "/servers?limit=0", "").expect(t, "0", http.StatusOK, `{"servers":[]}`)
		call(t, s.me.compute, http.MethodGet, "/servers?limit=1001", "").expect(t, "1001", http.StatusOK, s.serverOne)
		call(t, s.me.compute, http.MethodGet, "/servers?limit=-1", "").expect(t, "-1", http.StatusBadRequest, `{"badRequest":{"code":400,"message":"Invalid input for query parameters limit. Value: -1.`)
	}},
	{"nova's unknown marker is 400", func(t *testing.T, s *suite) {
		call(t, s.me.compute, http.MethodGet, "/servers?marker="+nobody, "").expect(t, "marker", http.StatusBadRequest, "marker ["+nobody+"] not found")
	}},
	{"gophercloud collects all pages of nova, the last one full", func(t *testing.T, s *suite) {
		pages, err := servers.List(s.me.compute, servers.ListOpts{Name: s.prefix, Limit: 1}).AllPages(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		found, err := servers.ExtractServers(pages)
		if err != nil || len(found) != 3 {
			t.Errorf("%d servers instead of 3: %v", len(found), err)
		}
	}},
	{"a request line of 8 KiB is 414 without a body, at neutron and nova", func(t *testing.T, s *suite) {
		ports := s.me.network.ResourceBaseURL() + "ports?fields=id&id=" + nobody
		servers := s.me.compute.ResourceBaseURL() + "servers?limit=0"
		callURL(t, s.me.network, http.MethodGet, stretch(t, ports, "&id="+nobody, 8191), "").expect(t, "neutron, just fits", http.StatusOK, `{"ports":[]}`)
		callURL(t, s.me.compute, http.MethodGet, stretch(t, servers, "&nonsense="+nobody, 8191), "").expect(t, "nova, just fits", http.StatusOK, `{"servers":[]}`)
		for _, url := range []string{stretch(t, ports, "&id="+nobody, 8192+40), stretch(t, servers, "&nonsense="+nobody, 8192+48)} {
			a := callURL(t, s.me.network, http.MethodGet, url, "")
			a.expect(t, "one more", http.StatusRequestURITooLong)
			if a.body != "" {
				t.Errorf("the 414 has a body: %s", a.body)
			}
		}
	}},
}

// stretch repeats more until a GET's request line has at most size bytes.
func stretch(t *testing.T, raw, more string, size int) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return raw + strings.Repeat(more, (size-len("GET  HTTP/1.1\r\n")-len(u.RequestURI()))/len(more))
}

func (s *suite) portsOf(t *testing.T, networkID string) []ports.Port {
	t.Helper()
	pages, err := ports.List(s.me.network, ports.ListOpts{NetworkID: networkID}).AllPages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found, err := ports.ExtractPorts(pages)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func neutronPages(t *testing.T, s *suite) {
	n := len(s.portsOf(t, s.net.ID))
	if n < 3 {
		t.Fatalf("only %d ports to page through", n)
	}
	first := readPage(t, call(t, s.me.network, http.MethodGet, "/ports?network_id="+s.net.ID+"&limit=1&fields=id", ""))
	want := "/v2.0/ports?network_id=" + s.net.ID + "&limit=1&fields=id&marker=" + first.Ports[0].ID
	if got := first.rel("next"); rels(first.PortsLinks) != "next previous" || !strings.HasSuffix(got, want) {
		t.Errorf("first page's links: %v; next should end in %s", first.PortsLinks, want)
	}
	if got := first.rel("previous"); !strings.HasSuffix(got, want+"&page_reverse=True") {
		t.Errorf("first page's previous: %s", got)
	}
	p, seen := first, 1
	for range n - 1 {
		p = readPage(t, callURL(t, s.me.network, http.MethodGet, p.rel("next"), ""))
		seen += len(p.Ports)
		if rels(p.PortsLinks) != "next previous" {
			t.Errorf("full page %d: links %v", seen, p.PortsLinks)
		}
	}
	if seen != n {
		t.Errorf("%d ports in pages of one, %d at once", seen, n)
	}
	end := readPage(t, callURL(t, s.me.network, http.MethodGet, p.rel("next"), ""))
	if len(end.Ports) != 0 || rels(end.PortsLinks) != "previous" {
		t.Errorf("past the end: %v, %v", end.Ports, end.PortsLinks)
	}
	short := readPage(t, call(t, s.me.network, http.MethodGet, "/ports?network_id="+s.net.ID+"&limit=1000&fields=id", ""))
	if len(short.Ports) != n || rels(short.PortsLinks) != "previous" {
		t.Errorf("a page that isn't full: %d ports, %v", len(short.Ports), short.PortsLinks)
	}
}

func neutronBackwards(t *testing.T, s *suite) {
	all := readPage(t, call(t, s.me.network, http.MethodGet, "/ports?fields=id&limit=100&network_id="+s.net.ID, "")).Ports
	back := readPage(t, call(t, s.me.network, http.MethodGet, "/ports?fields=id&limit=2&page_reverse=True&network_id="+s.net.ID+"&marker="+all[2].ID, ""))
	if len(back.Ports) != 2 || back.Ports[0] != all[0] || back.Ports[1] != all[1] {
		t.Errorf("before the third of %v: %v", all, back.Ports)
	}
}

func novaPages(t *testing.T, s *suite) {
	full := readPage(t, call(t, s.me.compute, http.MethodGet, "/servers?name="+s.prefix+"&limit=3", ""))
	want := "/servers?limit=3&marker=" + full.Servers[len(full.Servers)-1].ID + "&name=" + s.prefix
	if got := full.rel("next"); len(full.Servers) != 3 || rels(full.ServersLinks) != "next" || !sameQuery(got, want) {
		t.Errorf("a page that is exactly full: %d servers, %v; next should end in %s", len(full.Servers), full.ServersLinks, want)
	}
	end := callURL(t, s.me.compute, http.MethodGet, full.rel("next"), "")
	end.expect(t, "past the end", http.StatusOK, `{"servers":[]}`)
	short := readPage(t, call(t, s.me.compute, http.MethodGet, "/servers?name="+s.prefix+"&limit=4", ""))
	if len(short.Servers) != 3 || short.ServersLinks != nil {
		t.Errorf("a page that isn't full: %d servers, %v", len(short.Servers), short.ServersLinks)
	}
}

// sameQuery compares the ends of two links without the order of parameters.
func sameQuery(got, want string) bool {
	g, err1 := url.Parse(got)
	w, err2 := url.Parse(want)
	return err1 == nil && err2 == nil && strings.HasSuffix(g.Path, w.Path) && g.Query().Encode() == w.Query().Encode()
}
