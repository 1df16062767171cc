// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Manifest tells what a backup is. It lies beside the dump as JSON.
type Manifest struct {
	// Name is when the backup was made and why: 20260102t030405z-scheduled.
	Name string `json:"name"`
	// Reason is what the backup was made for; "scheduled" for those of a schedule.
	Reason    string    `json:"reason"`
	CreatedAt time.Time `json:"createdAt"`
	// SHA256 and Bytes are the compressed dump's.
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
	// Tables are those in the dump, with their rows.
	Tables []string         `json:"tables"`
	Rows   map[string]int64 `json:"rows,omitempty"`
	// ServerVersion is the dumped server's, as the dump's header has it.
	ServerVersion string `json:"serverVersion,omitempty"`
	// MadeAfter are backups that were there already, though their names' dates are no
	// earlier: a clock was ahead then, or is behind now.
	MadeAfter []string `json:"madeAfter,omitempty"`
}

const (
	dumpSuffix     = ".sql.gz"
	manifestSuffix = ".json"
	timeLayout     = "20060102t150405z"
)

// Scheduled is the reason of backups that are made by a schedule. They are pruned
// apart from all others, so that many made by hand don't push the nightly ones out.
const Scheduled = "scheduled"

// BeforeRestore is the reason of backups of what a restore replaces. The latest backup
// is never one of them, and none makes an older one go: that may be the one that is to
// be restored.
const BeforeRestore = "before-restore"

var (
	reasonPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)
	namePattern   = regexp.MustCompile(`^(\d{8}t\d{6}z)-([a-z0-9-]+)$`)
)

func checkReason(reason string) error {
	if !reasonPattern.MatchString(reason) {
		return fmt.Errorf("reason %q: want up to 40 lower-case letters, digits and dashes, as it is part of the backup's name", reason)
	}
	return nil
}

// nameFor is the name of a backup made at that time.
func nameFor(at time.Time, reason string) string { return at.UTC().Format(timeLayout) + "-" + reason }

// reasonOf is the reason in a name; "" if it is no name of a backup.
func reasonOf(name string) string {
	parts := namePattern.FindStringSubmatch(name)
	if parts == nil || checkReason(parts[2]) != nil {
		return ""
	}
	return parts[2]
}

// MaxAhead is how far a date may lie in the future and still be believed: the clocks of
// two nodes differ a little.
const MaxAhead = 5 * time.Minute

// Ahead says whether a date lies in the future: a clock was wrong when it was given.
func Ahead(at, now time.Time) bool { return at.Sub(now) > MaxAhead }

// dateOf is the date in a name; the zero one if it is none.
func dateOf(name string) time.Time {
	stamp, _, _ := strings.Cut(name, "-")
	at, err := time.Parse(timeLayout, stamp)
	if err != nil {
		return time.Time{}
	}
	return at
}

// newestFirst sorts names in the order in which the backups were made: by their dates,
// unless madeAfter, which is the manifests', says otherwise.
//
// No clock decides. Whether a dump's date lies in the future because its clock was
// ahead or because the one that looks is behind, no clock can tell: where either was
// believed, a restore took an old backup for the latest, or new ones were pruned. That
// a dump was there when another was made is a fact.
func newestFirst(names []string, madeAfter map[string][]string) {
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(dateOf(b).Compare(dateOf(a)), strings.Compare(b, a))
	})
	for i := range names {
		rest := names[i:]
		// A circle, which only a damaged manifest makes, is left as it is.
		next := slices.IndexFunc(rest, func(name string) bool {
			return !slices.ContainsFunc(rest, func(other string) bool { return slices.Contains(madeAfter[other], name) })
		})
		if next > 0 {
			name := rest[next]
			copy(rest[1:next+1], rest[:next])
			rest[0] = name
		}
	}
}

// madeAfter is what the manifests say.
func madeAfter(all []Manifest) map[string][]string {
	after := map[string][]string{}
	for _, m := range all {
		after[m.Name] = m.MadeAfter
	}
	return after
}

// expendable are the names beyond the newest keep, scheduled ones and others
// counted apart. names has the newest first; made is never expendable, even where others
// are made at the same time.
func expendable(names []string, keep int, made string) []string {
	var old []string
	scheduled, others := 0, 0
	if reason := reasonOf(made); reason == Scheduled {
		scheduled++
	} else if reason != "" {
		others++
	}
	for _, name := range names {
		if name == made {
			continue
		}
		count := &others
		if reasonOf(name) == Scheduled {
			count = &scheduled
		}
		if *count++; *count > keep {
			old = append(old, name)
		}
	}
	return old
}

// namesOf are the names, in the same order.
func namesOf(all []Manifest) []string {
	names := make([]string, 0, len(all))
	for _, m := range all {
		names = append(names, m.Name)
	}
	return names
}
