// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package children_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
)

// mutation is one thing that someone does to an object. Several contents may be
// tried until the API server takes one.
type mutation struct {
	name  string
	tries []map[string]any
}

// others are valid values in the place of valid ones, where any text won't do.
var others = map[string][]string{
	"Always": {"Never", "IfNotPresent", "OnFailure"}, "IfNotPresent": {"Never"}, "Never": {"OnFailure"}, "TCP": {"UDP"}, "RollingUpdate": {"Recreate", "OnDelete"},
	"ClusterIP": {"NodePort", "LoadBalancer"}, "Cluster": {"Local"}, "SingleStack": {"PreferDualStack"}, "None": {"ClientIP"}, "ClusterFirst": {"Default"},
	"RuntimeDefault": {"Unconfined"}, "Forbid": {"Allow"}, "NoSchedule": {"NoExecute"}, "Exists": {"Equal"}, "ScheduleAnyway": {"DoNotSchedule"},
	"Ingress": {"Egress"}, "Parallel": {"OrderedReady"}, "OrderedReady": {"Parallel"}, "Retain": {"Delete"}, "File": {"FallbackToLogsOnError"},
	"/etc/multinic": {"/etc/other"}, "HTTP": {"HTTPS"}, "metadata.name": {"metadata.namespace"}, "v1": {"apps/v1"}, "ServiceAccount": {"User"},
	"10.0.0.0/8": {"0.0.0.0/0"}, "10.1.0.0/16": {"10.2.0.0/16"}, "17 3 * * *": {"* * * * *"}, "25%": {"30%"}, "50%": {"1"}, "NonIndexed": {"Indexed"},
	"100m": {"200m"}, "128Mi": {"64Mi"}, "512Mi": {"1Gi"}, "64Mi": {"1Gi"}, "10Gi": {"20Gi"},
	"0e5d1f3c-8f5b-4f1e-9c07-2f6b3b7f7a11": {"11111111-8f5b-4f1e-9c07-2f6b3b7f7a11"},
}

// mutations changes and removes each place of an object, one at a time.
func mutations(object map[string]any) []mutation {
	var all []mutation
	visit("", object, func(at string, place []any, value any) {
		removed := edit(object, place, nil)
		all = append(all, mutation{"remove " + at, []map[string]any{removed}})
		var tries []map[string]any
		for _, other := range instead(value) {
			tries = append(tries, edit(object, place, other))
		}
		if tries != nil {
			all = append(all, mutation{"change " + at, tries})
		}
	})
	return all
}

// visit calls what for each place but an object's name.
func visit(at string, value any, what func(at string, place []any, value any), place ...any) {
	step := func(key any, below any) {
		name := fmt.Sprintf("%s.%v", at, key)
		if slices.Contains([]string{".apiVersion", ".kind", ".metadata.name", ".metadata.namespace"}, name) {
			return
		}
		deeper := append(slices.Clone(place), key)
		if name != ".metadata" && name != ".spec" {
			what(name, deeper, below)
		}
		visit(name, below, what, deeper...)
	}
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			step(key, value[key])
		}
	case []any:
		for i := range value {
			step(i, value[i])
		}
	}
}

func instead(value any) []any {
	switch value := value.(type) {
	case bool:
		return []any{!value}
	case int64:
		return []any{value + 1, value - 1, value + 100}
	case string:
		var all []any
		for _, other := range others[value] {
			all = append(all, other)
		}
		return append(all, value+"x", "x", "c29tZXRoaW5n", "x-"+value)
	}
	return nil
}

// edit gives a copy of the object with another value at a place; nil removes it.
func edit(object map[string]any, place []any, value any) map[string]any {
	return put(runtime.DeepCopyJSONValue(object), place, value).(map[string]any)
}

