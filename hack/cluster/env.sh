# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Settings of the one-node cluster; sourced by every script in this folder.
# docs/how-to/run-a-real-cluster.md lists the MULTINIC_CLUSTER_* variables that may
# be set from outside.
# shellcheck shell=bash disable=SC2034 # they are for those that source it

SCRIPT_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT_DIR=$(cd "$SCRIPT_DIR/../.." && pwd)

STATE_DIR=${MULTINIC_CLUSTER_STATE:-${XDG_STATE_HOME:-$HOME/.local/state}/multinic/cluster} # all that the cluster keeps
RUN_DIR=${MULTINIC_CLUSTER_RUN:-/run/multinic-cluster}                                      # sockets and recorded pids; short, for sockets' paths
CACHE_DIR=${XDG_CACHE_HOME:-$HOME/.cache}/multinic                                          # as in test/testenv/cache.go
BUILD_NICE=${MULTINIC_CLUSTER_NICE:-10}                                                     # niceness of what is compiled and packed
BUILD_JOBS=${MULTINIC_CLUSTER_JOBS:-2}                                                      # compilers side by side

NODE=node1
HOST_IP=10.210.0.1 NODE_IP=10.210.0.2 # the two ends of the veth pair between this host and the node
SERVICE_CIDR=10.96.0.0/16 POD_CIDR=10.244.0.0/24 API_SERVICE_IP=10.96.0.1 DNS_IP=10.96.0.10
HOST_LINK=multinic0                   # this host's end
CGROUP=multinic-cluster

PKI_DIR=$STATE_DIR/pki
LOG_DIR=$STATE_DIR/log
ADMIN_KUBECONFIG=$STATE_DIR/admin.kubeconfig
CONTAINERD_SOCKET=$RUN_DIR/containerd.sock

# A normal user's PATH often lacks the directories of daemons.
PATH=$PATH:/usr/sbin:/sbin
GO_ARCH=$(dpkg --print-architecture 2>/dev/null || echo amd64)
DEBIAN_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
IMAGES_DIR=$CACHE_DIR/cluster-images-linux-$GO_ARCH
KUBE_VERSION=$(sed -n 's#^\tk8s.io/kubernetes \(v[^ ]*\).*#\1#p' "$ROOT_DIR/hack/kube/go.mod")
KUBE_DIR=$CACHE_DIR/kube-$KUBE_VERSION-linux-$GO_ARCH # kube-apiserver and etcd are shared with test/testenv

die() { echo "$(basename "$0"): $*" >&2; exit 1; }
