// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
)

// controllerRights are the controller's own, in its namespace; the bindings of
// what it needs elsewhere; and, where it is told its namespaces, no more than
// those.
func controllerRights(in Input) []Object {
	subjects := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: ControllerName, Namespace: in.Namespace}}
	out := []Object{
		&rbacv1.Role{ObjectMeta: in.meta(ControllerName, controllerComponent), Rules: controllerRules()},
		&rbacv1.RoleBinding{
			ObjectMeta: in.meta(ControllerName, controllerComponent), Subjects: subjects,
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: ControllerName},
		},
		clusterBinding(in, ControllerReaderRole, subjects),
	}
	watched := in.Spec.Controller.WatchNamespaces
	if len(watched) == 0 {
		return append(out, clusterBinding(in, ControllerClusterRole, subjects))
	}
	for _, namespace := range slices.Sorted(slices.Values(watched)) {
		out = append(out, &rbacv1.RoleBinding{
			ObjectMeta: in.elsewhere(namespace, controllerBindingPrefix+in.Namespace, controllerComponent), Subjects: subjects,
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: ControllerClusterRole},
		})
	}
	return out
}

func clusterBinding(in Input, role string, subjects []rbacv1.Subject) *rbacv1.ClusterRoleBinding {
	return &rbacv1.ClusterRoleBinding{
		ObjectMeta: in.elsewhere("", role+":"+in.Namespace, controllerComponent), Subjects: subjects,
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
	}
}

// Names of what the controller makes for itself in its namespace.
const (
	DeletionsName  = "multinic-pending-deletions" // ConfigMap
	TriggersName   = "multinic-triggers"          // ConfigMap
	HashKeyName    = "multinic-hash-key"          // Secret
	TriggerKeyName = "multinic-trigger-key"       // Secret
)

// controllerRules are what the controller does in its own namespace. The
// operator can grant no more than it has itself.
func controllerRules() []rbacv1.PolicyRule {
	rule := func(group string, resources, names []string, verbs ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: resources, ResourceNames: names, Verbs: verbs}
	}
	return []rbacv1.PolicyRule{
		rule("multinic.example.com", []string{"multinicoperators"}, nil, "get", "list", "watch"),
		rule("coordination.k8s.io", []string{"leases"}, nil, "get", "create", "update"),
		// Keys that are made once, and deletions that wait for the database.
		rule("", []string{"secrets", "configmaps"}, nil, "create"),
		rule("", []string{"secrets"}, nil, "get"),
		rule("", []string{"configmaps"}, []string{DeletionsName}, "get", "patch"),
		// The trigger webhook's calls, and which ticks are in force.
		rule("", []string{"configmaps"}, []string{TriggersName}, "get", "list", "watch", "update"),
		// Leader election tells of itself by events of the old kind.
		rule("", []string{"events"}, nil, "create", "patch"),
		rule("events.k8s.io", []string{"events"}, nil, "create", "patch"),
	}
}
