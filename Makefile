# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# make help lists the targets. Needed: Go and make; MariaDB for the tests and the demo
# (installed by itself on Debian when run as root).

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

MODULE  := github.com/xormsdhkdwk/multinic
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo v1alpha1-dev)
LDFLAGS = -s -w -X main.version=$(VERSION)
IMG     ?= multinic:v1alpha1
KUBECTL ?= kubectl
DOCKER  ?= docker
PLATFORMS ?= linux/amd64,linux/arm64
# Two packages at a time: each may start a kube-apiserver and a mariadbd of its own.
GOTEST  ?= go test -p 2 -timeout 30m
ARGS    ?=

# The tools' versions are in go.tools.mod, apart from the product's dependencies. The
# first use of each compiles it; Go's build cache keeps it.
TOOL := go tool -modfile=go.tools.mod

# Packages whose tests start servers: those that reach for testenv.
SERVER_PACKAGES = $(shell go list -f '{{.ImportPath}} {{join .Imports " "}} {{join .TestImports " "}} {{join .XTestImports " "}}' ./... \
	| grep -E ' $(MODULE)/(test/testenv|internal/store/storetest)( |$$)' | cut -d' ' -f1)

##@ Begin here

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-zA-Z0-9_-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: mariadb ## See the whole of it run on this machine (ARGS=--once ends by itself; CLOUD=<name in clouds.yaml>)
	@echo "Compiling the demo (minutes the first time, seconds later) ..."
	@go run ./test/demo $(if $(CLOUD),--cloud=$(CLOUD)) $(ARGS)

.PHONY: test
test: prepare ## Test everything that can be tested on one machine
	$(GOTEST) ./...

##@ Develop

.PHONY: build
build: ## Build bin/multinic and bin/kubectl-multinic
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/multinic ./cmd/multinic
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/kubectl-multinic ./cmd/kubectl-multinic

.PHONY: install-plugin
install-plugin: ## Install kubectl multinic for this user, where go install puts programs
	CGO_ENABLED=0 go install -trimpath -ldflags '$(LDFLAGS)' ./cmd/kubectl-multinic
	@dir=$$(go env GOBIN); dir=$${dir:-$$(go env GOPATH)/bin}; case ":$$PATH:" in *":$$dir:"*) ;; \
		*) echo "kubectl finds it once $$dir is in the PATH";; esac

.PHONY: run
run: ## Run the controller from the sources against the current kubeconfig (DB_HOST and the like in the environment)
	go run -ldflags '$(LDFLAGS)' ./cmd/multinic controller $(ARGS)

.PHONY: test-integration
test-integration: prepare ## The part of test that needs servers (MariaDB, kube-apiserver)
	$(GOTEST) $(SERVER_PACKAGES)

.PHONY: test-coverage
test-coverage: prepare ## Test with coverage: bin/coverage.html and the total
	@mkdir -p bin
	$(GOTEST) -coverpkg=./api/...,./cmd/...,./internal/... -coverprofile=bin/coverage.out ./...
	go tool cover -html=bin/coverage.out -o bin/coverage.html
	go tool cover -func=bin/coverage.out | tail -1

.PHONY: bench
bench: mariadb ## Measure 10,000 VMs and 1,000 objects, each figure beside its floor
	@go run ./test/bench $(ARGS)

.PHONY: fmt
fmt: ## Format the Go sources
	gofmt -l -w api cmd internal test

.PHONY: vet
vet: ## Run go vet, and see that all is formatted
	go vet ./...
	@unformatted=$$(gofmt -l api cmd internal test); test -z "$$unformatted" || { echo "make fmt would change:" $$unformatted >&2; exit 1; }

.PHONY: lint
lint: ## Run golangci-lint (.golangci.yml; compiling it takes minutes the first time)
	$(TOOL) golangci-lint run ./...

.PHONY: generate
generate: ## Write the generated Go code (deep copies)
	$(TOOL) controller-gen object:headerFile=hack/boilerplate.go.txt paths=./api/...

.PHONY: manifests
manifests: ## Write the CRDs and the API reference
	$(TOOL) controller-gen crd paths=./api/... output:crd:dir=config/crd/bases
	@hack/tighten-crds.sh config/crd/bases
	$(TOOL) crd-ref-docs --log-level=ERROR --source-path=api --config=hack/crd-ref-docs.yaml --renderer=markdown --output-path=docs/api-reference.md

.PHONY: check-generated
check-generated: ## See that what is generated is up to date
	@hack/check-generated.sh

.PHONY: check
check: check-generated vet lint test ## What CI runs
	$(MAKE) demo ARGS=--once

.PHONY: tools
tools: mariadb ## Compile the tools of go.tools.mod and install what the tests need
	go build -modfile=go.tools.mod -o /dev/null tool

.PHONY: clean
clean: ## Remove what was built here (the caches outside the tree stay)
	rm -rf bin

##@ Deploy

.PHONY: install
install: ## Install the CRDs and the namespace multinic-system in the current cluster
	$(KUBECTL) apply -k config/crd
	$(KUBECTL) apply -k config/namespace

.PHONY: uninstall
uninstall: ## Remove the CRDs and with them every OpenstackConfig (the controller must still run: it finishes them)
	$(KUBECTL) delete --ignore-not-found -k config/crd

.PHONY: deploy
deploy: ## Deploy the controller alone, with its database Secret (IMG=multinic:v1alpha1)
	@KUBECTL="$(KUBECTL)" hack/deploy/guard.sh deploy
	$(KUBECTL) kustomize config/default | sed 's#image: multinic:v1alpha1$$#image: $(IMG)#' | $(KUBECTL) apply -f -
	@# The warning for passwords in clear text, where the server knows such policies (1.30).
	@if $(KUBECTL) get --raw /apis/admissionregistration.k8s.io/v1 | grep -q validatingadmissionpolicies; then \
		$(KUBECTL) apply -k config/policy; fi

