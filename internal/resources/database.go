// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const databaseComponent = "database"

// Where the official image, and ours, keep and find things.
const (
	dataMount   = "/var/lib/mysql"
	filesMount  = "/etc/multinic/server"
	initMount   = "/docker-entrypoint-initdb.d"
	serverTLS   = "/etc/multinic/tls"
	socketMount = "/run/mysqld"
)

// Database builds everything of the internal database but the Secrets, whose
// contents are not made of the spec alone (see [Credentials]).
func Database(in Input) []Object {
	return []Object{
		&corev1.ServiceAccount{ObjectMeta: in.meta(DatabaseName, databaseComponent), AutomountServiceAccountToken: new(false)},
		databaseService(in), databaseIsolation(in), databaseStatefulSet(in),
	}
}

func databaseStatefulSet(in Input) *appsv1.StatefulSet {
	meta := in.meta(DatabaseName, databaseComponent)
	meta.Labels["app"] = DatabaseName
	return &appsv1.StatefulSet{
		ObjectMeta: meta,
		Spec: appsv1.StatefulSetSpec{
			Replicas: new(int32(1)), ServiceName: DatabaseName,
			Selector:             &metav1.LabelSelector{MatchLabels: map[string]string{"app": DatabaseName}},
			PodManagementPolicy:  appsv1.OrderedReadyPodManagement,
			UpdateStrategy:       appsv1.StatefulSetUpdateStrategy{Type: appsv1.RollingUpdateStatefulSetStrategyType},
			VolumeClaimTemplates: []corev1.PersistentVolumeClaim{dataClaim(in)},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{
					Labels:      in.podLabels(databaseComponent, DatabaseName),
					Annotations: map[string]string{AnnotationDigest: in.DatabaseDigest},
				},
				Spec: corev1.PodSpec{
					ServiceAccountName: DatabaseName, AutomountServiceAccountToken: new(false), ImagePullSecrets: in.pullSecrets(),
					// A clean shutdown writes the buffer pool's dirty pages.
					TerminationGracePeriodSeconds: new(int64(120)),
					SecurityContext:               restricted(mariadbUser),
					Containers:                    []corev1.Container{databaseContainer(in)},
					Volumes: []corev1.Volume{
						secretVolume("files", ServerFilesName, fileRootPassword, fileUserPassword, fileProbe),
						secretVolume("init", ServerFilesName, fileInit),
						secretVolume("tls", CertificateName, "ca.crt", corev1.TLSCertKey, corev1.TLSPrivateKeyKey),
						emptyDir("run"), emptyDir("tmp"),
					},
				},
			},
		},
	}
}

// dataClaim is the template of the data volume's claim. It can't be changed in
// place: see package multinicoperator for how a volume grows.
func dataClaim(in Input) corev1.PersistentVolumeClaim {
	d := in.Spec.Database
	return corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: DataVolume, Labels: in.Labels(databaseComponent)},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: d.StorageClassName,
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(d.StorageSize)}},
		},
	}
}

func databaseContainer(in Input) corev1.Container {
	c := in.Spec.Database
	memory := resource.MustParse(c.Resources.Memory)
	probe := func(period, failures int32) *corev1.Probe {
		return &corev1.Probe{
			ProbeHandler:  corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/bin/sh", "-c", pingScript}}},
			PeriodSeconds: period, FailureThreshold: failures, TimeoutSeconds: 5,
		}
	}
	return corev1.Container{
		Name: DatabaseName, Image: in.DatabaseImage, ImagePullPolicy: corev1.PullIfNotPresent,
		Args: append(tune(memory.Value()),
			"--ssl-ca="+serverTLS+"/ca.crt", "--ssl-cert="+serverTLS+"/tls.crt", "--ssl-key="+serverTLS+"/tls.key"),
		// By file: an environment is shown to whoever may run a command in the
		// pod. The names that the image of 10.3 knows too.
		Env: []corev1.EnvVar{
			{Name: "MYSQL_ROOT_PASSWORD_FILE", Value: filesMount + "/" + fileRootPassword},
			fromSecret("MYSQL_DATABASE", CredentialsName, KeyDatabase),
			fromSecret("MYSQL_USER", CredentialsName, KeyUser),
			{Name: "MYSQL_PASSWORD_FILE", Value: filesMount + "/" + fileUserPassword},
			{Name: "MYSQL_INITDB_SKIP_TZINFO", Value: "1"},
			{Name: "MARIADB_AUTO_UPGRADE", Value: "1"},
		},
		Ports:     []corev1.ContainerPort{{Name: "mysql", ContainerPort: DatabasePort, Protocol: corev1.ProtocolTCP}},
		Resources: requirements(c.Resources),
		// A first start, an upgrade and a recovery after a crash take their time.
		StartupProbe:    probe(5, 360),
		LivenessProbe:   probe(10, 6),
		ReadinessProbe:  probe(5, 3),
		SecurityContext: confined(),
		VolumeMounts: []corev1.VolumeMount{
			{Name: DataVolume, MountPath: dataMount},
			{Name: "files", MountPath: filesMount, ReadOnly: true},
			{Name: "init", MountPath: initMount, ReadOnly: true},
			{Name: "tls", MountPath: serverTLS, ReadOnly: true},
			{Name: "run", MountPath: socketMount}, {Name: "tmp", MountPath: "/tmp"},
		},
	}
}

// pingScript asks the server over TCP, which it does not listen on before its
// first start is done. The program has two names: mysqladmin is gone in 11,
// mariadb-admin was new in 10.4. It succeeds also where the server lets nobody
// in, so a lost account does not restart a server that serves.
const pingScript = `p=$(command -v mariadb-admin || command -v mysqladmin) && exec "$p" --defaults-extra-file=` +
	filesMount + `/` + fileProbe + ` ping`

// tune are the server's settings for its memory, in bytes: half of it caches
// pages, and every connection may take some.
func tune(memory int64) []string {
	const mib = 1 << 20
	pool := max(memory/mib/2/8*8, 16) // in steps of 8 MiB
	connections := min(max(memory/(4*mib), 100), 2000)
	return []string{
		fmt.Sprintf("--innodb-buffer-pool-size=%dM", pool),
		fmt.Sprintf("--max-connections=%d", connections),
		"--innodb-flush-log-at-trx-commit=1",
		"--character-set-server=utf8mb4",
		// A name service that is away must not keep agents out.
		"--skip-name-resolve",
	}
}
