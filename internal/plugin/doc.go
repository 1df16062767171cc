// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package plugin is kubectl multinic: what a person does by hand with MultiNic, in
// one word each. It reads and writes through the API server alone, never the
// database, so whoever may use kubectl may use it, with the same rights.
//
// Each verb is a file. What they share: root.go (flags and options), kube.go (the
// way to the cluster), selection.go (which objects), text.go (how it is written).
package plugin
