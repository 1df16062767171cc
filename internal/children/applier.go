// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"context"
	"crypto/rand"
	"maps"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// AnnotationDigest on a child is a digest of what we last made it be, without
// the data of Secrets. It tells, across restarts, a change of our mind from a
// change that someone else made.
const AnnotationDigest = "multinic.example.com/applied-digest"

// Options of an Applier.
type Options struct {
	// Client writes. Its reads may be cached: they only tell whether anything
	// happened at all. The Secrets are never read through it.
	Client client.Client
	// Reader reads past the cache.
	Reader client.Reader
	// Owner is the one field manager of all that is written.
	Owner string
	Clock clock.PassiveClock
	Log   logr.Logger
}

// Outcome says what Ensure found and did.
type Outcome string

// The outcomes.
const (
	Unchanged Outcome = "Unchanged" // it is as desired; nothing was written
	Created   Outcome = "Created"
	Updated   Outcome = "Updated"  // what we want of it changed, and was written
	Repaired  Outcome = "Repaired" // someone else changed or deleted it; it is as desired again
	Drifted   Outcome = "Drifted"  // someone else changed or deleted it, and repairs are off
	// Contested: someone keeps changing it. The next repair comes after
	// RetryAfter.
	Contested Outcome = "Contested"
	// Terminating: it is being deleted. What is desired is made when it is
	// gone; look again after RetryAfter.
	Terminating Outcome = "Terminating"
)

// Missing stands in Result.Differences for an object that someone deleted.
const Missing = "(missing)"

// Result of Ensure. It holds no value of a Secret.
type Result struct {
	Outcome Outcome
	// Differences are the places where the live object was not as desired,
	// such as spec.template.spec.containers[controller].env[FOO]: at most
	// ten, and never a value.
	Differences []string
	// By are the field managers that own differences, as far as the object
	// tells. Who removes a field owns nothing, and any name can be used.
	By []string
	// RetryAfter is set with Contested and Terminating.
	RetryAfter time.Duration
	// Object is the live object after all that, of the type of the desired
	// one; nil if there is none. A Secret comes without its data.
	Object client.Object
}

// Option of one call of Ensure.
type Option func(*call)

// Adopt takes over an object of that name that is not ours, instead of
// refusing with ErrForeign.
func Adopt() Option { return func(c *call) { c.adopt = true } }

// call is one call of Ensure.
type call struct {
	child
	memory *memory
	repair bool
	adopt  bool
}

// Applier makes children be as they were built. It is safe for concurrent use.
type Applier struct {
	Options
	// key makes digests of Secrets in this process's memory useless elsewhere.
	key []byte

	mu       sync.Mutex
	memories map[identity]*memory
}

// New makes an Applier.
func New(o Options) *Applier {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	return &Applier{Options: o, key: key, memories: map[identity]*memory{}}
}

const (
	attempts    = 5
	pause       = 20 * time.Millisecond // between them, growing
	terminating = 2 * time.Second       // until an object that is being deleted is looked at again
)

// Ensure makes the object of desired's kind and name be as desired. With repair
// false it writes only where desired changed since it was last applied: what
// others did is told (Drifted), not undone.
//
// An object that nobody ever saw is created in either case. One that is missing
// though this process has seen it was deleted by someone: with repair it is made
// again, without it stays away until the operator restarts.
func (a *Applier) Ensure(ctx context.Context, desired client.Object, repair bool, options ...Option) (Result, error) {
	child, err := a.build(desired)
	if err != nil {
		return Result{}, err
	}
	c := &call{child: child, memory: a.memory(child.id), repair: repair}
	for _, option := range options {
		option(c)
	}
	c.memory.Lock()
	defer c.memory.Unlock()
	if result, ok := a.recall(ctx, c); ok {
		return result, nil
	}
	var result Result
	for attempt := 1; ; attempt++ {
		result, err = a.look(ctx, c)
		if err == nil || attempt == attempts || !passing(err) {
			break
		}
		// By the wall clock: someone else's write must get through.
		select {
		case <-time.After(time.Duration(attempt) * pause):
		case <-ctx.Done():
			return Result{}, ctx.Err()
		}
	}
	if err != nil {
		return Result{}, c.failure(err)
	}
	if result.Outcome != Unchanged {
		a.Log.Info("child "+string(result.Outcome), "kind", c.id.Kind, "namespace", c.id.Namespace, "name", c.id.Name,
			"differences", result.Differences, "by", result.By)
	}
	return result, nil
}

// passing tells errors that say the object changed under our hands.
func passing(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsNotFound(err) || apierrors.IsAlreadyExists(err)
}

// Forget drops what is remembered of the object. It is called after the caller
// itself deleted it, so that a later Ensure creates it.
func (a *Applier) Forget(desired client.Object) {
	id, err := a.identify(desired)
	if err != nil {
		return // never remembered either
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.memories, id)
}

// ForgetNamespace does the same for all objects of a namespace: what made them is
// gone.
func (a *Applier) ForgetNamespace(namespace string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.memories, func(id identity, _ *memory) bool { return id.Namespace == namespace })
}

func (a *Applier) memory(id identity) *memory {
	a.mu.Lock()
	defer a.mu.Unlock()
	m, ok := a.memories[id]
	if !ok {
		m = &memory{}
		a.memories[id] = m
	}
	return m
}
