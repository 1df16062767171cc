// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are this package's. The names are the original's.
type metrics struct {
	duration *prometheus.HistogramVec
}

func newMetrics(s *Store, registerer prometheus.Registerer) *metrics {
	m := &metrics{duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "multinic_database_operation_duration_seconds",
		Help:    "Time that an operation on the database took, with its retries.",
		Buckets: prometheus.ExponentialBuckets(0.001, 2.5, 12),
	}, []string{"operation", "result"})}
	if registerer != nil {
		registerer.MustRegister(m.duration,
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: "multinic_active_db_connections",
				Help: "Connections to the database that are open, in use or idle.",
			}, func() float64 { return float64(s.db.Stats().OpenConnections) }),
			prometheus.NewCounterFunc(prometheus.CounterOpts{
				Name: "multinic_database_statements_total",
				Help: "SQL statements sent to the database, BEGIN and COMMIT included.",
			}, func() float64 { return float64(s.Statements()) }))
	}
	return m
}

func (m *metrics) observe(operation string, start time.Time, now time.Time, err error) {
	m.duration.WithLabelValues(operation, resultOf(err)).Observe(now.Sub(start).Seconds())
}

// resultOf is a label of a closed list.
func resultOf(err error) string {
	for _, class := range []struct {
		err   error
		label string
	}{
		{nil, "ok"},
		{ErrDeposed, "deposed"}, {ErrReplaced, "replaced"}, {ErrForeignOwner, "foreign_owner"},
		{ErrNewerSchema, "newer_schema"}, {ErrForeignTables, "foreign_tables"}, {ErrReadOnly, "read_only"},
		{ErrFull, "full"}, {ErrCredentials, "credentials"}, {ErrUnavailable, "unavailable"},
	} {
		if errors.Is(err, class.err) {
			return class.label
		}
	}
	return "error"
}