# The ClusterRoles are the operator's too, where it is installed.
.PHONY: undeploy
undeploy: ## Remove the controller; CRDs, objects, namespace and published rows stay
	@KUBECTL="$(KUBECTL)" hack/deploy/guard.sh undeploy
	$(KUBECTL) delete --ignore-not-found -f config/manager/controller.yaml -f config/manager/trigger-service.yaml -f config/rbac/controller.yaml
	@if test -z "$$($(KUBECTL) -n multinic-system get deployment/multinic-operator --ignore-not-found -o name)"; then \
		$(KUBECTL) delete --ignore-not-found -k config/rbac/roles; fi

.PHONY: deploy-operator
deploy-operator: ## Deploy the operator, which runs the controller and its database (./deploy-operator.sh ARGS=--skip-build)
	@IMG="$(IMG)" DOCKER="$(DOCKER)" KUBECTL="$(KUBECTL)" ./deploy-operator.sh $(ARGS)

.PHONY: undeploy-operator
undeploy-operator: ## Remove the operator and all that is MultiNic's but the volumes (./cleanup-operator.sh ARGS=--keep-objects)
	@KUBECTL="$(KUBECTL)" ./cleanup-operator.sh $(ARGS)

# The image's binary for one platform: make bin/linux_arm64/multinic.
.PHONY: FORCE
bin/%/multinic: FORCE
	CGO_ENABLED=0 GOOS=$(word 1,$(subst _, ,$*)) GOARCH=$(word 2,$(subst _, ,$*)) \
		go build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/multinic


# The plugin's archives for a release, named as config/krew/multinic.yaml names them, with
# their checksums.
KREW_PLATFORMS ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64
.PHONY: plugin-archives
plugin-archives: ## Build bin/kubectl-multinic_<os>_<arch>.tar.gz and their checksums, for krew
	@set -e; for p in $(KREW_PLATFORMS); do os=$${p%/*}; arch=$${p#*/}; exe=; test $$os != windows || exe=.exe; \
		dir=bin/plugin_$${os}_$$arch; mkdir -p $$dir; cp LICENSE $$dir/; \
		CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch go build -trimpath -ldflags '$(LDFLAGS)' -o $$dir/kubectl-multinic$$exe ./cmd/kubectl-multinic; \
		tar -C $$dir -czf bin/kubectl-multinic_$${os}_$$arch.tar.gz kubectl-multinic$$exe LICENSE; rm -r $$dir; done
	cd bin && sha256sum kubectl-multinic_*.tar.gz | tee kubectl-multinic_checksums.txt

HOST_ARCH := $(shell go env GOARCH)

# The authorities that an OpenStack or a webhook with a public certificate needs.
CA_BUNDLE ?= /etc/ssl/certs/ca-certificates.crt
bin/ca-certificates.crt: FORCE
	@test -s $(CA_BUNDLE) || { echo "$(CA_BUNDLE) is not there: install ca-certificates, or set CA_BUNDLE to a file of PEM certificates" >&2; exit 1; }
	@mkdir -p bin && cmp -s $(CA_BUNDLE) $@ || install -m 644 $(CA_BUNDLE) $@

.PHONY: image
image: bin/linux_$(HOST_ARCH)/multinic bin/ca-certificates.crt ## Write the image IMG=multinic:v1alpha1 to bin/image.tar, with no container engine (docker load takes it)
	@cd hack/image && CGO_ENABLED=0 GOWORK=off go build -trimpath -buildvcs=false -o ../../bin/make-image .
	@bin/make-image -o bin/image.tar -t $(IMG) -arch $(HOST_ARCH) -user 65532:65532 -entrypoint /multinic \
		-f bin/linux_$(HOST_ARCH)/multinic:/multinic:0755 -f bin/ca-certificates.crt:/etc/ssl/certs/ca-certificates.crt \
		-label org.opencontainers.image.title=multinic -label org.opencontainers.image.version=$(VERSION) \
		-label org.opencontainers.image.licenses=Apache-2.0

.PHONY: docker-build
docker-build: bin/linux_$(HOST_ARCH)/multinic bin/ca-certificates.crt ## Build the image IMG=multinic:v1alpha1 (DOCKER=podman works too)
	@command -v $(DOCKER) >/dev/null || { echo "$(DOCKER) is not installed: set DOCKER to the program that builds images" >&2; exit 1; }
	$(DOCKER) build --build-arg TARGETOS=linux --build-arg TARGETARCH=$(HOST_ARCH) --build-arg VERSION=$(VERSION) -t $(IMG) .

comma := ,
.PHONY: docker-buildx
docker-buildx: $(foreach p,$(subst $(comma), ,$(PLATFORMS)),bin/$(subst /,_,$(p))/multinic) bin/ca-certificates.crt ## Build and push the image for PLATFORMS=linux/amd64,linux/arm64
	$(DOCKER) buildx build --platform=$(PLATFORMS) --build-arg VERSION=$(VERSION) --push -t $(IMG) .

##@ Servers for tests

.PHONY: prepare
prepare: mariadb ## Have MariaDB, and kube-apiserver and etcd in the cache (built once: ten minutes and more)
	@go run ./test/testenv/cmd/prepare >/dev/null

.PHONY: mariadb
mariadb: ## Install Debian's MariaDB if there is none and this is root (no service is started)
	@hack/mariadb.sh

-include hack/openstack/openstack.mk
-include hack/cluster/cluster.mk
