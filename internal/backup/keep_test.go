// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package backup_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/backup"
)

var start = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// later is when all that tests make is of the past.
func later() time.Time { return start.AddDate(0, 0, 7) }

// small is the text of a dump with n claims.
func small(n int) string {
	var b strings.Builder
	b.WriteString("-- MultiNic backup, format 1\n-- Server version\t10.11.6-MariaDB\n")
	for _, table := range []string{"cr_state", "multi_claim", "multi_interface_shut_0", "multi_subnet", "node_table", "multi_epoch", "multi_schema_version"} {
		if table == "multi_schema_version" {
			b.WriteString("-- MultiNic: all is there but the version\n")
		}
		fmt.Fprintf(&b, "DROP TABLE IF EXISTS `%s`;\nCREATE TABLE `%s` (\n  `id` int(11)\n);\n", table, table)
		for i := range n {
			if table == "multi_claim" {
				fmt.Fprintf(&b, "INSERT INTO `multi_claim` VALUES (%d);\n", i)
			}
		}
	}
	b.WriteString("\n-- Dump completed on 2026-03-04  5:06:07\n")
	return b.String()
}

// newDump puts a dump where dump.sh does.
func newDump(t testing.TB, dir, text string) string {
	t.Helper()
	file := filepath.Join(dir, ".unfinished", "dump.sql.gz")
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(zipped(t, text), file); err != nil {
		t.Fatal(err)
	}
	return file
}

func keep(t testing.TB, dir, reason string, n int, at time.Time, bucket backup.Bucket) (backup.Result, error) {
	t.Helper()
	return backup.Keep(t.Context(), backup.KeepOptions{
		Dir: dir, File: newDump(t, dir, small(n)), Reason: reason, Keep: 3, Bucket: bucket, Now: func() time.Time { return at },
	})
}

func names(t testing.TB, dir string) []string {
	t.Helper()
	whole, _, err := backup.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	return namesOf(whole)
}

