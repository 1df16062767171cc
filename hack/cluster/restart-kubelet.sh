#!/usr/bin/env bash
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Kills the kubelet of the running cluster and starts it again in the same way. Pods go
# on meanwhile.
set -euo pipefail
. "$(dirname "$0")/env.sh"
# shellcheck source=/dev/null
for part in processes services; do . "$SCRIPT_DIR/lib/$part.sh"; done

begun=$(date +%s%N)
say() { printf '%7.1f s  %s\n' "$((($(date +%s%N) - begun) / 100000000))e-1" "$*"; }
pid_of init >/dev/null || die "the cluster is not up: make cluster-up"
if pid=$(pid_of kubelet); then
	kill -KILL "$pid"
	wait_for_end 10 "$pid" || die "the kubelet, pid $pid, does not end"
fi
start_kubelet
# It answers for itself; the node's condition would be the old one's for a while.
until_ok "kubelet answers" 60 kubectl get --raw "/api/v1/nodes/$NODE/proxy/healthz"
