// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package children_test

import (
	"slices"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/children"
)

func TestFightsAreSlowed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	desired := deployment(s.namespace)
	s.ensure(desired, true, children.Created)
	advance := func(d time.Duration) { s.clock.SetTime(s.clock.Now().Add(d)) }
	for range 6 {
		s.addEnv(desired, intruder, "FOO")
		s.ensure(desired, true, children.Repaired)
		advance(time.Second)
	}
	advance(-time.Second)
	for spacing := 2 * time.Second; ; spacing = min(2*spacing, 5*time.Minute) {
		s.addEnv(desired, intruder, "FOO")
		s.calls = counter{}
		result := s.ensure(desired, true, children.Contested)
		if result.RetryAfter != spacing || !slices.Equal(result.By, []string{intruder}) || len(result.Differences) != 1 || s.calls.writes > 0 {
			t.Fatalf("want to wait %s: %+v, calls %+v", spacing, result, s.calls)
		}
		advance(spacing - time.Millisecond)
		s.ensure(desired, true, children.Contested)
		advance(time.Millisecond)
		s.ensure(desired, true, children.Repaired)
		s.ensure(desired, true, children.Unchanged)
		if spacing == 5*time.Minute {
			break
		}
	}
	// What we want ourselves is not held up, and deletion counts too.
	desired.Spec.MinReadySeconds = 5
	s.ensure(desired, true, children.Updated)
	if err := s.raw.Delete(t.Context(), s.named(desired)); err != nil {
		t.Fatal(err)
	}
	if result := s.ensure(desired, true, children.Contested); result.RetryAfter != 5*time.Minute {
		t.Errorf("a deletion in a fight: %+v", result)
	}
	advance(5 * time.Minute)
	s.ensure(desired, true, children.Repaired)
	advance(10 * time.Minute)
	s.addEnv(desired, intruder, "FOO")
	s.ensure(desired, true, children.Repaired)
	s.addEnv(desired, intruder, "FOO")
	s.ensure(desired, true, children.Repaired)
}
