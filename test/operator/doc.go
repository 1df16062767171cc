// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package operator tests the running operator against a real kube-apiserver and a
// real MariaDB. What runs pods is played by workloads: it gives StatefulSets,
// Deployments and Jobs the statuses that Kubernetes' controllers and a kubelet
// would, and the pods and claims that the operator looks at. Real pods are
// test/e2e's.
package operator
