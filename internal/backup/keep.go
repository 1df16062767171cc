// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// KeepOptions say what to keep, and for how long.
type KeepOptions struct {
	// Dir is the folder of backups, File the dump to be taken in.
	Dir, File string
	Reason    string
	// Keep is how many scheduled backups stay, and how many others.
	Keep int
	// Bucket takes a copy; nil for none.
	Bucket Bucket
	// BucketError is why there is no Bucket though one is asked for. The dump is
	// kept all the same.
	BucketError error
	Now         func() time.Time
}

// Keep makes a dump a backup: it reads the dump to its end, gives it its name and
// manifest, prunes older ones, and copies to the bucket what isn't there. An error
// means that the dump is not kept. What fails after that is the result's Error alone:
// a dump that is made once more would push an older one out and mend nothing.
func Keep(ctx context.Context, o KeepOptions) (Result, error) {
	var r Result
	if o.Keep < 1 {
		return r, fmt.Errorf("%d backups to keep: want one at least", o.Keep)
	}
	if err := checkReason(o.Reason); err != nil {
		return r, err
	}
	if o.Reason == BeforeRestore {
		o.Keep = math.MaxInt
	}
	found, err := inspect(o.File)
	if err != nil {
		return r, err
	}
	dir := folder(o.Dir)
	now := o.Now().UTC().Truncate(time.Millisecond)
	made, err := dir.add(o.File, Manifest{
		Reason: o.Reason, CreatedAt: now, SHA256: found.sha256, Bytes: found.bytes,
		Tables: found.tables, Rows: found.rows, ServerVersion: found.serverVersion,
	}, o.copies(ctx))
	if err != nil {
		return r, fmt.Errorf("keeping %s: %w", o.File, err)
	}
	r = r.of(made)
	r.Warning = datedAhead(made.MadeAfter, now)
	if err := o.follow(ctx, dir, &r); err != nil {
		r.Error = strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	return r, nil
}

// copies are the names in the bucket, as far as it can be read: the copies' turn, and
// what it says of a bucket that is away, comes once the dump is kept.
func (o KeepOptions) copies(ctx context.Context) []string {
	if o.Bucket == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, bucketPatience)
	defer cancel()
	names, _, _ := listBucket(ctx, o.Bucket)
	return names
}

// follow does what comes after a backup: it prunes, and copies to the bucket. It
// continues a sentence that says where the backup is kept.
func (o KeepOptions) follow(ctx context.Context, dir folder, r *Result) error {
	now := o.Now()
	names, after, err := dir.prune(o.Keep, r.Name, now)
	r.Available = newest(names)
	if err != nil {
		err = fmt.Errorf("older ones can't be pruned: %w", err)
	}
	if o.BucketError != nil {
		return errors.Join(err, fmt.Errorf("it can't be copied: %w", o.BucketError))
	}
	if o.Bucket == nil {
		return err
	}
	there, copyErr := dir.copyTo(ctx, o.Bucket, names, o.Keep, r.Name, after)
	r.Uploaded = slices.Contains(there, r.Name)
	switch {
	case copyErr == nil:
	case r.Uploaded:
		copyErr = fmt.Errorf("the copies of older ones in %s can't be put right: %w", o.Bucket, copyErr)
	default:
		copyErr = fmt.Errorf("its copy in %s failed: %w", o.Bucket, copyErr)
	}
	r.Available = newest(union(names, there, after))
	return errors.Join(err, copyErr)
}

// prune drops the whole backups beyond keep and what is not whole. It returns the
// names of those that are left, as far as it can see them, and what is known of the
// order.
func (f folder) prune(keep int, made string, now time.Time) ([]string, map[string][]string, error) {
	whole, broken, err := f.list()
	if err != nil {
		return []string{made}, map[string][]string{}, err
	}
	names := namesOf(whole)
	errs := []error{f.sweep(broken, now)}
	for _, name := range expendable(names, keep, made) {
		if err := f.remove(name); err != nil {
			errs = append(errs, err)
			continue
		}
		names = slices.DeleteFunc(names, func(n string) bool { return n == name })
	}
	return names, madeAfter(whole), errors.Join(errs...)
}

// copyTo copies to the bucket what it lacks, which after an outage of the bucket is
// more than the last one, and prunes there. It returns the names there, and adds to
// what is known of the order.
func (f folder) copyTo(ctx context.Context, b Bucket, names []string, keep int, made string, after map[string][]string) ([]string, error) {
	there, stray, err := listBucket(ctx, b)
	if err != nil {
		return nil, err
	}
	readMadeAfter(ctx, b, there, after)
	old := expendable(union(names, there, after), keep, made)
	for _, name := range names { // the newest first: it matters most
		if slices.Contains(there, name) || slices.Contains(old, name) {
			continue
		}
		// The manifest last: a name with both is whole.
		for _, suffix := range []string{dumpSuffix, manifestSuffix} {
			if err := b.Put(ctx, name+suffix, f.path(name+suffix)); err != nil {
				return there, err
			}
		}
		there = append(there, name)
	}
	var errs []error
	for _, name := range old {
		if !slices.Contains(there, name) {
			continue
		}
		// The manifest first: what a crash leaves is no backup, and is swept.
		err := errors.Join(b.Remove(ctx, name+manifestSuffix), b.Remove(ctx, name+dumpSuffix))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		there = slices.DeleteFunc(there, func(n string) bool { return n == name })
	}
	for _, key := range stray {
		errs = append(errs, b.Remove(ctx, key))
	}
	return there, errors.Join(errs...)
}

// union are the names of both, the newest first.
func union(a, b []string, after map[string][]string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	all = slices.Compact(all)
	newestFirst(all, after)
	return all
}

// datedAhead says which names have dates that lie in the future of a clock, which is
// then wrong, or another was. "" if there are none.
func datedAhead(names []string, now time.Time) string {
	var ahead []string
	for _, name := range names {
		if Ahead(dateOf(name), now) {
			ahead = append(ahead, name)
		}
	}
	if ahead == nil {
		return ""
	}
	return fmt.Sprintf("by this clock (%s) the date of %s lies in the future: this clock is behind, or another was ahead", now.UTC().Format(time.RFC3339), strings.Join(newest(ahead), ", "))
}
