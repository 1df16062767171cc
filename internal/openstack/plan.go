// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

const (
	// maxURL keeps clear of Neutron's limit: request lines of more than
	// 8,192 bytes are answered 414 with an empty body.
	maxURL = 7000
	// maxGetServer is how many servers are asked for one by one before
	// listing all is cheaper.
	maxGetServer = 8
	// maxVerify is how many servers are asked for one by one that a whole list
	// lacks although Neutron shows their ports. That should not be; so many
	// that a list that is cut short or empty is made good in a small project.
	maxVerify = 64
	// maxNarrowPorts is how many calls may ask for the ports of named
	// servers before the subnets' ports are listed.
	maxNarrowPorts = 2
	// maxSubnetsNarrow is how many subnets fit beside the servers in a URL.
	maxSubnetsNarrow = 20
)

// uuid is what both services use for IDs; a name may look like one too.
var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// canonical is a reference in the form of an ID as the services write it: they
// accept it in capitals too, and answer in small letters.
func canonical(ref string) string {
	if uuid.MatchString(ref) {
		return strings.ToLower(ref)
	}
	return ref
}

// wanted is what a set of queries asks for, without doubles, sorted. IDs are
// canonical.
type wanted struct {
	subnetIDs, subnetNames []string
	serverIDs, serverNames []string
	known                  []string
	// spelt are the spellings of each of serverIDs: it may be a name after all.
	spelt map[string][]string
	// knownOn are the subnets, as they are asked for, on which each known
	// server's ports are published.
	knownOn map[string][]string
}

func newWanted(queries []inventory.Query) wanted {
	subnets, servers, known := map[string]bool{}, map[string]bool{}, map[string]bool{}
	w := wanted{spelt: map[string][]string{}, knownOn: map[string][]string{}}
	for _, q := range queries {
		subnet := canonical(q.Subnet)
		subnets[subnet] = true
		for _, ref := range q.Servers {
			servers[ref] = true
		}
		for _, id := range q.KnownServers {
			known[id] = true
			if !slices.Contains(w.knownOn[id], subnet) {
				w.knownOn[id] = append(w.knownOn[id], subnet)
			}
		}
	}
	for _, ref := range sortedKeys(subnets) {
		if uuid.MatchString(ref) {
			w.subnetIDs = append(w.subnetIDs, ref)
		} else {
			w.subnetNames = append(w.subnetNames, ref)
		}
	}
	for _, ref := range sortedKeys(servers) {
		if !uuid.MatchString(ref) {
			w.serverNames = append(w.serverNames, ref)
			continue
		}
		id := canonical(ref)
		if w.spelt[id] == nil {
			w.serverIDs = append(w.serverIDs, id)
		}
		w.spelt[id] = append(w.spelt[id], ref)
	}
	sort.Strings(w.serverIDs)
	w.known = sortedKeys(known)
	return w
}

// subnetFilters are the queries that ask for the subnets: repeated keys are
// OR, but different keys are AND, so names beside IDs need the whole list, as
// do more than one URL holds.
func (w wanted) subnetFilters(base int) []url.Values {
	switch {
	case len(w.subnetIDs)+len(w.subnetNames) == 0:
		return nil
	case len(w.subnetIDs) == 0:
		return oneOrAll(base, "name", w.subnetNames)
	case len(w.subnetNames) == 0:
		return oneOrAll(base, "id", w.subnetIDs)
	}
	return []url.Values{{}}
}

func oneOrAll(base int, key string, values []string) []url.Values {
	chunks := chunk(base, key, values)
	if len(chunks) > 1 {
		return []url.Values{{}}
	}
	return chunks
}

// portFilters are the queries that ask for the ports of servers on subnets:
// of the servers by name where few calls do, else of the subnets as a whole.
func portFilters(base int, servers, subnets []string) []url.Values {
	if len(servers) == 0 || len(subnets) == 0 {
		return nil
	}
	onSubnets := make([]string, len(subnets))
	for i, id := range subnets {
		onSubnets[i] = "subnet_id=" + id
	}
	extra := url.Values{}
	if len(subnets) <= maxSubnetsNarrow {
		extra["fixed_ips"] = onSubnets
	}
	narrow := chunk(base+len(extra.Encode())+1, "device_id", servers)
	if len(narrow) <= maxNarrowPorts {
		for _, q := range narrow {
			if len(extra) > 0 {
				q["fixed_ips"] = onSubnets
			}
		}
		return narrow
	}
	return subnetFilters(base, subnets)
}

// subnetFilters are the queries that ask for all ports of subnets.
func subnetFilters(base int, subnets []string) []url.Values {
	onSubnets := make([]string, len(subnets))
	for i, id := range subnets {
		onSubnets[i] = "subnet_id=" + id
	}
	return chunk(base, "fixed_ips", onSubnets)
}

// bySubnet says whether the ports of so many servers are asked for by subnet.
func bySubnet(base, servers int, subnets []string) bool {
	if len(subnets) == 0 {
		return false
	}
	const id = "00000000-0000-0000-0000-000000000000"
	_, narrow := portFilters(base, slices.Repeat([]string{id}, servers), subnets)[0]["device_id"]
	return servers > 0 && !narrow
}

// chunk spreads values over as few queries as fit into URLs, of which base
// bytes are taken.
func chunk(base int, key string, values []string) []url.Values {
	var out []url.Values
	size := 0
	for _, v := range values {
		cost := len(key) + len(url.QueryEscape(v)) + 2
		if len(out) == 0 || size+cost > maxURL {
			out = append(out, url.Values{})
			size = base
		}
		size += cost
		last := out[len(out)-1]
		last[key] = append(last[key], v)
	}
	return out
}

func sortedKeys(set map[string]bool) []string {
	keys := make([]string, 0, len(set))
	for k := range set {
		if k != "" {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	return keys
}
