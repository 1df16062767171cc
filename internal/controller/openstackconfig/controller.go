// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstackconfig

import (
	"context"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/credentials"
	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/openstack"
	"github.com/xormsdhkdwk/multinic/internal/publication"
	"github.com/xormsdhkdwk/multinic/internal/round"
	"github.com/xormsdhkdwk/multinic/internal/trigger"
)

// Options of a Reconciler. Zero times take the defaults.
type Options struct {
	Client client.Client
	// Reader reads past the cache.
	Reader   client.Reader
	Recorder events.EventRecorder
	Log      logr.Logger
	Clock    clock.WithTicker
	// Namespace is the controller's own: it follows the MultiNicOperator
	// there and keeps its few objects there.
	Namespace string
	// Cluster tells this controller's ticks from those of others.
	Cluster     string
	Secrets     credentials.SecretGetter
	Decrypter   credentials.Decrypter
	HashKey     []byte
	Rounds      *round.Rounds
	Publication *publication.Publication
	Metrics     *Metrics
	// Limits are those that hold where no policy says otherwise.
	Limits inventory.Limits
	// RecheckSecret is how often a Secret is looked at where nothing is due
	// (3m), DeletionPatience how long a deletion waits for the database
	// before it is written down to be done later (5m).
	RecheckSecret, DeletionPatience time.Duration
}

// Reconciler reconciles OpenstackConfigs.
type Reconciler struct {
	Options
	failures failures
	untold   untold
	written  written
	settings settings
	calls    calls
	writes   chan struct{} // one for each call under way; see write

	queueMu sync.Mutex
	queue   workqueue.TypedRateLimitingInterface[reconcile.Request]
}

// New makes a Reconciler.
func New(o Options) *Reconciler {
	if o.RecheckSecret == 0 {
		o.RecheckSecret = 3 * time.Minute
	}
	if o.DeletionPatience == 0 {
		o.DeletionPatience = 5 * time.Minute
	}
	if o.Limits == (inventory.Limits{}) {
		o.Limits = inventory.DefaultLimits()
	}
	return &Reconciler{
		Options: o, failures: failures{byKey: map[inventory.Key]failure{}}, untold: untold{byKey: map[inventory.Key]*round.Result{}},
		written: written{byKey: map[inventory.Key]string{}}, writes: make(chan struct{}, maxWrites),
	}
}

// passage is one object's way through Reconcile.
type passage struct {
	now  time.Time
	key  inventory.Key
	obj  *v1alpha1.OpenstackConfig
	was  v1alpha1.OpenstackConfigStatus
	log  logr.Logger
	cfg  trigger.Config
	in   trigger.Input
	cred openstack.Credentials
	seat *round.Seat
	// decision is what trigger says; ran is the result of the run it asked
	// for; failed is what keeps the object from being as declared.
	decision trigger.Decision
	waits    bool // a change is not due yet
	ran      *round.Result
	failed   *failure
}

