// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package multinicoperator

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/children"
	"github.com/xormsdhkdwk/multinic/internal/dbadmin"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// How often a MultiNicOperator is looked at though nothing is heard: Secrets that
// a spec names are not watched, and waiting steps look again.
const (
	defaultLookEvery = 30 * time.Second
	waitEvery        = 3 * time.Second
)

// Options of the Reconciler.
type Options struct {
	// Client reads labelled children from the cache, Reader anything past it.
	Client   client.Client
	Reader   client.Reader
	Recorder events.EventRecorder
	Children *children.Applier
	Log      logr.Logger
	Clock    clock.Clock
	Metrics  *Metrics
	// WatchNamespaces are those that are served; empty: all.
	WatchNamespaces []string
	// Connect reaches a MariaDB as its administrator.
	Connect func(ctx context.Context, server dbadmin.Server, rootPasswords ...string) (*dbadmin.Admin, int, error)
	// LookEvery is how often a MultiNicOperator is looked at though nothing is
	// heard; 30 s if zero.
	LookEvery time.Duration
}

// Reconciler carries a MultiNicOperator out.
type Reconciler struct {
	Options

	mu sync.Mutex
	// settled says of each namespace what MariaDB's accounts were last found
	// right for: its pod, and the credentials.
	settled map[string]string
	// known are the credentials as they were last read or written, certificates
	// and keys the same: a Secret that someone edits or deletes comes back with
	// what it held.
	known        map[string]resources.Credentials
	certificates map[string]resources.Certificate
	keys         map[string][]byte
}

// New makes a Reconciler.
func New(o Options) *Reconciler {
	if o.LookEvery == 0 {
		o.LookEvery = defaultLookEvery
	}
	return &Reconciler{
		Options: o, settled: map[string]string{}, known: map[string]resources.Credentials{},
		certificates: map[string]resources.Certificate{}, keys: map[string][]byte{},
	}
}

// errWait ends a run early: what it waits for wakes it, or the clock.
var errWait = errors.New("waiting")

// Reconcile is one run for one MultiNicOperator.
func (r *Reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	p, err := r.begin(ctx, req.NamespacedName)
	if err != nil {
		return reconcile.Result{}, err
	}
	if p == nil {
		return reconcile.Result{}, r.abandoned(ctx, req.NamespacedName)
	}
	if !p.op.DeletionTimestamp.IsZero() {
		return r.remove(ctx, p)
	}
	for _, step := range []func(context.Context, *passage) error{
		r.elect, r.understand, r.hold, r.identify,
		r.credentials, r.database, r.accounts, r.restore, r.move, r.controller, r.backup,
	} {
		if err = step(ctx, p); err != nil {
			break
		}
	}
	r.assess(p, err)
	if statusErr := r.writeStatus(ctx, p); statusErr != nil {
		return reconcile.Result{}, statusErr
	}
	r.Metrics.reconciled(err)
	switch {
	case err == nil:
		return reconcile.Result{RequeueAfter: p.again(r.LookEvery)}, nil
	case errors.Is(err, errWait), p.told:
		return reconcile.Result{RequeueAfter: p.again(waitEvery)}, nil
	case apierrors.IsConflict(err):
		return reconcile.Result{RequeueAfter: time.Second}, nil
	}
	return reconcile.Result{}, err
}

// begin reads the object; nil if it is gone. It is read past the cache, which may
// not have the status yet that the run before has written: what has changed since
// would seem to be there already, and not be written.
func (r *Reconciler) begin(ctx context.Context, name types.NamespacedName) (*passage, error) {
	op := &v1alpha1.MultiNicOperator{}
	if err := r.Reader.Get(ctx, name, op); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	spec := resources.Defaulted(op.Spec)
	return &passage{
		op: op.DeepCopy(), before: op.DeepCopy(), now: r.Clock.Now(), managed: map[string]bool{},
		in: resources.Input{
			Name: op.Name, Namespace: op.Namespace, UID: op.UID, Spec: spec, DatabaseImage: spec.Database.Image,
		},
	}, nil
}
