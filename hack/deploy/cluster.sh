# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What deploy-operator.sh, cleanup-operator.sh and make deploy have in common. To be
# sourced, from the top of the tree.

NAMESPACE=multinic-system
KUBECTL=${KUBECTL:-kubectl}

# k is kubectl. KUBECTL may be several words: minikube kubectl --
k() {
	# shellcheck disable=SC2086
	$KUBECTL "$@"
}

say() { printf '%s\n' "$*"; }
fail() {
	printf '%s\n' "$@" >&2
	exit 1
}

need_cluster() {
	local said
	command -v "${KUBECTL%% *}" >/dev/null ||
		fail "${KUBECTL%% *} is not installed: install kubectl, or set KUBECTL to what stands for it (KUBECTL=\"minikube kubectl --\")"
	said=$(k get --raw /version --request-timeout=15s 2>&1) ||
		fail "No cluster answers. $KUBECTL says:" "  ${said##*$'\n'}" "Set KUBECONFIG, or choose one with  $KUBECTL config use-context NAME"
}

# there says whether an object is there: there deployment/multinic-operator
# A cluster that doesn't say ends the program: not knowing is not the same as no.
there() {
	local seen
	seen=$(k -n "$NAMESPACE" get "$1" --ignore-not-found -o name) || exit 1
	test -n "$seen"
}

# whose_controller prints nobody, operator, or hand: who made Deployment multinic-controller.
whose_controller() {
	local seen
	seen=$(k -n "$NAMESPACE" get deployment/multinic-controller --ignore-not-found \
		-o 'jsonpath={.metadata.name}/{.metadata.labels.multinic\.example\.com/managed-by-operator}') || exit 1
	case $seen in
	"" | /) echo nobody ;;
	*/) echo hand ;;
	*) echo operator ;;
	esac
}

# warns says whether the server can warn of passwords in clear text (config/policy; 1.30).
warns() { k get --raw /apis/admissionregistration.k8s.io/v1 | grep -q '"validatingadmissionpolicies"'; }
