// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

// firstVersion stands for the first release, as none has been tagged yet: the first commit
// with make deploy whose program can be built.
const firstVersion = "6fc6955"

// TestWhatTheFirstVersionHasWrittenIsServedByThisOne deploys the first version as one did
// then, lets it publish, and deploys this one over it. Agents ask all the time.
func TestWhatTheFirstVersionHasWrittenIsServedByThisOne(t *testing.T) {
	if _, err := command("git", "cat-file", "-e", firstVersion); err != nil {
		t.Skipf("the history does not reach back to %s", firstVersion)
	}
	startAnew(t)
	tree := first(t)
	run(t, "kubectl", "apply", "-k", filepath.Join(tree, "config", "crd"))
	run(t, "make", "-C", tree, "deploy", "IMG=multinic:first")
	run(t, "kubectl", "apply", "-f", filepath.Join(tree, "config", "manager", "db-secret.yaml"))
	t.Cleanup(func() {
		for _, args := range [][]string{
			{"make", "undeploy"}, {"./cleanup-operator.sh", withData, "--yes", "--timeout=10"},
		} {
			if out, err := command(args...); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		}
	})
	agents := externalServer(t)
	declare(t)
	eventually(t, "the agents see the cloud by the first version", func() error { return equal(t.Context(), agents) })
	s := &system{agents: agents}
	s.applyAll(t)
	ids := s.ids(t)
	samples(t, tree)
	eventually(t, "the first version has written statuses", func() error {
		for _, o := range stored(t, "OpenstackConfig") {
			if phase, _, _ := unstructured.NestedString(o.Object, "status", "phase"); phase != "Ready" {
				return fmt.Errorf("%s is %q", o.GetName(), phase)
			}
		}
		return nil
	})
	before := append(stored(t, "OpenstackConfig"), stored(t, "MultiNicOperator")...)
	if len(before) < 8 {
		t.Errorf("there are only %d objects", len(before))
	}

	s.poller = poll("external", agents, wanted())
	defer s.poller.stop()
	s.poller.begin("the first version is replaced by this one")
	begun := time.Now()
	run(t, "make", "deploy")
	eventually(t, "this version runs", func() error { return rolledOut(t) })
	change(t, agents)
	s.poller.end(t, time.Since(begun))
	if err := equal(t.Context(), agents); err != nil {
		t.Error(err)
	}
	s.sameIDs(t, ids)
	s.stillApplied(t)
	after := map[string]unstructured.Unstructured{}
	for _, o := range append(stored(t, "OpenstackConfig"), stored(t, "MultiNicOperator")...) {
		after[o.GetKind()+o.GetNamespace()+o.GetName()] = o
	}
	for _, was := range before {
		is, what := after[was.GetKind()+was.GetNamespace()+was.GetName()], was.GetKind()+" "+was.GetName()
		lost(t, what+" spec", was.Object["spec"], is.Object["spec"], true)
		lost(t, what+" status", was.Object["status"], is.Object["status"], was.GetKind() == "MultiNicOperator")
	}
}

// first unpacks the first version, with the address of the database that a user would
// write into its Secret, and loads its image into the cluster.
func first(t *testing.T) string {
	t.Helper()
	tree := t.TempDir()
	run(t, "sh", "-ec", "git archive "+firstVersion+" | tar -x -C "+tree)
	secret := filepath.Join(tree, "config", "manager", "db-secret.yaml")
	text, err := os.ReadFile(secret)
	if err != nil {
		t.Fatal(err)
	}
	edited := strings.NewReplacer("110.0.0.101", externalHost, `"30306"`, `"3306"`, "change-me", externalPassword).Replace(string(text))
	if edited == string(text) {
		t.Fatalf("the Secret is not what it was: %s", text)
	}
	if err := os.WriteFile(secret, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	const compiling = 30 * time.Minute // its libraries are others than today's
	if out, err := commandWithin(compiling, "sh", "-ec", "cd "+tree+" && CGO_ENABLED=0 go build -o bin/multinic ./cmd/multinic"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run(t, "make", "image") // for bin/make-image, which the first version had not
	run(t, "bin/make-image", "-o", filepath.Join(tree, "image.tar"), "-t", "multinic:first", "-arch", runtime.GOARCH, "-user", "65532:65532",
		"-entrypoint", "/multinic", "-f", filepath.Join(tree, "bin", "multinic")+":/multinic:0755")
	run(t, "hack/cluster/load-image.sh", filepath.Join(tree, "image.tar"))
	return tree
}

// samples stores the first version's MultiNicOperators, where no operator serves them and
// the controller does not follow them, each with the status that it could have then.
func samples(t *testing.T, tree string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(tree, "config", "samples", "multinicoperator_*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are %v samples, %v", files, err)
	}
	for _, file := range files {
		run(t, "sh", "-ec", "sed 's/namespace: "+namespace+"/namespace: "+objectsNamespace+"/' "+file+" | kubectl apply -f -")
	}
	for _, o := range stored(t, "MultiNicOperator") {
		run(t, "kubectl", "-n", objectsNamespace, "patch", operators, o.GetName(), "--subresource=status", "--type=merge", "-p", `{"status": {
			"phase": "Ready", "message": "as it was then", "lastUpdated": "2026-01-02T03:04:05Z", "observedGeneration": 1,
			"conditions": [{"type": "Ready", "status": "True", "reason": "Running", "message": "as it was", "lastTransitionTime": "2026-01-02T03:04:05Z"}],
			"controllerStatus": {"phase": "Ready", "readyReplicas": 1, "desiredReplicas": 1}, "databaseStatus": {"phase": "Ready", "readyReplicas": 1},
			"protectionStatus": {"active": true, "preventedMutations": 7, "lastProtectionEvent": "2026-01-02T03:04:05Z"}}}`)
	}
}

func stored(t *testing.T, kind string) []unstructured.Unstructured {
	t.Helper()
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind + "List"))
	if err := g.client.List(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// lost tells of fields that were there and are no more; exact, also of other values.
// Elements of lists that have become fewer are fields too.
func lost(t *testing.T, path string, was, is any, exact bool) {
	t.Helper()
	switch w := was.(type) {
	case map[string]any:
		i, ok := is.(map[string]any)
		for k, v := range w {
			if _, there := i[k]; !ok || !there {
				t.Errorf("%s.%s is lost: it was %v", path, k, v)
				continue
			}
			lost(t, path+"."+k, v, i[k], exact)
		}
	case []any:
		i, _ := is.([]any)
		if len(i) < len(w) {
			t.Errorf("%s had %d elements and has %d", path, len(w), len(i))
			return
		}
		for k := range w {
			lost(t, fmt.Sprintf("%s[%d]", path, k), w[k], i[k], exact)
		}
	default:
		if exact && !equality.Semantic.DeepEqual(was, is) {
			t.Errorf("%s was %v and is %v", path, was, is)
		}
	}
}