func put(node any, place []any, value any) any {
	if len(place) == 0 {
		return value
	}
	switch node := node.(type) {
	case map[string]any:
		key := place[0].(string)
		if len(place) == 1 && value == nil {
			delete(node, key)
		} else {
			node[key] = put(node[key], place[1:], value)
		}
		return node
	case []any:
		i := place[0].(int)
		if len(place) == 1 && value == nil {
			return slices.Delete(node, i, i+1)
		}
		node[i] = put(node[i], place[1:], value)
		return node
	}
	panic(fmt.Sprintf("nothing at %v", place))
}

// addition is something to add at a path: a.b.c, numbers are indexes, + appends.
type addition struct {
	at    string
	value any
}

type obj = map[string]any

var ofPods = []addition{
	{"containers.0.env.+", obj{"name": "LD_PRELOAD", "value": "/tmp/evil.so"}},
	{"containers.0.env.+", obj{"name": "LEVEL", "value": "debug"}}, // a second of that name, which wins
	{"containers.0.env.0.value", "debug"},
	{"containers.0.ports.+", obj{"containerPort": int64(22), "protocol": "TCP"}},
	{"containers.0.envFrom", []any{obj{"secretRef": obj{"name": "other"}}}},
	{"containers.0.args.+", "--insecure"},
	{"containers.0.command", []any{"sh"}},
	{"containers.0.volumeMounts.+", obj{"name": "tmp", "mountPath": "/var/tmp"}},
	{"containers.0.livenessProbe", obj{"tcpSocket": obj{"port": int64(1)}}},
	{"containers.0.lifecycle", obj{"preStop": obj{"exec": obj{"command": []any{"true"}}}}},
	{"containers.0.resources.limits.cpu", "1"},
	{"containers.0.securityContext.privileged", false},
	{"containers.0.securityContext.capabilities.add", []any{"NET_ADMIN"}},
	{"containers.+", obj{"name": "sidecar", "image": "evil"}},
	{"initContainers.+", obj{"name": "before", "image": "evil"}},
	{"volumes.+", obj{"name": "host", "hostPath": obj{"path": "/"}}},
	{"tolerations.+", obj{"operator": "Exists"}},
	{"nodeSelector.disk", "ssd"},
	{"affinity.nodeAffinity", obj{"requiredDuringSchedulingIgnoredDuringExecution": obj{"nodeSelectorTerms": []any{obj{"matchExpressions": []any{obj{"key": "a", "operator": "Exists"}}}}}}},
	{"topologySpreadConstraints.+", obj{"maxSkew": int64(2), "topologyKey": "a", "whenUnsatisfiable": "DoNotSchedule"}},
	{"hostAliases", []any{obj{"ip": "10.0.0.1", "hostnames": []any{"database"}}}},
	{"imagePullSecrets", []any{obj{"name": "other"}}},
	{"priorityClassName", "high"},
	{"hostNetwork", true},
	{"hostPID", true},
	{"shareProcessNamespace", true},
	{"runtimeClassName", "other"},
	{"securityContext.fsGroup", int64(1)},
}

