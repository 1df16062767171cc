// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package backup_test

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/backup"
)

func latest(t testing.TB, dir string, now time.Time, bucket backup.Bucket) backup.Result {
	t.Helper()
	r, err := backup.Fetch(t.Context(), backup.FetchOptions{
		Dir: dir, Name: backup.Latest, To: filepath.Join(t.TempDir(), "out.sql.gz"), Bucket: bucket, Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestAClockThatIsBehindHidesNoNewerBackup: neither from a restore nor when what is old
// is pruned.
func TestAClockThatIsBehindHidesNoNewerBackup(t *testing.T) {
	t.Parallel()
	s, dir := newS3(t), t.TempDir()
	var made []string // the newest first
	add := func(at time.Time) {
		t.Helper()
		r, err := keep(t, dir, backup.Scheduled, 1, at, s.bucket(t))
		if err != nil || r.Error != "" {
			t.Fatalf("%+v, %v", r, err)
		}
		made = slices.Insert(made, 0, r.Name)
		want := made[:min(3, len(made))]
		if got := names(t, dir); !slices.Equal(got, want) || !slices.Equal(r.Available, want) {
			t.Errorf("the folder has %v, the result %v, want the last three, %v", got, r.Available, want)
		}
	}
	day := func(n int) time.Time { return start.AddDate(0, 0, n) }
	for n := range 4 {
		add(day(n))
	}
	for what, now := range map[string]time.Time{"six minutes": day(3).Add(-6 * time.Minute), "days": day(1), "years": day(-2000)} {
		for where, from := range map[string]string{"here": dir, "in the bucket": "/nonexistent"} {
			r := latest(t, from, now, s.bucket(t))
			if r.Name != made[0] {
				t.Errorf("by a clock that is %s behind, the latest %s is %s, want %s", what, where, r.Name, made[0])
			}
			if !strings.Contains(r.Warning, "this clock") {
				t.Errorf("that it is dated in the future is told as %q", r.Warning)
			}
		}
	}
	add(day(2).Add(time.Hour)) // between two that are there
	add(day(2).Add(2 * time.Hour))
	if r := latest(t, dir, day(9), s.bucket(t)); r.Name != made[0] || r.Warning != "" {
		t.Errorf("the latest is %s (%s), want %s", r.Name, r.Warning, made[0])
	}
	add(day(4))
}

// TestWhateverTheClocksSayTheLastBackupsAreKept: in the folder, in the bucket, and when
// the folder's volume is lost.
func TestWhateverTheClocksSayTheLastBackupsAreKept(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		random := rand.New(rand.NewPCG(seed, 0))
		s, dir := newS3(t), t.TempDir()
		sometime := func() time.Time {
			// Far enough apart that hardly a name comes again once it is gone.
			return start.Add(time.Duration(random.Int64N(int64([]time.Duration{time.Hour, 24 * time.Hour, 3000 * time.Hour}[random.IntN(3)]))))
		}
		var here, all []string // the newest first
		last := func(made []string) (left []string) {
			count := map[bool]int{}
			for _, name := range made {
				scheduled := strings.HasSuffix(name, backup.Scheduled)
				if count[scheduled]++; count[scheduled] <= 3 {
					left = append(left, name)
				}
			}
			return left
		}
		for range 15 {
			if random.IntN(8) == 0 {
				dir, here = t.TempDir(), nil
			}
			r, err := keep(t, dir, []string{backup.Scheduled, "manual"}[random.IntN(2)], 1, sometime(), s.bucket(t))
			if err != nil || r.Error != "" {
				t.Fatalf("%+v, %v", r, err)
			}
			here, all = last(slices.Insert(here, 0, r.Name)), last(slices.Insert(all, 0, r.Name))
			if got := names(t, dir); !slices.Equal(got, here) {
				t.Fatalf("seed %d: after %s the folder has\n%v, want\n%v", seed, r.Name, got, here)
			}
			if !slices.Equal(r.Available, all) || len(s.keys(t)) != 2*len(all) {
				t.Fatalf("seed %d: in the bucket are\n%v, available\n%v, want\n%v", seed, s.keys(t), r.Available, all)
			}
			for _, from := range []string{dir, "/nonexistent"} {
				if got := latest(t, from, sometime(), s.bucket(t)); got.Name != r.Name || !slices.Equal(got.Available, all) {
					t.Fatalf("seed %d: the latest is %s of\n%v, want %s of\n%v", seed, got.Name, got.Available, r.Name, all)
				}
			}
		}
	}
}