func TestABackupIsKeptWithItsManifest(t *testing.T) {
	t.Parallel()
	db, _, _ := published(t, 5)
	dir, file := t.TempDir(), dump(t, db)
	r, err := backup.Keep(t.Context(), backup.KeepOptions{Dir: dir, File: file, Reason: "manual", Keep: 1, Now: func() time.Time { return start }})
	if err != nil {
		t.Fatal(err)
	}
	if r.Name != "20260304t050607z-manual" || !slices.Equal(r.Available, []string{r.Name}) || r.Uploaded || r.Bytes == 0 || len(r.SHA256) != 64 {
		t.Errorf("the result is %+v", r)
	}
	text, err := os.ReadFile(filepath.Join(dir, r.Name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var m backup.Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	if m.Rows["multi_interface_shut_0"] != 5 || m.Rows["multi_claim"] != 5 || m.Rows["multi_epoch"] != 1 || m.Rows["multi_pending"] != 0 ||
		!strings.Contains(m.ServerVersion, "MariaDB") || len(m.Tables) != len(tablesOf(t, db))-1 || !m.CreatedAt.Equal(start) {
		t.Errorf("the manifest is %s", text)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the dump is still where it was written")
	}

	// And back, into another database.
	to, target := filepath.Join(t.TempDir(), "dump.sql.gz"), published
	if _, err := backup.Fetch(t.Context(), backup.FetchOptions{Dir: dir, Name: backup.Latest, To: to, Now: later}); err != nil {
		t.Fatal(err)
	}
	other, _, _ := target(t, 1)
	load(t, other, to)
	if n := lines(t, other, "SELECT COUNT(*) FROM multi_interface_shut_0"); n[0] != "5" {
		t.Errorf("%s interfaces are restored, want 5", n[0])
	}
}

func TestOldBackupsGoAndTwoOfASecondAreTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 5 {
		if _, err := keep(t, dir, backup.Scheduled, i, start.Add(time.Duration(i)*time.Hour), nil); err != nil {
			t.Fatal(err)
		}
	}
	var last backup.Result
	for i := range 3 {
		var err error
		if last, err = keep(t, dir, "manual", i, start.Add(9*time.Hour), nil); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"20260304t140609z-manual", "20260304t140608z-manual", "20260304t140607z-manual",
		"20260304t090607z-scheduled", "20260304t080607z-scheduled", "20260304t070607z-scheduled",
	}
	if got := names(t, dir); len(got) != 6 || !slices.Contains(got, last.Name) {
		t.Errorf("there are %v after %s", got, last.Name)
	} else if slices.Sort(got); !slices.Equal(got, sorted(want)) {
		t.Errorf("there are %v, want %v", got, want)
	}
	if !slices.Equal(sorted(last.Available), sorted(want)) {
		t.Errorf("available are %v, want %v", last.Available, want)
	}
	if r, err := keep(t, dir, backup.Scheduled, 1, start.Add(-time.Hour), nil); err != nil || !slices.Contains(names(t, dir), r.Name) {
		t.Errorf("what was made by a clock that went back is not kept: %v, %v", r, err)
	}
}

func sorted(all []string) []string { return slices.Sorted(slices.Values(all)) }

func TestWhatIsNotWholeIsNeitherListedNorCountedAndGoes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var made []string
	for i := range 3 {
		r, err := keep(t, dir, backup.Scheduled, i, start.Add(time.Duration(i)*time.Hour), nil)
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, r.Name)
	}
	damage := map[string]string{
		"20260401t000000z-scheduled.json":   "{}",                                           // of a crash before the dump was in place
		"20260402t000000z-scheduled.sql.gz": "no manifest",                                  // of a removal that died
		made[1] + ".sql.gz":                 "other bytes",                                  // of a bad disk
		"20260403t000000z-scheduled.sql.gz": "a dump whose manifest was not written wholly", //
		"20260403t000000z-scheduled.json":   "{\"name\": \"2026",                            //
		".unfinished/left.sql.gz.part":      "of a dump that was killed",                    //
		"README":                            "a person's",
	}
	for name, text := range damage {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	whole, broken, err := backup.List(dir)
	if err != nil || len(whole) != 2 || len(broken) != 4 {
		t.Errorf("whole %v, broken %v, %v; want 2 and 4", whole, broken, err)
	}
	if _, err := keep(t, dir, backup.Scheduled, 3, start.Add(5*time.Hour), nil); err != nil {
		t.Fatal(err)
	}
	for name := range damage {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("%s has just been changed and is gone", name)
		}
		old := start.Add(-24 * time.Hour)
		if err := os.Chtimes(filepath.Join(dir, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	old := start.Add(-24 * time.Hour)
	_ = os.Chtimes(filepath.Join(dir, made[1]+".json"), old, old)
	if _, err := keep(t, dir, backup.Scheduled, 4, start.Add(6*time.Hour), nil); err != nil {
		t.Fatal(err)
	}
	for name := range damage {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != (name == "README") {
			t.Errorf("%s: %v, want it gone, but for what is a person's", name, err)
		}
	}
	if got := names(t, dir); len(got) != 3 {
		t.Errorf("there are %v, want three", got)
	}
}

func TestADumpThatIsNotWholeIsNotKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	whole := small(3)
	for name, text := range map[string]string{
		"without its end":    strings.Replace(whole, "-- Dump completed", "-- ", 1),
		"half":               whole[:len(whole)/2],
		"another program's":  strings.Replace(whole, "-- MultiNic backup", "-- MySQL dump", 1),
		"without a table":    strings.Replace(whole, "CREATE TABLE `multi_epoch`", "CREATE TABLE `multi_other`", 1),
		"with a table twice": strings.Replace(whole, "CREATE TABLE `multi_epoch`", "CREATE TABLE `multi_claim`", 1) + small(1),
		"with the gate open": strings.ReplaceAll(whole, "multi_interface_shut_0", "multi_interface"),
		"empty":              "",
	} {
		file := newDump(t, dir, text)
		r, err := backup.Keep(t.Context(), backup.KeepOptions{Dir: dir, File: file, Reason: "manual", Keep: 3, Now: later})
		if err == nil || r.Name != "" || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: kept as %q, %v", name, r.Name, err)
		}
	}
	file := newDump(t, dir, whole)
	packed, _ := os.ReadFile(file)
	for name, raw := range map[string][]byte{"cut off": packed[:len(packed)-5], "with junk": append(slices.Clone(packed), 'x'), "not compressed": []byte(whole)} {
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := backup.Keep(t.Context(), backup.KeepOptions{Dir: dir, File: file, Reason: "manual", Keep: 3, Now: later}); err == nil {
			t.Errorf("a dump %s is kept", name)
		}
	}
	if got := names(t, dir); got != nil {
		t.Errorf("there are %v", got)
	}
}

