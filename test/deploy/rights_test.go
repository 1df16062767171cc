// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package deploy

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// granted are the rules of the Role that the operator makes for the controller.
func granted(t *testing.T) []rbacv1.PolicyRule {
	t.Helper()
	for _, object := range resources.Controller(resources.Input{
		Name: "some", Namespace: namespace, Spec: resources.Defaulted(v1alpha1.MultiNicOperatorSpec{}), Connection: resources.Internal(namespace),
	}) {
		if role, ok := object.(*rbacv1.Role); ok {
			return role.Rules
		}
	}
	t.Fatal("the operator makes no Role for the controller")
	return nil
}

// single takes rules apart: one verb of one resource in each.
func single(rules []rbacv1.PolicyRule) (out []string) {
	for _, rule := range rules {
		names := rule.ResourceNames
		if len(names) == 0 {
			names = []string{"*"}
		}
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, name := range names {
					for _, verb := range rule.Verbs {
						out = append(out, verb+" "+resource+"."+group+" "+name)
					}
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// TestBothWaysGiveTheControllerTheSameRights holds config/rbac/controller.yaml, for
// make deploy, and what the operator makes together.
func TestBothWaysGiveTheControllerTheSameRights(t *testing.T) {
	t.Parallel()
	shipped := &rbacv1.Role{}
	find(t, readFile(t, "config/rbac/controller.yaml"), "Role", resources.ControllerName, shipped)
	if diff := cmp.Diff(single(granted(t)), single(shipped.Rules)); diff != "" {
		t.Errorf("the Role multinic-controller of internal/resources/rights.go (-) and of config/rbac/controller.yaml (+) differ:\n%s", diff)
	}
}

// TestTheOperatorMayDoWhatItGives: nobody can give a right that he has not.
func TestTheOperatorMayDoWhatItGives(t *testing.T) {
	t.Parallel()
	objects := render(t, "operator")
	own, cluster := &rbacv1.ClusterRole{}, &rbacv1.ClusterRole{}
	find(t, objects, "ClusterRole", "multinic-operator", own)
	find(t, objects, "ClusterRole", "multinic-operator-cluster", cluster)
	has := single(own.Rules)
	for _, right := range single(granted(t)) {
		everyName := right[:strings.LastIndex(right, " ")] + " *"
		if !slices.Contains(has, right) && !slices.Contains(has, everyName) {
			t.Errorf("the ClusterRole multinic-operator lacks %q, which the operator gives to the controller", right)
		}
	}
	for _, role := range []string{resources.ControllerClusterRole, resources.ControllerReaderRole} {
		find(t, objects, "ClusterRole", role, &rbacv1.ClusterRole{})
		if want := "bind clusterroles.rbac.authorization.k8s.io " + role; !slices.Contains(single(cluster.Rules), want) {
			t.Errorf("the ClusterRole multinic-operator-cluster lacks %q", want)
		}
	}
}

// TestTheOperatorsRightsNameWhatTheyAre: a star would give what nobody has thought of.
func TestTheOperatorsRightsNameWhatTheyAre(t *testing.T) {
	t.Parallel()
	objects := render(t, "operator")
	for _, o := range objects {
		if o.GetKind() != "ClusterRole" && o.GetKind() != "Role" {
			continue
		}
		role := &rbacv1.ClusterRole{}
		find(t, objects, o.GetKind(), o.GetName(), role)
		for _, rule := range role.Rules {
			for _, word := range slices.Concat(rule.APIGroups, rule.Resources, rule.Verbs, rule.NonResourceURLs) {
				if word == "*" || word == "escalate" || word == "impersonate" {
					t.Errorf("%s %s has %q in %v", o.GetKind(), o.GetName(), word, rule)
				}
			}
		}
	}
}
