// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// Latest names the newest backup, but for those that restores have made.
const Latest = "latest"

// FetchOptions say which backup, and where to.
type FetchOptions struct {
	// Dir is the folder of backups. It may be missing where there is a Bucket.
	Dir string
	// Name of the backup, or Latest.
	Name string
	// To is the file to be written; beside it one with RowsSuffix.
	To     string
	Bucket Bucket
	Now    func() time.Time
}

// Fetch finds a backup, in the folder or else in the bucket, and copies the dump out
// if it is what its manifest says.
func Fetch(ctx context.Context, o FetchOptions) (Result, error) {
	s := search{dir: folder(o.Dir), bucket: o.Bucket}
	var r Result
	if err := s.look(ctx); err != nil {
		return r, err
	}
	all := s.names()
	r.Available = newest(all)
	name := o.Name
	if i := slices.IndexFunc(all, func(n string) bool { return reasonOf(n) != BeforeRestore }); name == Latest && i >= 0 {
		name = all[i]
	}
	m, err := s.fetch(ctx, name, o.To)
	if err != nil {
		return r, err
	}
	if err := writeRows(o.To+RowsSuffix, m.Rows); err != nil {
		return r, err
	}
	r = r.of(m)
	r.Uploaded = slices.Contains(s.remote, name)
	if o.Name == Latest {
		r.Warning = datedAhead([]string{name}, o.Now())
	}
	return r, nil
}

// search is a look at both places.
type search struct {
	dir       folder
	bucket    Bucket
	local     []Manifest
	broken    map[string]error
	remote    []string
	remoteErr error
	after     map[string][]string // what is known of the order
}

// names are those of both places, the newest first.
func (s *search) names() []string { return union(namesOf(s.local), s.remote, s.after) }

func (s *search) look(ctx context.Context) error {
	var err error
	s.local, s.broken, err = s.dir.list()
	if errors.Is(err, fs.ErrNotExist) && s.bucket != nil {
		err = nil // a new volume
	}
	s.after = madeAfter(s.local)
	if err != nil || s.bucket == nil {
		return err
	}
	// A bucket that is away is no harm to what lies here.
	if s.remote, _, s.remoteErr = listBucket(ctx, s.bucket); s.remoteErr != nil && len(s.local) == 0 {
		return fmt.Errorf("%s holds no backup, and %s can't be read: %w", s.dir, s.bucket, s.remoteErr)
	}
	readMadeAfter(ctx, s.bucket, s.remote, s.after)
	return nil
}

func (s *search) fetch(ctx context.Context, name, to string) (Manifest, error) {
	for _, m := range s.local {
		if m.Name == name {
			return m, writeFile(to, func(w io.Writer) error { return copyDump(s.dir.path(name+dumpSuffix), w, m) })
		}
	}
	if !slices.Contains(s.remote, name) {
		return Manifest{}, s.missing(name)
	}
	var text bytes.Buffer
	if err := s.bucket.Get(ctx, name+manifestSuffix, &text); err != nil {
		return Manifest{}, err
	}
	m, err := parseManifest(name, text.Bytes())
	if err != nil {
		return Manifest{}, err
	}
	return m, writeFile(to, func(w io.Writer) error {
		sum := sha256.New()
		counted := &countingWriter{w: io.MultiWriter(w, sum)}
		if err := s.bucket.Get(ctx, name+dumpSuffix, counted); err != nil {
			return err
		}
		return m.compare(counted.n, sum.Sum(nil))
	})
}

// missing says why there is no such backup and which there are.
func (s *search) missing(name string) error {
	where := string(s.dir)
	if s.bucket != nil {
		where += " and " + s.bucket.String()
	}
	text := fmt.Sprintf("no whole backup %q in %s", name, where)
	if err := s.broken[name]; err != nil {
		text += " (" + err.Error() + ")"
	}
	if s.remoteErr != nil {
		text += fmt.Sprintf("; %s can't be read: %v", s.bucket, s.remoteErr)
	}
	if all := s.names(); len(all) > 0 {
		return fmt.Errorf("%s; there are: %s", text, strings.Join(newest(all), ", "))
	}
	return fmt.Errorf("%s; there is none at all", text)
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// writeFile writes a file that is there only if it is whole.
func writeFile(path string, write func(io.Writer) error) error {
	part := path + ".part"
	file, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640) //nolint:gosec // MariaDB's image may run as another user of the group
	if err != nil {
		return err
	}
	if err := errors.Join(write(file), file.Close()); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return os.Rename(part, path)
}

// writeRows writes what load.sh compares the tables with. It does so before the
// version is there, which comes last.
func writeRows(path string, rows map[string]int64) error {
	if len(rows) == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err // of another backup
		}
		return nil
	}
	return writeFile(path, func(w io.Writer) error {
		for _, table := range slices.Sorted(maps.Keys(rows)) {
			if table == versionTable {
				continue
			}
			if _, err := fmt.Fprintf(w, "%s %d\n", table, rows[table]); err != nil {
				return err
			}
		}
		return nil
	})
}

// List gives the whole backups of a folder, the newest first, and why others are
// none.
func List(dir string) (whole []Manifest, broken map[string]error, err error) {
	return folder(dir).list()
}
