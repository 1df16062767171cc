// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package deploy

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// ran is what a script has said and done.
type ran struct {
	t      *testing.T
	output string
	log    string // the commands that it ran, a line each
	failed bool
}

// script runs a command of the tree with the stub in the place of kubectl, make and
// docker.
func script(t *testing.T, answers, environment []string, command ...string) ran {
	t.Helper()
	dir := t.TempDir()
	stub, err := filepath.Abs("testdata/kubectl")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"kubectl", "make", "docker"} {
		if err := os.Symlink(stub, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for file, text := range map[string]string{"log": "", "answers": strings.Join(answers, "\n") + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, command[0]), command[1:]...)
	cmd.Env = append([]string{"PATH=" + dir + ":" + os.Getenv("PATH"), "STUB=" + dir, "HOME=" + dir}, environment...)
	output, err := cmd.CombinedOutput()
	if failure := (*exec.ExitError)(nil); err != nil && !errors.As(err, &failure) {
		t.Fatal(err)
	}
	log, readErr := os.ReadFile(filepath.Join(dir, "log"))
	if readErr != nil {
		t.Fatal(readErr)
	}
	return ran{t: t, output: string(output), log: string(log), failed: err != nil}
}

func (r ran) says(words ...string) {
	r.t.Helper()
	for _, w := range words {
		if !strings.Contains(r.output, w) {
			r.t.Errorf("it does not say %q, but:\n%s", w, r.output)
		}
	}
}

// does holds commands to their order.
func (r ran) does(commands ...string) {
	r.t.Helper()
	rest := r.log
	for _, c := range commands {
		_, after, ok := strings.Cut(rest, c)
		if !ok {
			r.t.Errorf("it does not run %q, or not in that order; it ran:\n%s", c, r.log)
			return
		}
		rest = after
	}
}

func (r ran) doesNot(commands ...string) {
	r.t.Helper()
	for _, c := range commands {
		if strings.Contains(r.log, c) {
			r.t.Errorf("it runs %q; all that it ran:\n%s", c, r.log)
		}
	}
}

func (r ran) succeeds() ran {
	r.t.Helper()
	if r.failed {
		r.t.Errorf("it fails:\n%s\nit ran:\n%s", r.output, r.log)
	}
	return r
}

// changesNothing is for what refuses, and for dry runs.
func (r ran) changesNothing() ran {
	r.t.Helper()
	for line := range strings.Lines(r.log) {
		for _, verb := range []string{" apply ", " delete ", " patch ", " create ", "make "} {
			if strings.Contains(line, verb) && !strings.Contains(line, "--dry-run") {
				r.t.Errorf("it runs %s", line)
			}
		}
	}
	return r
}

func (r ran) refuses(words ...string) {
	r.t.Helper()
	if !r.failed {
		r.t.Error("it succeeds")
	}
	r.changesNothing()
	r.says(words...)
}

// Answers of a cluster.
const (
	byHand     = `get deployment/multinic-controller .*jsonpath => multinic-controller/`
	byOperator = `get deployment/multinic-controller .*jsonpath => multinic-controller/production-system`
	installed  = `get deployment/multinic-operator .*-o name => deployment.apps/multinic-operator`
	noCluster  = `fail get --raw /version => The connection to the server localhost:8080 was refused`
	manifest   = `kustomize config/operator$ => image: multinic:v1alpha1`
)

func TestDeployingRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers, environment, command []string
		says                          []string
	}{
		"where make deploy was":                   {[]string{byHand}, nil, []string{"deploy-operator.sh"}, []string{"make undeploy"}},
		"without a cluster":                       {[]string{noCluster}, nil, []string{"deploy-operator.sh"}, []string{"No cluster answers", "was refused", "KUBECONFIG"}},
		"without kubectl":                         {nil, []string{"KUBECTL=no-such-kubectl"}, []string{"deploy-operator.sh"}, []string{"no-such-kubectl is not installed"}},
		"what it does not know":                   {nil, nil, []string{"deploy-operator.sh", "--namespace=mine"}, []string{"unknown: --namespace=mine"}},
		"where the cluster does not say":          {[]string{`fail get deployment/multinic-controller => Forbidden`}, nil, []string{"deploy-operator.sh"}, []string{"Forbidden"}},
		"make deploy beside the operator":         {[]string{installed}, nil, []string{"hack/deploy/guard.sh", "deploy"}, []string{"multinicoperator_production.yaml", "--keep-objects"}},
		"make deploy over the operator's":         {[]string{byOperator}, nil, []string{"hack/deploy/guard.sh", "deploy"}, []string{"is the operator's", "--keep-objects"}},
		"make undeploy of the operator's":         {[]string{byOperator, installed}, nil, []string{"hack/deploy/guard.sh", "undeploy"}, []string{"is the operator's"}},
		"make undeploy of what the operator runs": {[]string{installed}, nil, []string{"hack/deploy/guard.sh", "undeploy"}, []string{"The operator is in the namespace"}},
		"make deploy without a cluster":           {[]string{noCluster}, nil, []string{"hack/deploy/guard.sh", "deploy"}, []string{"No cluster answers"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			script(t, c.answers, c.environment, c.command...).refuses(c.says...)
		})
	}
}

func TestMakeDeployGoesOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers []string
		verb    string
	}{
		"in an empty cluster":          {nil, "deploy"},
		"over itself":                  {[]string{byHand}, "deploy"},
		"away":                         {[]string{byHand}, "undeploy"},
		"away, though both are there":  {[]string{byHand, installed}, "undeploy"},
		"away, though nothing is left": {nil, "undeploy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			script(t, c.answers, nil, "hack/deploy/guard.sh", c.verb).succeeds()
		})
	}
}

func TestDeployingBuildsInstallsAndWaits(t *testing.T) {
	t.Parallel()
	r := script(t, []string{manifest, byOperator}, []string{"IMG=registry.example.com/multinic:1"}, "deploy-operator.sh").succeeds()
	r.does("make --no-print-directory docker-build", "kubectl apply -k config/crd", "kubectl wait --for=condition=Established",
		"kubectl apply -f -", "  | image: registry.example.com/multinic:1\n",
		"kubectl -n multinic-system rollout status deployment/multinic-operator")
	r.says("kind load docker-image registry.example.com/multinic:1", "config/samples/multinicoperator_production.yaml", "spec.controller.image: registry.example.com/multinic:1")
}

func TestDeployingWithoutAnEngineWritesAnArchive(t *testing.T) {
	t.Parallel()
	r := script(t, nil, []string{"DOCKER=no-such-engine"}, "deploy-operator.sh").succeeds()
	r.does("make --no-print-directory image", "kubectl apply -k config/crd")
	r.says("no-such-engine is not installed", "ctr -n k8s.io images import - <bin/image.tar")
}

func TestDeployingAnImageThatIsThereBuildsNone(t *testing.T) {
	t.Parallel()
	r := script(t, nil, nil, "deploy-operator.sh", "--skip-build").succeeds()
	r.doesNot("make ")
	r.does("kubectl apply -f -")
}

func TestDeployingForOneNamespaceTakesTheRightsElsewhereBack(t *testing.T) {
	t.Parallel()
	r := script(t, nil, nil, "deploy-operator.sh", "--skip-build", "--namespaced").succeeds()
	r.does("kubectl kustomize config/operator-namespaced\n")
	r.does("kubectl apply -f -", "delete --ignore-not-found clusterrolebinding/multinic-operator")
}

func TestADryDeploymentOnlyAsks(t *testing.T) {
	t.Parallel()
	r := script(t, nil, nil, "deploy-operator.sh", "--dry-run").succeeds().changesNothing()
	r.does("kubectl apply --dry-run=client -k config/crd") // the namespace is not there
	r.says("Nothing was changed.")
	script(t, []string{`get namespace/multinic-system => namespace/multinic-system`}, nil, "deploy-operator.sh", "--dry-run").
		succeeds().changesNothing().does("kubectl apply --dry-run=server -f -")
}

func TestAnOperatorThatDoesNotComeUpIsTold(t *testing.T) {
	t.Parallel()
	r := script(t, []string{`fail rollout status => timed out`, `get pods => multinic-operator-0 ErrImageNeverPull`}, nil, "deploy-operator.sh", "--timeout=1s")
	if !r.failed {
		t.Error("it succeeds")
	}
	r.does("--timeout=1s")
	r.says("ErrImageNeverPull", "minikube image load", "--skip-build")
}

// TestACRDThatIsTooNewIsAskedForAgain: kubectl wait fails at once on one without conditions.
func TestACRDThatIsTooNewIsAskedForAgain(t *testing.T) {
	t.Parallel()
	r := script(t, []string{`once fail wait --for=condition=Established => error: .status.conditions accessor error`}, nil, "deploy-operator.sh", "--skip-build").succeeds()
	r.does("kubectl wait --for=condition=Established", "kubectl wait --for=condition=Established", "kubectl apply -f -")
}

func TestHelpNeedsNoCluster(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"deploy-operator.sh", "cleanup-operator.sh"} {
		r := script(t, []string{noCluster}, []string{"KUBECTL=no-such-kubectl"}, path, "--help").succeeds()
		r.says("--dry-run", "multinic-system")
	}
}

func TestScriptsAreBash(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"deploy-operator.sh", "cleanup-operator.sh", "hack/deploy/cluster.sh", "hack/deploy/guard.sh", "test/deploy/testdata/kubectl"} {
		if output, err := exec.CommandContext(t.Context(), "bash", "-n", filepath.Join(root, path)).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", path, err, output)
		}
	}
}
