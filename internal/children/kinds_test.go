// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package children_test

import (
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// secretValue is in every Secret here; it must not be told anywhere.
const secretValue = "correct horse battery staple"

var labels = map[string]string{
	"app.kubernetes.io/name":                   "multinic",
	"multinic.example.com/managed-by-operator": "site",
}

// meta is a child's; the cluster-wide ones have the namespace in their name.
func meta(namespace, name string) metav1.ObjectMeta {
	yes := true
	return metav1.ObjectMeta{
		Namespace: namespace, Name: name, Labels: maps.Clone(labels),
		Annotations: map[string]string{"example.com/notes": "made by the operator"},
		OwnerReferences: []metav1.OwnerReference{{
			APIVersion: "multinic.example.com/v1alpha1", Kind: "MultiNicOperator", Name: "site", UID: "0e5d1f3c-8f5b-4f1e-9c07-2f6b3b7f7a11",
			Controller: &yes, BlockOwnerDeletion: &yes,
		}},
	}
}

// kinds builds one realistic object of each kind of child, anew at each call.
func kinds(namespace string) map[string]client.Object {
	clusterWide := meta("", namespace+"-controller")
	clusterWide.OwnerReferences = nil
	immutable := meta(namespace, "roles")
	return map[string]client.Object{
		"Deployment":            deployment(namespace),
		"StatefulSet":           statefulSet(namespace),
		"Service":               service(namespace),
		"headless Service":      headless(namespace),
		"CronJob":               cronJob(namespace),
		"PersistentVolumeClaim": claim(namespace),
		"NetworkPolicy":         networkPolicy(namespace),
		"Secret": &corev1.Secret{ObjectMeta: meta(namespace, "database"), Type: corev1.SecretTypeOpaque,
			Data: map[string][]byte{"password": []byte(secretValue), "tls.crt": []byte(secretValue)}},
		"ConfigMap": &corev1.ConfigMap{ObjectMeta: meta(namespace, "settings"),
			Data: map[string]string{"my.cnf": "[mysqld]\nmax_connections=500\n", "level": "info"}, BinaryData: map[string][]byte{"icon": {1, 2, 3}}},
		"ServiceAccount": &corev1.ServiceAccount{ObjectMeta: meta(namespace, "controller"),
			ImagePullSecrets: []corev1.LocalObjectReference{{Name: "registry"}}, AutomountServiceAccountToken: new(false)},
		"Role": &rbacv1.Role{ObjectMeta: immutable, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{"database"}, Verbs: []string{"get"}},
			{APIGroups: []string{"multinic.example.com"}, Resources: []string{"openstackconfigs"}, Verbs: []string{"get", "list", "watch"}}}},
		"RoleBinding": &rbacv1.RoleBinding{ObjectMeta: meta(namespace, "roles"),
			RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "roles"},
			Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: "controller", Namespace: namespace}}},
		"ClusterRoleBinding": &rbacv1.ClusterRoleBinding{ObjectMeta: clusterWide,
			RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "view"},
			Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: "controller", Namespace: namespace}}},
		"PodDisruptionBudget": &policyv1.PodDisruptionBudget{ObjectMeta: meta(namespace, "controller"), Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable: new(intstr.FromInt32(1)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "controller"}}}},
	}
}

func podTemplate(app string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": app}, Annotations: map[string]string{"example.com/settings-digest": "5feceb66"}},
		Spec: corev1.PodSpec{
			ServiceAccountName: "controller",
			SecurityContext:    &corev1.PodSecurityContext{RunAsNonRoot: new(true), RunAsUser: new(int64(65532)), SeccompProfile: &corev1.SeccompProfile{Type: "RuntimeDefault"}},
			InitContainers:     []corev1.Container{{Name: "wait", Image: "example.com/wait:1", Command: []string{"wait", "database"}}},
			Containers: []corev1.Container{{
				Name: "controller", Image: "example.com/multinic:1", Args: []string{"--metrics", ":8080"},
				Env: []corev1.EnvVar{
					{Name: "LEVEL", Value: "info"},
					{Name: "PASSWORD", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "database"}, Key: "password"}}},
					{Name: "POD", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}},
				},
				Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}, {Name: "metrics", ContainerPort: 9090, Protocol: "TCP"}},
				Resources: corev1.ResourceRequirements{
					Requests: corev1.ResourceList{"cpu": resource.MustParse("100m"), "memory": resource.MustParse("128Mi")},
					Limits:   corev1.ResourceList{"memory": resource.MustParse("0.5Gi")}},
				VolumeMounts:    []corev1.VolumeMount{{Name: "settings", MountPath: "/etc/multinic", ReadOnly: true}, {Name: "tmp", MountPath: "/tmp"}},
				ReadinessProbe:  &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/readyz", Port: intstr.FromString("http")}}, PeriodSeconds: 5},
				SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: new(false), ReadOnlyRootFilesystem: new(true), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
			}},
			Volumes: []corev1.Volume{
				{Name: "settings", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}}}},
				{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: new(resource.MustParse("64Mi"))}}}},
			NodeSelector: map[string]string{"kubernetes.io/os": "linux"},
			Tolerations:  []corev1.Toleration{{Key: "node-role.kubernetes.io/control-plane", Operator: "Exists", Effect: "NoSchedule"}},
			Affinity: &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{{
				Weight: 100, PodAffinityTerm: corev1.PodAffinityTerm{TopologyKey: "kubernetes.io/hostname", LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}}}}}}},
			TopologySpreadConstraints: []corev1.TopologySpreadConstraint{{MaxSkew: 1, TopologyKey: "topology.kubernetes.io/zone", WhenUnsatisfiable: "ScheduleAnyway",
				LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}}}},
		},
	}
}

