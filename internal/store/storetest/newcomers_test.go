// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/store"
)

func TestAViewCountsTheYoungClaimsOfACloudByTheirAge(t *testing.T) {
	t.Parallel()
	l, _ := leader(t)
	plan := FirstRun(6, 1)
	since := []time.Time{Start, Start, Start.Add(time.Minute), Start.Add(2 * time.Minute), Start.Add(2 * time.Minute), Start.Add(2 * time.Minute)}
	for i := range plan.PutClaims {
		plan.PutClaims[i].Since = since[i]
	}
	plan.Interfaces[5].Row.Status, plan.Interfaces[5].Row.HostName = inventory.Deleted, ""
	apply(t, l, plan)

	got := view(t, l, store.ViewQuery{Clouds: []string{Cloud, "another"}, RecentSince: Start.Add(time.Minute)})
	want := []inventory.Newcomers{{Cloud: Cloud, Since: since[2], Claims: 1}, {Cloud: Cloud, Since: since[3], Claims: 2}}
	if diff := cmp.Diff(want, got.Newcomers); diff != "" {
		t.Errorf("newcomers (-want +got):\n%s", diff)
	}
	if got.Clouds[Cloud] != 5 {
		t.Errorf("the cloud has %d claims, want 5 with the old ones", got.Clouds[Cloud])
	}
}
