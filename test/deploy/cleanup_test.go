// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package deploy

import (
	"slices"
	"testing"
)

// Answers of a cluster with MultiNic in it.
var (
	kinds = []string{
		`get customresourcedefinition/multinicoperators.* customresourcedefinition/openstackconfigs.* => customresourcedefinition/all`,
		`get customresourcedefinition/multinicoperators => customresourcedefinition/multinicoperators`,
		`get customresourcedefinition/openstackconfigs => customresourcedefinition/openstackconfigs`,
		`get namespace/multinic-system => namespace/multinic-system`,
		`get --raw /apis/admissionregistration => {"name":"validatingadmissionpolicies"}`,
	}
	// The first look sees them, and the next that they are gone.
	objects = []string{
		`once get multinicoperators => multinic-system production-system`,
		`once get openstackconfigs => default data-network`,
	}
	running = []string{`get deployments -A -l app=multinic-operator => 1`, `get deployments -A -l app=multinic-controller => 2`}
	volumes = []string{`get persistentvolumeclaims .*!=multinic => `, `get persistentvolumeclaims => multinic-system data-mariadb-0\nmultinic-system mariadb-backup`}
	webhook = []string{`get validatingwebhookconfigurations => other a.example.com\nmultinic-protection vprotection.multinic.example.com`}
)

const (
	deleteConfigs   = "kubectl delete openstackconfigs.multinic.example.com --all -A"
	deleteOperators = "kubectl delete multinicoperators.multinic.example.com --all -A"
	deleteProgram   = "kubectl delete --ignore-not-found -k config/operator/program"
	deleteWebhook   = "kubectl delete --ignore-not-found validatingwebhookconfiguration/multinic-protection"
	deleteCRDs      = "kubectl delete --ignore-not-found -k config/crd"
	deleteNamespace = "kubectl delete namespace/multinic-system"
	deleteData      = "kubectl delete persistentvolumeclaims,secrets"
)

func TestCleaningUpGoesInOrder(t *testing.T) {
	t.Parallel()
	r := script(t, slices.Concat(kinds, objects, running, webhook), nil, "cleanup-operator.sh", "--yes").succeeds()
	r.does(deleteConfigs, deleteOperators, deleteProgram, deleteWebhook, "kubectl delete deployments,statefulsets",
		"kubectl delete --ignore-not-found -k config/policy", "kubectl delete --ignore-not-found -k config/rbac/roles", deleteCRDs, deleteNamespace)
	r.doesNot("finalizers", deleteData, "validatingwebhookconfiguration/other")
	r.says("Nothing of MultiNic is there any more.")
}

func TestCleaningUpKeepsVolumesAndTheirNamespace(t *testing.T) {
	t.Parallel()
	r := script(t, slices.Concat(kinds, objects, running, volumes), nil, "cleanup-operator.sh", "--yes").succeeds()
	r.does(deleteConfigs, deleteOperators, deleteCRDs)
	r.doesNot(deleteNamespace, deleteData)
	r.says("multinic-system/data-mariadb-0", "multinic-system/mariadb-backup", "--delete-data")
}

// TestCleaningUpTakesWhatControllersRemember: keys, notes and leases that bear no label, in
// whatever namespace a controller was, and not where the objects are to be kept.
func TestCleaningUpTakesWhatControllersRemember(t *testing.T) {
	t.Parallel()
	remembered := []string{`get secret --field-selector metadata.name=multinic-hash-key => elsewhere multinic-hash-key`,
		`get lease --field-selector metadata.name=multinic-controller => multinic-system x`}
	r := script(t, slices.Concat(kinds, remembered, objects, running, volumes), nil, "cleanup-operator.sh", "--yes").succeeds()
	r.does(deleteProgram, "kubectl -n elsewhere delete secret/multinic-hash-key", "kubectl -n multinic-system delete lease/multinic-controller.multinic.example.com")
	r.doesNot("configmap/multinic-triggers")
	r = script(t, slices.Concat(kinds, remembered, objects, running, volumes), nil, "cleanup-operator.sh", "--yes", "--keep-objects").succeeds()
	r.doesNot("multinic-hash-key")
}

func TestCleaningUpDeletesDataWhereItIsTold(t *testing.T) {
	t.Parallel()
	r := script(t, slices.Concat(kinds, objects, running, volumes), nil, "cleanup-operator.sh", "--yes", "--delete-data").succeeds()
	r.does(deleteOperators, deleteCRDs, deleteData, deleteNamespace)
	// Also what an earlier clean-up has kept.
	r = script(t, slices.Concat(volumes, []string{`get namespace/multinic-system => namespace/multinic-system`}), nil, "cleanup-operator.sh", "--yes", "--delete-data").succeeds()
	r.does(deleteData, deleteNamespace)
	r.doesNot(deleteCRDs)
}

