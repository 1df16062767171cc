// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"testing"
	"time"
)

func TestASnapshotTellsWhenItsReadingBeganAndEnded(t *testing.T) {
	t.Parallel()
	before := time.Now()
	s := mustSnapshot(t, newClient(t, Options{}), startCloud(t).credentials(), oneVM)
	if s.TakenAt().Before(before) || !s.EndedAt().After(s.TakenAt()) || s.EndedAt().After(time.Now()) {
		t.Errorf("began at %v and ended at %v, asked at %v", s.TakenAt(), s.EndedAt(), before)
	}
}
