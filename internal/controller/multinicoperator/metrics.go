// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package multinicoperator

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

// Metrics of the operator. The labels namespace and name are of MultiNicOperators:
// a handful in a cluster.
type Metrics struct {
	reconciles *prometheus.CounterVec
	children   *prometheus.GaugeVec
	repairs    *prometheus.CounterVec
	backups    *prometheus.GaugeVec
	problems   *prometheus.GaugeVec
}

// NewMetrics registers them.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	m := &Metrics{
		reconciles: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "multinic_operator_reconcile_total", Help: "Runs of the operator, by their result: success, waiting or error.",
		}, []string{"result"}),
		children: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "multinic_operator_managed_resources_count", Help: "Objects that a MultiNicOperator asks for and the operator keeps.",
		}, []string{"namespace", "name"}),
		repairs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "multinic_operator_repairs_total", Help: "Objects that someone changed or deleted and the operator repaired, by kind.",
		}, []string{"kind"}),
		backups: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "multinic_operator_last_backup_timestamp_seconds", Help: "When the newest dump of the database was made; 0 while there is none, or its date lies in the future.",
		}, []string{"namespace", "name"}),
		problems: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "multinic_operator_backup_problem", Help: "1 if the newest dump is kept, but its copy in the bucket or pruning failed; else 0.",
		}, []string{"namespace", "name"}),
	}
	registerer.MustRegister(m.reconciles, m.children, m.repairs, m.backups, m.problems)
	return m
}

func (m *Metrics) reconciled(err error) {
	result := "success"
	switch {
	case errors.Is(err, errWait):
		result = "waiting"
	case err != nil:
		result = "error"
	}
	m.reconciles.WithLabelValues(result).Inc()
}

func (m *Metrics) managed(op *v1alpha1.MultiNicOperator, count int) {
	m.children.WithLabelValues(op.Namespace, op.Name).Set(float64(count))
}

func (m *Metrics) repaired(kind string) { m.repairs.WithLabelValues(kind).Inc() }

func (m *Metrics) backedUp(op *v1alpha1.MultiNicOperator, last time.Time) {
	seconds := 0.0
	if !last.IsZero() {
		seconds = float64(last.Unix())
	}
	m.backups.WithLabelValues(op.Namespace, op.Name).Set(seconds)
}

func (m *Metrics) backupProblem(op *v1alpha1.MultiNicOperator, problem bool) {
	value := 0.0
	if problem {
		value = 1
	}
	m.problems.WithLabelValues(op.Namespace, op.Name).Set(value)
}

func (m *Metrics) forget(op *v1alpha1.MultiNicOperator) {
	m.children.DeleteLabelValues(op.Namespace, op.Name)
	m.backups.DeleteLabelValues(op.Namespace, op.Name)
	m.problems.DeleteLabelValues(op.Namespace, op.Name)
}
