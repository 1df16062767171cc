# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Targets for the real Kubernetes of docs/how-to/run-a-real-cluster.md; included by the
# Makefile.

##@ A real cluster (root, Debian)

.PHONY: cluster-up
cluster-up: ## Start a real Kubernetes of one node (a minute; the first time 10 to 60 minutes)
	@hack/cluster/up.sh

.PHONY: cluster-down
cluster-down: ## Stop it and remove its data (KEEP=1 keeps them for the next cluster-up)
	@KEEP='$(KEEP)' hack/cluster/down.sh

.PHONY: cluster-kubeconfig
cluster-kubeconfig: ## Print the path of its kubeconfig (make -s)
	@bash -ec '. hack/cluster/env.sh; echo "$$ADMIN_KUBECONFIG"'

.PHONY: cluster-load
cluster-load: image ## Build the image and load it into the cluster (IMG=multinic:v1alpha1)
	@hack/cluster/load-image.sh bin/image.tar

.PHONY: cluster-images
cluster-images: ## Make its own images without starting it: MariaDB, DNS, storage
	@hack/cluster/packages.sh
	@hack/cluster/build-images.sh

.PHONY: cluster-check
cluster-check: ## See that it does its work: volumes, DNS, services, MariaDB (a minute)
	@hack/cluster/check.sh

# The tests bring the system up themselves, and clear away what an earlier run has left.
.PHONY: test-e2e
test-e2e: cluster-up cluster-load ## Test the operator on it: kills, upgrades, restores, uninstalls (20 minutes; ARGS='-run Leader')
	@export KUBECONFIG=$$($(MAKE) -s cluster-kubeconfig); ./deploy-operator.sh --skip-build && \
		go test -tags e2e ./test/e2e -v -count=1 -timeout 60m $(ARGS)
