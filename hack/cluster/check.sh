#!/usr/bin/env bash
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Checks the running cluster: a MariaDB StatefulSet with a claim becomes ready under Pod
# Security's "restricted", answers by DNS and cluster IP, keeps its data over its pod's
# end, a kill and an upgrade to 11.8. Its namespace is removed at the end.
set -uo pipefail
. "$(dirname "$0")/env.sh"
# shellcheck source=/dev/null
for part in processes services; do . "$SCRIPT_DIR/lib/$part.sh"; done

pid_of init >/dev/null || die "the cluster is not up: make cluster-up"
namespace=cluster-check
output=$(mktemp)
failed=0
trap 'rm -f "$output"' EXIT

check() { # check WHAT COMMAND...
	local what=$1 begun verdict=ok
	shift
	begun=$(date +%s%N)
	"$@" >"$output" 2>&1 || { verdict=FAILED; failed=$((failed + 1)); }
	printf '%-6s %6.1f s  %s\n' $verdict "$((($(date +%s%N) - begun) / 100000000))e-1" "$what"
	[ $verdict = ok ] || sed 's/^/    /' "$output"
}
k() { kubectl -n $namespace "$@"; }
sql() { k exec client -- env MYSQL_PWD="$2" mariadb -h "$3" -u "$1" app -Nse "$4"; } # sql USER PASSWORD HOST STATEMENT
answer_is() { [ "$(sql app app-pw db "$2")" = "$1" ]; }
ready() { k rollout status sts/db --timeout=300s && k wait --for=condition=Ready pod/db-0 --timeout=300s; }
within() { # within SECONDS COMMAND...
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.5
	done
}
greets() { timeout 5 bash -c "head -c 40 </dev/tcp/$1/$2" | grep -aq MariaDB; }
privileged_is_refused() {
	! k run bad --image=busybox:1.35 --overrides='{"spec":{"hostNetwork":true}}' && grep -q 'violates PodSecurity' "$output"
}
delete_pod() {
	local uid
	uid=$(k get pod db-0 -o jsonpath='{.metadata.uid}')
	k delete pod db-0 --timeout=60s && within 60 ready && [ "$(k get pod db-0 -o jsonpath='{.metadata.uid}')" != "$uid" ]
}
restarted() { [ "$(k get pod db-0 -o jsonpath='{.status.containerStatuses[0].restartCount}')" -ge 1 ]; }
kill_server() { # a container's own pid 1 can't be killed from within it
	local id pid
	id=$(k get pod db-0 -o jsonpath='{.status.containerStatuses[0].containerID}')
	pid=$(ctr task ls | awk -v id="${id#containerd://}" '$1 == id {print $2}')
	in_node kill -KILL "$pid" && within 60 restarted && within 60 ready
}
expand() {
	k get pvc larger || return
	k patch pvc larger -p '{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}' &&
		! k patch pvc data-db-0 -p '{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}'
}
restart_kubelet() {
	local before
	before=$(k get pod db-0 -o jsonpath='{.status.containerStatuses[0].containerID}')
	"$SCRIPT_DIR/restart-kubelet.sh" && [ "$(k get pod db-0 -o jsonpath='{.status.containerStatuses[0].containerID}')" = "$before" ]
}
upgrade() {
	k set image sts/db mariadb=mariadb:11.8 && ready && k logs db-0 | grep 'Finished mariadb-upgrade' &&
		! k exec db-0 -- sh -c 'command -v mysqladmin mysqldump mysql' && answer_is 11.8 'select substring_index(version(), ".", 2)'
}

kubectl delete namespace $namespace --ignore-not-found --timeout=120s >/dev/null 2>&1
kubectl apply -f "$SCRIPT_DIR/check.yaml" >/dev/null || exit 1
within 30 k get serviceaccount default >/dev/null 2>&1
check "Pod Security refuses what is not restricted" privileged_is_refused
check "a StatefulSet with a claim of the default class is ready" ready
check "a client pod runs" k wait --for=condition=Ready pod/client --timeout=60s
check "SQL by the service's DNS name" sql app app-pw db.$namespace.svc.cluster.local 'create table t (a int); insert into t values (42)'
check "SQL by the pod's DNS name, a password with quote and backslash" sql root "r00t'p\\w" db-0.db-headless 'select 1'
check "this machine reaches the cluster IP" greets "$(k get svc db -o jsonpath='{.spec.clusterIP}')" 3306
check "this machine reaches the pod IP" greets "$(k get pod db-0 -o jsonpath='{.status.podIP}')" 3306
# shellcheck disable=SC2016 # the pod's shell expands
check "exec: uid 999, read-only root" k exec db-0 -- sh -c '[ $(id -u) = 999 ] && ! touch /x 2>/dev/null'
check "logs" bash -c "'$KUBE_DIR/kubectl' --kubeconfig '$ADMIN_KUBECONFIG' -n $namespace logs db-0 | grep -q 'ready for connections'"
check "a deleted pod comes back" delete_pod
check "with its data" within 20 answer_is 42 'select a from t'
check "a killed server is restarted" kill_server
check "with its data" within 20 answer_is 42 'select a from t'
check "the kubelet restarts, containers go on" restart_kubelet
check "a claim of class expandable may be made larger, one of standard not" expand
check "11.8 takes over the data of 10.11, without the names mysql*" upgrade
check "with its data" within 20 answer_is 42 'select a from t'
check "the namespace goes" kubectl delete namespace $namespace --timeout=120s
[ $failed = 0 ] || die "$failed failed"
