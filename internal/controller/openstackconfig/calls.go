// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstackconfig

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/trigger"
)

// TriggersName is the ConfigMap of the controller's namespace that remembers
// the webhook's calls, and which ticks are in force. Its size is bounded.
const TriggersName = "multinic-triggers"

// Entries of the ConfigMap.
const (
	callsEntry = "calls"
	ticksEntry = "ticks"
)

// triggers writes the ConfigMap. All replicas do.
type triggers struct {
	reader    client.Reader // past the cache
	client    client.Client
	namespace string
}

// read is the ConfigMap as it is; without data if there is none.
func (t triggers) read(ctx context.Context) (*corev1.ConfigMap, error) {
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: t.namespace, Name: TriggersName}}
	err := t.reader.Get(ctx, client.ObjectKeyFromObject(cm), cm)
	return cm, client.IgnoreNotFound(err)
}

// update changes one entry, again where another replica was faster. An entry
// that is not understood is begun anew: what it said can't be kept to.
func update[T any](ctx context.Context, t triggers, entry string, change func(*T)) error {
	conflicts := func(err error) bool { return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) }
	return retry.OnError(retry.DefaultBackoff, conflicts, func() error {
		cm, err := t.read(ctx)
		if err != nil {
			return err
		}
		var value T
		_ = json.Unmarshal([]byte(cm.Data[entry]), &value)
		change(&value)
		text, err := json.Marshal(&value)
		if err != nil {
			return err
		}
		if cm.Data[entry] == string(text) {
			return nil
		}
		if cm.Data == nil {
			cm.Data = map[string]string{}
		}
		cm.Data[entry] = string(text)
		if cm.ResourceVersion == "" {
			return t.client.Create(ctx, cm)
		}
		return t.client.Update(ctx, cm)
	})
}

// calls are the webhook's calls as last read.
type calls struct {
	mu   sync.Mutex
	read trigger.Calls
}

// stamp is of the last call that concerns the object; zero if none does.
func (c *calls) stamp(k inventory.Key) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read.Stamp(k.String())
}

// objects says whether single objects were called for.
func (c *calls) objects() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.read.Objects) > 0
}

// swap takes over what was read and returns what was known before.
func (c *calls) swap(now trigger.Calls) (before trigger.Calls) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, c.read = c.read, now
	return before
}

// triggersChanged looks anew at the objects that a call concerns.
func (r *Reconciler) triggersChanged(ctx context.Context, obj client.Object) []reconcile.Request {
	cm, ok := obj.(*corev1.ConfigMap)
	if !ok || !cm.DeletionTimestamp.IsZero() {
		return nil
	}
	var now trigger.Calls
	if text := cm.Data[callsEntry]; text != "" {
		if err := json.Unmarshal([]byte(text), &now); err != nil {
			r.Log.Error(fmt.Errorf("the entry %s of the ConfigMap %s is not understood: %w", callsEntry, TriggersName, err), "The webhook's calls can't be read")
			return nil
		}
	}
	before := r.calls.swap(now)
	if !now.All.Equal(before.All) {
		return r.everyObject(ctx)
	}
	var out []reconcile.Request
	for object, stamp := range now.Objects {
		if !stamp.Equal(before.Objects[object]) {
			out = append(out, reconcile.Request{NamespacedName: types.NamespacedName(keyOf(object))})
		}
	}
	return out
}

// keyOf is the Key whose String is given.
func keyOf(object string) inventory.Key {
	namespace, name, _ := strings.Cut(object, "/")
	return inventory.Key{Namespace: namespace, Name: name}
}

// forgetCalls drops the calls for single objects that were handled, or whose
// object has gone.
func (c *caretaker) forgetCalls(ctx context.Context) error {
	if !c.calls.objects() {
		return nil
	}
	return update(ctx, c.triggers(), callsEntry, func(calls *trigger.Calls) {
		calls.Forget(func(object string, stamp time.Time) bool {
			k := keyOf(object)
			state, known := c.Publication.State(k)
			return known && !state.HandledTrigger.Before(stamp) || apierrors.IsNotFound(c.Client.Get(ctx, types.NamespacedName(k), &v1alpha1.OpenstackConfig{}))
		})
	})
}

func (r *Reconciler) triggers() triggers { return triggers{r.Reader, r.Client, r.Namespace} }
