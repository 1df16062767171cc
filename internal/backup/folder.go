// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// unfinishedFolder is where dumps are written before they are kept.
const unfinishedFolder = ".unfinished"

// sweepAfter is the age at which what is not whole goes. Whoever works on a file
// changes it more often.
const sweepAfter = time.Hour

// folder is where backups lie.
type folder string

func (f folder) path(name string) string { return filepath.Join(string(f), name) }

// list gives the whole backups, the newest first. broken says of the others why
// they are none.
func (f folder) list() (whole []Manifest, broken map[string]error, err error) {
	entries, err := os.ReadDir(string(f))
	if err != nil {
		return nil, nil, fmt.Errorf("reading the folder of backups: %w", err)
	}
	broken = map[string]error{}
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), dumpSuffix); ok && reasonOf(name) != "" {
			if _, err := os.Stat(f.path(name + manifestSuffix)); errors.Is(err, fs.ErrNotExist) {
				broken[name] = errors.New("it has no manifest")
			}
		}
		name, ok := strings.CutSuffix(entry.Name(), manifestSuffix)
		if !ok || reasonOf(name) == "" {
			continue
		}
		m, err := f.open(name)
		if err != nil {
			broken[name] = err
			continue
		}
		whole = append(whole, m)
	}
	order := namesOf(whole)
	newestFirst(order, madeAfter(whole))
	slices.SortFunc(whole, func(a, b Manifest) int {
		return cmp.Compare(slices.Index(order, a.Name), slices.Index(order, b.Name))
	})
	return whole, broken, nil
}

// names are those that are taken.
func (f folder) names() ([]string, error) {
	entries, err := os.ReadDir(string(f))
	var names []string
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), manifestSuffix); ok && reasonOf(name) != "" {
			names = append(names, name)
		}
	}
	return names, err
}

// open reads a backup's manifest and compares the dump with it.
func (f folder) open(name string) (Manifest, error) {
	text, err := os.ReadFile(f.path(name + manifestSuffix))
	if err != nil {
		return Manifest{}, err
	}
	m, err := parseManifest(name, text)
	if err != nil {
		return Manifest{}, err
	}
	return m, copyDump(f.path(name+dumpSuffix), io.Discard, m)
}

func parseManifest(name string, text []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return Manifest{}, fmt.Errorf("the manifest of backup %s is damaged: %w", name, err)
	}
	if m.Name != name {
		return Manifest{}, fmt.Errorf("the manifest of backup %s speaks of %q", name, m.Name)
	}
	return m, nil
}

// copyDump copies a dump and says if it isn't the manifest's.
func copyDump(path string, to io.Writer, m Manifest) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(to, sum), file)
	if err != nil {
		return err
	}
	return m.compare(n, sum.Sum(nil))
}

func (m Manifest) compare(bytes int64, sum []byte) error {
	if got := hex.EncodeToString(sum); got != m.SHA256 || bytes != m.Bytes {
		return fmt.Errorf("the dump of backup %s is damaged: it has %d bytes with SHA-256 %s, its manifest says %d and %s", m.Name, bytes, got, m.Bytes, m.SHA256)
	}
	return nil
}

// add takes a dump in and names it. copies are the names in the bucket. A crash leaves
// either a manifest without a dump, which is no backup, or all of it.
func (f folder) add(dump string, m Manifest, copies []string) (Manifest, error) {
	if err := flush(dump); err != nil {
		return m, err
	}
	there, err := f.names()
	if err != nil {
		return m, err
	}
	there = append(there, copies...)
	at := m.CreatedAt
	for {
		m.Name = nameFor(at, m.Reason)
		m.MadeAfter = slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(there))), func(name string) bool {
			return dateOf(name).Before(dateOf(m.Name))
		})
		_, err := os.Lstat(f.path(m.Name + dumpSuffix))
		if errors.Is(err, fs.ErrNotExist) && !slices.Contains(copies, m.Name) {
			// Making the file takes the name from whoever else keeps one now.
			err = f.writeManifest(m)
		} else if err == nil || errors.Is(err, fs.ErrNotExist) {
			err = fs.ErrExist
		}
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return m, err
		}
		at = at.Add(time.Second)
	}
	if err := os.Rename(dump, f.path(m.Name+dumpSuffix)); err != nil {
		return m, errors.Join(fmt.Errorf("%w (the dump must be written on the volume of the backups)", err), os.Remove(f.path(m.Name+manifestSuffix)))
	}
	return m, flush(string(f))
}

func (f folder) writeManifest(m Manifest) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	file, err := os.OpenFile(f.path(m.Name+manifestSuffix), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640) //nolint:gosec // whoever restores may be another user of the group
	if err != nil {
		return err
	}
	_, err = file.Write(append(text, '\n'))
	return errors.Join(err, file.Sync(), file.Close(), flush(string(f)))
}

// flush puts a file's contents, or a folder's names, on the disk.
func flush(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// remove drops a backup, the manifest last: what is left by a crash is swept.
func (f folder) remove(name string) error {
	var errs []error
	for _, suffix := range []string{dumpSuffix, manifestSuffix} {
		if err := os.Remove(f.path(name + suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// sweep drops what is not whole and not being worked on.
func (f folder) sweep(broken map[string]error, now time.Time) error {
	var errs []error
	for name := range broken {
		if f.untouched(name+dumpSuffix, now) && f.untouched(name+manifestSuffix, now) {
			errs = append(errs, f.remove(name))
		}
	}
	left, err := os.ReadDir(f.path(unfinishedFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, err)
	}
	for _, entry := range left {
		if name := filepath.Join(unfinishedFolder, entry.Name()); f.untouched(name, now) {
			errs = append(errs, os.RemoveAll(f.path(name)))
		}
	}
	return errors.Join(errs...)
}

func (f folder) untouched(name string, now time.Time) bool {
	info, err := os.Lstat(f.path(name))
	return err != nil || now.Sub(info.ModTime()) > sweepAfter
}