// Reconcile brings one object to what it declares.
func (r *Reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	p := &passage{
		now: r.Clock.Now(), key: inventory.Key{Namespace: req.Namespace, Name: req.Name}, obj: &v1alpha1.OpenstackConfig{},
		log: r.Log.WithValues("openstackconfig", req.String()),
	}
	if err := r.Client.Get(ctx, req.NamespacedName, p.obj); err != nil {
		r.forget(p.key)
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if r.written.after(p.key, p.obj.ResourceVersion) {
		return reconcile.Result{RequeueAfter: cacheLag}, nil
	}
	p.was = *p.obj.Status.DeepCopy()
	if !p.obj.DeletionTimestamp.IsZero() {
		return r.release(ctx, p)
	}
	p.seat = r.Rounds.Coming()
	defer p.seat.Leave()
	if err := r.holdOn(ctx, p.obj); err != nil {
		return reconcile.Result{}, ignoreGone(err) // what is gone is not published
	}
	state, known := r.Publication.State(p.key)
	if !known && r.Publication.Starting() {
		return reconcile.Result{}, nil // everything is woken once the database has been reached or not
	}
	r.gather(ctx, p, state)
	r.decide(p)
	if p.decision.Run && p.failed == nil {
		r.run(ctx, p, state)
	} else if p.failed == nil {
		p.ran = r.untold.get(p.key)
	}
	p.seat.Leave()
	r.assess(p)
	if err := r.writeStatus(ctx, p); err != nil {
		return reconcile.Result{}, err
	}
	return reconcile.Result{RequeueAfter: r.nextPassage(p)}, nil
}

// holdOn puts the finalizer on before anything is published: an object that
// goes without it would leave its rows behind.
func (r *Reconciler) holdOn(ctx context.Context, obj *v1alpha1.OpenstackConfig) error {
	if controllerutil.ContainsFinalizer(obj, v1alpha1.Finalizer) {
		return nil
	}
	before := obj.DeepCopy()
	controllerutil.AddFinalizer(obj, v1alpha1.Finalizer)
	status := obj.Status
	err := r.write(ctx, obj, func() error {
		return r.Client.Patch(ctx, obj, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	})
	obj.Status = status
	return err
}

// decide asks whether a run is due.
func (r *Reconciler) decide(p *passage) {
	if p.failed != nil {
		return // nothing to run with; what is wrong is in the status
	}
	p.decision = trigger.Decide(p.cfg, p.in)
	log := p.log.WithName("trigger")
	mode, change := string(p.cfg.Mode), p.in.IsChange()
	if !p.decision.Run {
		p.waits = change && !p.obj.Spec.Suspend
		log.Info("Reconcile skipped due to trigger configuration", "mode", mode, "isCRChangeEvent", change)
		r.Metrics.observe("skipped")
		return
	}
	if p.decision.Cause == trigger.Changed {
		log.Info("Immediate reconcile triggered by CR change event")
	}
	log.Info("Proceeding with reconcile", "mode", mode, "isCRChangeEvent", change, "cause", string(p.decision.Cause))
}

// run takes part in a round.
func (r *Reconciler) run(ctx context.Context, p *passage, state stateTemplate) {
	ticket := round.Ticket{Object: r.object(p), Credentials: p.cred, State: state}
	ticket.State.UID = string(p.obj.UID)
	ticket.State.SpecHash = p.in.Hash
	ticket.State.Generation = p.obj.Generation
	ticket.State.HandledRequest = p.in.Request
	if p.in.Webhook.After(p.in.HandledWebhook) { // a run for any cause answers the call
		ticket.State.HandledTrigger = p.in.Webhook
	}
	result, err := p.seat.Run(ctx, ticket)
	if err != nil {
		p.failed = r.failedRun(p, err)
		r.Metrics.observe("failed")
		p.log.Info("Reconcile failed", "reason", p.failed.reason, "error", err.Error())
		return
	}
	p.ran = &result
	if result.Outcome.Subnet == nil {
		p.failed = r.failedRun(p, subnetError(p.obj.Spec.SubnetName, result.Outcome.SubnetMatches))
		r.Metrics.observe("failed")
		return
	}
	r.failures.forget(p.key)
	r.Metrics.observe("success")
	r.Metrics.holds(p.key, result.Outcome.Held())
	r.Metrics.succeeded(p.key, result.State.LastSuccess)
	p.log.WithName("trigger").Info("Reconcile completed successfully", "triggerMode", string(p.cfg.Mode),
		"nextRequeue", trigger.FormatDuration(r.nextPassage(p)))
}

// nextPassage is when to look at the object again of our own accord; 0: never.
func (r *Reconciler) nextPassage(p *passage) time.Duration {
	var next time.Time
	consider := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	consider(p.decision.Next)
	if p.ran != nil {
		consider(p.ran.State.NextLook)
	}
	if p.failed != nil && p.failed.RetryAt.After(p.now) {
		consider(p.failed.RetryAt)
	}
	if p.obj.Spec.Credentials.SecretRef != nil && !p.obj.Spec.Suspend {
		consider(r.Clock.Now().Add(r.RecheckSecret))
	}
	if next.IsZero() {
		return 0
	}
	return max(next.Sub(r.Clock.Now()), time.Millisecond)
}

// forget drops what is kept in memory of an object that has gone.
func (r *Reconciler) forget(k inventory.Key) {
	r.failures.forget(k)
	r.untold.put(k, nil)
	r.written.forget(k)
	r.Metrics.forget(k)
}

// ignoreGone lets a write fail because its object has gone meanwhile.
func ignoreGone(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
