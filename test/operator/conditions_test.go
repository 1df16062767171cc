// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

// closedList are the values of the constants Reason… of the API.
func closedList(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, name := range []string{"operator_conditions.go", "conditions.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", "api", "v1alpha1", name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, ident := range spec.Names {
				if literal, ok := spec.Values[i].(*ast.BasicLit); ok && strings.HasPrefix(ident.Name, "Reason") {
					value, err := strconv.Unquote(literal.Value)
					if err != nil {
						t.Fatal(err)
					}
					out[value] = true
				}
			}
			return true
		})
	}
	return out
}

// watch looks at every status that a MultiNicOperator has until it is stopped.
func (b *bed) watch(name string) (stop func() []v1alpha1.MultiNicOperator) {
	done, ended := make(chan struct{}), make(chan []v1alpha1.MultiNicOperator)
	go func() {
		var seen []v1alpha1.MultiNicOperator
		for {
			op := b.get(name)
			if len(seen) == 0 || seen[len(seen)-1].ResourceVersion != op.ResourceVersion {
				seen = append(seen, *op)
			}
			select {
			case <-done:
				ended <- seen
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	return func() []v1alpha1.MultiNicOperator { close(done); return <-ended }
}

func TestEveryStatusIsHonest(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.options.LookEvery = time.Second
	b.start()
	b.apply("honest", v1alpha1.MultiNicOperatorSpec{})
	stop := b.watch("honest")
	b.waitReady("honest")
	b.edit("honest", func(op *v1alpha1.MultiNicOperator) { op.Spec.Controller.Image = "multinic:next" })
	b.waitReady("honest")
	b.edit("honest", func(op *v1alpha1.MultiNicOperator) { op.Spec.Controller.WatchNamespaces = []string{"no.name"} })
	b.waitFor("honest", v1alpha1.ConditionReady, "False", v1alpha1.ReasonInvalidSpec)
	b.edit("honest", func(op *v1alpha1.MultiNicOperator) { op.Spec.Controller.WatchNamespaces = nil })
	b.waitReady("honest")
	b.edit("honest", func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.Image = "mariadb:11.4" })
	b.waitReady("honest")
	b.edit("honest", func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.RestoreFrom = "latest" })
	b.waitReady("honest")
	reasons := closedList(t)
	if len(reasons) < 20 {
		t.Fatalf("the closed list has only %d reasons", len(reasons))
	}
	seen := stop()
	for i, op := range seen {
		for _, c := range op.Status.Conditions {
			if !reasons[c.Reason] {
				t.Errorf("%s has the reason %s, which is not of the closed list", c.Type, c.Reason)
			}
			if c.ObservedGeneration == 0 || c.Message == "" {
				t.Errorf("%s %s has seen generation %d and says %q", c.Type, c.Reason, c.ObservedGeneration, c.Message)
			}
		}
		ready := meta.FindStatusCondition(op.Status.Conditions, v1alpha1.ConditionReady)
		if ready == nil {
			continue
		}
		if ready.ObservedGeneration != op.Status.ObservedGeneration {
			t.Errorf("Ready has seen generation %d, the status %d", ready.ObservedGeneration, op.Status.ObservedGeneration)
		}
		if ready.Status == "True" && (op.Status.ControllerStatus.ReadyReplicas == 0 || op.Status.DatabaseStatus.ReadyReplicas == 0) {
			t.Errorf("Ready is True of %+v", op.Status)
		}
		if i > 0 && op.Status.LastUpdated == nil {
			t.Error("no time of the last change")
		}
	}
	// Every step of those above was seen as one: Ready was not True while the new
	// image was on its way.
	for generation := int64(1); generation <= seen[len(seen)-1].Generation; generation++ {
		first := ""
		for _, op := range seen {
			if ready := meta.FindStatusCondition(op.Status.Conditions, v1alpha1.ConditionReady); first == "" && ready != nil && ready.ObservedGeneration == generation {
				first = string(ready.Status)
			}
		}
		if first == "True" && generation != 4 { // setting an invalid field back changes nothing
			t.Errorf("Ready was True at once of generation %d", generation)
		}
	}
}

// TestAStatusThatSaysNothingNewIsNotWritten has a condition that one step sets and a
// later one takes back.
func TestAStatusThatSaysNothingNewIsNotWritten(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.options.LookEvery = 500 * time.Millisecond
	b.start()
	b.apply("quiet", v1alpha1.MultiNicOperatorSpec{})
	b.waitReady("quiet")
	b.server.away.Store(true)
	b.setCredentials("quiet", v1alpha1.DatabaseCredentials{Password: "another"})
	b.waitFor("quiet", v1alpha1.ConditionDatabaseAvailable, "False", v1alpha1.ReasonUnavailable)
	b.looks()
	before := b.get("quiet")
	b.looks()
	b.looks()
	if after := b.get("quiet"); after.ResourceVersion != before.ResourceVersion {
		t.Errorf("it was written again:\n%+v\n%+v", before.Status, after.Status)
	}
	b.server.away.Store(false)
	b.waitReady("quiet")
	b.setCredentials("quiet", v1alpha1.DatabaseCredentials{Password: "another", Database: "elsewhere"})
	b.waitFor("quiet", v1alpha1.ConditionSpecAccepted, "False", v1alpha1.ReasonWouldLoseData)
	b.until("the rotation is over", func() bool { c := b.credentials(); return c.FormerPassword == "" && !c.Rotating() })
	b.looks()
	before = b.get("quiet")
	b.looks()
	b.looks()
	if after := b.get("quiet"); after.ResourceVersion != before.ResourceVersion {
		t.Errorf("it was written again:\n%+v\n%+v", before.Status, after.Status)
	}
}
