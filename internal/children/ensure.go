// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"context"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

// look reads the live object, finds the differences and does something about
// them. An error that is passing() means: look again.
func (a *Applier) look(ctx context.Context, c *call) (Result, error) {
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(c.id.GroupVersionKind)
	err := a.Reader.Get(ctx, c.id.ObjectKey, live)
	if apierrors.IsNotFound(err) {
		return a.missing(ctx, c)
	}
	if err != nil {
		return Result{}, err
	}
	if err := c.ours(live); err != nil {
		return Result{}, err
	}
	if live.GetDeletionTimestamp() != nil {
		object, err := a.typed(c, live)
		return Result{Outcome: Terminating, RetryAfter: terminating, Object: object}, err
	}
	if a.known(c, live) {
		v := c.memory.verdict
		a.remember(c, live, v.differences, v.by)
		object, err := a.typed(c, live)
		return v.result(object), err
	}
	if fields := c.stuck(live); fields != nil {
		return a.unyielding(ctx, c, live, fields)
	}
	would, err := a.replace(ctx, c, live, client.DryRunAll)
	if refused(err) && a.validWhenNew(ctx, c) {
		return a.unyielding(ctx, c, live, refusedFields(err))
	}
	if err != nil {
		return Result{}, err
	}
	found := differences(essence(live), essence(would))
	if len(found) == 0 {
		a.remember(c, live, nil, nil)
		return a.finish(c, Unchanged, live, nil, nil)
	}
	by := writers(live, found, a.Owner)
	if result, stop := a.hold(c, live, found, by); stop {
		return a.withObject(c, result, live)
	}
	if !c.repair {
		return a.applyOurs(ctx, c, live, would)
	}
	written, err := a.replace(ctx, c, live)
	if err != nil {
		return Result{}, err
	}
	outcome := a.wrote(c, live, found)
	a.remember(c, written, nil, nil)
	return a.finish(c, outcome, written, found, by)
}

// missing makes the object, unless someone deleted it and that is to stay.
func (a *Applier) missing(ctx context.Context, c *call) (Result, error) {
	outcome, gone := Created, []string(nil)
	switch m := c.memory; {
	case m.replacing != "":
		outcome = m.replacing
	case m.uid != "":
		outcome, gone = Repaired, []string{Missing}
		if !c.repair {
			return Result{Outcome: Drifted, Differences: gone}, nil
		}
		if wait := m.fight.wait(a.Clock.Now()); wait > 0 {
			return Result{Outcome: Contested, Differences: gone, RetryAfter: wait}, nil
		}
	}
	made := c.desired.DeepCopy()
	if err := a.Client.Create(ctx, made, client.FieldOwner(a.Owner)); err != nil {
		return Result{}, err
	}
	if outcome == Repaired && gone != nil {
		c.memory.fight.repaired(a.Clock.Now())
	}
	a.remember(c, made, nil, nil)
	return a.finish(c, outcome, made, gone, nil)
}

// replace puts what is wanted in the place of the live object, if that is still
// as it was read. It gives the object as the API server then has it, or, with
// DryRunAll, would have it.
func (a *Applier) replace(ctx context.Context, c *call, live *unstructured.Unstructured, options ...client.UpdateOption) (*unstructured.Unstructured, error) {
	want := c.want(live)
	if len(options) == 0 {
		a.track(want, live)
	}
	return want, a.Client.Update(ctx, want, append(options, client.FieldOwner(a.Owner))...)
}

// hold decides whether what was found is left as it is for now.
func (a *Applier) hold(c *call, live *unstructured.Unstructured, found, by []string) (Result, bool) {
	if c.changed(live, found) {
		return Result{}, false
	}
	if !c.repair {
		a.remember(c, live, found, by)
		return Result{Outcome: Drifted, Differences: first(found), By: by}, true
	}
	if wait := c.memory.fight.wait(a.Clock.Now()); wait > 0 {
		return Result{Outcome: Contested, Differences: first(found), By: by, RetryAfter: wait}, true
	}
	return Result{}, false
}