func deployment(namespace string) *appsv1.Deployment {
	return &appsv1.Deployment{ObjectMeta: meta(namespace, "controller"), Spec: appsv1.DeploymentSpec{
		Replicas: new(int32(2)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "controller"}}, Template: podTemplate("controller"),
		Strategy: appsv1.DeploymentStrategy{Type: "RollingUpdate", RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: new(intstr.FromInt32(0)), MaxSurge: new(intstr.FromString("50%"))}},
	}}
}

func statefulSet(namespace string) *appsv1.StatefulSet {
	template := podTemplate("database")
	template.Spec.Containers[0].VolumeMounts = append(template.Spec.Containers[0].VolumeMounts, corev1.VolumeMount{Name: "data", MountPath: "/var/lib/mysql"})
	return &appsv1.StatefulSet{ObjectMeta: meta(namespace, "database"), Spec: appsv1.StatefulSetSpec{
		Replicas: new(int32(1)), ServiceName: "database", Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "database"}}, Template: template,
		VolumeClaimTemplates: []corev1.PersistentVolumeClaim{{ObjectMeta: metav1.ObjectMeta{Name: "data"}, Spec: claimSpec()}},
	}}
}

func service(namespace string) *corev1.Service {
	return &corev1.Service{ObjectMeta: meta(namespace, "controller"), Spec: corev1.ServiceSpec{
		Selector: map[string]string{"app": "controller"},
		Ports: []corev1.ServicePort{
			{Name: "http", Port: 80, TargetPort: intstr.FromString("http")},
			{Name: "metrics", Port: 9090, Protocol: "TCP", TargetPort: intstr.FromInt32(9090)}},
	}}
}

func headless(namespace string) *corev1.Service {
	return &corev1.Service{ObjectMeta: meta(namespace, "database"), Spec: corev1.ServiceSpec{
		ClusterIP: "None", Selector: map[string]string{"app": "database"}, PublishNotReadyAddresses: true,
		Ports: []corev1.ServicePort{{Name: "mysql", Port: 3306}},
	}}
}

func cronJob(namespace string) *batchv1.CronJob {
	template := podTemplate("backup")
	template.Spec.RestartPolicy = "Never"
	return &batchv1.CronJob{ObjectMeta: meta(namespace, "backup"), Spec: batchv1.CronJobSpec{
		Schedule: "17 3 * * *", ConcurrencyPolicy: "Forbid", JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{BackoffLimit: new(int32(2)), Template: template}},
	}}
}

func claimSpec() corev1.PersistentVolumeClaimSpec {
	return corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{"ReadWriteOnce"}, StorageClassName: new("fast"),
		Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{"storage": resource.MustParse("10Gi")}},
	}
}

func claim(namespace string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{ObjectMeta: meta(namespace, "backups"), Spec: claimSpec()}
}

func networkPolicy(namespace string) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{ObjectMeta: meta(namespace, "database"), Spec: networkingv1.NetworkPolicySpec{
		PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "database"}},
		PolicyTypes: []networkingv1.PolicyType{"Ingress"},
		Ingress: []networkingv1.NetworkPolicyIngressRule{{
			Ports: []networkingv1.NetworkPolicyPort{{Port: new(intstr.FromInt32(3306))}},
			From: []networkingv1.NetworkPolicyPeer{
				{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "controller"}}},
				{IPBlock: &networkingv1.IPBlock{CIDR: "10.0.0.0/8", Except: []string{"10.1.0.0/16"}}}}}},
	}}
}
