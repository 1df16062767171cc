// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const (
	controllerComponent = "controller"
	// AnnotationDigest on a pod template tells what its pods have read.
	AnnotationDigest = "multinic.example.com/secrets-digest"
	// AnnotationDatabaseHost on the Deployment is the database that it was built
	// for. Its environment may be anyone's.
	AnnotationDatabaseHost = "multinic.example.com/database-host"
)

// Controller builds everything of the controller.
func Controller(in Input) []Object {
	out := []Object{
		&corev1.ServiceAccount{ObjectMeta: in.meta(ControllerName, controllerComponent)},
	}
	out = append(out, controllerRights(in)...)
	out = append(out, triggerService(in), isolation(in), controllerDeployment(in))
	if *in.Spec.Controller.Replicas >= 2 {
		out = append(out, controllerBudget(in))
	}
	return out
}

func controllerDeployment(in Input) *appsv1.Deployment {
	c := in.Spec.Controller
	replicas := c.Replicas
	switch {
	case in.Stopped:
		replicas = new(int32(0))
	case in.Autoscaled:
		replicas = nil
	}
	selector := map[string]string{"app": ControllerName}
	meta := in.meta(ControllerName, controllerComponent)
	meta.Labels["app"] = ControllerName
	meta.Annotations = map[string]string{AnnotationDatabaseHost: HostIn(controllerEnv(in))}
	return &appsv1.Deployment{
		ObjectMeta: meta,
		Spec: appsv1.DeploymentSpec{
			Replicas: replicas,
			Selector: &metav1.LabelSelector{MatchLabels: selector},
			// One that stands by is started before the active one is stopped.
			Strategy: appsv1.DeploymentStrategy{
				Type:          appsv1.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: new(intstr.FromInt32(1)), MaxUnavailable: new(intstr.FromInt32(0))},
			},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{
					Labels:      in.podLabels(controllerComponent, ControllerName),
					Annotations: map[string]string{AnnotationDigest: in.ControllerDigest},
				},
				Spec: controllerPod(in, selector),
			},
		},
	}
}

func controllerPod(in Input, selector map[string]string) corev1.PodSpec {
	c := in.Spec.Controller
	health := *c.HealthProbe.Port
	container := corev1.Container{
		Name: "controller", Image: c.Image, ImagePullPolicy: corev1.PullIfNotPresent,
		Args: []string{"controller", fmt.Sprintf("--bind-address=:%d", health)},
		Env:  controllerEnv(in),
		Ports: []corev1.ContainerPort{
			{Name: "health", ContainerPort: health, Protocol: corev1.ProtocolTCP},
			{Name: "trigger", ContainerPort: triggerPort, Protocol: corev1.ProtocolTCP},
			{Name: "trigger-tls", ContainerPort: triggerTLSPort, Protocol: corev1.ProtocolTCP},
		},
		LivenessProbe:   httpProbe("/livez", 10, 3),
		ReadinessProbe:  httpProbe(c.HealthProbe.Path, 5, 3),
		Resources:       requirements(c.Resources),
		SecurityContext: confined(),
	}
	pod := corev1.PodSpec{
		ServiceAccountName: ControllerName, ImagePullSecrets: in.pullSecrets(),
		TerminationGracePeriodSeconds: new(int64(30)),
		SecurityContext:               restricted(multinicUser),
		TopologySpreadConstraints: []corev1.TopologySpreadConstraint{{
			MaxSkew: 1, TopologyKey: corev1.LabelHostname, WhenUnsatisfiable: corev1.ScheduleAnyway,
			LabelSelector: &metav1.LabelSelector{MatchLabels: selector},
		}},
	}
	if in.Connection.CASecret != "" {
		pod.Volumes = append(pod.Volumes, secretVolume("database", in.Connection.CASecret, "ca.crt"))
		container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: "database", MountPath: databaseTLSMount, ReadOnly: true})
	}
	pod.Containers = []corev1.Container{container}
	return pod
}