// wrote says what a write was, and notes it if it was a repair.
func (a *Applier) wrote(c *call, live *unstructured.Unstructured, found []string) Outcome {
	if c.changed(live, found) {
		return Updated
	}
	c.memory.fight.repaired(a.Clock.Now())
	return Repaired
}

// changed tells whether the desired object is another than the one that was
// last applied. The annotation can be forged; in this process's life its memory
// is believed instead. Of a Secret's data no digest leaves the process, so after
// a restart a difference in them counts as ours: better a password too many
// written than one never.
func (c *call) changed(live *unstructured.Unstructured, found []string) bool {
	if c.memory.applied != "" {
		return c.memory.applied != c.sealed
	}
	if live.GetAnnotations()[AnnotationDigest] != c.mark {
		return true
	}
	if c.secret() {
		for _, place := range found {
			if place == "data" || strings.HasPrefix(place, "data.") || strings.HasPrefix(place, "data[") {
				return true
			}
		}
	}
	return false
}

// applyOurs brings a change of ours into an object whose other differences are
// to stay, by server-side apply: what we no longer want goes, what others added
// stays. What others changed of our fields is taken back with it; the API knows
// no half.
func (a *Applier) applyOurs(ctx context.Context, c *call, live, would *unstructured.Unstructured) (Result, error) {
	live, err := a.gather(ctx, live)
	if err != nil {
		return Result{}, err
	}
	applied := c.want(live)
	unstructured.RemoveNestedField(applied.Object, "status")
	for _, field := range volatile {
		if field != "resourceVersion" && field != "uid" {
			unstructured.RemoveNestedField(applied.Object, "metadata", field)
		}
	}
	configuration := client.ApplyConfigurationFromUnstructured(applied)
	if err := a.Client.Apply(ctx, configuration, client.FieldOwner(a.Owner), client.ForceOwnership); err != nil {
		return Result{}, err
	}
	left := differences(essence(applied), essence(would))
	by := writers(applied, left, a.Owner)
	a.remember(c, applied, left, by)
	return a.finish(c, Updated, applied, left, by)
}

// gather makes all that we own of the object ours in the way of server-side
// apply: what was created or replaced is owned as an update, and an apply would
// never remove it.
func (a *Applier) gather(ctx context.Context, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	patch, err := csaupgrade.UpgradeManagedFieldsPatch(live, sets.New(a.Owner), a.Owner)
	if err != nil || patch == nil {
		return live, err
	}
	gathered := live.DeepCopy()
	return gathered, a.Client.Patch(ctx, gathered, client.RawPatch(types.JSONPatchType, patch), client.FieldOwner(a.Owner))
}

func (a *Applier) finish(c *call, outcome Outcome, live *unstructured.Unstructured, found, by []string) (Result, error) {
	return a.withObject(c, Result{Outcome: outcome, Differences: first(found), By: by}, live)
}

func (a *Applier) withObject(c *call, result Result, live *unstructured.Unstructured) (Result, error) {
	object, err := a.typed(c, live)
	result.Object = object
	return result, err
}

// ours refuses an object that is someone else's. Ours is what has our label,
// our owner, or was ours a moment ago; also what has our very digest, or a digest
// and no label at all: someone took the label off.
func (c *call) ours(live *unstructured.Unstructured) error {
	want := c.desired.GetLabels()[v1alpha1.LabelManagedBy]
	label := live.GetLabels()[v1alpha1.LabelManagedBy]
	mark := live.GetAnnotations()[AnnotationDigest]
	if c.adopt || label == want || c.memory.uid == live.GetUID() || mark == c.mark || mark != "" && label == "" {
		return nil
	}
	for _, owner := range c.desired.GetOwnerReferences() {
		for _, other := range live.GetOwnerReferences() {
			if owner.UID != "" && owner.UID == other.UID {
				return nil
			}
		}
	}
	return &ForeignError{Kind: c.id.Kind, Namespace: c.id.Namespace, Name: c.id.Name, Label: label, want: want}
}
