// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
)

var (
	identityVersion = regexp.MustCompile(`/v(2\.0|3)$`)
	networkVersion  = regexp.MustCompile(`/v2(\.0)?$`)
	// Nova's path may end with the project's ID: required before Newton, and
	// still found in catalogues.
	computeVersion = regexp.MustCompile(`(/v2(?:\.\d+)?)(/[^/]+)?$`)
)

// parseEndpoint reads an address and gives it one spelling: lower-case scheme
// and host, no default port, no trailing slash. User names, queries and
// fragments are refused: an address gets into messages and metrics.
func parseEndpoint(address string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		// url.Error quotes the whole address, which may hold a password.
		return nil, errors.New("is no URL: use http(s)://host:port/path")
	}
	u.Scheme = strings.ToLower(u.Scheme)
	if (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return nil, errors.New("is no URL: use http(s)://host:port/path")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("must not hold a user name, a query or a fragment")
	}
	u.Host = strings.ToLower(u.Host)
	if port := u.Port(); port == "" || (u.Scheme == "http" && port == "80") || (u.Scheme == "https" && port == "443") {
		u.Host = strings.TrimSuffix(strings.TrimSuffix(u.Host, ":"+port), ":")
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u, nil
}

// identityBase is Keystone's address without version, with a trailing slash.
func identityBase(address string) (string, error) {
	u, err := parseEndpoint(address)
	if err != nil {
		return "", err
	}
	u.Path = identityVersion.ReplaceAllString(u.Path, "") + "/"
	return u.String(), nil
}

// networkBase is Neutron's resource base, .../v2.0/.
func networkBase(address string) (string, error) {
	u, err := parseEndpoint(address)
	if err != nil {
		return "", err
	}
	u.Path = networkVersion.ReplaceAllString(u.Path, "") + "/v2.0/"
	return u.String(), nil
}

// computeBase is Nova's resource base (.../v2.1/, perhaps with the project)
// and the address of its version document.
func computeBase(address string) (base, version string, err error) {
	u, err := parseEndpoint(address)
	if err != nil {
		return "", "", err
	}
	path := u.Path
	m := computeVersion.FindStringSubmatchIndex(path)
	if m == nil {
		path += "/v2.1"
		u.Path = path + "/"
		return u.String(), u.String(), nil
	}
	u.Path = path + "/"
	base = u.String()
	u.Path = path[:m[3]] + "/"
	return base, u.String(), nil
}

// availability is the catalogue's word for Credentials.Interface.
func availability(iface string) string {
	if iface = strings.TrimSuffix(iface, "URL"); iface != "" {
		return iface
	}
	return string(gophercloud.AvailabilityPublic)
}

// fromCatalogue finds the address of a service. Several different addresses
// are an error that names the regions: taking the first could read another
// region after the catalogue's order changed, and find every server gone.
func fromCatalogue(catalogue *tokens.ServiceCatalog, cred Credentials, types ...string) (string, error) {
	found := map[string]string{} // address: region
	regions := map[string]bool{}
	for _, entry := range catalogue.Entries {
		if !slices.Contains(types, entry.Type) {
			continue
		}
		for _, e := range entry.Endpoints {
			region := firstOf(e.Region, e.RegionID)
			regions[region] = true
			if e.Interface != availability(cred.Interface) {
				continue
			}
			if cred.Region != "" && e.Region != cred.Region && e.RegionID != cred.Region {
				continue
			}
			found[e.URL] = region
		}
	}
	known := make([]string, 0, len(regions))
	for r := range regions {
		known = append(known, fmt.Sprintf("%q", r))
	}
	sort.Strings(known)
	switch {
	case len(regions) == 0:
		return "", fmt.Errorf("the service catalogue has no %s service: give the endpoint, or ask the cloud's administrator", types[0])
	case len(found) == 0:
		return "", fmt.Errorf("the service catalogue has no %s endpoint with interface %q in region %q (regions: %s): correct region_name or interface, or give the endpoint",
			types[0], availability(cred.Interface), cred.Region, strings.Join(known, ", "))
	case len(found) > 1:
		return "", fmt.Errorf("the service catalogue has %d different %s endpoints with interface %q (regions: %s): choose one by region_name in clouds.yaml, or give the endpoint",
			len(found), types[0], availability(cred.Interface), strings.Join(known, ", "))
	}
	for address := range found {
		return address, nil
	}
	return "", nil
}

// endpoints are the addresses of one login.
type endpoints struct {
	network string // resource base, with trailing slash
	compute string // resource base, with trailing slash
	version string // Nova's version document
}

func locate(catalogue *tokens.ServiceCatalog, cred Credentials) (endpoints, error) {
	var out endpoints
	network, compute := cred.NetworkEndpoint, cred.ComputeEndpoint
	var err error
	if network == "" {
		if network, err = fromCatalogue(catalogue, cred, "network", "networking"); err != nil {
			return out, err
		}
	}
	if compute == "" {
		if compute, err = fromCatalogue(catalogue, cred, "compute"); err != nil {
			return out, err
		}
	}
	if out.network, err = networkBase(network); err != nil {
		return out, fmt.Errorf("the address of the network service %w", err)
	}
	if out.compute, out.version, err = computeBase(compute); err != nil {
		return out, fmt.Errorf("the address of the compute service %w", err)
	}
	return out, nil
}

// hostOf names an endpoint in messages.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "an invalid address"
	}
	return u.Scheme + "://" + u.Host
}
