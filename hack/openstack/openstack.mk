# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Targets for the real OpenStack of hack/openstack/README.md; included by the Makefile.

VMS ?= 20

# Both are run only if they are there, so that the conformance suite can stand alone.
OPENSTACK_TESTS = $(patsubst %,./%/...,$(wildcard test/openstackconformance test/openstacklab))

.PHONY: openstack-up
openstack-up: ## Start a real OpenStack on loopback with VMS=20 servers (Debian 12; the first time needs root and 4 to 10 minutes)
	@hack/openstack/up.sh
	@hack/openstack/seed.sh $(VMS)

.PHONY: openstack-down
openstack-down: ## Stop it; its data stays (hack/openstack/down.sh --wipe removes that too)
	@hack/openstack/down.sh

.PHONY: test-openstack
test-openstack: openstack-up ## Run the conformance suite against the real OpenStack, started if it is not running
	@bash -ec '. hack/openstack/env.sh; . "$$STATE_DIR/openrc"; \
		MULTINIC_TEST_ADMIN_PASSWORD=$$ADMIN_PASSWORD exec go test -count=1 -timeout=30m -tags openstack $(OPENSTACK_TESTS)'