func TestCleaningUpKeepsANamespaceWithOthersVolumes(t *testing.T) {
	t.Parallel()
	others := []string{`get persistentvolumeclaims -A => `, `get persistentvolumeclaims => multinic-system photos`}
	for _, arguments := range [][]string{{"--yes"}, {"--yes", "--delete-data"}} {
		r := script(t, slices.Concat(kinds, others), nil, append([]string{"cleanup-operator.sh"}, arguments...)...).succeeds()
		r.doesNot(deleteNamespace)
		r.says("multinic-system photos")
	}
}

func TestCleaningUpAfterADeadOperatorTakesTheFinalizersOff(t *testing.T) {
	t.Parallel()
	stuck := []string{`get multinicoperators => multinic-system production-system`, `get openstackconfigs => default data-network`}
	for name, alive := range map[string][]string{
		"nobody is there":   nil,
		"nobody gets ready": {`get deployments -A => 0`},
		"nobody does it":    running,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := script(t, slices.Concat(kinds, stuck, alive), nil, "cleanup-operator.sh", "--yes", "--timeout=0").succeeds()
			r.does(deleteConfigs, deleteOperators, deleteProgram,
				`kubectl -n multinic-system patch multinicoperators.multinic.example.com production-system --type=merge -p {"metadata":{"finalizers":[]}}`,
				`kubectl -n default patch openstackconfigs.multinic.example.com data-network --type=merge -p {"metadata":{"finalizers":[]}}`,
				deleteCRDs)
		})
	}
}

func TestCleaningUpAsks(t *testing.T) {
	t.Parallel()
	// Nobody is at the terminal.
	script(t, slices.Concat(kinds, objects), nil, "cleanup-operator.sh").refuses("1 MultiNicOperators", "1 OpenstackConfigs", "say --yes")
	script(t, slices.Concat(kinds, volumes), nil, "cleanup-operator.sh", "--delete-data").refuses("2 volumes", "say --yes")
	// There is nothing to lose.
	script(t, kinds, nil, "cleanup-operator.sh").succeeds().does(deleteProgram, deleteCRDs, deleteNamespace)
}

func TestCleaningUpRefusesWhereMakeDeployWas(t *testing.T) {
	t.Parallel()
	script(t, append([]string{byHand}, kinds...), nil, "cleanup-operator.sh", "--yes").refuses("make undeploy", "--keep-objects")
	script(t, []string{noCluster}, nil, "cleanup-operator.sh", "--yes").refuses("No cluster answers")
	script(t, nil, nil, "cleanup-operator.sh", "--timeout=soon").refuses("want a number of seconds")
}

func TestCleaningUpCanKeepTheObjects(t *testing.T) {
	t.Parallel()
	for _, whose := range []string{"nothing", byHand} {
		r := script(t, slices.Concat([]string{whose + " "}, kinds, objects, running), nil, "cleanup-operator.sh", "--yes", "--keep-objects").succeeds()
		r.does(deleteOperators, deleteProgram)
		r.doesNot(deleteConfigs, deleteCRDs, deleteNamespace, "-k config/rbac/roles", "-k config/policy")
		r.says("Kept: the CRDs, 1 OpenstackConfigs")
	}
}

func TestASecondCleanUpFindsNothing(t *testing.T) {
	t.Parallel()
	r := script(t, nil, nil, "cleanup-operator.sh").succeeds().changesNothing()
	r.says("No operator, CRD or role of MultiNic is in the cluster.", "Nothing of MultiNic is there any more.")
	script(t, volumes, nil, "cleanup-operator.sh").succeeds().changesNothing().says("multinic-system/data-mariadb-0")
}

func TestADryCleanUpOnlyTells(t *testing.T) {
	t.Parallel()
	r := script(t, slices.Concat(kinds, objects, running, webhook, volumes), nil, "cleanup-operator.sh", "--dry-run").succeeds().changesNothing()
	r.says("would run: "+deleteOperators, "would run: "+deleteWebhook, "would run: "+deleteCRDs, "Nothing was changed.")
}

func TestACleanUpEndsWhereTheClusterDoesNotSay(t *testing.T) {
	t.Parallel()
	script(t, append([]string{`fail get openstackconfigs => Forbidden`}, kinds...), nil, "cleanup-operator.sh", "--yes").refuses("Forbidden")
	script(t, append([]string{`fail get persistentvolumeclaims => Forbidden`}, kinds...), nil, "cleanup-operator.sh", "--yes").refuses("Forbidden")
}
