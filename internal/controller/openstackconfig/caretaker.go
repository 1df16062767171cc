// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstackconfig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

// deletionsName is the ConfigMap that remembers deletions until the database
// is back. One entry per object, by UID.
const deletionsName = "multinic-pending-deletions"

// caretakeEvery is how often the caretaker looks, orphanAfter how long an
// object must have been gone before what it left is withdrawn.
const (
	caretakeEvery = 15 * time.Second
	orphanAfter   = time.Minute
)

// pendingDeletion is one entry of the ConfigMap.
type pendingDeletion struct {
	Namespace string      `json:"namespace"`
	Name      string      `json:"name"`
	At        metav1.Time `json:"at"`
}

// caretaker finishes what could not be done in an object's lifetime: its
// deletion while the database was away, and what an object left that went
// without its finalizer, or that an old database still bears.
type caretaker struct {
	*Reconciler
	// missing says since when an object with rows was not to be found.
	missing map[inventory.Key]time.Time
}

// NeedLeaderElection tells the manager to start it in the leader only.
func (c *caretaker) NeedLeaderElection() bool { return true }

// Start looks after things until ctx ends.
func (c *caretaker) Start(ctx context.Context) error {
	ticker := c.Clock.NewTicker(caretakeEvery)
	defer ticker.Stop()
	for {
		if c.settings.lags() { // also where there is no MultiNicOperator at all
			for _, req := range c.operatorChanged(ctx, nil) {
				c.Wake([]inventory.Key{inventory.Key(req.NamespacedName)})
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
		if c.Publication.Err() != nil {
			continue
		}
		if err := c.finishDeletions(ctx); err != nil && ctx.Err() == nil {
			c.Log.Error(err, "Remembered deletions can't be finished yet")
		}
		if err := c.releaseOrphans(ctx); err != nil && ctx.Err() == nil {
			c.Log.Error(err, "What vanished objects left can't be withdrawn yet")
		}
		if err := c.forgetCalls(ctx); err != nil && ctx.Err() == nil {
			c.Log.Error(err, "Calls that were handled can't be forgotten yet")
		}
	}
}

// rememberDeletion writes a deletion down, once.
func (r *Reconciler) rememberDeletion(ctx context.Context, obj *v1alpha1.OpenstackConfig) error {
	entry, err := json.Marshal(pendingDeletion{obj.Namespace, obj.Name, metav1.NewTime(r.Clock.Now())})
	if err != nil {
		return err
	}
	patch, err := json.Marshal(map[string]any{"data": map[string]string{string(obj.UID): string(entry)}})
	if err != nil {
		return err
	}
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: r.Namespace, Name: deletionsName}}
	err = r.Client.Patch(ctx, cm, client.RawPatch(types.MergePatchType, patch))
	if !apierrors.IsNotFound(err) {
		return err
	}
	cm.Data = map[string]string{string(obj.UID): string(entry)}
	return r.Client.Create(ctx, cm)
}

// finishDeletions does the deletions that were written down.
func (c *caretaker) finishDeletions(ctx context.Context) error {
	cm := &corev1.ConfigMap{}
	err := c.Reader.Get(ctx, types.NamespacedName{Namespace: c.Namespace, Name: deletionsName}, cm)
	if err != nil {
		return client.IgnoreNotFound(err)
	}
	var errs []error
	for uid, text := range cm.Data {
		var d pendingDeletion
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			errs = append(errs, fmt.Errorf("the entry %s of the ConfigMap %s is not understood: %w", uid, deletionsName, err))
			continue
		}
		k := inventory.Key{Namespace: d.Namespace, Name: d.Name}
		// Its own claims alone: what a new object of that name has published stays.
		err := c.Rounds.Release(ctx, k, uid)
		if err == nil {
			patch := fmt.Appendf(nil, `{"data":{%q:null}}`, uid)
			err = c.Client.Patch(ctx, cm.DeepCopy(), client.RawPatch(types.MergePatchType, patch))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// releaseOrphans withdraws what objects left that are gone without having
// been released. Being absent from the cache proves nothing: the API server
// is asked for each by name, twice, a minute apart.
func (c *caretaker) releaseOrphans(ctx context.Context) error {
	var errs []error
	for k, state := range c.Publication.States() {
		if c.cached(ctx, k) {
			delete(c.missing, k)
			continue
		}
		gone, err := c.gone(ctx, k)
		if err != nil || !gone {
			delete(c.missing, k)
			errs = append(errs, err)
			continue
		}
		since, seen := c.missing[k]
		if !seen {
			c.missing[k] = c.Clock.Now()
			continue
		}
		if c.Clock.Since(since) < orphanAfter {
			continue
		}
		c.Log.Info("Withdrawing what a vanished object has left", "openstackconfig", k.String())
		if err := c.Rounds.Release(ctx, k, state.UID); err != nil {
			errs = append(errs, err)
			continue
		}
		delete(c.missing, k)
	}
	return errors.Join(errs...)
}

func (c *caretaker) cached(ctx context.Context, k inventory.Key) bool {
	return c.Client.Get(ctx, types.NamespacedName(k), &v1alpha1.OpenstackConfig{}) == nil
}

// gone says whether the API server knows no such object. A server that does
// not know the kind answers 404 too, as text and not as a Status; client-go
// makes one of it and says so (rest.Request, newUnstructuredResponseError).
func (c *caretaker) gone(ctx context.Context, k inventory.Key) (bool, error) {
	err := c.Reader.Get(ctx, types.NamespacedName(k), &v1alpha1.OpenstackConfig{})
	if err == nil {
		return false, nil
	}
	if apierrors.IsNotFound(err) && !apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse) {
		return true, nil
	}
	return false, err
}
