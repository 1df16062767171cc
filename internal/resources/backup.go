// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"fmt"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/xormsdhkdwk/multinic/internal/backup"
)

const (
	backupComponent = "backup"
	backupMount     = "/backup"
	workMount       = "/scratch"
)

// Names of the containers of the Jobs' pods.
const (
	containerDump  = "dump"  // mariadb-dump
	containerKeep  = "keep"  // names, checks, keeps and prunes
	containerFetch = "fetch" // finds a dump and checks it
	containerLoad  = "load"  // mariadb
)

// Reason is why a dump is made; it is part of its name.
type Reason string

// The reasons. Scheduled dumps are kept and pruned apart from the others.
const (
	Scheduled     Reason = "scheduled"
	Requested     Reason = "requested"
	BeforeUpgrade Reason = "before-upgrade"
	BeforeRestore Reason = backup.BeforeRestore
)

// LabelReason on a Job, and on the pods of the CronJob's, is the Reason, or what
// the Job is for.
const LabelReason = "multinic.example.com/backup-reason"

// What Jobs are for that make no dump to keep.
const (
	ForRestore Reason = "restore"
	ForMove    Reason = "move"
)

// AnnotationAsked on a Job is what it was made for, as it was asked for.
const AnnotationAsked = "multinic.example.com/asked-for"

// Backup builds what makes the scheduled dumps.
func Backup(in Input) []Object { return append(BackupPlace(in), backupCronJob(in)) }

// BackupPlace builds what the pods of every Job need. The volume outlives the
// MultiNicOperator.
func BackupPlace(in Input) []Object {
	return []Object{
		&corev1.ServiceAccount{ObjectMeta: in.meta(BackupName, backupComponent), AutomountServiceAccountToken: new(false)},
		backupClaim(in),
	}
}

func backupClaim(in Input) *corev1.PersistentVolumeClaim {
	b := in.Spec.Database.Backup
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: in.lasting(BackupName, backupComponent),
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: b.StorageClassName,
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(b.StorageSize)}},
		},
	}
}

func backupCronJob(in Input) *batchv1.CronJob {
	b := in.Spec.Database.Backup
	scheduled := in.Labels(backupComponent)
	scheduled[LabelReason] = string(Scheduled)
	return &batchv1.CronJob{
		ObjectMeta: in.meta(BackupName, backupComponent),
		Spec: batchv1.CronJobSpec{
			Schedule: b.Schedule, Suspend: new(!*b.Enabled || in.Stopped),
			// Two at once would only compete; one that could not start in time
			// still may for an hour.
			ConcurrencyPolicy: batchv1.ForbidConcurrent, StartingDeadlineSeconds: new(int64(3600)),
			SuccessfulJobsHistoryLimit: new(int32(1)), FailedJobsHistoryLimit: new(int32(1)),
			JobTemplate: batchv1.JobTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: scheduled},
				Spec:       jobSpec(in, backupPod(in, Scheduled)),
			},
		},
	}
}

func jobSpec(in Input, pod corev1.PodSpec) batchv1.JobSpec {
	return batchv1.JobSpec{
		BackoffLimit: new(int32(3)), ActiveDeadlineSeconds: new(int64(3600)),
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: in.podLabels(backupComponent, BackupName)}, Spec: pod},
	}
}

// BackupJob makes one dump. asked tells it from others of the same reason.
func BackupJob(in Input, reason Reason, asked string) *batchv1.Job {
	return in.job(reason, asked, backupPod(in, reason))
}

// RestoreJob loads the dump of that name. The controller must be stopped.
func RestoreJob(in Input, name, asked string) *batchv1.Job {
	pod := in.jobPod()
	pod.InitContainers = []corev1.Container{in.fetchContainer(name)}
	pod.Containers = []corev1.Container{in.mariadb(containerLoad, backup.RestoreScript, fetched, in.databaseEnv(), "database")}
	pod.Volumes = append(pod.Volumes, in.authorities("database", in.Connection.CASecret)...)
	job := in.job(ForRestore, asked, pod)
	job.Spec.BackoffLimit = new(int32(1)) // the controller stands still for so long
	return job
}

// MoveJob takes the rows from a server to the one of the input, if that has none,
// or only some of the same owner's.
func MoveJob(in Input, from Connection, owner, asked string) *batchv1.Job {
	pod := in.jobPod()
	pod.InitContainers = []corev1.Container{in.mariadb(containerDump, backup.DumpScript, fetched, from.Env, "source")}
	to := append(in.databaseEnv(), corev1.EnvVar{Name: "EXPECT_OWNER", Value: owner})
	pod.Containers = []corev1.Container{in.mariadb(containerLoad, backup.LoadScript, fetched, to, "database")}
	pod.Volumes = append(pod.Volumes, in.authorities("source", from.CASecret)...)
	pod.Volumes = append(pod.Volumes, in.authorities("database", in.Connection.CASecret)...)
	return in.job(ForMove, asked, pod)
}

// job is named by what it was asked for, so that it is made once.
func (in Input) job(reason Reason, asked string, pod corev1.PodSpec) *batchv1.Job {
	meta := in.meta(fmt.Sprintf("%s-%s-%s", DatabaseName, reason, Digest(asked)[:10]), backupComponent)
	meta.Annotations = map[string]string{AnnotationAsked: asked}
	meta.Labels[LabelReason] = string(reason)
	job := &batchv1.Job{ObjectMeta: meta, Spec: jobSpec(in, pod)}
	job.Spec.Template.Labels[LabelReason] = string(reason)
	return job
}

