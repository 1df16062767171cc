// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// cacheDir is where things live that are dear to make and outlast a run:
// $XDG_CACHE_HOME/multinic, or the system's equal of it.
func cacheDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		// No HOME, as in some containers: still one per user, not one per run.
		base = filepath.Join(os.TempDir(), "cache-"+strconv.Itoa(os.Getuid()))
	}
	dir := filepath.Join(base, "multinic")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("making the cache directory: %w (set XDG_CACHE_HOME to a directory that can be written)", err)
	}
	return dir, nil
}

// lockCache takes the lock of one cache entry against other processes and gives
// the function that lets it go. The system lets it go when the process dies. While
// another holds it, a line on progress says so.
func lockCache(ctx context.Context, entry string, progress io.Writer) (unlock func(), err error) {
	f, err := os.OpenFile(entry+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the cache: %w", err)
	}
	begun := time.Now()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	said := time.Time{}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fmt.Errorf("locking %s: %w", f.Name(), err)
		}
		if time.Since(said) > 15*time.Second {
			said = time.Now()
			fmt.Fprintf(progress, "testenv: waiting for another process that is making %s (%s so far)\n",
				filepath.Base(entry), time.Since(begun).Round(time.Second))
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("waiting for the lock %s: %w", f.Name(), ctx.Err())
		case <-tick.C:
		}
	}
}