var ofAll = []addition{
	{"metadata.labels.example.com/extra", "x"},
	{"metadata.annotations.example.com/extra", "x"},
	{"metadata.annotations.multinic.example.com/applied-digest", "forged"},
	{"metadata.annotations.kubectl.kubernetes.io/last-applied-configuration", "{}"},
	{"metadata.ownerReferences", []any{obj{"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "22222222-8f5b-4f1e-9c07-2f6b3b7f7a11"}}},
}

var additions = map[string][]addition{
	"Deployment": append(at("spec.template.spec.", ofPods), addition{"spec.template.metadata.labels.extra", "x"}, addition{"spec.paused", true},
		addition{"spec.template.metadata.annotations.kubectl.kubernetes.io/restartedAt", "2026-01-01T00:00:00Z"}, addition{"spec.minReadySeconds", int64(5)}),
	"StatefulSet": append(at("spec.template.spec.", ofPods), addition{"spec.template.metadata.labels.extra", "x"},
		addition{"spec.persistentVolumeClaimRetentionPolicy.whenDeleted", "Delete"}, addition{"spec.updateStrategy.rollingUpdate.partition", int64(1)}),
	"CronJob": append(at("spec.jobTemplate.spec.template.spec.", ofPods), addition{"spec.suspend", true}, addition{"spec.timeZone", "Asia/Seoul"},
		addition{"spec.jobTemplate.metadata.labels", obj{"extra": "x"}}),
	"Service": {{"spec.ports.+", obj{"name": "ssh", "port": int64(22), "protocol": "TCP", "targetPort": int64(22)}}, {"spec.selector.extra", "x"},
		{"spec.type", "NodePort"}, {"spec.type", "LoadBalancer"}, {"spec.externalIPs", []any{"192.0.2.7"}}, {"spec.publishNotReadyAddresses", true}, {"spec.trafficDistribution", "PreferClose"}},
	"headless Service":      {{"spec.ports.+", obj{"name": "x", "port": int64(3307), "protocol": "TCP"}}, {"spec.selector.extra", "x"}},
	"Secret":                {{"data.extra", "eA=="}, {"data.password", "eA=="}},
	"ConfigMap":             {{"data.extra", "x"}, {"binaryData.more", "eA=="}, {"immutable", true}},
	"ServiceAccount":        {{"imagePullSecrets.+", obj{"name": "other"}}, {"automountServiceAccountToken", true}},
	"Role":                  {{"rules.+", obj{"apiGroups": []any{"*"}, "resources": []any{"*"}, "verbs": []any{"*"}}}, {"rules.0.verbs.+", "delete"}},
	"RoleBinding":           {{"subjects.+", obj{"kind": "User", "name": "eve", "apiGroup": "rbac.authorization.k8s.io"}}},
	"ClusterRoleBinding":    {{"subjects.+", obj{"kind": "Group", "name": "system:unauthenticated", "apiGroup": "rbac.authorization.k8s.io"}}},
	"NetworkPolicy":         {{"spec.ingress.+", obj{}}, {"spec.ingress.0.from.+", obj{"ipBlock": obj{"cidr": "0.0.0.0/0"}}}, {"spec.egress", []any{obj{}}}},
	"PodDisruptionBudget":   {{"spec.selector.matchLabels.extra", "x"}, {"spec.unhealthyPodEvictionPolicy", "AlwaysAllow"}},
	"PersistentVolumeClaim": {},
}

func at(prefix string, list []addition) []addition {
	var all []addition
	for _, one := range list {
		all = append(all, addition{prefix + one.at, one.value})
	}
	return all
}

// added makes the additions of a kind.
func added(kind string, object map[string]any) []mutation {
	var all []mutation
	for _, one := range append(slices.Clone(ofAll), additions[kind]...) {
		changed := runtime.DeepCopyJSONValue(object).(map[string]any)
		add(changed, steps(one.at), one.value)
		all = append(all, mutation{"add " + one.at, []map[string]any{changed}})
	}
	return all
}

// steps cuts a path. After labels and annotations comes one key with its dots.
func steps(path string) []string {
	for _, whole := range []string{"labels.", "annotations.", "matchLabels."} {
		if i := strings.Index(path, whole); i >= 0 {
			before := path[:i+len(whole)-1]
			return append(strings.Split(before, "."), path[i+len(whole):])
		}
	}
	return strings.Split(path, ".")
}

func add(node any, path []string, value any) any {
	if len(path) == 0 {
		return runtime.DeepCopyJSONValue(value)
	}
	if list, ok := node.([]any); ok {
		if path[0] == "+" {
			return append(list, runtime.DeepCopyJSONValue(value))
		}
		i := int(path[0][0] - '0')
		list[i] = add(list[i], path[1:], value)
		return list
	}
	fields, ok := node.(map[string]any)
	if !ok {
		if path[0] == "+" {
			return []any{runtime.DeepCopyJSONValue(value)}
		}
		fields = map[string]any{}
	}
	fields[path[0]] = add(fields[path[0]], path[1:], value)
	return fields
}