func backupPod(in Input, reason Reason) corev1.PodSpec {
	pod := in.jobPod()
	dump := in.mariadb(containerDump, backup.DumpScript, unfinished, append(podName(), in.databaseEnv()...), "database")
	keep := in.keepContainer(reason)
	keep.Env = append(podName(), keep.Env...)
	pod.InitContainers, pod.Containers = []corev1.Container{dump}, []corev1.Container{keep}
	pod.Volumes = append(pod.Volumes, in.authorities("database", in.Connection.CASecret)...)
	return pod
}

// fetched is a dump for one pod's own use.
const fetched = workMount + "/dump.sql.gz"

// unfinished is a dump on its way, on the volume where it is to stay, and by the
// pod's name, so that two at a time don't meet.
const unfinished = backupMount + "/.unfinished/$(POD_NAME).sql.gz"

func podName() []corev1.EnvVar {
	return []corev1.EnvVar{{Name: "POD_NAME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.name"}}}}
}

// jobPod is what the pods of all Jobs have: the dumps' volume and a place to
// work. Both images run as one user, so that each can read what the other wrote.
func (in Input) jobPod() corev1.PodSpec {
	pod := corev1.PodSpec{
		ServiceAccountName: BackupName, AutomountServiceAccountToken: new(false), ImagePullSecrets: in.pullSecrets(),
		RestartPolicy: corev1.RestartPolicyNever, SecurityContext: restricted(mariadbUser),
		Volumes: []corev1.Volume{
			{Name: "backup", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: BackupName}}},
			emptyDir("work"), emptyDir("tmp"),
		},
	}
	if in.BucketAuthority {
		pod.Volumes = append(pod.Volumes, secretVolume("s3", in.Spec.Database.Backup.S3.SecretRef.Name, "ca.crt"))
	}
	return pod
}

func (in Input) authorities(volume, secret string) []corev1.Volume {
	if secret == "" {
		return nil
	}
	return []corev1.Volume{secretVolume(volume, secret, "ca.crt")}
}

// mariadb runs one of our scripts in the database's image.
func (in Input) mariadb(name, script, file string, env []corev1.EnvVar, authorities string) corev1.Container {
	c := corev1.Container{
		Name: name, Image: in.DatabaseImage, ImagePullPolicy: corev1.PullIfNotPresent,
		Command: []string{"/bin/sh", "-ec", script}, Resources: small(), SecurityContext: confined(),
		Env: append(slices.Clone(env), corev1.EnvVar{Name: "BACKUP_FILE", Value: file}),
		VolumeMounts: []corev1.VolumeMount{
			{Name: "backup", MountPath: backupMount}, {Name: "work", MountPath: workMount}, {Name: "tmp", MountPath: "/tmp"},
		},
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
	}
	if slices.ContainsFunc(env, func(e corev1.EnvVar) bool { return e.Name == "DB_TLS_CA" && e.Value == databaseTLSMount+"/ca.crt" }) {
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: authorities, MountPath: databaseTLSMount, ReadOnly: true})
	}
	return c
}

// multinic runs a command of our own image.
func (in Input) multinic(name string, args ...string) corev1.Container {
	c := corev1.Container{
		Name: name, Image: in.Spec.Controller.Image, ImagePullPolicy: corev1.PullIfNotPresent,
		Args: args, Resources: small(), SecurityContext: confined(),
		VolumeMounts: []corev1.VolumeMount{
			{Name: "backup", MountPath: backupMount}, {Name: "work", MountPath: workMount}, {Name: "tmp", MountPath: "/tmp"},
		},
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
	}
	s3 := in.Spec.Database.Backup.S3
	if s3 == nil {
		return c
	}
	c.Args = append(c.Args, "--s3-endpoint="+s3.Endpoint, "--s3-bucket="+s3.Bucket, "--s3-prefix="+in.bucketFolder(), "--s3-region="+s3.Region)
	c.Env = append(c.Env, fromSecret("S3_ACCESS_KEY_ID", s3.SecretRef.Name, KeyS3AccessKey), fromSecret("S3_SECRET_ACCESS_KEY", s3.SecretRef.Name, KeyS3SecretKey))
	if in.BucketAuthority {
		c.Args = append(c.Args, "--s3-ca-file="+s3Mount+"/ca.crt")
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "s3", MountPath: s3Mount, ReadOnly: true})
	}
	return c
}

// bucketFolder is where our copies lie in the bucket: behind the prefix, and apart from
// those of other clusters and namespaces.
func (in Input) bucketFolder() string {
	return strings.Trim(strings.Trim(in.Spec.Database.Backup.S3.Prefix, "/")+"/"+in.Owner, "/")
}

// Keys of the Secret that spec.database.backup.s3 names.
const (
	KeyS3AccessKey = "accessKeyID"
	KeyS3SecretKey = "secretAccessKey"
	s3Mount        = "/etc/multinic/s3"
)

func (in Input) keepContainer(reason Reason) corev1.Container {
	return in.multinic(containerKeep, "backup", "keep", "--dir="+backupMount, "--file="+unfinished,
		"--reason="+string(reason), fmt.Sprintf("--keep=%d", *in.Spec.Database.Backup.Keep))
}

func (in Input) fetchContainer(name string) corev1.Container {
	return in.multinic(containerFetch, "backup", "fetch", "--dir="+backupMount, "--name="+name, "--to="+fetched)
}

// databaseEnv is the part of the controller's environment that names the
// database.
func (in Input) databaseEnv() (out []corev1.EnvVar) {
	names := []string{"DB_HOST", "DB_PORT", "DB_USER", "DB_PASSWORD", "DB_NAME", "DB_TLS", "DB_TLS_CA"}
	for _, e := range controllerEnv(in) {
		if slices.Contains(names, e.Name) {
			out = append(out, e)
		}
	}
	return out
}
