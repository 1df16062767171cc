// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package deploy tests what is installed in a cluster: the manifests of config/, which
// a real kube-apiserver must take without a warning; the rights in them, with which
// the operator runs here through everything it does; and what deploy-operator.sh,
// cleanup-operator.sh and make deploy decide.
package deploy
