# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What runs in the node, each with its configuration. Needs processes.sh.

kubectl() { KUBECACHEDIR=$STATE_DIR/kubectl-cache "$KUBE_DIR/kubectl" --kubeconfig "$ADMIN_KUBECONFIG" "$@"; }

ctr() { in_node "$(command -v ctr)" -a "$CONTAINERD_SOCKET" -n k8s.io "$@"; }

start_etcd() {
	# No fsync: the data is thrown away when the machine dies.
	spawn etcd "$KUBE_DIR/etcd" --name n --data-dir "$STATE_DIR/etcd" --unsafe-no-fsync --log-level warn \
		--listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
		--listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
		--initial-cluster n=http://127.0.0.1:2380
}

start_apiserver() {
	spawn kube-apiserver "$KUBE_DIR/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 \
		--bind-address=0.0.0.0 --advertise-address="$NODE_IP" --secure-port=6443 \
		--service-cluster-ip-range="$SERVICE_CIDR" --allow-privileged \
		--authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
		--client-ca-file="$PKI_DIR/ca.crt" \
		--tls-cert-file="$PKI_DIR/apiserver.crt" --tls-private-key-file="$PKI_DIR/apiserver.key" \
		--kubelet-client-certificate="$PKI_DIR/apiserver-kubelet.crt" --kubelet-client-key="$PKI_DIR/apiserver-kubelet.key" \
		--kubelet-certificate-authority="$PKI_DIR/ca.crt" --kubelet-preferred-address-types=InternalIP \
		--service-account-issuer=https://kubernetes.default.svc.cluster.local \
		--service-account-key-file="$PKI_DIR/sa.pub" --service-account-signing-key-file="$PKI_DIR/sa.key" \
		--requestheader-client-ca-file="$PKI_DIR/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy-client \
		--requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
		--requestheader-extra-headers-prefix=X-Remote-Extra- \
		--proxy-client-cert-file="$PKI_DIR/front-proxy.crt" --proxy-client-key-file="$PKI_DIR/front-proxy.key"
}

start_controllers() {
	local own
	own=$STATE_DIR/controller-manager.kubeconfig
	spawn kube-controller-manager "$KUBE_DIR/kube-controller-manager" --kubeconfig="$own" --bind-address=127.0.0.1 --leader-elect=false \
		--authentication-kubeconfig="$own" --authorization-kubeconfig="$own" \
		--use-service-account-credentials --service-account-private-key-file="$PKI_DIR/sa.key" --root-ca-file="$PKI_DIR/ca.crt" \
		--cluster-signing-cert-file="$PKI_DIR/ca.crt" --cluster-signing-key-file="$PKI_DIR/ca.key" --cluster-name=multinic
	own=$STATE_DIR/scheduler.kubeconfig
	spawn kube-scheduler "$KUBE_DIR/kube-scheduler" --kubeconfig="$own" --bind-address=127.0.0.1 --leader-elect=false \
		--authentication-kubeconfig="$own" --authorization-kubeconfig="$own"
}

start_containerd() {
	# restrict_oom_score_adj: root in a container may lack CAP_SYS_RESOURCE, and then runc
	# can't lower the score and fails.
	cat >"$STATE_DIR/containerd.toml" <<T
version = 2
root = "$STATE_DIR/containerd"
state = "$RUN_DIR/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs"]
[grpc]
  address = "$CONTAINERD_SOCKET"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "multinic.local/pause:1"
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "$STATE_DIR/cni"
T
	cat >"$STATE_DIR/cni/10-multinic.conflist" <<J
{"cniVersion":"1.0.0","name":"multinic","plugins":[
 {"type":"bridge","bridge":"cni0","isGateway":true,"hairpinMode":true,"ipMasq":false,
  "ipam":{"type":"host-local","dataDir":"$RUN_DIR/cni-ipam","ranges":[[{"subnet":"$POD_CIDR"}]],"routes":[{"dst":"0.0.0.0/0"}]}},
 {"type":"portmap","capabilities":{"portMappings":true},"snat":true}]}
J
	spawn containerd "$(command -v containerd)" -c "$STATE_DIR/containerd.toml"
}

start_kubelet() {
	echo "nameserver $DNS_IP" >"$STATE_DIR/resolv.conf"
	# failCgroupV1: Kubernetes refuses version 1 by default since 1.35.
	# oomScoreAdj: as restrict_oom_score_adj above. Images can't be pulled again: none is collected.
	cat >"$STATE_DIR/kubelet.yaml" <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: "$NODE_IP"
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $PKI_DIR/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $PKI_DIR/kubelet-serving.crt
tlsPrivateKeyFile: $PKI_DIR/kubelet-serving.key
containerRuntimeEndpoint: unix://$CONTAINERD_SOCKET
cgroupDriver: cgroupfs
cgroupRoot: /$CGROUP
failCgroupV1: false
failSwapOn: false
clusterDNS: [$DNS_IP]
clusterDomain: cluster.local
resolvConf: $STATE_DIR/resolv.conf
podLogsDir: $STATE_DIR/pod-logs
volumePluginDir: $STATE_DIR/volume-plugins
maxPods: 100
oomScoreAdj: 0
maxOpenFiles: $(ulimit -Hn | sed 's/unlimited/1000000/')
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {memory.available: 200Mi, nodefs.available: "1%", nodefs.inodesFree: "1%", imagefs.available: "1%", imagefs.inodesFree: "1%"}
Y
	spawn kubelet "$KUBE_DIR/kubelet" --config="$STATE_DIR/kubelet.yaml" --kubeconfig="$STATE_DIR/kubelet.kubeconfig" \
		--root-dir="$STATE_DIR/kubelet" --node-ip="$NODE_IP" --hostname-override="$NODE"
}

start_proxy() {
	cat >"$STATE_DIR/kube-proxy.yaml" <<Y
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clusterCIDR: $POD_CIDR
hostnameOverride: $NODE
oomScoreAdj: 0
clientConnection: {kubeconfig: $STATE_DIR/proxy.kubeconfig}
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
metricsBindAddress: 127.0.0.1:10249
Y
	spawn kube-proxy "$KUBE_DIR/kube-proxy" --config="$STATE_DIR/kube-proxy.yaml"
}

import_images() { # import_images TAR...
	local tar
	for tar in "$@"; do
		ctr images import --snapshotter overlayfs "$(realpath "$tar")"
	done
}
