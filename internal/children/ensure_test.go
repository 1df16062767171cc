// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package children_test

import (
	"testing"

	"github.com/xormsdhkdwk/multinic/internal/children"
)

func TestNothingIsWrittenWhereNothingChanged(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for kind, desired := range kinds(s.namespace) {
		s.ensure(desired, true, children.Created)
		before := s.live(desired)
		s.calls = counter{}
		for range 100 {
			s.ensure(kinds(s.namespace)[kind], true, children.Unchanged)
		}
		if s.calls != (counter{reads: 100}) {
			t.Errorf("%s: a hundred calls for nothing cost %+v, want a read each", kind, s.calls)
		}
		s.restart()
		s.calls = counter{}
		s.ensure(desired, true, children.Unchanged)
		if s.calls.writes != 0 || s.calls.dryRuns != 1 {
			t.Errorf("%s: after a restart: %+v", kind, s.calls)
		}
		if now := s.live(desired); now.GetResourceVersion() != before.GetResourceVersion() {
			t.Errorf("%s: written though nothing changed", kind)
		}
	}
}
