// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstackconformance

import (
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/test/openstacksim"
)

func TestSimulator(t *testing.T) { //nolint:tparallel // several sentences look at lists that others change
	t.Parallel()
	// The delays are short but real: an asynchronous detach must be seen to be
	// one.
	sim := openstacksim.New(openstacksim.Options{AttachTime: 20 * time.Millisecond, DetachTime: 20 * time.Millisecond, BootTime: 5 * time.Millisecond, DeleteTime: 20 * time.Millisecond})
	sim.Start()
	t.Cleanup(sim.Close)
	lab := sim.SeedLab(5)
	run(t, &cloud{
		authURL: sim.AuthURL(), region: "RegionOne", patience: 4 * time.Second,
		member: login{lab.User.Name, lab.User.Password, lab.Project.Name},
		other:  login{lab.OtherUser.Name, lab.OtherUser.Password, lab.OtherProject.Name},
		admin:  &login{lab.Admin.Name, lab.Admin.Password, "admin"},
	})
}
