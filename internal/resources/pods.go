// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

// Users of the images, by number: a kubelet can't see from a name that it is
// not root.
const (
	multinicUser = 65532 // of the image multinic
	mariadbUser  = 999   // of the official image mariadb, and of Debian's package
)

// restricted is the pod's part of the Pod Security Standard of that name.
func restricted(user int64) *corev1.PodSecurityContext {
	return &corev1.PodSecurityContext{
		RunAsNonRoot: new(true), RunAsUser: new(user), RunAsGroup: new(user), FSGroup: new(user),
		FSGroupChangePolicy: new(corev1.FSGroupChangeOnRootMismatch),
		SeccompProfile:      &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
}

// confined is the container's part of it.
func confined() *corev1.SecurityContext {
	return &corev1.SecurityContext{
		AllowPrivilegeEscalation: new(false), ReadOnlyRootFilesystem: new(true),
		Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
}

// requirements makes requests of a spec's resources; its memory is also the
// limit. The spec has been validated.
func requirements(r v1alpha1.ResourceSpec) corev1.ResourceRequirements {
	memory := resource.MustParse(r.Memory)
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(r.CPU), corev1.ResourceMemory: memory},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: memory},
	}
}

// small are the resources of a container that only copies.
func small() corev1.ResourceRequirements {
	return requirements(v1alpha1.ResourceSpec{CPU: "50m", Memory: "256Mi"})
}

func fromSecret(name, secret, key string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
		LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Key: key,
	}}}
}

func secretVolume(name, secret string, items ...string) corev1.Volume {
	source := &corev1.SecretVolumeSource{SecretName: secret}
	for _, item := range items {
		source.Items = append(source.Items, corev1.KeyToPath{Key: item, Path: item})
	}
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{Secret: source}}
}

func emptyDir(name string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}
}
