#!/usr/bin/env bash
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# guard.sh deploy | undeploy: fails where make deploy or make undeploy would get in the
# operator's way. The controller is run either by hand or by the operator.
set -euo pipefail
cd "$(dirname "$0")/../.."
. hack/deploy/cluster.sh
need_cluster

whose=$(whose_controller)
case $1/$whose in
*/operator)
	fail "Deployment $NAMESPACE/multinic-controller is the operator's, which would undo what make $1 does." \
		"Change the MultiNicOperator instead:  $KUBECTL -n $NAMESPACE get multinicoperators" \
		"Or remove the operator and keep the OpenstackConfigs:  ./cleanup-operator.sh --keep-objects"
	;;
deploy/* | undeploy/nobody)
	if there deployment/multinic-operator; then
		fail "The operator is in the namespace $NAMESPACE: it runs the controller as a MultiNicOperator asks for, and make $1 would get in its way." \
			"Apply one:  $KUBECTL apply -f config/samples/multinicoperator_production.yaml" \
			"Or remove the operator and keep the OpenstackConfigs:  ./cleanup-operator.sh --keep-objects"
	fi
	;;
esac
