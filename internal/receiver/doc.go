// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package receiver answers POST /v1/trigger on every replica.
//
//	request ─► authenticate ─► understand ─► match ─► write down ─► 202
//	             401, 403        400, 413      404    (group commit)
//
// A call is answered with 202 only after it was written down in the cluster, in
// one object whatever it matches; the leader finds it there. Calls that come
// while one is being written share the next write. See docs/design/triggers.md.
package receiver
