#!/usr/bin/env bash
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "$(dirname "$0")"
. hack/deploy/cluster.sh

usage() {
	cat <<'USAGE'
./deploy-operator.sh: build the image, and deploy the MultiNic operator in the namespace
multinic-system of the current cluster. It may be run again at any time.

  --skip-build    the image IMG is there already: in a registry, or on the nodes
  --namespaced    serve the MultiNicOperators of multinic-system only, with rights
                  there instead of everywhere
  --timeout=180s  how long to wait until the operator is ready
  --dry-run       ask the cluster whether it would take it all; build and change nothing
  --help

  IMG      the image's name (multinic:v1alpha1)
  DOCKER   what builds images (docker); without it the image is written to bin/image.tar
  KUBECTL  what talks to the cluster (kubectl)
USAGE
}

export IMG=${IMG:-multinic:v1alpha1} DOCKER=${DOCKER:-docker}
config=config/operator build=yes dry='' timeout=180s
for arg; do
	case $arg in
	--skip-build) build= ;;
	--namespaced) config=config/operator-namespaced ;;
	--timeout=*) timeout=${arg#*=} ;;
	--dry-run) dry=--dry-run=server build= ;;
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

# What is to be done with the image, once it is built.
load_docker="  kind:      kind load docker-image $IMG
  minikube:  minikube image load $IMG
  registry:  $DOCKER push $IMG, with IMG named after the registry
  nodes:     $DOCKER save $IMG | ssh NODE sudo ctr -n k8s.io images import -"
load_tar="  kind:      kind load image-archive bin/image.tar
  minikube:  minikube image load bin/image.tar
  k3s:       sudo k3s ctr images import bin/image.tar, on each node
  nodes:     ssh NODE sudo ctr -n k8s.io images import - <bin/image.tar"

build_image() {
	if $DOCKER version >/dev/null 2>&1; then # a client alone builds nothing
		say "Building the image $IMG with $DOCKER"
		make --no-print-directory docker-build
		load=$load_docker
	else
		say "$DOCKER is not installed, or reaches no engine: writing the image $IMG to bin/image.tar"
		make --no-print-directory image
		load=$load_tar
	fi
	say "The nodes must have it. Where they don't take it from here by themselves:" "$load"
}
load=$load_docker

# established waits for the CRDs. kubectl wait gives up at once on one that is so new
# that it has no conditions yet: then it is asked again.
established() {
	local end=$((SECONDS + 60))
	until k wait --for=condition=Established --timeout=60s -f config/crd/bases >/dev/null; do
		[ $SECONDS -lt $end ] || fail "The CRDs are not established; see  $KUBECTL get crds"
		sleep 1
	done
}

need_cluster
whose=$(whose_controller)
if [ "$whose" = hand ]; then
	fail "Deployment $NAMESPACE/multinic-controller was made by make deploy: the operator runs a controller of its own, and both in one namespace would publish against each other." \
		"First:  make undeploy   (objects and published rows stay)"
fi
[ -z "$build" ] || build_image

say "Installing the CRDs"
if [ -n "$dry" ] && ! there "namespace/$NAMESPACE"; then
	# The server would refuse what is to lie in a namespace that is not there.
	dry=--dry-run=client
fi
k apply $dry -k config/crd
[ -n "$dry" ] || established

say "Deploying the operator ($config)"
k kustomize "$config" | sed "s#image: multinic:v1alpha1\$#image: $IMG#" | k apply $dry -f -
# The rights of the other way, if it was deployed so before.
case $config/$dry in
config/operator/) k delete --ignore-not-found -f config/operator-namespaced/rights.yaml ;;
config/operator-namespaced/) k delete --ignore-not-found clusterrolebinding/multinic-operator ;;
esac
if warns; then
	k apply $dry -k config/policy
fi
if [ -n "$dry" ]; then
	say "Nothing was changed."
	exit
fi

say "Waiting for the operator ($timeout)"
if ! k -n "$NAMESPACE" rollout status deployment/multinic-operator --timeout="$timeout"; then
	k -n "$NAMESPACE" get pods -l app=multinic-operator || true
	fail "The operator is not ready yet. If its pod can't have its image (ErrImagePull, ErrImageNeverPull, ImagePullBackOff), give it to the nodes:" \
		"$load" \
		"Else  $KUBECTL -n $NAMESPACE describe pods -l app=multinic-operator  says why. Then run this again with --skip-build."
fi
cat <<NEXT

The operator runs. Next, ask for a system: edit the sample's OpenStack endpoints, then

  $KUBECTL apply -f config/samples/multinicoperator_production.yaml
$(test "$IMG" = multinic:v1alpha1 || echo "
  with spec.controller.image: $IMG in it
")
and look:

  $KUBECTL -n $NAMESPACE get multinicoperators
  $KUBECTL -n $NAMESPACE get pods,svc,deployments -l multinic.example.com/protected=true
  $KUBECTL -n $NAMESPACE logs -f deployment/multinic-operator

When it is Ready, say which VMs and which subnet: config/samples/openstackconfig.yaml.
./cleanup-operator.sh removes it all.
NEXT
