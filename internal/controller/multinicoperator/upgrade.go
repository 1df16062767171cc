// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package multinicoperator

import (
	"context"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// chooseImage keeps MariaDB at the image that the data was last run with until a
// dump has been made: another image may be another version, which can't go back.
func (r *Reconciler) chooseImage(ctx context.Context, p *passage) error {
	want := p.in.Spec.Database.Image
	p.in.DatabaseImage = want
	if p.claim == nil {
		return nil
	}
	ran := p.claim.Annotations[annotationImage]
	asked := ran + " " + string(p.claim.UID)
	if ran == "" || ran == want {
		// It has run: the next upgrade needs a dump of its own.
		return r.dropToldJobs(ctx, p, resources.BeforeUpgrade)
	}
	p.in.DatabaseImage = ran // of the dump's pod
	state, why, err := r.dump(ctx, p, resources.BeforeUpgrade, asked)
	if err != nil {
		return err
	}
	switch state {
	case jobSucceeded:
		p.in.DatabaseImage = want
	case jobFailed:
		p.set(v1alpha1.ConditionDatabaseAvailable, false, v1alpha1.ReasonUpgradeBlocked,
			"MariaDB stays at %s: the backup before %s failed (%s). Delete the Job to try again, or set the image back", ran, want, why)
	default:
		p.set(v1alpha1.ConditionDatabaseAvailable, false, v1alpha1.ReasonProgressing, "a backup is made before MariaDB goes from %s to %s", ran, want)
		p.lookIn(waitEvery)
	}
	return nil
}
