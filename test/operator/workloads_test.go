// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/internal/backup"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// workloads plays Kubernetes' workload controllers and a kubelet in one namespace.
type workloads struct {
	client    client.Client
	namespace string

	mu     sync.Mutex
	broken map[string]bool      // images that can't be pulled
	sick   map[string]bool      // images that start and never get ready
	fails  map[string]string    // reasons of Jobs that fail, and what their pods say last
	dumped func(*backup.Result) // changes what Jobs tell of their dumps; nil: nothing
	class  string               // of storage
	frozen bool
	linger bool               // pods that are to go stay for now
	hold   string             // the reason of Jobs that don't end
	ran    []ran              // Jobs, in order
	owners map[types.UID]bool // that were there at the last look
}

// ran is a Job that has ended, and how many pods of the controller were there.
type ran struct {
	reason      string
	job         *batchv1.Job
	controllers int
}

// reasons are those of the Jobs that have ended, in order.
func (w *workloads) reasons() (out []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.ran {
		out = append(out, r.reason)
	}
	return out
}

func runWorkloads(t *testing.T, c client.Client, namespace string) *workloads {
	t.Helper()
	w := &workloads{client: c, namespace: namespace, broken: map[string]bool{}, sick: map[string]bool{}, fails: map[string]string{}, class: "standard"}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				w.mu.Lock()
				if !w.frozen {
					// What changed under our hands is looked at again.
					_ = w.statefulSets(ctx)
					_ = w.deployments(ctx)
					_ = w.jobs(ctx)
					_ = w.collect(ctx)
				}
				w.mu.Unlock()
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return w
}

// with changes how it behaves.
func (w *workloads) with(change func(*workloads)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

func (w *workloads) in() client.ListOption { return client.InNamespace(w.namespace) }

func (w *workloads) statefulSets(ctx context.Context) error {
	sets := &appsv1.StatefulSetList{}
	if err := w.client.List(ctx, sets, w.in()); err != nil {
		return err
	}
	for i := range sets.Items {
		set := &sets.Items[i]
		if !set.DeletionTimestamp.IsZero() {
			if err := w.orphan(ctx, set); err != nil {
				return err
			}
			continue
		}
		if err := w.statefulSet(ctx, set); err != nil {
			return err
		}
	}
	return nil
}

func (w *workloads) statefulSet(ctx context.Context, set *appsv1.StatefulSet) error {
	template, err := json.Marshal(set.Spec.Template)
	if err != nil {
		return err
	}
	revision := resources.Digest(string(template))[:8]
	claim := set.Spec.VolumeClaimTemplates[0].DeepCopy()
	claim.Name, claim.Namespace = claim.Name+"-"+set.Name+"-0", set.Namespace
	if claim.Spec.StorageClassName == nil {
		claim.Spec.StorageClassName = &w.class
	}
	err = w.client.Create(ctx, claim)
	if err == nil {
		err = w.bind(ctx, claim)
	}
	if client.IgnoreAlreadyExists(err) != nil {
		return err
	}
	if waits, err := w.volume(ctx, claim, set.Name+"-0"); err != nil || waits {
		return err
	}
	image := set.Spec.Template.Spec.Containers[0].Image
	ready := !w.broken[image] && !w.sick[image]
	stuck, err := w.stuck(ctx, set.Name+"-0", revision)
	if err != nil {
		return err
	}
	if stuck {
		ready = false
	} else if err := w.pod(ctx, set, set.Name+"-0", set.Spec.Template, revision, ready); err != nil {
		return err
	}
	before := set.DeepCopy()
	s := &set.Status
	s.ObservedGeneration, s.Replicas, s.UpdatedReplicas, s.UpdateRevision = set.Generation, 1, 1, revision
	s.ReadyReplicas = 0
	if ready {
		s.ReadyReplicas, s.CurrentRevision = 1, revision
	}
	if equality.Semantic.DeepEqual(before.Status, set.Status) {
		return nil
	}
	return w.client.Status().Update(ctx, set)
}

// bind gives a claim the volume that it asks for.
func (w *workloads) bind(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	claim.Status.Phase = corev1.ClaimBound
	claim.Status.Capacity = corev1.ResourceList{corev1.ResourceStorage: claim.Spec.Resources.Requests[corev1.ResourceStorage]}
	return w.client.Status().Update(ctx, claim)
}

// pod makes a pod of a template, or makes it anew when the template has changed.
func (w *workloads) pod(ctx context.Context, owner client.Object, name string, template corev1.PodTemplateSpec, revision string, ready bool) error {
	pod := &corev1.Pod{}
	err := w.client.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, pod)
	switch {
	case err == nil && pod.Labels[appsv1.StatefulSetRevisionLabel] != revision:
		return w.client.Delete(ctx, pod, client.GracePeriodSeconds(0))
	case client.IgnoreNotFound(err) != nil:
		return err
	case err != nil:
		pod = &corev1.Pod{ObjectMeta: *template.ObjectMeta.DeepCopy(), Spec: *template.Spec.DeepCopy()}
		pod.Name, pod.Namespace, pod.Labels[appsv1.StatefulSetRevisionLabel] = name, w.namespace, revision
		pod.OwnerReferences = w.ownedBy(owner)
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: resources.DataVolume, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
		pod.Spec.ServiceAccountName = "" // no token controller makes one
		pod.Spec.AutomountServiceAccountToken = new(false)
		if err := w.client.Create(ctx, pod); err != nil {
			return err
		}
	case len(pod.OwnerReferences) == 0:
		pod.OwnerReferences = w.ownedBy(owner)
		if err := w.client.Update(ctx, pod); err != nil {
			return err
		}
	}
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	if len(pod.Status.Conditions) == 1 && pod.Status.Conditions[0].Status == status {
		return nil
	}
	pod.Status.Phase = corev1.PodRunning
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status}}
	container := corev1.ContainerStatus{Name: pod.Spec.Containers[0].Name, Ready: ready}
	if !w.broken[pod.Spec.Containers[0].Image] {
		container.ContainerID = "test://" + string(pod.UID)
	}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{container}
	return w.client.Status().Update(ctx, pod)
}