// TestWhatARestoreReplacesIsNeitherTheLatestNorDrivesOutWhatIsRestored: the dump before a
// restore is made first, and then the one that was asked for is fetched.
func TestWhatARestoreReplacesIsNeitherTheLatestNorDrivesOutWhatIsRestored(t *testing.T) {
	t.Parallel()
	dir, to := t.TempDir(), filepath.Join(t.TempDir(), "out.sql.gz")
	good, err := keep(t, dir, "requested", 3, start, nil)
	if err != nil {
		t.Fatal(err)
	}
	var replaced backup.Result
	for i := range 5 {
		if replaced, err = keep(t, dir, backup.BeforeRestore, 1, start.Add(time.Duration(i+1)*time.Hour), nil); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Contains(replaced.Available, good.Name) {
		t.Errorf("there are %v, without %s", replaced.Available, good.Name)
	}
	r, err := backup.Fetch(t.Context(), backup.FetchOptions{Dir: dir, Name: backup.Latest, To: to, Now: later})
	if err != nil || r.Name != good.Name {
		t.Errorf("the latest is %q, %v; want %s", r.Name, err, good.Name)
	}
	if r, err := backup.Fetch(t.Context(), backup.FetchOptions{Dir: dir, Name: replaced.Name, To: to, Now: later}); err != nil || r.Name != replaced.Name {
		t.Errorf("by name: %q, %v", r.Name, err)
	}
	if _, err := keep(t, dir, "requested", 3, start.Add(9*time.Hour), nil); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); len(got) != 3 {
		t.Errorf("after the next backup there are %v, want those that are kept", got)
	}
}

func TestFetchSaysWhatThereIs(t *testing.T) {
	t.Parallel()
	dir, to := t.TempDir(), filepath.Join(t.TempDir(), "out.sql.gz")
	fetch := func(name string) (backup.Result, error) {
		return backup.Fetch(t.Context(), backup.FetchOptions{Dir: dir, Name: name, To: to, Now: later})
	}
	if _, err := fetch(backup.Latest); err == nil || !strings.Contains(err.Error(), "there is none at all") {
		t.Errorf("from an empty folder: %v", err)
	}
	first, _ := keep(t, dir, "manual", 2, start, nil)
	second, _ := keep(t, dir, backup.Scheduled, 4, start.Add(time.Hour), nil)
	if r, err := fetch(backup.Latest); err != nil || r.Name != second.Name || r.Rows["multi_claim"] != 4 || r.Bytes != second.Bytes {
		t.Errorf("the latest is %+v, %v; want %s", r, err, second.Name)
	}
	if r, err := fetch(first.Name); err != nil || r.Name != first.Name {
		t.Errorf("by name: %+v, %v", r, err)
	}
	if rows, err := os.ReadFile(to + backup.RowsSuffix); err != nil || !strings.Contains(string(rows), "multi_claim 2\n") {
		t.Errorf("the rows are %q, %v", rows, err)
	}
	if _, err := fetch("20200101t000000z-manual"); err == nil || !strings.Contains(err.Error(), second.Name+", "+first.Name) {
		t.Errorf("a name that isn't there: %v, want the names that are", err)
	}
	if err := os.WriteFile(filepath.Join(dir, first.Name+".sql.gz"), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	os.Remove(to)
	if _, err := fetch(first.Name); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("a damaged one: %v", err)
	}
	if left, _ := filepath.Glob(to + "*"); len(left) != 1 {
		t.Errorf("a failed fetch leaves %v", left)
	}
}

// broken is a bucket that is away.
type broken struct{ backup.Bucket }

func (broken) String() string                                { return "s3://away/" }
func (broken) List(context.Context) ([]backup.Object, error) { return nil, errors.New("no route") }
func (broken) Get(context.Context, string, io.Writer) error  { return errors.New("no route") }
func (broken) Put(context.Context, string, string) error     { return errors.New("no route") }

func TestABucketThatIsAwayHurtsNothingHere(t *testing.T) {
	t.Parallel()
	dir, to := t.TempDir(), filepath.Join(t.TempDir(), "out.sql.gz")
	r, err := keep(t, dir, "manual", 2, start, broken{})
	if err != nil || !strings.Contains(r.Error, "no route") || r.Name == "" || r.Uploaded || !slices.Equal(names(t, dir), r.Available) {
		t.Errorf("%+v, %v; want a backup that is kept, and what failed", r, err)
	}
	if got, err := backup.Fetch(t.Context(), backup.FetchOptions{Dir: dir, Name: backup.Latest, To: to, Now: later, Bucket: broken{}}); err != nil || got.Name != r.Name {
		t.Errorf("fetching what lies here: %v", err)
	}
	if _, err := backup.Fetch(t.Context(), backup.FetchOptions{Dir: t.TempDir(), Name: backup.Latest, To: to, Now: later, Bucket: broken{}}); err == nil || !strings.Contains(err.Error(), "no route") {
		t.Errorf("fetching what can't be seen: %v", err)
	}
}

