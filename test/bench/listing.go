// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// pageSize and microversion are the controller's (internal/openstack).
const (
	pageSize     = 1000
	microversion = "2.90"
)

// bare is OpenStack without any care: no checks, no retries, no limits.
type bare struct {
	job
	http             http.Client
	token            string
	network, compute string
	calls            int
	bytes            int64
}

// listTwice is the floor of a reading: one login, one list of the subnets, one
// of their networks, all pages of servers and ports, and nothing else; then
// all of it again but the login.
func listTwice(ctx context.Context, j job) (partResult, error) {
	b := &bare{job: j}
	var r partResult
	start := time.Now()
	if err := b.login(ctx); err != nil {
		return r, err
	}
	if err := b.list(ctx); err != nil {
		return r, err
	}
	r.Wall, r.Calls, r.Bytes = time.Since(start), b.calls, b.bytes
	start = time.Now()
	if err := b.list(ctx); err != nil {
		return r, err
	}
	r.Again.Wall, r.Again.Calls, r.Again.Bytes = time.Since(start), b.calls-r.Calls, b.bytes-r.Bytes
	return r, nil
}

func (b *bare) login(ctx context.Context) error {
	body := map[string]any{"auth": map[string]any{
		"identity": map[string]any{"methods": []string{"password"}, "password": map[string]any{
			"user": map[string]any{"name": b.User, "password": b.Password, "domain": map[string]string{"name": "Default"}},
		}},
		"scope": map[string]any{"project": map[string]string{"id": b.ProjectID}},
	}}
	var answer struct {
		Token struct {
			Catalog []struct {
				Type      string
				Endpoints []struct{ Interface, URL string }
			}
		}
	}
	header, err := b.do(ctx, http.MethodPost, b.AuthURL+"/auth/tokens", body, &answer)
	if err != nil {
		return err
	}
	b.token = header.Get("X-Subject-Token")
	for _, s := range answer.Token.Catalog {
		for _, e := range s.Endpoints {
			if e.Interface != "public" {
				continue
			}
			switch s.Type {
			case "network":
				b.network = strings.TrimSuffix(strings.TrimSuffix(e.URL, "/"), "/v2.0") + "/v2.0/"
			case "compute":
				b.compute = strings.TrimSuffix(e.URL, "/") + "/"
			}
		}
	}
	return nil
}

// barePage is a page of any of the four lists, with what the controller needs
// of it.
type barePage struct {
	Subnets []struct {
		ID, Name, CIDR string
		NetworkID      string `json:"network_id"`
	}
	Networks []struct {
		ID  string
		MTU int
	}
	Servers []struct {
		ID, Name, Status string
		HostName         string `json:"OS-EXT-SRV-ATTR:hostname"`
	}
	Ports []struct {
		ID, Status  string
		MAC         string `json:"mac_address"`
		NetworkID   string `json:"network_id"`
		DeviceID    string `json:"device_id"`
		DeviceOwner string `json:"device_owner"`
		FixedIPs    []struct {
			SubnetID string `json:"subnet_id"`
			Address  string `json:"ip_address"`
		} `json:"fixed_ips"`
	}
	ServersLinks []bareLink `json:"servers_links"`
	PortsLinks   []bareLink `json:"ports_links"`
}

type bareLink struct{ Rel string }

// next is the marker of the page after this one; empty if this is the last.
// Subnets and networks fit into a page.
func (p *barePage) next() string {
	for _, l := range append(p.ServersLinks, p.PortsLinks...) {
		if l.Rel != "next" {
			continue
		}
		if n := len(p.Servers); n > 0 {
			return p.Servers[n-1].ID
		}
		return p.Ports[len(p.Ports)-1].ID
	}
	return ""
}

// list reads everything there is of the subnets.
func (b *bare) list(ctx context.Context) error {
	subnets, err := b.pages(ctx, b.network+"subnets", url.Values{"name": b.Subnets, "fields": {"id", "name", "cidr", "network_id"}})
	if err != nil {
		return err
	}
	networks, onSubnets := url.Values{"fields": {"id", "mtu"}}, []string{}
	for _, s := range subnets[0].Subnets {
		networks.Add("id", s.NetworkID)
		onSubnets = append(onSubnets, "subnet_id="+s.ID)
	}
	if _, err := b.pages(ctx, b.network+"networks", networks); err != nil {
		return err
	}
	if _, err := b.pages(ctx, b.compute+"servers/detail", url.Values{}); err != nil {
		return err
	}
	_, err = b.pages(ctx, b.network+"ports", url.Values{
		"fixed_ips": onSubnets, "fields": {"id", "mac_address", "network_id", "device_id", "device_owner", "status", "fixed_ips"},
	})
	return err
}

// pages reads all pages of one list.
func (b *bare) pages(ctx context.Context, address string, query url.Values) ([]*barePage, error) {
	query.Set("limit", strconv.Itoa(pageSize))
	var all []*barePage
	for {
		page := &barePage{}
		if _, err := b.do(ctx, http.MethodGet, address+"?"+query.Encode(), nil, page); err != nil {
			return nil, err
		}
		all = append(all, page)
		marker := page.next()
		if marker == "" {
			return all, nil
		}
		query.Set("marker", marker)
	}
}

// do makes one call.
func (b *bare) do(ctx context.Context, method, address string, body, into any) (http.Header, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, content)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if b.token != "" {
		req.Header.Set("X-Auth-Token", b.token)
		req.Header.Set("OpenStack-API-Version", "compute "+microversion)
	}
	b.calls++
	resp, err := b.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return nil, fmt.Errorf("%s %s: %s", method, req.URL.Path, resp.Status)
	}
	text := &counted{Reader: resp.Body}
	err = json.NewDecoder(text).Decode(into)
	if err == nil {
		_, err = io.Copy(io.Discard, text) // to the end, so that the connection is used again
	}
	b.bytes += text.n
	return resp.Header, err
}

type counted struct {
	io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}
