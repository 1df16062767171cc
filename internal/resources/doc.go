// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package resources builds the operator's children: what a MultiNicOperator
// asks for, as Kubernetes objects. It is pure; what had to be looked up is in
// its [Input]. Every object is what the cluster is to hold, whole: what it does
// not say is nobody's to say (see package children).
//
//	Controller   Deployment, Service, rights, NetworkPolicy, PodDisruptionBudget
//	Database     StatefulSet, Services, Secrets, NetworkPolicy
//	Backup       CronJob and volume; the Jobs of dumps, restores and moves
//
// [Defaulted] fills the spec, [Validate] says what can't be carried out, and
// [Refuse] which changes would lose data.
package resources
