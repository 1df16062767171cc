// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package app puts the parts together to a running program.
package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
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
	"github.com/xormsdhkdwk/multinic/internal/controller/openstackconfig"
	"github.com/xormsdhkdwk/multinic/internal/credentials"
	"github.com/xormsdhkdwk/multinic/internal/health"
	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/openstack"
	"github.com/xormsdhkdwk/multinic/internal/publication"
	"github.com/xormsdhkdwk/multinic/internal/receiver"
	"github.com/xormsdhkdwk/multinic/internal/round"
	"github.com/xormsdhkdwk/multinic/internal/store"
)

// RunController runs the controller until ctx ends or it is deposed.
func RunController(ctx context.Context, kube *rest.Config, log logr.Logger, o Options) error {
	mgr, err := newManager(kube, log, o)
	if err != nil {
		return err
	}
	cluster, err := clusterID(ctx, mgr.GetAPIReader())
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	db, err := openStore(o, log, registry, cluster+"/"+o.Namespace)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := assemble(ctx, mgr, db, registry, log, cluster+"/"+o.Namespace, o); err != nil {
		return err
	}
	log.Info("Starting the controller", "version", o.Version, "namespace", o.Namespace, "watchNamespaces", o.WatchNamespaces)
	return mgr.Start(ctx)
}

func newManager(kube *rest.Config, log logr.Logger, o Options) (manager.Manager, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	kube = rest.CopyConfig(kube)
	kube.UserAgent = "multinic-controller/" + o.Version
	if kube.QPS == 0 {
		// client-go would allow 5 calls a second, and a first run writes two
		// patches per object. The server's priority and fairness bounds us.
		kube.QPS = -1
	}
	own := map[string]cache.Config{o.Namespace: {}}
	byObject := map[client.Object]cache.ByObject{
		&v1alpha1.MultiNicOperator{}: {Namespaces: own},
		&corev1.Node{}:               {Transform: openstackconfig.SlimNode},
		&corev1.ConfigMap{}: {Namespaces: map[string]cache.Config{
			o.Namespace: {FieldSelector: fields.OneTermEqualSelector("metadata.name", openstackconfig.TriggersName)},
		}},
	}
	if len(o.WatchNamespaces) > 0 {
		watched := map[string]cache.Config{}
		for _, ns := range o.WatchNamespaces {
			watched[ns] = cache.Config{}
		}
		byObject[&v1alpha1.OpenstackConfig{}] = cache.ByObject{Namespaces: watched}
	}
	options := manager.Options{
		Scheme: scheme, Logger: log,
		Metrics: metricsserver.Options{BindAddress: "0"}, // served beside health, on one port
		Cache:   cache.Options{ByObject: byObject, DefaultTransform: cache.TransformStripManagedFields()},
		Client: client.Options{Cache: &client.CacheOptions{
			// Secrets are read by name only, and never kept.
			DisableFor: []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}},
		}},
		LeaderElection: o.LeaderElection, LeaderElectionID: "multinic-controller.multinic.example.com", LeaderElectionNamespace: o.Namespace,
		LeaderElectionReleaseOnCancel: true,
		Controller:                    config.Controller{SkipNameValidation: new(true)},
	}
	for _, d := range []struct {
		to   **time.Duration
		from time.Duration
	}{{&options.LeaseDuration, o.LeaseDuration}, {&options.RenewDeadline, o.RenewDeadline}, {&options.RetryPeriod, o.RetryPeriod}} {
		if d.from != 0 {
			*d.to = &d.from
		}
	}
	return manager.New(kube, options)
}

// clusterID names the cluster by the UID of its kube-system namespace, which
// lives as long as the cluster.
func clusterID(ctx context.Context, reader client.Reader) (string, error) {
	ns := &corev1.Namespace{}
	if err := reader.Get(ctx, types.NamespacedName{Name: "kube-system"}, ns); err != nil {
		return "", fmt.Errorf("reading the namespace kube-system, which tells this cluster from others: %w", err)
	}
	return string(ns.UID), nil
}

func openStore(o Options, log logr.Logger, registry prometheus.Registerer, owner string) (*store.Store, error) {
	cfg, err := store.FromEnv(o.Getenv)
	if err != nil {
		return nil, err
	}
	cfg.Cluster, cfg.AdoptDatabase = owner, cfg.AdoptDatabase || o.AdoptDatabase
	cfg.Log, cfg.Registerer, cfg.Clock = log.WithName("store"), registry, clock.RealClock{}
	return store.Open(cfg)
}