func (w *workloads) deployments(ctx context.Context) error {
	list := &appsv1.DeploymentList{}
	if err := w.client.List(ctx, list, w.in()); err != nil {
		return err
	}
	for i := range list.Items {
		d := &list.Items[i]
		before := d.DeepCopy()
		n := *d.Spec.Replicas
		if !d.DeletionTimestamp.IsZero() {
			continue
		}
		if err := w.replicas(ctx, d, n); err != nil {
			return err
		}
		if w.broken[d.Spec.Template.Spec.Containers[0].Image] {
			n = 0
		}
		d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: n, UpdatedReplicas: n, ReadyReplicas: n, AvailableReplicas: n}
		if equality.Semantic.DeepEqual(before.Status, d.Status) {
			continue
		}
		if err := w.client.Status().Update(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// jobs end at once. Those of backups tell of a dump.
func (w *workloads) jobs(ctx context.Context) error {
	list := &batchv1.JobList{}
	if err := w.client.List(ctx, list, w.in()); err != nil {
		return err
	}
	for i := range list.Items {
		job := &list.Items[i]
		reason := job.Labels[resources.LabelReason]
		if len(job.Status.Conditions) > 0 || !job.DeletionTimestamp.IsZero() || reason == w.hold {
			continue
		}
		pods := &corev1.PodList{}
		if err := w.client.List(ctx, pods, w.in(), client.MatchingLabels{"app": resources.ControllerName}); err != nil {
			return err
		}
		if err := w.job(ctx, job); err != nil {
			return err
		}
		w.ran = append(w.ran, ran{reason, job.DeepCopy(), len(pods.Items)})
	}
	return nil
}

func (w *workloads) job(ctx context.Context, job *batchv1.Job) error {
	words, fails := w.fails[job.Labels[resources.LabelReason]]
	message := words
	if !fails {
		result := backup.Result{Name: "dump-" + job.Name, Bytes: 1234, CreatedAt: new(time.Now().UTC()), Available: []string{"dump-" + job.Name}}
		if w.dumped != nil {
			w.dumped(&result)
		}
		text, err := json.Marshal(result)
		if err != nil {
			return err
		}
		message = string(text)
	}
	pod := &corev1.Pod{ObjectMeta: *job.Spec.Template.ObjectMeta.DeepCopy(), Spec: *job.Spec.Template.Spec.DeepCopy()}
	pod.Name, pod.Namespace, pod.Labels["job-name"] = job.Name+"-x", job.Namespace, job.Name
	pod.OwnerReferences = w.ownedBy(job)
	pod.Spec.ServiceAccountName, pod.Spec.AutomountServiceAccountToken = "", new(false)
	if err := w.client.Create(ctx, pod); client.IgnoreAlreadyExists(err) != nil {
		return err
	}
	code := int32(0)
	now := metav1.Now()
	if job.Status.StartTime = &now; fails {
		code = 1
		job.Status.Failed = 1
		job.Status.Conditions = []batchv1.JobCondition{
			{Type: batchv1.JobFailureTarget, Status: corev1.ConditionTrue, LastTransitionTime: now},
			{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, LastTransitionTime: now, Message: "Job has reached the specified backoff limit"},
		}
	} else {
		job.Status.Succeeded, job.Status.CompletionTime = 1, &now
		job.Status.Conditions = []batchv1.JobCondition{
			{Type: batchv1.JobSuccessCriteriaMet, Status: corev1.ConditionTrue, LastTransitionTime: now},
			{Type: batchv1.JobComplete, Status: corev1.ConditionTrue, LastTransitionTime: now},
		}
	}
	job.Status.UncountedTerminatedPods = &batchv1.UncountedTerminatedPods{}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: job.Spec.Template.Spec.Containers[0].Name, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Message: message}},
	}}
	if err := w.client.Status().Update(ctx, pod); err != nil {
		return err
	}
	return w.client.Status().Update(ctx, job)
}
