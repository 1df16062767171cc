// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

// Defaults of a MultiNicOperator's spec. The API server fills some of them in
// by itself, but only within objects that are there: an empty spec has none.
const (
	DefaultControllerImage  = "multinic:v1alpha1"
	DefaultControllerCPU    = "200m"
	DefaultControllerMemory = "256Mi"
	DefaultHealthPort       = 8082
	DefaultHealthPath       = "/readyz"
	DefaultDatabaseImage    = "mariadb:10.11"
	DefaultDatabaseCPU      = "500m"
	DefaultDatabaseMemory   = "512Mi"
	DefaultStorageSize      = "10Gi"
	DefaultDatabase         = "multinic"
	DefaultDatabaseUser     = "multinic"
	DefaultBackupSchedule   = "0 3 * * *"
	DefaultBackupKeep       = 7
)

// Defaulted is the spec with everything filled in.
func Defaulted(spec v1alpha1.MultiNicOperatorSpec) v1alpha1.MultiNicOperatorSpec {
	s := *spec.DeepCopy()
	c := &s.Controller
	c.Image = cmp.Or(c.Image, DefaultControllerImage)
	c.Replicas = or(c.Replicas, 1)
	c.Resources.CPU = cmp.Or(c.Resources.CPU, DefaultControllerCPU)
	c.Resources.Memory = cmp.Or(c.Resources.Memory, DefaultControllerMemory)
	c.HealthProbe.Port = or(c.HealthProbe.Port, DefaultHealthPort)
	c.HealthProbe.Path = cmp.Or(c.HealthProbe.Path, DefaultHealthPath)
	d := &s.Database
	d.Enabled = or(d.Enabled, true)
	d.Image = cmp.Or(d.Image, DefaultDatabaseImage)
	d.StorageSize = cmp.Or(d.StorageSize, DefaultStorageSize)
	d.Resources.CPU = cmp.Or(d.Resources.CPU, DefaultDatabaseCPU)
	d.Resources.Memory = cmp.Or(d.Resources.Memory, DefaultDatabaseMemory)
	d.Service.Type = cmp.Or(d.Service.Type, corev1.ServiceTypeClusterIP)
	d.DeletionPolicy = cmp.Or(d.DeletionPolicy, v1alpha1.DeletionRetain)
	b := &d.Backup
	b.Enabled = or(b.Enabled, true)
	b.Schedule = cmp.Or(b.Schedule, DefaultBackupSchedule)
	b.Keep = or(b.Keep, DefaultBackupKeep)
	b.StorageSize = cmp.Or(b.StorageSize, DefaultStorageSize)
	p := &s.Protection
	p.EnableMutationPrevention = or(p.EnableMutationPrevention, true)
	p.EnableAutoRecovery = or(p.EnableAutoRecovery, true)
	return s
}

// or is the pointer, or one to the default.
func or[T any](p *T, fallback T) *T {
	if p != nil {
		return p
	}
	return &fallback
}
