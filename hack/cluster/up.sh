#!/usr/bin/env bash
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Starts a real Kubernetes of one node, as root, with nothing from a registry. The node
# is a set of namespaces of its own: etcd, the control plane, containerd, the kubelet and
# kube-proxy all run in there, and its one link ends at this machine. What is installed,
# built or running already is left alone.
set -euo pipefail
. "$(dirname "$0")/env.sh"
# shellcheck source=/dev/null
for part in processes certificates services; do . "$SCRIPT_DIR/lib/$part.sh"; done

[ "$(id -u)" = 0 ] || die "the cluster has namespaces, mounts and cgroups of its own: run this as root"
"$SCRIPT_DIR/packages.sh"
"$SCRIPT_DIR/build-kube.sh"
images=$("$SCRIPT_DIR/build-images.sh")

mkdir -p "$STATE_DIR"
exec 9>"$STATE_DIR.lock" # one at a time: a second caller finds everything done
flock 9
if pid_of init >/dev/null; then
	if [ -e "$RUN_DIR/up" ]; then
		echo "up already; export KUBECONFIG=$ADMIN_KUBECONFIG"
		exit 0
	fi
	KEEP=1 "$SCRIPT_DIR/down.sh" # of a run that was cut off
fi
rm -rf "$RUN_DIR"
(umask 077; mkdir -p "$RUN_DIR" "$PKI_DIR")
mkdir -p "$LOG_DIR" "$STATE_DIR"/{etcd,kubelet,cni,containerd,local-path,pod-logs,volume-plugins}
touch "$STATE_DIR/.multinic-cluster" # what down.sh looks for before it deletes

begun=$(date +%s%N)
say() { printf '%7.1f s  %s\n' "$((($(date +%s%N) - begun) / 100000000))e-1" "$*"; }

(umask 077; make_certificates)
make_cgroups
make_node
hide_directories
link_node
start_etcd
start_apiserver
start_containerd
until_ok "containerd answers" 30 ctr version
while read -r image; do
	! grep -qxF "$image" "$STATE_DIR/imported" 2>/dev/null || continue
	import_images "$image" >>"$LOG_DIR/images.log" 2>&1 || die "$image can't be imported; see $LOG_DIR/images.log"
	echo "$image" >>"$STATE_DIR/imported"
done <<<"$images"
say "images imported"
until_ok "kube-apiserver ready" 120 kubectl get --raw /readyz
start_controllers
start_kubelet
start_proxy
# With kept data, conditions are the old ones for a while: the parts are asked themselves.
until_ok "kubelet answers" 60 kubectl get --raw "/api/v1/nodes/$NODE/proxy/healthz"
until_ok "node ready" 120 kubectl wait --for=condition=Ready "node/$NODE" --timeout=1s
for manifest in "$SCRIPT_DIR"/manifests/*.yaml; do
	sed -e "s#@DNS_IP@#$DNS_IP#g" -e "s#@STATE@#$STATE_DIR#g" "$manifest" | kubectl apply -f - >/dev/null
done
until_ok "DNS available" 120 kubectl -n kube-system wait --for=condition=Available deploy/coredns --timeout=1s
until_ok "DNS answers" 60 /usr/bin/busybox nslookup kubernetes.default.svc.cluster.local "$DNS_IP"
until_ok "storage available" 120 kubectl -n local-path-storage wait --for=condition=Available deploy/local-path-provisioner --timeout=1s
touch "$RUN_DIR/up"
say "Kubernetes $KUBE_VERSION is up; export KUBECONFIG=$ADMIN_KUBECONFIG"
