// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/utils"
)

// wantedMicroversions of Nova, the best first. 2.90 shows the host name
// (OS-EXT-SRV-ATTR:hostname) to everyone, 2.3 to those whom the policy lets;
// from 2.69 on a list without filter and limit shows the servers of a cell
// that is down, without their names, instead of leaving them out; 2.1 has all
// that is needed. (nova: REST API version history.)
var wantedMicroversions = []string{"2.90", "2.69", "2.3"}

// versionRetry is when a version that could not be read is asked for again:
// before a withdrawal's second look. Servers without their host names look
// renamed, and two such looks would do it.
const versionRetry = 30 * time.Second

// foundVersion is what a login's microversion was found to be.
type foundVersion struct {
	best  string
	until time.Time // zero: the life of the login
}

// microversion finds out once per login; empty is 2.1, for which no header
// is needed.
func (s *session) microversion(ctx context.Context, l *login) (string, error) {
	select {
	case l.versionGate <- struct{}{}:
		defer func() { <-l.versionGate }()
	case <-ctx.Done():
		return "", s.classify(ctx, call{op: opVersion, url: l.endpoints.version}, nil, ctx.Err())
	}
	now := s.opts.Clock.Now()
	if v := l.version.Load(); v != nil && (v.until.IsZero() || now.Before(v.until)) {
		return v.best, nil
	}
	var doc struct {
		Version struct {
			Max string `json:"version"`
			Min string `json:"min_version"`
		} `json:"version"`
	}
	err := s.send(ctx, l.client, "", call{
		service: computeService, op: opVersion, method: http.MethodGet, url: l.endpoints.version, ok: http.StatusOK,
		decode: func(resp *http.Response) error { return decodeWhole(resp.Body, &doc) },
	})
	if e, ok := errors.AsType[*Error](err); ok {
		// Some gateways hide the version document; the listing itself will
		// tell whether the endpoint is wrong.
		if e.Kind != EndpointUnknown && e.Kind != Forbidden {
			return "", err
		}
	}
	v := &foundVersion{best: bestMicroversion(doc.Version.Min, doc.Version.Max)}
	if doc.Version.Max == "" {
		v.until = now.Add(versionRetry)
	}
	if err := s.past.acceptVersion(hostOf(l.endpoints.version), v.best, now); err != nil {
		return "", err
	}
	l.version.Store(v)
	return v.best, nil
}

// rank orders microversions: the more, the better.
func rank(version string) int {
	if i := slices.Index(wantedMicroversions, version); i >= 0 {
		return len(wantedMicroversions) - i
	}
	return 0
}

func bestMicroversion(lowest, highest string) string {
	minMajor, minMinor, err := utils.ParseMicroversion(lowest)
	if err != nil {
		return ""
	}
	maxMajor, maxMinor, err := utils.ParseMicroversion(highest)
	if err != nil {
		return ""
	}
	served := utils.SupportedMicroversions{MinMajor: minMajor, MinMinor: minMinor, MaxMajor: maxMajor, MaxMinor: maxMinor}
	for _, v := range wantedMicroversions {
		if ok, err := served.IsSupported(v); err == nil && ok {
			return v
		}
	}
	return ""
}
