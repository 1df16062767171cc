// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package children_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/xormsdhkdwk/multinic/internal/children"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

const owner = "multinic-operator"

// site is a namespace with an applier.
type site struct {
	t         testing.TB
	raw       client.WithWatch // another's access
	namespace string
	clock     *clocktesting.FakePassiveClock
	applier   *children.Applier
	calls     counter
	fault     fault
	output    output
}

// counter counts what the applier asks of the API server.
type counter struct{ reads, writes, dryRuns int }

// fault fails a write before it reaches the API server, if it is not nil.
type fault func(verb string, object client.Object) error

type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) add(prefix, args string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	fmt.Fprintln(&o.text, prefix, args)
}

func newSite(t testing.TB) *site {
	t.Helper()
	config := testenv.Kube(t)
	config.QPS, config.Burst = -1, -1
	raw, err := client.NewWithWatch(config, client.Options{Scheme: scheme.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, raw: raw, namespace: testenv.Namespace(t, raw), clock: clocktesting.NewFakePassiveClock(time.Now())}
	s.restart()
	return s
}

// restart makes a new applier, that remembers nothing.
func (s *site) restart() {
	counted := interceptor.NewClient(s.raw, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			s.calls.reads++
			return c.Get(ctx, key, o, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			if err := s.count("update", o, (&client.UpdateOptions{}).ApplyOptions(opts).DryRun); err != nil {
				return err
			}
			return c.Update(ctx, o, opts...)
		},
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			if err := s.count("create", o, (&client.CreateOptions{}).ApplyOptions(opts).DryRun); err != nil {
				return err
			}
			return c.Create(ctx, o, opts...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			if err := s.count("patch", o, nil); err != nil {
				return err
			}
			return c.Patch(ctx, o, p, opts...)
		},
		Apply: func(ctx context.Context, c client.WithWatch, o runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			if err := s.count("apply", nil, nil); err != nil {
				return err
			}
			return c.Apply(ctx, o, opts...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			if err := s.count("delete", o, nil); err != nil {
				return err
			}
			return c.Delete(ctx, o, opts...)
		},
	})
	s.applier = children.New(children.Options{Client: counted, Reader: counted, Owner: owner, Clock: s.clock,
		Log: logr.New(funcr.New(s.output.add, funcr.Options{Verbosity: 9}).GetSink())})
}

func (s *site) count(verb string, object client.Object, dry []string) error {
	if len(dry) > 0 {
		s.calls.dryRuns++
		return nil
	}
	s.calls.writes++
	if s.fault == nil {
		return nil
	}
	return s.fault(verb, object)
}

// ensure expects an outcome.
func (s *site) ensure(desired client.Object, repair bool, want children.Outcome) children.Result {
	s.t.Helper()
	result, err := s.applier.Ensure(s.t.Context(), desired, repair)
	if err != nil {
		s.t.Fatalf("ensuring %s: %v", desired.GetName(), err)
	}
	if result.Outcome != want {
		s.t.Fatalf("%T %s is %s, want %s; differences %q by %q", desired, desired.GetName(), result.Outcome, want, result.Differences, result.By)
	}
	return result
}

// live reads the object as it is.
func (s *site) live(of client.Object) *unstructured.Unstructured {
	s.t.Helper()
	object := s.named(of)
	if err := s.raw.Get(s.t.Context(), client.ObjectKeyFromObject(of), object); err != nil {
		s.t.Fatal(err)
	}
	return object
}

// named is an object with nothing but its name.
func (s *site) named(of client.Object) *unstructured.Unstructured {
	s.t.Helper()
	gvk, err := apiutil.GVKForObject(of, s.raw.Scheme())
	if err != nil {
		s.t.Fatal(err)
	}
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(gvk)
	object.SetNamespace(of.GetNamespace())
	object.SetName(of.GetName())
	return object
}

// lasting is what of an object must come back.
func lasting(object *unstructured.Unstructured) map[string]any {
	content := object.DeepCopy().Object
	for _, field := range []string{"resourceVersion", "generation", "managedFields", "creationTimestamp", "uid"} {
		unstructured.RemoveNestedField(content, "metadata", field)
	}
	delete(content, "status")
	return content
}

func (s *site) same(before *unstructured.Unstructured) {
	s.t.Helper()
	if diff := cmp.Diff(lasting(before), lasting(s.live(before))); diff != "" {
		s.t.Errorf("it is not as it was before (-before +now):\n%s", diff)
	}
}

// mergePatch changes the object as another.
func (s *site) mergePatch(of client.Object, manager string, patch map[string]any) error {
	body, err := json.Marshal(patch)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.raw.Patch(s.t.Context(), s.named(of), client.RawPatch("application/merge-patch+json", body), client.FieldOwner(manager))
}

// mutate changes the object as another, in place.
func (s *site) mutate(of client.Object, manager string, change func(*unstructured.Unstructured)) {
	s.t.Helper()
	live := s.live(of)
	change(live)
	if err := s.raw.Update(s.t.Context(), live, client.FieldOwner(manager)); err != nil {
		s.t.Fatal(err)
	}
}

// addEnv adds environment variables to the first container, as another.
func (s *site) addEnv(of client.Object, manager string, names ...string) {
	s.t.Helper()
	s.mutate(of, manager, func(live *unstructured.Unstructured) {
		for _, name := range names {
			add(live.Object, steps("spec.template.spec.containers.0.env.+"), obj{"name": name, "value": "x"})
		}
	})
}

// label labels the object as another.
func (s *site) label(of client.Object, name, value string) {
	s.t.Helper()
	if err := s.mergePatch(of, intruder, obj{"metadata": obj{"labels": obj{name: value}}}); err != nil {
		s.t.Fatal(err)
	}
}
