// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Values of the label operation.
const (
	opLogin        = "login"
	opVersion      = "get_version"
	opListSubnets  = "list_subnets"
	opListNetworks = "list_networks"
	opListPorts    = "list_ports"
	opListServers  = "list_servers"
	opGetServer    = "get_server"
)

// Values of the label service.
const (
	identityService = "identity"
	networkService  = "network"
	computeService  = "compute"
)

// metrics observes every HTTP request, from the moment that it was sent until
// its body was read.
type metrics struct{ duration *prometheus.HistogramVec }

func newMetrics(reg prometheus.Registerer) metrics {
	m := metrics{duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "multinic_openstack_request_duration_seconds",
		Help: "Duration of requests to OpenStack, with the body, by service, operation and HTTP status " +
			"(or tls, timeout, unreachable, bad_answer, canceled).",
		Buckets: []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60},
	}, []string{"service", "operation", "code"})}
	if reg == nil {
		return m
	}
	if err := reg.Register(m.duration); err != nil {
		if again, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
			if v, ok := again.ExistingCollector.(*prometheus.HistogramVec); ok {
				m.duration = v
			}
		}
	}
	return m
}

func (m metrics) observe(service, op, code string, d time.Duration) {
	m.duration.WithLabelValues(service, op, code).Observe(d.Seconds())
}

// codeLabel bounds what a peer can make of the label: statuses that nobody
// sends share their class.
func codeLabel(status int) string {
	switch status {
	case 200, 201, 300, 301, 302, 307, 308, 400, 401, 403, 404, 405, 406, 409, 413, 414, 429, 500, 502, 503, 504:
		return strconv.Itoa(status)
	}
	if status >= 100 && status < 600 {
		return strconv.Itoa(status/100) + "xx"
	}
	return "other"
}
