#!/usr/bin/env bash
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "$(dirname "$0")"
. hack/deploy/cluster.sh

usage() {
	cat <<'USAGE'
./cleanup-operator.sh: remove MultiNic from the current cluster, in whatever state it is:
every OpenstackConfig and MultiNicOperator, what the operator has made for them, the
operator, its rights, the CRDs, and the namespace multinic-system with what is in it.

What was published is withdrawn: node agents take those interfaces down. The volumes with
the data and the backups stay, with their credentials, and so does the namespace then.

  --keep-objects  keep the OpenstackConfigs, the CRDs and the namespace: to go on with
                  make deploy, or to deploy the operator anew
  --delete-data   delete the volumes, the backups and the credentials too
  --yes           do not ask
  --timeout=180   how many seconds the operator is given to take its systems down; then
                  they go without it
  --dry-run       say what would be done
  --help

  KUBECTL  what talks to the cluster (kubectl)
USAGE
}

keep='' data='' yes='' dry='' timeout=180
for arg; do
	case $arg in
	--keep-objects) keep=yes ;;
	--delete-data) data=yes ;;
	-y | --yes) yes=yes ;;
	--timeout=*) timeout=${arg#*=} ;;
	--dry-run) dry=yes ;;
	-h | --help)
		usage
		exit
		;;
	*)
		usage >&2
		fail "" "unknown: $arg"
		;;
	esac
done
[[ $timeout =~ ^[0-9]+$ ]] || fail "--timeout=$timeout: want a number of seconds"

operators=multinicoperators.multinic.example.com
configs=openstackconfigs.multinic.example.com
# Labels of the operator's children; those that outlive it have ours in common.
child=multinic.example.com/managed-by-operator
elsewhere=multinic.example.com/operator-namespace
ours=app.kubernetes.io/name=multinic,app.kubernetes.io/managed-by=multinic-operator

# change does something to the cluster, or says what.
change() {
	if [ -n "$dry" ]; then
		say "would run: $KUBECTL $*"
	else
		k "$@"
	fi
}

# list prints "namespace name" of each object of a kind; nothing where the kind is unknown.
list() {
	case $1 in
	*.multinic.example.com) there "customresourcedefinition/$1" || return 0 ;;
	esac
	k get "$@" -A --ignore-not-found -o 'jsonpath={range .items[*]}{.metadata.namespace}{" "}{.metadata.name}{"\n"}{end}' || exit 1
}

count() { grep -c . <<<"$1" || true; }

# alive says whether a Deployment with that label has a pod that works.
alive() {
	local seen
	seen=$(k get deployments -A -l "app=$1" -o 'jsonpath={.items[*].status.readyReplicas}') || exit 1
	test -n "${seen//[ 0]/}"
}

# gone waits, that many seconds at most, until no object of a kind is left.
gone() {
	local kind=$1 seconds=$2 end left
	[ -z "$dry" ] || return 0
	end=$((SECONDS + seconds))
	while left=$(list "$kind") && [ -n "$left" ]; do
		[ $SECONDS -lt $end ] || return 1
		say "  waiting for $(count "$left") ${kind%%.*}"
		sleep 3
	done
}

# release takes the finalizers off what is left of a kind, so that it goes.
release() {
	local namespace name
	[ -z "$dry" ] || return 0
	while read -r namespace name; do
		[ -n "$name" ] || continue
		say "Nobody finishes $1 $namespace/$name: taking its finalizers off"
		change -n "$namespace" patch "$1" "$name" --type=merge -p '{"metadata":{"finalizers":[]}}' || true
	done < <(list "$1")
}

# webhooks are the configurations, whatever their names, that guard what is protected.
webhooks() {
	k get validatingwebhookconfigurations \
		-o 'jsonpath={range .items[*]}{.metadata.name}{" "}{.webhooks[*].name}{"\n"}{end}' |
		awk '/ vprotection\.multinic\.example\.com( |$)/ {print $1}'
}

# volumes are the claims, of all namespaces or as said, that nobody is deleting.
volumes() {
	k get persistentvolumeclaims "$@" --ignore-not-found \
		-o 'go-template={{range .items}}{{if not .metadata.deletionTimestamp}}{{.metadata.namespace}} {{.metadata.name}}{{"\n"}}{{end}}{{end}}' || exit 1
}

# installed names what of MultiNic is there, beside the namespace and the volumes.
installed() {
	k get "customresourcedefinition/$operators" "customresourcedefinition/$configs" clusterrole/multinic-operator \
		clusterrole/multinic-operator-cluster clusterrole/multinic-controller clusterrolebinding/multinic-operator \
		--ignore-not-found -o name || exit 1
	webhooks
}

ask() {
	local answer
	[ -n "$ops$objects${data:+$claims}" ] && [ -z "$yes$dry" ] || return 0
	say "This is the cluster of the context $(k config current-context 2>/dev/null || echo '(none)'). To be removed:"
	say "  $(count "$ops") MultiNicOperators with their controllers and databases"
	if [ -z "$keep" ]; then
		say "  $(count "$objects") OpenstackConfigs: agents take their interfaces down"
		if [ -z "$claims" ] || [ -n "$data" ]; then
			say "  the namespace $NAMESPACE with everything in it"
		fi
	fi
	[ -z "$data" ] || say "  $(count "$claims") volumes with data and backups, for good"
	[ -t 0 ] || fail "Nobody is there to be asked: say --yes (or --dry-run, or --help)"
	read -r -p "Go on? [y/N] " answer
	[[ $answer =~ ^[yY] ]] || fail "Nothing was changed."
}

