// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

func ids(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("00000000-0000-4000-8000-%012x", i)
	}
	return out
}

func TestSubnetsAreAskedForInOneCall(t *testing.T) {
	t.Parallel()
	many := make([]inventory.Query, 500)
	for i := range many {
		many[i].Subnet = fmt.Sprintf("a-subnet-of-some-length-%d", i)
	}
	for name, tc := range map[string]struct {
		queries []inventory.Query
		want    []url.Values
	}{
		"names, without doubles": {[]inventory.Query{{Subnet: "b"}, {Subnet: "a"}, {Subnet: "b"}}, []url.Values{{"name": {"a", "b"}}}},
		"IDs":                    {[]inventory.Query{{Subnet: subnetID}}, []url.Values{{"id": {subnetID}}}},
		"both: all, since different keys are AND": {[]inventory.Query{{Subnet: subnetID}, {Subnet: "a"}}, []url.Values{{}}},
		"more than a URL holds: all":              {many, []url.Values{{}}},
		"none":                                    {[]inventory.Query{{}}, nil},
	} {
		if got := newWanted(tc.queries).subnetFilters(200); !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

func TestPortsAreAskedForByServerWhileThatIsTwoCallsElseBySubnet(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		servers, subnets int
		key              string
		calls            int
	}{
		{3, 1, "device_id", 1},
		{140, 1, "device_id", 1},
		{250, 1, "device_id", 2},
		{1000, 1, "fixed_ips", 1},
		{1000, 3, "fixed_ips", 1},
		{10000, 200, "fixed_ips", 2},
		{3, 200, "device_id", 1},
		{0, 3, "", 0},
		{3, 0, "", 0},
	} {
		got := portFilters(300, ids(tc.servers), ids(tc.subnets))
		if len(got) != tc.calls {
			t.Errorf("%d servers, %d subnets: %d calls, want %d", tc.servers, tc.subnets, len(got), tc.calls)
		}
		n := 0
		for _, q := range got {
			if l := len(q.Encode()) + 300; l > maxURL {
				t.Errorf("%d servers, %d subnets: a URL of %d bytes is answered 414", tc.servers, tc.subnets, l)
			}
			n += len(q[tc.key])
		}
		if want := map[string]int{"device_id": tc.servers, "fixed_ips": tc.subnets}[tc.key]; n != want {
			t.Errorf("%d servers, %d subnets: %d values of %s, want %d", tc.servers, tc.subnets, n, tc.key, want)
		}
	}
}

func TestEndpointsMeanTheSameWithAndWithoutVersionAndSlash(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		read func(string) (string, error)
		want string
		from []string
	}{
		{identityBase, "https://cloud.example:5000/", []string{"https://cloud.example:5000", "https://cloud.example:5000/", "https://cloud.example:5000/v3", "https://CLOUD.example:5000/v3/", "https://cloud.example:5000/v2.0"}},
		{identityBase, "https://cloud.example/identity/", []string{"https://cloud.example/identity", "https://cloud.example:443/identity/v3/", "HTTPS://cloud.example/identity/v3"}},
		{identityBase, "http://[fd00::1]/v2dev/", []string{"http://[fd00::1]:80/v2dev/v3", "http://[fd00::1]/v2dev"}},
		{networkBase, "http://n:9696/v2.0/", []string{"http://n:9696", "http://n:9696/", "http://n:9696/v2.0", "http://n:9696/v2.0/", "http://n:9696/v2/"}},
		{networkBase, "https://c/network/v2.0/", []string{"https://c/network", "https://c/network/v2.0//"}},
	} {
		for _, from := range tc.from {
			if got, err := tc.read(from); err != nil || got != tc.want {
				t.Errorf("%s: %q, %v, want %q", from, got, err, tc.want)
			}
		}
	}
	for from, want := range map[string][2]string{
		"http://n:8774":                         {"http://n:8774/v2.1/", "http://n:8774/v2.1/"},
		"http://n:8774/v2.1/":                   {"http://n:8774/v2.1/", "http://n:8774/v2.1/"},
		"https://c/compute/v2.1":                {"https://c/compute/v2.1/", "https://c/compute/v2.1/"},
		"https://c/compute/v2.1/" + testProject: {"https://c/compute/v2.1/" + testProject + "/", "https://c/compute/v2.1/"},
		"https://c/v2/" + testProject:           {"https://c/v2/" + testProject + "/", "https://c/v2/"},
	} {
		base, version, err := computeBase(from)
		if err != nil || base != want[0] || version != want[1] {
			t.Errorf("%s: %q, %q, %v, want %q", from, base, version, err, want)
		}
	}
	for _, bad := range []string{"", "cloud.example", "ftp://c", "http://", "http://user:secret@c", "http://c?x=1", "http://c/#a", "http://%zz", "://"} {
		if got, err := identityBase(bad); err == nil {
			t.Errorf("%q was read as %q", bad, got)
		}
	}
}

