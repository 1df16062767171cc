#!/usr/bin/env bash
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Builds from the module hack/kube what of Kubernetes is not in the cache yet: ten to
# forty minutes on two cores, once for a machine and version.
set -euo pipefail
. "$(dirname "$0")/env.sh"

(umask 077; mkdir -p "$KUBE_DIR")
missing=()
for name in etcd kube-apiserver kubectl kube-controller-manager kube-scheduler kubelet kube-proxy; do
	[ -x "$KUBE_DIR/$name" ] || missing+=("$name")
done
[ ${#missing[@]} -gt 0 ] || exit 0
echo "Building ${missing[*]} $KUBE_VERSION, once for this machine (up to 40 minutes on two cores) ..."

exec 9>"$KUBE_DIR.lock" # the lock that test/testenv takes
flock 9
version=k8s.io/component-base/version
minor=${KUBE_VERSION#v1.}
# The same as test/testenv's: kubectl and clients look at the version.
ldflags="-s -w -X $version.gitVersion=$KUBE_VERSION -X $version.gitMajor=1 -X $version.gitMinor=${minor%%.*}"
cd "$ROOT_DIR/hack/kube"
for name in "${missing[@]}"; do
	[ ! -x "$KUBE_DIR/$name" ] || continue # made while we waited for the lock
	package=k8s.io/kubernetes/cmd/$name
	[ "$name" != etcd ] || package=go.etcd.io/etcd/server/v3
	begun=$SECONDS
	# GOFLAGS empty: the caller's -mod or -race is not meant for this module.
	CGO_ENABLED=0 GOFLAGS='' GOWORK=off nice -n "$BUILD_NICE" go build -p "$BUILD_JOBS" -trimpath -buildvcs=false \
		-ldflags "$ldflags" -o "$KUBE_DIR/$name.unfinished" "$package"
	mv "$KUBE_DIR/$name.unfinished" "$KUBE_DIR/$name"
	echo "  $name in $((SECONDS - begun)) s"
done
