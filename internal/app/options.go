// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"cmp"
	"os"
	"strings"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

// Options of the controller.
type Options struct {
	// Namespace is the controller's own.
	Namespace string
	// WatchNamespaces are those whose OpenstackConfigs are served; empty: all.
	WatchNamespaces []string
	// Address of health and metrics.
	Address string
	// TriggerAddress and TriggerTLSAddress are the trigger webhook's, in plain
	// HTTP and over TLS; without the first it is not served.
	TriggerAddress, TriggerTLSAddress string

	LeaderElection bool
	// AdoptDatabase takes a database that remembers another owner.
	AdoptDatabase bool
	Version       string
	// Getenv reads the database's settings.
	Getenv func(string) string

	// Of use to tests and benchmarks; zero is the default.
	LeaseDuration, RenewDeadline, RetryPeriod time.Duration
	CheckDatabaseEvery, ReadAppliedEvery      time.Duration
	DeletionPatience, RecheckSecret           time.Duration
	OpenStackRate                             float64
	Limits                                    inventory.Limits
	// Started is told the address that is served.
	Started func(address string)
	// TriggerStarted is told those of the trigger webhook.
	TriggerStarted func(plain, encrypted string)
}

const namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// Defaults are the options of a program that was given no flags.
func Defaults(getenv func(string) string) Options {
	mounted, _ := os.ReadFile(namespaceFile) // absent outside of a cluster
	o := Options{
		Namespace:      cmp.Or(getenv("POD_NAMESPACE"), strings.TrimSpace(string(mounted)), "multinic-system"),
		Address:        ":8082",
		TriggerAddress: ":8083", TriggerTLSAddress: ":8443",
		LeaderElection: true,
		Getenv:         getenv,
	}
	if list := getenv("WATCH_NAMESPACES"); list != "" {
		o.WatchNamespaces = strings.Split(list, ",")
	}
	return o
}
