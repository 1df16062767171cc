// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package openstack is the one place that speaks with OpenStack. It answers
// one question, Client.Snapshot: what do Nova and Neutron hold of these
// servers and subnets of this project? The answer is whole or an *Error;
// gophercloud's types and OpenStack's quirks end here.
//
//	Credentials ─► session ─► login (token, endpoints, microversion)
//	                  │
//	queries ─► subnets ─► networks ─► servers ─► ports ─► inventory.Snapshot
//
// Few calls. A session is shared by everyone with the same credentials, so a
// project is read with one login. Subnets, networks and ports are asked for
// by repeated filters (Neutron: a repeated key is OR), servers by one or two
// patterns over their names (see pattern.go) while those are selective, or
// else as one paged listing.
//
// Whole answers. A list counts only if its key is there and is an array, each
// item has the fields that were asked for, the body ended where JSON ends,
// and every page has come. A marker that vanished (the list changed under the
// paging) starts the listing again. A token of another project is refused at
// login, since Nova and Neutron answer it with 200 and an empty list. Nova's
// lists leave out the servers of a cell that is down, in silence, so published
// servers that a list lacks are absent only if Neutron shows no port on them
// either, or if Nova denies them one by one.
//
// Bounded. Every call has a timeout, every body a limit, every cloud a token
// bucket; pages are decoded as they stream, item by item. Redirects to other
// hosts are not followed and a page's next link is only read for its marker,
// so a token goes nowhere but to the endpoint.
//
// gophercloud's own repair hooks (ReauthFunc, RetryBackoffFunc, RetryFunc)
// stay unset: they know neither the bucket nor the deadline, and its
// re-authentication gives up when 401 and 200 alternate, as they do while the
// API workers disagree on a revoked token (keystonemiddleware's
// token_cache_time).
package openstack
