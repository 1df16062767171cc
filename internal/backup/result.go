// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

// DefaultResult is where Kubernetes reads a container's last word. It passes on at
// most resultLimit bytes.
const (
	DefaultResult = "/dev/termination-log"
	resultLimit   = 4096
	errorLimit    = 1024
)

// Result is what keep and fetch tell whoever started them, as JSON. After a failure
// Error is set. With a Name beside it the backup is kept, which is a success, and what
// comes after it failed: pruning, or copying to the bucket.
type Result struct {
	Name      string     `json:"name,omitempty"`
	Bytes     int64      `json:"bytes,omitempty"`
	SHA256    string     `json:"sha256,omitempty"`
	CreatedAt *time.Time `json:"createdAt,omitempty"`
	// Rows of each table. Left out where there is no room.
	Rows map[string]int64 `json:"rows,omitempty"`
	// Available are the newest backups in the folder and the bucket, the newest
	// first.
	Available []string `json:"available,omitempty"`
	// Uploaded says that this backup is in the bucket.
	Uploaded bool `json:"uploaded"`
	// Warning is what a person should know of a success.
	Warning string `json:"warning,omitempty"`
	Error   string `json:"error,omitempty"`
}

// of is the result with a backup.
func (r Result) of(m Manifest) Result {
	r.Name, r.Bytes, r.SHA256, r.CreatedAt, r.Rows = m.Name, m.Bytes, m.SHA256, &m.CreatedAt, m.Rows
	return r
}

// availableLimit is how many names a Result has at most.
const availableLimit = 20

func newest(names []string) []string { return names[:min(len(names), availableLimit)] }

// Write writes the result as JSON. DefaultResult is not made where it isn't there,
// outside of a container.
func (r Result) Write(path string) error {
	flags := os.O_WRONLY | os.O_TRUNC
	if path == DefaultResult {
		if _, err := os.Stat(path); os.IsNotExist(err) {
			return nil
		}
	} else {
		flags |= os.O_CREATE
	}
	file, err := os.OpenFile(path, flags, 0o644) //nolint:gosec // no secrets, and the kubelet reads it
	if err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	if _, err := file.Write(r.fitted()); err != nil {
		_ = file.Close()
		return fmt.Errorf("writing the result: %w", err)
	}
	return file.Close()
}

// fitted leaves out what there is no room for, the least needed first.
func (r Result) fitted() []byte {
	r.Error = shortened(r.Error)
	for {
		text, err := json.Marshal(r)
		switch {
		case err != nil || len(text) <= resultLimit:
			return text // text and numbers: there is no error
		case r.Rows != nil:
			r.Rows = nil
		case len(r.Available) > 0:
			r.Available = r.Available[:len(r.Available)/2]
		default:
			r.Error = r.Error[:len(r.Error)/2]
		}
		r.Error = strings.ToValidUTF8(r.Error, "")
	}
}

func shortened(text string) string {
	if len(text) > errorLimit {
		return strings.ToValidUTF8(text[:errorLimit], "") + " …"
	}
	return text
}
