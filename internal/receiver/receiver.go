// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
	"k8s.io/utils/clock"

	"github.com/xormsdhkdwk/multinic/internal/trigger"
)

// Interface is a published NIC.
type Interface struct{ ServerID, PortID string }

// Object is an OpenstackConfig as calls are matched with it.
type Object struct {
	Namespace, Name string
	Labels          map[string]string
	VMNames         []string
	SubnetName      string
	// What its status tells; empty before the first run.
	SubnetID, NetworkID string
	Interfaces          []Interface
	// Partial says that Interfaces is cut, Unsettled that some VM is not
	// published as declared.
	Partial, Unsettled bool
}

// ID is how Calls name the object.
func (o *Object) ID() string { return o.Namespace + "/" + o.Name }

// Settings are the MultiNicOperator's, as of now.
type Settings struct {
	Enabled bool
	// KeySecret and TLSSecret are names in the controller's namespace;
	// TLSSecret is empty where there is no certificate.
	KeySecret, TLSSecret string
}

// Cluster is what the receiver asks Kubernetes. Settings and Objects come from
// a cache: they fail until it is filled.
type Cluster interface {
	Settings(ctx context.Context) (Settings, error)
	Objects(ctx context.Context) ([]Object, error)
	// Secret reads a Secret of the controller's namespace.
	Secret(ctx context.Context, name string) (map[string][]byte, error)
	// Record changes the written calls. change may be called again, with what
	// another replica has written meanwhile.
	Record(ctx context.Context, change func(*trigger.Calls)) error
}

// Options of a Receiver. Zero values take the defaults.
type Options struct {
	Cluster    Cluster
	Clock      clock.PassiveClock
	Log        logr.Logger
	Registerer prometheus.Registerer
	// Rate and Burst bound the calls that are accepted: 5 a second, 20 at once.
	Rate  rate.Limit
	Burst int
}

// Receiver answers the trigger webhook.
type Receiver struct {
	Options
	accepted *rate.Limiter
	all      *rate.Limiter // also of those who have no key
	told     *rate.Limiter // refusals in the log
	secrets  secrets
	journal  journal
	calls    *prometheus.CounterVec
	duration prometheus.Histogram
}

// MaxBody is the largest body that is read, in bytes. A notification of Nova
// has some 10 kB.
const MaxBody = 128 << 10

// maxRequests a second are looked at, whoever sends them.
const maxRequests = 300

// New makes a Receiver.
func New(o Options) *Receiver {
	if o.Rate == 0 {
		o.Rate = 5
	}
	if o.Burst == 0 {
		o.Burst = 20
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	r := &Receiver{
		Options:  o,
		accepted: rate.NewLimiter(o.Rate, o.Burst), all: rate.NewLimiter(maxRequests, maxRequests), told: rate.NewLimiter(1, 20),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "multinic_trigger_calls_total", Help: "Calls of the trigger webhook by the answer's HTTP status and reason (Accepted for 202).",
		}, []string{"code", "reason"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "multinic_trigger_call_duration_seconds", Help: "How long calls of the trigger webhook took to be answered.", Buckets: prometheus.DefBuckets,
		}),
	}
	r.secrets = secrets{cluster: o.Cluster, clock: o.Clock}
	r.journal = journal{record: o.Cluster.Record, clock: o.Clock}
	if o.Registerer != nil {
		o.Registerer.MustRegister(r.calls, r.duration)
	}
	return r
}

// match is the call that a selection means, with the objects that it matches.
func (r *Receiver) match(ctx context.Context, s *selection) (trigger.Call, int, *refusal) {
	objects, err := r.Cluster.Objects(ctx)
	if err != nil {
		return trigger.Call{}, 0, r.unavailable(err, "the OpenstackConfigs can't be listed yet")
	}
	if s.all() {
		return trigger.Call{All: true}, len(objects), nil
	}
	var call trigger.Call
	for i := range objects {
		if s.matches(&objects[i]) {
			call.Objects = append(call.Objects, objects[i].ID())
		}
	}
	if len(call.Objects) == 0 && s.notification == nil {
		return call, 0, refuse(404, "NothingMatches", "no OpenstackConfig that this controller serves has namespace %q, name %q and labels %v", s.Namespace, s.Name, s.Labels)
	}
	return call, len(call.Objects), nil
}

// record writes the call down.
func (r *Receiver) record(ctx context.Context, call trigger.Call) (time.Time, *refusal) {
	stamp, err := r.journal.add(ctx, call)
	switch {
	case err == nil:
		return stamp, nil
	case errors.Is(err, trigger.ErrReplayed):
		return time.Time{}, refuse(401, "Replayed", "this call was accepted before: sign a new one, with the present time")
	case errors.Is(err, trigger.ErrTooMany):
		return time.Time{}, refuse(429, "TooManyCalls", "too many calls within %s: send fewer", 2*Window)
	default:
		return time.Time{}, r.unavailable(err, "the call can't be written down")
	}
}

func (r *Receiver) unavailable(err error, what string) *refusal {
	if r.told.Allow() {
		r.Log.Error(err, "The trigger webhook can't answer: "+what)
	}
	return refuse(503, "Unavailable", "%s: try again", what)
}
