// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/children"
	"github.com/xormsdhkdwk/multinic/internal/controller/multinicoperator"
	"github.com/xormsdhkdwk/multinic/internal/dbadmin"
	"github.com/xormsdhkdwk/multinic/internal/health"
)

// OperatorOptions of the operator.
type OperatorOptions struct {
	// Namespace is the operator's own.
	Namespace string
	// WatchNamespaces are those whose MultiNicOperators are served; empty: all.
	WatchNamespaces []string
	// Address of health and metrics.
	Address string
	// MetricsAuth is on, off, or auto: on where the operator may ask the
	// cluster who is calling.
	MetricsAuth    string
	LeaderElection bool
	Version        string

	// Of use to tests; zero is the default.
	Connect func(ctx context.Context, server dbadmin.Server, rootPasswords ...string) (*dbadmin.Admin, int, error)
	// Started is told the address that is served.
	Started func(address string)
	// Clock is the real one, and LookEvery the operator's, where they are absent.
	Clock     clock.Clock
	LookEvery time.Duration
}

// OperatorDefaults are the options of a program that was given no flags.
func OperatorDefaults(getenv func(string) string) OperatorOptions {
	common := Defaults(getenv)
	return OperatorOptions{
		Namespace: common.Namespace, WatchNamespaces: common.WatchNamespaces, Address: common.Address, MetricsAuth: "auto", LeaderElection: true,
	}
}

// RunOperator runs the operator until ctx ends or it is no longer the leader.
func RunOperator(ctx context.Context, kube *rest.Config, log logr.Logger, o OperatorOptions) error {
	mgr, err := newOperatorManager(kube, log, o)
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	connect := o.Connect
	if connect == nil {
		connect = dbadmin.Connect
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	reconciler := multinicoperator.New(multinicoperator.Options{
		Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder(multinicoperator.FieldOwner),
		Children: children.New(children.Options{
			Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Owner: multinicoperator.FieldOwner, Clock: o.Clock, Log: log.WithName("children"),
		}),
		Log: log, Clock: o.Clock, Metrics: multinicoperator.NewMetrics(registry), WatchNamespaces: o.WatchNamespaces, Connect: connect, LookEvery: o.LookEvery,
	})
	if err := reconciler.SetupWithManager(mgr); err != nil {
		return err
	}
	server, err := operatorHealth(ctx, mgr, registry, log, o)
	if err != nil {
		return err
	}
	if err := mgr.Add(server); err != nil {
		return err
	}
	log.Info("Starting the operator", "version", o.Version, "namespace", o.Namespace, "watchNamespaces", o.WatchNamespaces)
	return mgr.Start(ctx)
}

func newOperatorManager(kube *rest.Config, log logr.Logger, o OperatorOptions) (manager.Manager, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	kube = rest.CopyConfig(kube)
	kube.UserAgent = "multinic-operator/" + o.Version
	if kube.QPS == 0 {
		kube.QPS = -1 // the server's priority and fairness bounds us
	}
	// Of the kinds that it makes the operator keeps those that it has made.
	ours, err := labels.NewRequirement(v1alpha1.LabelManagedBy, selection.Exists, nil)
	if err != nil {
		return nil, err
	}
	byObject := map[client.Object]cache.ByObject{}
	for _, child := range multinicoperator.Children() {
		byObject[child] = cache.ByObject{Label: labels.NewSelector().Add(*ours)}
	}
	cacheOptions := cache.Options{ByObject: byObject, DefaultTransform: cache.TransformStripManagedFields()}
	if len(o.WatchNamespaces) > 0 {
		cacheOptions.DefaultNamespaces = map[string]cache.Config{}
		for _, namespace := range o.WatchNamespaces {
			cacheOptions.DefaultNamespaces[namespace] = cache.Config{}
		}
	}
	return manager.New(kube, manager.Options{
		Scheme: scheme, Logger: log, Cache: cacheOptions,
		Metrics:        metricsserver.Options{BindAddress: "0"}, // served beside health, on one port
		LeaderElection: o.LeaderElection, LeaderElectionID: "multinic-operator.multinic.example.com", LeaderElectionNamespace: o.Namespace,
		LeaderElectionReleaseOnCancel: true,
		Controller:                    config.Controller{SkipNameValidation: new(true)},
	})
}

// operatorHealth serves the operator's health, and tells of the databases'.
func operatorHealth(ctx context.Context, mgr manager.Manager, registry *prometheus.Registry, log logr.Logger, o OperatorOptions) (*health.Server, error) {
	guard, err := metricsGuard(ctx, mgr, log, o.MetricsAuth)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", o.Address)
	if err != nil {
		return nil, fmt.Errorf("serving health and metrics: %w", err)
	}
	log.Info("Serving health and metrics", "address", listener.Addr().String())
	if o.Started != nil {
		o.Started(listener.Addr().String())
	}
	return &health.Server{
		Listener: listener, Gatherer: prometheus.Gatherers{registry, metrics.Registry}, Guard: guard,
		Checks: []health.Check{
			{Name: "kubernetes", Probe: func(ctx context.Context) error {
				if !mgr.GetCache().WaitForCacheSync(ctx) {
					return errors.New("the cache is not filled yet")
				}
				return nil
			}},
			{Name: "multinicoperators", Told: true, Probe: func(ctx context.Context) error { return notReady(ctx, mgr.GetClient()) }},
		},
	}, nil
}

// notReady tells the first MultiNicOperator that is not as it should be, and why.
func notReady(ctx context.Context, reader client.Reader) error {
	list := &v1alpha1.MultiNicOperatorList{}
	if err := reader.List(ctx, list); err != nil {
		return err
	}
	for i := range list.Items {
		op := &list.Items[i]
		for _, kind := range []string{v1alpha1.ConditionDatabaseAvailable, v1alpha1.ConditionReady} {
			c := meta.FindStatusCondition(op.Status.Conditions, kind)
			if c != nil && c.Status != metav1.ConditionTrue && c.Reason != v1alpha1.ReasonNotActive {
				return fmt.Errorf("%s/%s: %s is %s", op.Namespace, op.Name, kind, c.Reason)
			}
		}
	}
	return nil
}

// metricsGuard asks the API server who is calling and whether he may get
// /metrics: a caller bears a token of his own.
func metricsGuard(ctx context.Context, mgr manager.Manager, log logr.Logger, mode string) (func(http.Handler) (http.Handler, error), error) {
	switch mode {
	case "on":
	case "off":
		return nil, nil
	case "auto":
		for _, resource := range []string{"tokenreviews", "subjectaccessreviews"} {
			group := map[string]string{"tokenreviews": "authentication.k8s.io", "subjectaccessreviews": "authorization.k8s.io"}[resource]
			may, err := mayCreate(ctx, mgr.GetClient(), group, resource)
			if err != nil || !may {
				log.Info("Serving metrics to anyone: the operator may not create "+resource, "error", err)
				return nil, nil
			}
		}
	default:
		return nil, fmt.Errorf("--metrics-auth=%s: want auto, on or off", mode)
	}
	return guard{mgr.GetClient(), log.WithName("metrics")}.wrap, nil
}

func mayCreate(ctx context.Context, c client.Client, group, resource string) (bool, error) {
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: "create", Group: group, Resource: resource},
	}}
	err := c.Create(ctx, review)
	return review.Status.Allowed, err
}