func TestACloudIsNamedByItsEndpointAndRegionHoweverItIsSpelt(t *testing.T) {
	t.Parallel()
	a := Credentials{AuthURL: "https://Cloud.example:443/v3/", Region: "r1", Password: testPassword}
	b := Credentials{AuthURL: "https://cloud.example", Region: "r1", Username: "other"}
	if a.Cloud() != b.Cloud() || a.Cloud() != "https://cloud.example/r1" {
		t.Errorf("%q and %q", a.Cloud(), b.Cloud())
	}
	if c := (Credentials{AuthURL: "http://user:secret@c"}).Cloud(); c != "invalid/" {
		t.Errorf("%q", c)
	}
}

func TestACloudsNameFitsItsColumnHoweverLongItsAddress(t *testing.T) {
	t.Parallel()
	long := "https://cloud.example/" + strings.Repeat("길", 300)
	seen := map[string]bool{}
	for _, c := range []Credentials{
		{AuthURL: long}, {AuthURL: long + "x"}, {AuthURL: long, Region: "r1"}, {AuthURL: long, Region: strings.Repeat("r", 2000)},
		{AuthURL: "https://c", Region: strings.Repeat("😀", 300)}, {AuthURL: "https://c/" + strings.Repeat("x", 180)},
	} {
		name := c.Cloud()
		if len(name) > 200 || seen[name] || !strings.HasPrefix(name, "https://c") || !utf8.ValidString(name) {
			t.Errorf("%d bytes: %s", len(name), name)
		}
		seen[name] = true
	}
	same := Credentials{AuthURL: "HTTPS://cloud.example:443/" + strings.Repeat("길", 300) + "/v3/"}
	if !seen[same.Cloud()] {
		t.Errorf("%s, spelt another way, is another cloud", same.Cloud())
	}
}

func TestTheBestMicroversionIsTheNewestThatHelpsAndIsServed(t *testing.T) {
	t.Parallel()
	for _, tc := range [][3]string{
		{"2.1", "2.93", "2.90"}, {"2.1", "2.90", "2.90"}, {"2.1", "2.89", "2.69"}, {"2.1", "2.60", "2.3"},
		{"2.1", "2.1", ""}, {"", "", ""}, {"2.70", "2.100", "2.90"}, {"x", "2.93", ""}, {"2.1", "3", ""},
	} {
		if got := bestMicroversion(tc[0], tc[1]); got != tc[2] {
			t.Errorf("%s to %s: %q, want %q", tc[0], tc[1], got, tc[2])
		}
	}
}

// A reading of a whole project is mostly waiting: for servers and for ports at
// a time. Here each of the two answers only when the other was asked.
func TestAWholeProjectsServersAndPortsAreReadAtATime(t *testing.T) {
	t.Parallel()
	cloud := startCloud(t)
	asked := map[string]chan struct{}{serversCall: make(chan struct{}), portsCall: make(chan struct{})}
	for call, other := range map[string]string{serversCall: portsCall, portsCall: serversCall} {
		var once sync.Once
		cloud.on(call, func(w http.ResponseWriter, r *http.Request) {
			once.Do(func() { close(asked[call]) })
			select {
			case <-asked[other]:
				cloud.good(w, r)
			case <-r.Context().Done():
			}
		})
	}
	query := inventory.Query{Subnet: "data"}
	for i := range 1000 {
		query.Servers = append(query.Servers, fmt.Sprintf("a-long-name-with-nothing-in-common-%d-%d", i*7919%1000, i))
	}
	c := newClient(t, Options{Timeout: 20 * time.Second})
	if _, err := c.Snapshot(t.Context(), cloud.credentials(), []inventory.Query{query}); err != nil {
		t.Error(err)
	}
}