// assemble wires the parts and registers them with the manager.
func assemble(ctx context.Context, mgr manager.Manager, db *store.Store, registry *prometheus.Registry, log logr.Logger, cluster string, o Options) error {
	own := keys{mgr.GetAPIReader(), mgr.GetClient(), o.Namespace}
	key, err := own.hash(ctx)
	if err != nil {
		return err
	}
	seen := openstackconfig.Cluster{Client: mgr.GetClient(), Namespace: o.Namespace}
	var reconciler *openstackconfig.Reconciler
	pub := publication.New(publication.Options{
		Store: db, Cluster: seen, Clock: clock.RealClock{}, Log: log.WithName("publication"),
		Wake:       func(keys []inventory.Key) { reconciler.Wake(keys) },
		CheckEvery: o.CheckDatabaseEvery, AppliedEvery: o.ReadAppliedEvery,
	})
	rounds := round.New(round.Options{
		Cloud:       openstack.New(openstack.Options{Log: log.WithName("openstack"), Registerer: registry, UserAgent: "multinic/" + o.Version, Rate: o.OpenStackRate}),
		Publication: pub, Nodes: seen.Nodes, Clock: clock.RealClock{}, Log: log.WithName("round"),
	})
	reconciler = openstackconfig.New(openstackconfig.Options{
		Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("multinic-controller"),
		Log: log, Clock: clock.RealClock{}, Namespace: o.Namespace, Cluster: cluster, Secrets: secrets{mgr.GetAPIReader()}, HashKey: key,
		Rounds: rounds, Publication: pub, Metrics: openstackconfig.NewMetrics(registry, pub), DeletionPatience: o.DeletionPatience, RecheckSecret: o.RecheckSecret, Limits: o.Limits,
	})
	if err := reconciler.SetupWithManager(mgr); err != nil {
		return err
	}
	server, err := healthServer(mgr, db, registry, o)
	if err != nil {
		return err
	}
	log.Info("Serving health and metrics", "address", server.Listener.Addr().String())
	if o.TriggerAddress != "" {
		if err := own.trigger(ctx, openstackconfig.TriggerKeyName); err != nil {
			return err
		}
		webhook, err := triggerServer(mgr, registry, log, o)
		if err != nil {
			return err
		}
		if err := mgr.Add(webhook); err != nil {
			return err
		}
	}
	return errors.Join(mgr.Add(pub), mgr.Add(rounds), mgr.Add(server))
}

func triggerServer(mgr manager.Manager, registry *prometheus.Registry, log logr.Logger, o Options) (*receiver.Server, error) {
	plain, err := net.Listen("tcp", o.TriggerAddress)
	if err != nil {
		return nil, fmt.Errorf("serving the trigger webhook: %w", err)
	}
	encrypted, err := net.Listen("tcp", o.TriggerTLSAddress)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("serving the trigger webhook over TLS: %w", err), plain.Close())
	}
	log.Info("Serving the trigger webhook", "address", plain.Addr().String(), "tlsAddress", encrypted.Addr().String())
	if o.TriggerStarted != nil {
		o.TriggerStarted(plain.Addr().String(), encrypted.Addr().String())
	}
	return &receiver.Server{
		Plain: plain, TLS: encrypted,
		Receiver: receiver.New(receiver.Options{
			Cluster: openstackconfig.Callers{Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Namespace: o.Namespace},
			Log:     log.WithName("webhook"), Registerer: registry,
		}),
	}, nil
}

func healthServer(mgr manager.Manager, db *store.Store, registry *prometheus.Registry, o Options) (*health.Server, error) {
	listener, err := net.Listen("tcp", o.Address)
	if err != nil {
		return nil, fmt.Errorf("serving health and metrics: %w", err)
	}
	if o.Started != nil {
		o.Started(listener.Addr().String())
	}
	return &health.Server{
		Listener: listener,
		Gatherer: prometheus.Gatherers{registry, metrics.Registry},
		Checks: []health.Check{
			{Name: "database", Probe: db.Ping},
			{Name: "kubernetes", Probe: func(ctx context.Context) error {
				if !mgr.GetCache().WaitForCacheSync(ctx) {
					return errors.New("the cache is not filled yet")
				}
				return nil
			}},
		},
	}, nil
}

// secrets reads Secrets by name, past the cache.
type secrets struct{ reader client.Reader }

func (s secrets) Get(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	return secret, s.reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, secret)
}

var _ credentials.SecretGetter = secrets{}
