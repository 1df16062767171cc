// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"bytes"
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

// bucketPatience is how long a bucket is asked for what only the order of backups
// depends on.
const bucketPatience = 20 * time.Second

// listBucket gives the names of the backups, and the keys of what was left half copied.
func listBucket(ctx context.Context, b Bucket) (names, stray []string, err error) {
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
	slices.Sort(names)
	return slices.Compact(names), stray, nil
}

// readMadeAfter adds what the manifests of the names in the bucket say of the order, but
// for those that are known. One that can't be read is none of a backup that can be had.
func readMadeAfter(ctx context.Context, b Bucket, names []string, known map[string][]string) {
	ctx, cancel := context.WithTimeout(ctx, bucketPatience)
	defer cancel()
	for _, name := range names {
		if _, ok := known[name]; ok {
			continue
		}
		var text bytes.Buffer
		if b.Get(ctx, name+manifestSuffix, &text) != nil {
			continue
		}
		if m, err := parseManifest(name, text.Bytes()); err == nil {
			known[name] = m.MadeAfter
		}
	}
}
