// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstackconfig

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/publication"
)

// Metrics of the controller. Nothing in them is labelled by object: their
// number is unbounded.
type Metrics struct {
	runs *prometheus.CounterVec

	mu      sync.Mutex
	success map[inventory.Key]time.Time
	held    map[inventory.Key]int
}

// NewMetrics registers the controller's metrics; those of the publication
// are read from it at each scrape.
func NewMetrics(reg prometheus.Registerer, p *publication.Publication) *Metrics {
	m := &Metrics{
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "multinic_reconcile_total",
			Help: "Passages of OpenstackConfigs by result: success, failed, or skipped where nothing was due.",
		}, []string{"result"}),
		success: map[inventory.Key]time.Time{}, held: map[inventory.Key]int{},
	}
	gauge := func(name, help string, read func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read)
	}
	reg.MustRegister(m.runs,
		gauge("multinic_oldest_success_timestamp_seconds", "When the OpenstackConfig that waits longest last succeeded, or was made if it never did, in seconds since 1970; 0 if there is none.", m.oldest),
		gauge("multinic_withdrawals_held", "Interfaces whose withdrawal is held for its number.", m.heldTotal),
		gauge("multinic_gate_open", "1 while agents see the rows, 0 while they get an error.", func() float64 {
			if open, _ := p.Gate(); open {
				return 1
			}
			return 0
		}),
		gauge("multinic_gate_holders", "OpenstackConfigs that must be published again before the gate opens.", func() float64 {
			_, holders := p.Gate()
			return float64(len(holders))
		}),
		gauge("multinic_agent_account_ok", "1 while the agents' account is as it should be, or none is asked for; 0 while it can't be made: the log says why.", func() float64 {
			if p.AgentsErr() != nil {
				return 0
			}
			return 1
		}),
		gauge("multinic_interfaces_published", "Interfaces that are claimed by OpenstackConfigs.", func() float64 { return float64(p.Total(false)) }),
		gauge("multinic_interfaces_applied", "Of these, the ones that agents have configured.", func() float64 { return float64(p.Total(true)) }),
	)
	return m
}

func (m *Metrics) observe(result string) { m.runs.WithLabelValues(result).Inc() }

func (m *Metrics) succeeded(k inventory.Key, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.success[k] = at
}

// waits tells of an object that this process has not seen succeed when it last
// did, or, if it never did, since when it waits.
func (m *Metrics) waits(k inventory.Key, lastSuccess, created time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.success[k]; known {
		return
	}
	if lastSuccess.IsZero() {
		lastSuccess = created
	}
	m.success[k] = lastSuccess
}

func (m *Metrics) holds(k inventory.Key, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held[k] = n
}

func (m *Metrics) forget(k inventory.Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.success, k)
	delete(m.held, k)
}

func (m *Metrics) oldest() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	var first time.Time
	for _, t := range m.success {
		if first.IsZero() || t.Before(first) {
			first = t
		}
	}
	if first.IsZero() {
		return 0
	}
	return float64(first.UnixMilli()) / 1000
}

func (m *Metrics) heldTotal() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, h := range m.held {
		n += h
	}
	return float64(n)
}