// TestABackupIsKeptWhateverFailsAfterIt: whoever started it would else start it again, and
// each new dump pushes an older one out.
func TestABackupIsKeptWhateverFailsAfterIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	options := func() backup.KeepOptions {
		return backup.KeepOptions{Dir: dir, File: newDump(t, dir, small(2)), Reason: "manual", Keep: 3, Now: func() time.Time { return start }}
	}
	o := options()
	o.BucketError = errors.New("no key to it")
	r, err := backup.Keep(t.Context(), o)
	if err != nil || r.Name == "" || r.Uploaded || !strings.Contains(r.Error, "no key to it") || !slices.Equal(names(t, dir), r.Available) {
		t.Errorf("with a bucket that can't be opened: %+v, %v", r, err)
	}
	// What can't be removed.
	stuck := filepath.Join(dir, "20260101t000000z-manual.sql.gz")
	if err := os.MkdirAll(filepath.Join(stuck, "full"), 0o750); err != nil {
		t.Fatal(err)
	}
	old := start.Add(-24 * time.Hour)
	if err := os.Chtimes(stuck, old, old); err != nil {
		t.Fatal(err)
	}
	o = options()
	o.Bucket = broken{}
	r, err = backup.Keep(t.Context(), o)
	if err != nil || r.Name == "" || !slices.Contains(r.Available, r.Name) {
		t.Errorf("with a folder that can't be pruned: %+v, %v", r, err)
	}
	for _, part := range []string{"pruned", stuck, "copy in s3://away/ failed", "no route"} {
		if !strings.Contains(r.Error, part) || strings.Contains(r.Error, "\n") {
			t.Errorf("the trouble is told as %q, without %q or on more than one line", r.Error, part)
		}
	}
}

// TestAClockThatWasAheadMakesNoBackupTheNewest: neither here nor in the bucket. What it has
// dated goes first, and until then it can be had by its name.
func TestAClockThatWasAheadMakesNoBackupTheNewest(t *testing.T) {
	t.Parallel()
	s, dir := newS3(t), t.TempDir()
	ahead := start.AddDate(1, 0, 0)
	var future []string
	for i := range 2 {
		r, err := keep(t, dir, backup.Scheduled, i, ahead.Add(time.Duration(i)*time.Hour), s.bucket(t))
		if err != nil || r.Available[0] != r.Name {
			t.Fatalf("where nothing shows that the clock is ahead: %+v, %v", r, err)
		}
		future = append(future, r.Name)
	}
	at := start
	fetch := func(from, name string) string {
		t.Helper()
		r, err := backup.Fetch(t.Context(), backup.FetchOptions{Dir: from, Name: name, To: filepath.Join(t.TempDir(), "out.sql.gz"), Bucket: s.bucket(t), Now: func() time.Time { return at }})
		if err != nil {
			t.Error(err)
		}
		return r.Name
	}
	if got := fetch(dir, backup.Latest); got != future[1] {
		t.Errorf("where there is nothing else the latest is %s, want %s", got, future[1])
	}
	var right []string // the newest first
	for i := range 4 {
		at = start.Add(time.Duration(i) * time.Hour)
		r, err := keep(t, dir, backup.Scheduled, i, at, s.bucket(t))
		if err != nil || r.Error != "" {
			t.Fatalf("%+v, %v", r, err)
		}
		right = slices.Insert(right, 0, r.Name)
		want := slices.Concat(right, []string{future[1], future[0]})[:3]
		if whole, _, err := backup.List(dir); err != nil || !slices.Equal(namesOf(whole), want) || !slices.Equal(r.Available, want) {
			t.Errorf("the folder has %v, the result %v, %v; want %v", namesOf(whole), r.Available, err, want)
		}
		if keys := s.keys(t); len(keys) != 6 || !slices.Contains(keys, "site/a/"+want[2]+".json") {
			t.Errorf("the bucket holds %v, want %v", keys, want)
		}
		if here, there := fetch(dir, backup.Latest), fetch("/nonexistent", backup.Latest); here != r.Name || there != r.Name {
			t.Errorf("the latest is %s here and %s in the bucket, want %s", here, there, r.Name)
		}
		if i == 0 && fetch(dir, future[0]) != future[0] {
			t.Error("it can't be had by its name")
		}
	}
	// Clocks differ a little.
	r, err := keep(t, dir, backup.Scheduled, 9, at.Add(backup.MaxAhead), s.bucket(t))
	if got := fetch(dir, backup.Latest); err != nil || got != r.Name {
		t.Errorf("the latest is %s, want %s of a clock that is %s ahead", got, r.Name, backup.MaxAhead)
	}
}

func namesOf(all []backup.Manifest) (names []string) {
	for _, m := range all {
		names = append(names, m.Name)
	}
	return names
}
