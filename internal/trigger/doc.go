// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package trigger decides, from values alone, when OpenStack is called for an
// object. Config is what the MultiNicOperator's reconcileTrigger means, Input
// what is known of one object, Decision what is to be done now and when to
// decide again.
package trigger
