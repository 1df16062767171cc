#!/bin/sh
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# tighten-crds.sh <folder>: Kubernetes' own pattern of a quantity, in the CRDs that
# were generated there, lets through some that no program can read, such as 1e.5. One
# object that holds one would hide all others from whoever lists them.
set -eu
for crd in "$1"/*.yaml; do
	sed 's/^\( *pattern: \).*numkMGTPE.*/\1^[0-9]+(\\.[0-9]+)?([numkMGTPE]|[KMGTPE]i)?$/' "$crd" >"$crd.new"
	mv "$crd.new" "$crd"
done
