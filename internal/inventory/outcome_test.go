// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory_test

import (
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

func TestAnOutcomeTellsWhetherSomethingOfItsObjectIsWritten(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	names := b.many(4)
	one, other := object("one", names[:2]...), object("two", names[1:]...)
	for _, step := range []struct {
		what            string
		change          func()
		changed, theirs bool
	}{
		{"everything is new", func() {}, true, true},
		{"nothing changes", func() {}, false, false},
		{"an address of a VM of the other changes", func() { b.editPort("p-03", func(p *inventory.Port) { p.MAC = "fa:16:3e:00:01:03" }) }, false, true},
		{"the shared VM's changes", func() { b.editPort("p-01", func(p *inventory.Port) { p.MAC = "fa:16:3e:00:01:01" }) }, true, true},
		{"a port is missing for the first time", func() { b.removePort("p-00") }, false, false},
		{"it still is", func() {}, true, false},
		{"a claim goes, and another keeps the row", func() { other.VMNames = names[2:] }, false, true},
		{"the subnet's MTU changes", func() { b.facts.Subnets[0].MTU = 1400 }, true, true},
		{"a VM gets a Node", func() { b.node("vm-02", "id-vm-02") }, false, true},
	} {
		step.change()
		out := b.later(time.Minute, one, other)
		if out[0].Changed != step.changed || out[1].Changed != step.theirs {
			t.Errorf("%s: changed are %t and %t, want %t and %t", step.what, out[0].Changed, out[1].Changed, step.changed, step.theirs)
		}
	}
}
