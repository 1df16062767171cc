#!/usr/bin/env bash
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Generates once more, beside the tree, and fails with the difference. The tree is not
# touched, so uncommitted work is no obstacle.
set -euo pipefail
cd "$(dirname "$0")/.."
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
tool() { go tool -modfile=go.tools.mod "$@"; }

tool controller-gen object:headerFile=hack/boilerplate.go.txt paths=./api/... output:object:dir="$fresh"
tool controller-gen crd paths=./api/... output:crd:dir="$fresh/crd"
hack/tighten-crds.sh "$fresh/crd"
tool crd-ref-docs --log-level=ERROR --source-path=api --config=hack/crd-ref-docs.yaml --renderer=markdown --output-path="$fresh/api-reference.md"

stale=0
diff -u api/v1alpha1/zz_generated.deepcopy.go "$fresh/zz_generated.deepcopy.go" || stale=1
diff -ur config/crd/bases "$fresh/crd" || stale=1
diff -u docs/api-reference.md "$fresh/api-reference.md" || stale=1
if [ $stale = 1 ]; then
	echo "What is generated is not up to date: run  make generate manifests" >&2
	exit 1
fi
