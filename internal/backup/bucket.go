// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"
)

// Bucket is where copies of backups lie, by file name.
type Bucket interface {
	// String names the bucket to a person.
	String() string
	List(ctx context.Context) ([]Object, error)
	// Put copies a file there, as a whole or not at all.
	Put(ctx context.Context, key, path string) error
	Get(ctx context.Context, key string, to io.Writer) error
	Remove(ctx context.Context, key string) error
}

// Object is a file in a Bucket.
type Object struct {
	Key      string
	Modified time.Time
}

// strayAfter is the age at which a dump without a manifest goes from the bucket:
// longer than any copying takes.
const strayAfter = 24 * time.Hour

// listBucket gives the names of the backups, the newest first, and the keys of what
// was left half copied.
func listBucket(ctx context.Context, b Bucket, now time.Time) (names, stray []string, err error) {
	objects, err := b.List(ctx)
	if err != nil {
		return nil, nil, err
	}
	there := map[string]bool{}
	for _, o := range objects {
		there[o.Key] = true
	}
	for _, o := range objects {
		name, ok := strings.CutSuffix(o.Key, dumpSuffix)
		if !ok || reasonOf(name) == "" {
			continue
		}
		if there[name+manifestSuffix] {
			names = append(names, name)
		} else if time.Since(o.Modified) > strayAfter {
			stray = append(stray, o.Key)
		}
	}
	newestFirst(names, now)
	return slices.Compact(names), stray, nil
}