# delete_objects goes first, while those still run that finish them in order: the
# controller withdraws what it has published, then the operator takes its systems down.
delete_objects() {
	if [ -z "$keep" ] && [ -n "$objects" ]; then
		say "Deleting the OpenstackConfigs"
		change delete "$configs" --all -A --wait=false
	fi
	if [ -n "$ops" ]; then
		say "Deleting the MultiNicOperators"
		change delete "$operators" --all -A --wait=false
	fi
	if alive multinic-operator; then
		gone "$operators" "$timeout" || say "The operator has not finished in ${timeout}s."
		[ -n "$keep" ] || gone "$configs" 30 || true
	elif [ -z "$keep" ] && alive multinic-controller; then
		gone "$configs" "$timeout" || say "The controller has not finished in ${timeout}s."
	fi
}

# remove_operator goes before the webhook that guards its children, which it would
# only make anew.
remove_operator() {
	local webhook
	say "Removing the operator"
	change delete --ignore-not-found -k config/operator/program
	change delete --ignore-not-found -f config/operator-namespaced/rights.yaml
	[ -n "$dry" ] || k -n "$NAMESPACE" wait --for=delete pod -l app=multinic-operator --timeout=60s >/dev/null 2>&1 || true
	for webhook in $(webhooks); do
		change delete --ignore-not-found "validatingwebhookconfiguration/$webhook"
	done
}

# remove_leftovers takes what nobody has finished. A garbage collector may not find the
# children of a MultiNicOperator any more once its CRD is gone. The volumes stay, and so do
# the Secrets without which they are worth nothing.
remove_leftovers() {
	release "$operators"
	[ -n "$keep" ] || release "$configs"
	say "Removing what is left of the operator's children"
	change delete deployments,statefulsets,cronjobs,jobs,services,serviceaccounts,roles,rolebindings,networkpolicies,poddisruptionbudgets \
		-A -l "$child" --ignore-not-found --wait=false
	change delete secrets -A -l "$child" --ignore-not-found --field-selector=metadata.name!=mariadb-credentials,metadata.name!=multinic-agent-database
	change delete clusterrolebindings -l "$elsewhere" --ignore-not-found
}

# remove_memory takes what controllers and the operator have noted for those that come
# after them. It bears no labels and has no owner, but the names are ours alone.
remove_memory() {
	local name namespace
	for name in secret/multinic-hash-key secret/multinic-trigger-key configmap/multinic-triggers configmap/multinic-pending-deletions \
		lease/multinic-controller.multinic.example.com lease/multinic-operator.multinic.example.com; do
		while read -r namespace _; do
			[ -z "$namespace" ] || change -n "$namespace" delete "$name" --ignore-not-found
		done < <(list "${name%%/*}" --field-selector "metadata.name=${name#*/}")
	done
}

# remove_kinds goes last: it takes with it whatever of them is still there.
remove_kinds() {
	say "Removing the CRDs and the roles"
	if warns; then
		change delete --ignore-not-found -k config/policy
	fi
	change delete --ignore-not-found -k config/rbac/roles
	change delete --ignore-not-found -k config/crd --timeout=60s ||
		fail "The CRDs do not go. What keeps them:  $KUBECTL get $configs,$operators -A"
}

# tell says what stays, and how it goes.
tell() {
	local namespace name
	say ""
	if [ -n "$dry" ]; then
		say "Nothing was changed."
		return
	fi
	[ -z "$keep" ] || say "Kept: the CRDs, $(count "$objects") OpenstackConfigs, the roles, the namespace $NAMESPACE."
	if [ -n "$claims" ]; then
		say "Kept: the volumes with data and backups, beside their credentials (Secrets mariadb-credentials and multinic-agent-database). A MultiNicOperator in that namespace takes them over."
		while read -r namespace name; do
			say "  $namespace/$name"
		done <<<"$claims"
		say "To delete them as well:  ./cleanup-operator.sh --delete-data"
	elif [ -n "$inside" ]; then
		say "Kept: the namespace $NAMESPACE, for the volumes in it that are not MultiNic's:" "$inside"
	elif [ -n "$going" ]; then
		say "The namespace $NAMESPACE is still going. What keeps it:  $KUBECTL get namespace $NAMESPACE -o yaml"
	elif [ -z "$keep" ]; then
		say "Nothing of MultiNic is there any more."
	fi
}

need_cluster
ops=$(list "$operators")
objects=$(list "$configs")
claims=$(volumes -A -l "$ours")
whose=$(whose_controller)
if [ "$whose" = hand ] && [ -z "$keep" ]; then
	fail "Deployment $NAMESPACE/multinic-controller was made by make deploy, and this would take the CRDs from under it." \
		"First:  make undeploy" \
		"Or remove only what is the operator's:  ./cleanup-operator.sh --keep-objects"
fi
ask
found=$(installed)
if [ -n "$found" ]; then
	delete_objects
	remove_operator
	remove_leftovers
	[ -n "$keep" ] || remove_kinds
else
	say "No operator, CRD or role of MultiNic is in the cluster."
fi
[ -n "$keep" ] || remove_memory
claims='' inside='' going=''
if [ -n "$data" ]; then
	say "Deleting the volumes and their credentials"
	change delete persistentvolumeclaims,secrets -A -l "$ours" --ignore-not-found --wait=false
	inside=$(volumes -n "$NAMESPACE" -l 'app.kubernetes.io/name!=multinic')
else
	claims=$(volumes -A -l "$ours")
	inside=$(volumes -n "$NAMESPACE")
fi
if [ -z "$keep$inside" ] && there "namespace/$NAMESPACE"; then
	say "Removing the namespace $NAMESPACE"
	change delete "namespace/$NAMESPACE" --ignore-not-found --timeout=120s || going=yes
fi
tell
