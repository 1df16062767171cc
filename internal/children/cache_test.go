// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package children_test

import (
	"context"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/xormsdhkdwk/multinic/internal/children"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// TestWithACacheNothingIsAskedForNothing runs as in a manager: reads come from a
// cache, which is late at times.
func TestWithACacheNothingIsAskedForNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	config := testenv.Kube(t)
	informers, err := cache.New(config, cache.Options{Scheme: scheme.Scheme, DefaultNamespaces: map[string]cache.Config{s.namespace: {}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- informers.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	cached, err := client.New(config, client.Options{Scheme: scheme.Scheme, Cache: &client.CacheOptions{Reader: informers}})
	if err != nil {
		t.Fatal(err)
	}
	past := 0 // reads past the cache
	reader := interceptor.NewClient(s.raw, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			past++
			return c.Get(ctx, key, o, opts...)
		},
	})
	s.applier = children.New(children.Options{Client: cached, Reader: reader, Owner: owner, Clock: s.clock})

	desired := deployment(s.namespace)
	s.ensure(desired, true, children.Created)
	s.ensure(desired, true, children.Unchanged) // whether or not the cache knows of it
	quietly := func() bool {
		past = 0
		s.ensure(desired, true, children.Unchanged)
		return past == 0
	}
	s.eventually("the cache to know the object", quietly)
	for range 100 {
		if !quietly() {
			t.Fatal("a call for nothing was not answered from the cache")
		}
	}
	s.addEnv(desired, intruder, "FOO")
	s.eventually("the cache to tell of the change", func() bool {
		result, err := s.applier.Ensure(t.Context(), desired, true)
		if err != nil {
			t.Fatal(err)
		}
		return result.Outcome == children.Repaired
	})
	s.ensure(desired, true, children.Unchanged)
}

func (s *site) eventually(what string, done func() bool) {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("waited in vain for %s", what)
		}
	}
}
