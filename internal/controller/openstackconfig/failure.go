// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstackconfig

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/credentials"
	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/openstack"
	"github.com/xormsdhkdwk/multinic/internal/publication"
	"github.com/xormsdhkdwk/multinic/internal/trigger"
)

// Backoff of runs that failed for a passing reason.
const (
	firstRetry = 5 * time.Second
	lastRetry  = 5 * time.Minute
)

// failure is why an object is not as declared, and what follows.
type failure struct {
	trigger.Failure
	reason  string // of the condition Ready
	message string
	// lasting failures stay until a person changes something.
	lasting bool
	count   int
}

// failures are the last failed runs, in memory: after a restart each is
// tried once more, which does no harm.
type failures struct {
	mu    sync.Mutex
	byKey map[inventory.Key]failure
}

func (f *failures) get(k inventory.Key) *trigger.Failure {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last, ok := f.byKey[k]; ok {
		return &last.Failure
	}
	return nil
}

func (f *failures) last(k inventory.Key) *failure {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last, ok := f.byKey[k]; ok {
		return &last
	}
	return nil
}

func (f *failures) forget(k inventory.Key) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.byKey, k)
}

// forgetReason drops the failures of a reason that has passed.
func (f *failures) forgetReason(reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for k, last := range f.byKey {
		if last.reason == reason {
			delete(f.byKey, k)
		}
	}
}

func (f *failures) put(k inventory.Key, last failure) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.byKey[k] = last
}

// failedRun classifies what a run ended with and sets when to try again.
func (r *Reconciler) failedRun(p *passage, err error) *failure {
	f := classify(err)
	f.At, f.Hash, f.Request, f.Webhook, f.Epoch = p.now, p.in.Hash, p.in.Request, p.in.Webhook, p.in.Epoch
	f.count = 1
	if before := r.failures.last(p.key); before != nil {
		f.count = before.count + 1
	}
	wait, again := time.Duration(0), !f.lasting
	if oe, ok := errors.AsType[*openstack.Error](err); ok {
		wait, again = oe.Retry() // what looks lasting may be a proxy's or a certificate's fault
	}
	if again {
		f.RetryAt = r.Clock.Now().Add(max(wait, backoff(f.count)))
	}
	r.failures.put(p.key, f)
	return &f
}

// backoff doubles from firstRetry to lastRetry.
func backoff(failures int) time.Duration {
	wait := firstRetry
	for range failures - 1 {
		if wait *= 2; wait >= lastRetry {
			return lastRetry
		}
	}
	return wait
}

// classify is the one place that says what an error of a run means.
func classify(err error) failure {
	var oe *openstack.Error
	var unavailable *publication.UnavailableError
	var subnet *subnetUnresolvedError
	switch {
	case errors.As(err, &subnet):
		return failure{reason: v1alpha1.ReasonSubnetUnresolved, message: err.Error(), lasting: true}
	case errors.As(err, &oe) && oe.Temporary():
		return failure{reason: v1alpha1.ReasonOpenStackUnavailable, message: oe.Summary()}
	case errors.As(err, &oe):
		return failure{reason: v1alpha1.ReasonCredentialsInvalid, message: oe.Summary(), lasting: true}
	case errors.As(err, &unavailable):
		return failure{reason: v1alpha1.ReasonDatabaseUnavailable, message: unavailable.Error()}
	case errors.Is(err, context.Canceled):
		return failure{reason: v1alpha1.ReasonPending, message: "the controller is stopping"}
	default:
		return failure{reason: v1alpha1.ReasonDatabaseUnavailable, message: fmt.Sprintf("the result could not be stored: %v", err)}
	}
}

// credentialsFailure is one that came before any run.
func credentialsFailure(now time.Time, err error) *failure {
	f := &failure{reason: v1alpha1.ReasonCredentialsInvalid, message: err.Error(), lasting: true}
	if credentials.Temporary(err) {
		f.lasting = false
		f.RetryAt = now.Add(firstRetry)
	}
	return f
}

// subnetUnresolvedError says that subnetName means no subnet, or several.
type subnetUnresolvedError struct {
	name string
	ids  []string
}

func subnetError(name string, matches []inventory.Subnet) error {
	e := &subnetUnresolvedError{name: name}
	for _, s := range matches {
		e.ids = append(e.ids, s.ID+" ("+s.CIDR.String()+")")
	}
	return e
}

func (e *subnetUnresolvedError) Error() string {
	if len(e.ids) == 0 {
		return fmt.Sprintf("no subnet has the name or ID %q in this project: check spec.subnetName and the project; what is published stays", e.name)
	}
	return fmt.Sprintf("the name %q fits %d subnets: %s: put one of these IDs into spec.subnetName", e.name, len(e.ids), strings.Join(e.ids, ", "))
}
