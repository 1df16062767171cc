#!/usr/bin/env bash
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Ends the cluster that up.sh started, by the recorded pid of the process that holds the
# node's namespaces, and removes its link, routes, cgroups and data. KEEP=1 keeps the data.
set -uo pipefail
. "$(dirname "$0")/env.sh"
. "$SCRIPT_DIR/lib/processes.sh"

[ "$(id -u)" = 0 ] || die "run this as root, as cluster-up"
if init=$(pid_of init); then
	for name in kubelet kube-apiserver etcd; do # let these write out what they have
		! pid=$(pid_of $name) || kill -TERM "$pid"
	done
	! pid=$(pid_of etcd) || wait_for_end 3 "$pid"
	kill -KILL "$init"
	wait_for_end 20 "$init" || die "pid $init does not end"
	! pid=$(pid_of holder) || wait_for_end 5 "$pid"
	echo "cluster stopped"
fi
[ ! -e "/sys/class/net/$HOST_LINK" ] || ip link del "$HOST_LINK" # and with it the routes over it
for range in $SERVICE_CIDR $POD_CIDR; do
	ip route del unreachable "$range" metric 9999 2>/dev/null
done
remove_cgroups
remove_made_directories
rm -rf "$RUN_DIR"
[ -z "${KEEP:-}" ] || exit 0
if [ -d "$STATE_DIR" ]; then
	[ -e "$STATE_DIR/.multinic-cluster" ] || die "$STATE_DIR was not made by up.sh: left alone"
	rm -rf "$STATE_DIR"
fi
rm -f "$STATE_DIR.lock"
