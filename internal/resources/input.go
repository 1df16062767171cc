// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

// Names of the children. They are fixed: people's commands and the agents'
// settings name them.
const (
	ControllerName   = "multinic-controller" // Deployment, ServiceAccount, rights, PodDisruptionBudget
	TriggerName      = "multinic-trigger"    // Service
	IsolationName    = "multinic-isolation"  // NetworkPolicy
	DatabaseName     = "mariadb"             // StatefulSet, Service, ServiceAccount, NetworkPolicy
	CredentialsName  = "mariadb-credentials" //nolint:gosec // the name of a Secret
	ServerFilesName  = "mariadb-files"       // Secret: what the server's pod mounts
	CertificateName  = "mariadb-tls"         // Secret
	AgentAccessName  = "multinic-agent-database"
	BackupName       = "mariadb-backup" // CronJob, PersistentVolumeClaim, ServiceAccount
	DataVolume       = "data"           // of the StatefulSet
	DataClaimName    = DataVolume + "-" + DatabaseName + "-0"
	DatabasePort     = 3306
	databaseTLSMount = "/etc/multinic/database"
)

// ClusterRoles that the operator's installation ships. The operator binds them,
// it can't make others.
const (
	ControllerClusterRole   = "multinic-controller"         // OpenstackConfigs and what they name, in the namespaces that are watched
	ControllerReaderRole    = "multinic-controller-cluster" // nodes, and the cluster's identity
	controllerBindingPrefix = "multinic-controller-"        // of bindings: the namespace follows
)

// Object is any of Kubernetes'.
type Object interface {
	metav1.Object
	runtime.Object
}

// Input is a MultiNicOperator and what had to be looked up for it.
type Input struct {
	Name, Namespace string
	UID             types.UID
	// Spec is [Defaulted].
	Spec v1alpha1.MultiNicOperatorSpec

	// Stopped keeps the controller from running: the database is restored or
	// moved, or an older MultiNicOperator serves the same namespaces.
	Stopped bool
	// Autoscaled: the number of replicas is a HorizontalPodAutoscaler's to say.
	Autoscaled bool
	// ControllerDigest tells the contents of the Secrets that the controller's
	// pods read at their start; another one replaces the pods.
	ControllerDigest string
	// DatabaseDigest is the same for what MariaDB reads at its start.
	DatabaseDigest string
	// DatabaseImage is the image that MariaDB is to run now. It is the spec's,
	// but for an upgrade that still waits for its backup.
	DatabaseImage string
	// BucketAuthority: the Secret of the backups' bucket holds ca.crt.
	BucketAuthority bool
	// Owner is this cluster and namespace, as "<UID of kube-system>/<namespace>".
	// Only with a bucket for the backups: its copies lie apart by it from those of
	// others that share the bucket.
	Owner string
	// Connection is where the controller writes.
	Connection Connection
}

// Connection is how the controller reaches its database.
type Connection struct {
	// Env are DB_HOST and the like.
	Env []corev1.EnvVar
	// CASecret holds ca.crt, to verify the server with; empty: no TLS, or the
	// system's authorities.
	CASecret string
}

// Meta is a child's metadata.
func (in Input) meta(name, component string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name: name, Namespace: in.Namespace, Labels: in.Labels(component),
		OwnerReferences: []metav1.OwnerReference{{
			APIVersion: v1alpha1.GroupVersion.String(), Kind: "MultiNicOperator", Name: in.Name, UID: in.UID,
			Controller: new(true), BlockOwnerDeletion: new(true),
		}},
	}
}

// lasting is the metadata of what outlives the MultiNicOperator.
func (in Input) lasting(name, component string) metav1.ObjectMeta {
	m := in.meta(name, component)
	m.OwnerReferences = nil
	return m
}

// LabelOperatorNamespace is where the MultiNicOperator of a child lies that is
// not in its namespace.
const LabelOperatorNamespace = "multinic.example.com/operator-namespace"

// elsewhere is the metadata of a child in another namespace, or in none. No owner
// reference reaches there: the finalizer of the MultiNicOperator removes it.
func (in Input) elsewhere(namespace, name, component string) metav1.ObjectMeta {
	m := in.lasting(name, component)
	m.Namespace = namespace
	m.Labels[LabelOperatorNamespace] = in.Namespace
	return m
}

// Labels are those of every child and of every pod.
func (in Input) Labels(component string) map[string]string {
	return map[string]string{
		v1alpha1.LabelProtected:        "true",
		v1alpha1.LabelManagedBy:        in.Name,
		"app.kubernetes.io/name":       "multinic",
		"app.kubernetes.io/component":  component,
		"app.kubernetes.io/managed-by": "multinic-operator",
	}
}

// podLabels are a pod's: the child's, and the one that selects it.
func (in Input) podLabels(component, app string) map[string]string {
	labels := in.Labels(component)
	labels["app"] = app
	return labels
}

func (in Input) pullSecrets() (out []corev1.LocalObjectReference) {
	for _, s := range in.Spec.ImagePullSecrets {
		out = append(out, corev1.LocalObjectReference{Name: s.Name})
	}
	return out
}
