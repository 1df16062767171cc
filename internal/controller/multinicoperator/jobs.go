// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package multinicoperator

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/backup"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// jobState is how far a Job is.
type jobState int

const (
	jobRunning jobState = iota
	jobSucceeded
	jobFailed
)

// run makes a Job, once, and says how far it is; of one that failed, or whose pod
// can't start, why. Jobs are not repaired: most of their fields can't change.
func (r *Reconciler) run(ctx context.Context, job *batchv1.Job) (jobState, string, error) {
	live := &batchv1.Job{}
	err := r.Reader.Get(ctx, client.ObjectKeyFromObject(job), live)
	if apierrors.IsNotFound(err) {
		r.Log.Info("Starting a Job", "namespace", job.Namespace, "job", job.Name)
		err := r.Client.Create(ctx, job, fieldOwner)
		if apierrors.IsAlreadyExists(err) {
			err = nil
		}
		return jobRunning, "", err
	}
	if err != nil {
		return jobRunning, "", fmt.Errorf("reading the Job %s: %w", job.Name, err)
	}
	state, why := stateOf(live)
	switch state {
	case jobFailed:
		why = cmp.Or(r.lastWords(ctx, live), why)
	case jobRunning:
		pods, err := r.pods(ctx, live)
		return state, whyWaiting(pods), err
	case jobSucceeded:
	}
	return state, why, nil
}

// because adds to what goes on why it takes long, if something is known.
func because(what, why string) string {
	if why == "" {
		return what
	}
	return what + ": " + why
}

func stateOf(job *batchv1.Job) (jobState, string) {
	for _, c := range job.Status.Conditions {
		switch {
		case c.Status != corev1.ConditionTrue:
		case c.Type == batchv1.JobComplete:
			return jobSucceeded, ""
		case c.Type == batchv1.JobFailed:
			return jobFailed, c.Message
		}
	}
	return jobRunning, ""
}

// pods of a Job, the youngest first.
func (r *Reconciler) pods(ctx context.Context, job *batchv1.Job) ([]corev1.Pod, error) {
	list := &corev1.PodList{}
	if err := r.Client.List(ctx, list, client.InNamespace(job.Namespace), client.MatchingLabels{"job-name": job.Name}); err != nil {
		return nil, err
	}
	slices.SortFunc(list.Items, func(a, b corev1.Pod) int { return b.CreationTimestamp.Compare(a.CreationTimestamp.Time) })
	return list.Items, nil
}

// lastWords is what the failed container of the youngest pod said last.
func (r *Reconciler) lastWords(ctx context.Context, job *batchv1.Job) string {
	pods, err := r.pods(ctx, job)
	if err != nil {
		return ""
	}
	for _, pod := range pods {
		for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			if t := s.State.Terminated; t != nil && t.ExitCode != 0 {
				return fmt.Sprintf("%s: %s", s.Name, tail(said(t.Message), 500))
			}
			if w := s.State.Waiting; w != nil && w.Message != "" {
				return fmt.Sprintf("%s: %s", s.Name, tail(w.Message, 500))
			}
		}
	}
	return ""
}

// said takes the error out of a result; other messages are the end of the log.
func said(message string) string {
	var result backup.Result
	if json.Unmarshal([]byte(message), &result) == nil && result.Error != "" {
		return result.Error
	}
	return strings.TrimSpace(message)
}

func tail(text string, most int) string {
	if len(text) > most {
		text = "…" + strings.ToValidUTF8(text[len(text)-most:], "")
	}
	return text
}

// result is what the container keep of a Job's pods told last.
func (r *Reconciler) result(ctx context.Context, job *batchv1.Job) (*backup.Result, error) {
	pods, err := r.pods(ctx, job)
	if err != nil {
		return nil, err
	}
	for _, pod := range pods {
		for _, s := range pod.Status.ContainerStatuses {
			var result backup.Result
			if t := s.State.Terminated; t != nil && json.Unmarshal([]byte(t.Message), &result) == nil && result.Name != "" {
				return &result, nil
			}
		}
	}
	return nil, nil
}

// dropToldJobs deletes our Jobs for that reason whose dumps the status as it is
// written tells of: who dies between the two must find the Job again.
func (r *Reconciler) dropToldJobs(ctx context.Context, p *passage, reason resources.Reason) error {
	jobs, err := r.ourJobs(ctx, p, reason)
	if err != nil {
		return err
	}
	for i := range jobs {
		if told, err := r.isTold(ctx, p, &jobs[i]); err != nil {
			return err
		} else if !told {
			p.lookIn(waitEvery)
		} else if err := r.dropJob(ctx, &jobs[i]); err != nil {
			return err
		}
	}
	return nil
}

// dropOtherJobs deletes our Jobs for those reasons that were asked for something
// else: the same wish may come again later, and a Job of before would answer it.
func (r *Reconciler) dropOtherJobs(ctx context.Context, p *passage, than *batchv1.Job, reasons ...resources.Reason) error {
	asked := than.Annotations[resources.AnnotationAsked]
	for _, reason := range reasons {
		jobs, err := r.ourJobs(ctx, p, reason)
		if err != nil {
			return err
		}
		for i := range jobs {
			if jobs[i].Annotations[resources.AnnotationAsked] == asked {
				continue
			}
			if err := r.dropJob(ctx, &jobs[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// isTold says whether the status tells of a Job's dump as it was before this run.
func (r *Reconciler) isTold(ctx context.Context, p *passage, job *batchv1.Job) (bool, error) {
	s := &p.before.Status.BackupStatus
	switch state, _ := stateOf(job); state {
	case jobFailed:
		at := ended(job)
		return s.LastFailureTime != nil && !s.LastFailureTime.Time.Before(at) || !p.lastDump(s).Before(at), nil
	case jobSucceeded:
		result, err := r.result(ctx, job)
		return result == nil || result.CreatedAt == nil || !p.isNews(s, madeAt(job, result)), err
	case jobRunning:
	}
	return true, nil // there will be nothing to tell
}

// dropJobs deletes our Jobs for that reason, with their pods.
func (r *Reconciler) dropJobs(ctx context.Context, p *passage, reason resources.Reason) error {
	jobs, err := r.ourJobs(ctx, p, reason)
	if err != nil {
		return err
	}
	for i := range jobs {
		if err := r.dropJob(ctx, &jobs[i]); err != nil {
			return err
		}
	}
	return nil
}

// ourJobs are those for that reason that nobody deletes yet.
func (r *Reconciler) ourJobs(ctx context.Context, p *passage, reason resources.Reason) ([]batchv1.Job, error) {
	list := &batchv1.JobList{}
	err := r.Client.List(ctx, list, client.InNamespace(p.namespace()), client.MatchingLabels{v1alpha1.LabelManagedBy: p.op.Name, resources.LabelReason: string(reason)})
	return slices.DeleteFunc(list.Items, func(job batchv1.Job) bool { return !job.DeletionTimestamp.IsZero() }), err
}

// dropJob deletes a Job of ours that has told what it had to.
func (r *Reconciler) dropJob(ctx context.Context, job *batchv1.Job) error {
	err := r.Client.Delete(ctx, job, client.Preconditions{UID: &job.UID}, client.PropagationPolicy(metav1.DeletePropagationBackground))
	return client.IgnoreNotFound(err)
}
