// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"fmt"
	"regexp"
	"strconv"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Stored is what the data volume, or the one of the dumps, is known to hold.
type Stored struct {
	// Image that the data was last run with; "" where none is known.
	Image string
	// Size that the claim asks for, and its class.
	Size         resource.Quantity
	StorageClass string
}

// Refuse says which wishes of a validated spec would lose data, against what
// there is, and puts back what there is: the rest of the spec is carried out.
// data or dumps are nil where there is no such volume yet.
func Refuse(in *Input, data, dumps *Stored) (problems []string) {
	d := &in.Spec.Database
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	volume := func(field string, size *string, class **string, s *Stored) {
		if want := resource.MustParse(*size); want.Cmp(s.Size) < 0 {
			say("%sstorageSize %s is less than the volume's %s, and a volume can't shrink: set it back; for a smaller one, back up, delete the claim and restore", field, *size, s.Size.String())
			*size = s.Size.String()
		}
		if *class != nil && **class != s.StorageClass {
			say("%sstorageClassName %q is not the volume's %q, which can't change: set it back; for another class, back up, delete the claim and restore", field, **class, s.StorageClass)
			*class = new(s.StorageClass)
		}
	}
	if dumps != nil {
		volume("database.backup.", &d.Backup.StorageSize, &d.Backup.StorageClassName, dumps)
	}
	if data == nil {
		return problems
	}
	volume("database.", &d.StorageSize, &d.StorageClassName, data)
	if Older(d.Image, data.Image) {
		say("database.image %s is older than %s, which the data was last run with, and MariaDB can't go back: use that or a newer one; to go back, back up if it serves, delete the claim and restore: docs/how-to/upgrade-mariadb.md", d.Image, data.Image)
		d.Image, in.DatabaseImage = data.Image, data.Image
	}
	return problems
}

var versionTag = regexp.MustCompile(`:v?(\d+)\.(\d+)(?:\.(\d+))?[^/]*$`)

// SameRelease says that two images differ only by where they come from: their tags
// tell one version.
func SameRelease(a, b string) bool {
	x, y := versionTag.FindString(a), versionTag.FindString(b)
	return x != "" && x == y
}

// Older says that an image's tag tells an earlier release series than another's.
// Tags that tell nothing are taken for newer: the dump that is made before an
// upgrade is what then is left.
func Older(image, than string) bool {
	a, b := versionTag.FindStringSubmatch(image), versionTag.FindStringSubmatch(than)
	if a == nil || b == nil {
		return false
	}
	for i := 1; i <= 2; i++ {
		x, _ := strconv.Atoi(a[i])
		y, _ := strconv.Atoi(b[i])
		if x != y {
			return x < y
		}
	}
	return false // patch releases of a series read each other's files
}