func httpProbe(path string, period, failures int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromString("health")}},
		PeriodSeconds: period, FailureThreshold: failures, TimeoutSeconds: 3,
	}
}

// Environment variables of the controller that are not the user's to set.
var reservedEnv = []string{"POD_NAMESPACE", "WATCH_NAMESPACES"}

// controllerEnv is ours first, then the user's, whose word counts where both
// name a variable.
func controllerEnv(in Input) []corev1.EnvVar {
	env := []corev1.EnvVar{
		{Name: "POD_NAMESPACE", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.namespace"}}},
		{Name: "GOMEMLIMIT", Value: goMemoryLimit(in.Spec.Controller.Resources.Memory)},
	}
	if watched := in.Spec.Controller.WatchNamespaces; len(watched) > 0 {
		env = append(env, corev1.EnvVar{Name: "WATCH_NAMESPACES", Value: strings.Join(slices.Sorted(slices.Values(watched)), ",")})
	}
	env = append(env, in.Connection.Env...)
	for _, e := range in.Spec.Controller.Env {
		i := slices.IndexFunc(env, func(have corev1.EnvVar) bool { return have.Name == e.Name })
		switch {
		case slices.Contains(reservedEnv, e.Name):
		case i >= 0:
			env[i] = e
		default:
			env = append(env, e)
		}
	}
	return env
}

// HostIn is the database's host in an environment, or what names it; "" for none.
func HostIn(env []corev1.EnvVar) string {
	for _, e := range env {
		if e.Name == "DB_HOST" {
			return cmp.Or(e.Value, "the server of controller.env")
		}
	}
	return ""
}

// goMemoryLimit leaves a fifth of the container's memory to what Go's runtime
// does not count.
func goMemoryLimit(memory string) string {
	q := resource.MustParse(memory)
	return fmt.Sprintf("%dMiB", q.Value()*4/5>>20)
}

// controllerBudget lets a drain take all replicas but one at a time.
func controllerBudget(in Input) *policyv1.PodDisruptionBudget {
	return &policyv1.PodDisruptionBudget{
		ObjectMeta: in.meta(ControllerName, controllerComponent),
		Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable: new(intstr.FromInt32(1)),
			Selector:       &metav1.LabelSelector{MatchLabels: map[string]string{"app": ControllerName}},
		},
	}
}

// External is the connection that the user's environment describes; what it
// leaves out is as with the internal database.
func External(caSecret string) Connection {
	c := Connection{Env: []corev1.EnvVar{
		{Name: "DB_PORT", Value: fmt.Sprint(DatabasePort)}, {Name: "DB_NAME", Value: DefaultDatabase},
	}, CASecret: caSecret}
	if caSecret != "" {
		c.Env = append(c.Env, tlsEnv()...)
	}
	return c
}

// Internal is the connection to the StatefulSet mariadb. The agents' account is
// not the controller's to make: that takes rights which amount to root's.
func Internal(namespace string) Connection {
	env := []corev1.EnvVar{
		{Name: "DB_HOST", Value: DatabaseHost(namespace)}, {Name: "DB_PORT", Value: fmt.Sprint(DatabasePort)},
		fromSecret("DB_USER", CredentialsName, KeyUser), fromSecret("DB_PASSWORD", CredentialsName, KeyPassword),
		fromSecret("DB_NAME", CredentialsName, KeyDatabase),
	}
	return Connection{Env: append(env, tlsEnv()...), CASecret: CertificateName}
}

func tlsEnv() []corev1.EnvVar {
	return []corev1.EnvVar{{Name: "DB_TLS", Value: "true"}, {Name: "DB_TLS_CA", Value: databaseTLSMount + "/ca.crt"}}
}

// DatabaseHost is the internal database's name within the cluster.
func DatabaseHost(namespace string) string { return DatabaseName + "." + namespace + ".svc" }
