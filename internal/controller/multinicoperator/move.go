// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package multinicoperator

import (
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// AnnotationMove on a MultiNicOperator, with the value "skip", changes the
// database without taking the rows along: the new one is filled from OpenStack.
// It is the way out where the old one is lost.
const AnnotationMove = "multinic.example.com/move"

// move takes the rows along when the database changes between the internal and an
// external one. Agents that still ask the old server see the last rows, which
// nobody changes meanwhile; at the new one they get errors until it is whole.
func (r *Reconciler) move(ctx context.Context, p *passage) error {
	if p.external {
		return r.moveOut(ctx, p)
	}
	return r.moveIn(ctx, p)
}

// moveOut goes to the external server, then removes the internal one.
func (r *Reconciler) moveOut(ctx context.Context, p *passage) error {
	set, err := r.databaseSet(ctx, p)
	if err != nil {
		return err
	}
	if set == nil || set.Labels[v1alpha1.LabelManagedBy] != p.op.Name {
		p.op.Status.DatabaseStatus = v1alpha1.DatabaseStatus{}
		p.set(v1alpha1.ConditionDatabaseAvailable, true, v1alpha1.ReasonExternal, "the database is external; the controller's health tells of it")
		return r.dismantle(ctx, p) // what a run that died has left
	}
	_, host, err := r.runningOn(ctx, p)
	if err != nil {
		return err
	}
	out := host != "" && host != resources.DatabaseHost(p.namespace())
	if out {
		// Also where a move home was called off: its Job must not answer the next.
		if err := r.dropJobs(ctx, p, resources.ForMove); err != nil {
			return err
		}
	}
	if p.claim != nil && p.claim.Annotations[annotationMoved] == "" {
		if p.loading || p.unread && !out {
			p.stayInternal() // until a restore has ended, or a Secret is there
			return nil
		}
		if !out && p.op.Annotations[AnnotationMove] != "skip" {
			p.in.DatabaseImage = set.Spec.Template.Spec.Containers[0].Image
			done, err := r.carry(ctx, p, resources.Internal(p.namespace()), "out "+string(p.claim.UID))
			if !done || err != nil {
				p.stayInternal()
				return err
			}
		}
		if err := r.markClaim(ctx, p, marks{annotationMoved: resources.HostIn(p.in.Spec.Controller.Env)}); err != nil {
			return err
		}
	}
	p.set(v1alpha1.ConditionDatabaseAvailable, false, v1alpha1.ReasonMoving, "the internal database goes when the external one serves the agents")
	p.lookIn(waitEvery)
	return nil
}

// stayInternal lets the Deployment name the internal server for as long as that has
// the rows: whoever sets the database back then has nothing to carry home.
func (p *passage) stayInternal() {
	p.in.Connection = resources.Internal(p.namespace())
	env := slices.Clone(p.in.Spec.Controller.Env)
	p.in.Spec.Controller.Env = slices.DeleteFunc(env, func(e corev1.EnvVar) bool { return strings.HasPrefix(e.Name, "DB_") })
}

// moveIn comes back from an external server: the one that the Deployment still
// names.
func (r *Reconciler) moveIn(ctx context.Context, p *passage) error {
	from, host, err := r.runningOn(ctx, p)
	if err != nil || host == "" {
		return err
	}
	if host == resources.DatabaseHost(p.namespace()) {
		return r.stayed(ctx, p)
	}
	if p.op.Annotations[AnnotationMove] == "skip" {
		return nil
	}
	to := p.in.Connection
	if p.claim == nil || !p.steady || p.loading {
		p.in.Connection, p.in.Stopped = from, true
		p.set(v1alpha1.ConditionControllerAvailable, false, v1alpha1.ReasonMoving, "the rows are copied from %s when MariaDB serves; agents keep what they have", host)
		p.lookIn(waitEvery)
		return nil
	}
	if p.arrived(host) {
		return nil
	}
	done, err := r.carry(ctx, p, from, "in "+host+" "+string(p.claim.UID)+" "+p.claim.Annotations[annotationMoved])
	if !done || err != nil {
		p.in.Connection = from // so that it is still known
		return err
	}
	if err := r.markClaim(ctx, p, marks{annotationArrived: host, annotationMoved: ""}); err != nil {
		return err
	}
	p.in.Connection = to
	return nil
}

// arriving is the external server whose rows are still to come; "" if there is none.
func (r *Reconciler) arriving(ctx context.Context, p *passage) (host string, err error) {
	_, host, err = r.runningOn(ctx, p)
	if err != nil || host == resources.DatabaseHost(p.namespace()) || p.op.Annotations[AnnotationMove] == "skip" || p.arrived(host) {
		return "", err
	}
	return host, nil
}

// arrived says whether the data volume has the rows of that external server.
func (p *passage) arrived(host string) bool {
	return p.claim != nil && p.claim.Annotations[annotationMoved] == "" && p.claim.Annotations[annotationArrived] == host
}

// stayed forgets a move that was begun and called off before any controller ran on
// the other server.
func (r *Reconciler) stayed(ctx context.Context, p *passage) error {
	if err := r.dropJobs(ctx, p, resources.ForMove); err != nil {
		return err
	}
	if p.claim == nil || p.claim.Annotations[annotationMoved] == "" {
		return nil
	}
	return r.markClaim(ctx, p, marks{annotationMoved: ""})
}

// annotationArrived is the external server whose rows the data volume has taken.
const annotationArrived = "multinic.example.com/rows-taken-from"

// carry stops the controller and copies the rows to the server of the input.
func (r *Reconciler) carry(ctx context.Context, p *passage, from resources.Connection, asked string) (done bool, err error) {
	stopped := p.in.Stopped // for another reason
	p.in.Stopped = true
	p.lookIn(waitEvery)
	p.set(v1alpha1.ConditionControllerAvailable, false, v1alpha1.ReasonMoving, "the rows are copied to the other database; agents keep what they have")
	if idle, err := r.controllerIdle(ctx, p); !idle || err != nil {
		return false, err
	}
	if err := r.ensure(ctx, p, resources.BackupPlace(p.in)...); err != nil {
		return false, err
	}
	owner, err := r.databaseOwner(ctx, p.namespace())
	if err != nil {
		return false, err
	}
	state, why, err := r.run(ctx, resources.MoveJob(p.in, from, owner, asked))
	switch {
	case err != nil:
		return false, err
	case state == jobRunning:
		p.set(v1alpha1.ConditionControllerAvailable, false, v1alpha1.ReasonMoving, "%s", because("the rows are copied to the other database; agents keep what they have", why))
		return false, nil
	case state == jobFailed:
		p.set(v1alpha1.ConditionControllerAvailable, false, v1alpha1.ReasonMoving,
			"copying the rows to the other database failed: %s. Mend it and delete the Job; or set the annotation %s=skip, and the new one is filled from OpenStack; or set the database back", why, AnnotationMove)
		return false, nil
	}
	p.in.Stopped = stopped
	return true, nil
}

// databaseOwner is what a database of this controller's says of itself.
func (r *Reconciler) databaseOwner(ctx context.Context, namespace string) (string, error) {
	kubeSystem := &corev1.Namespace{}
	if err := r.Reader.Get(ctx, client.ObjectKey{Name: metav1.NamespaceSystem}, kubeSystem); err != nil {
		return "", fmt.Errorf("reading the namespace kube-system, which tells this cluster from others: %w", err)
	}
	return string(kubeSystem.UID) + "/" + namespace, nil
}

// runningOn is the connection that the controller's Deployment has now.
func (r *Reconciler) runningOn(ctx context.Context, p *passage) (c resources.Connection, host string, err error) {
	deployment := &appsv1.Deployment{}
	if err := r.Reader.Get(ctx, p.name(resources.ControllerName), deployment); err != nil {
		return c, "", client.IgnoreNotFound(err)
	}
	// What we built it for; an edit of its environment is no move.
	host = deployment.Annotations[resources.AnnotationDatabaseHost]
	pod := deployment.Spec.Template.Spec
	for _, container := range pod.Containers {
		if container.Name != "controller" {
			continue
		}
		for _, e := range container.Env {
			if strings.HasPrefix(e.Name, "DB_") {
				c.Env = append(c.Env, e)
			}
		}
	}
	for _, v := range pod.Volumes {
		if v.Name == "database" && v.Secret != nil {
			c.CASecret = v.Secret.SecretName
		}
	}
	return c, host, nil
}

// leave removes the internal database once the agents are served by the external
// one: the controller is ready, and whatever was published is published there.
func (r *Reconciler) leave(ctx context.Context, p *passage) error {
	if !p.external || !p.is(v1alpha1.ConditionControllerAvailable) {
		return nil
	}
	set, err := r.databaseSet(ctx, p)
	if err != nil || set == nil || set.Labels[v1alpha1.LabelManagedBy] != p.op.Name {
		return err
	}
	if _, host, err := r.runningOn(ctx, p); err != nil || host == "" || host == resources.DatabaseHost(p.namespace()) {
		return err // it has not gone yet
	}
	objects := &v1alpha1.OpenstackConfigList{}
	if err := r.Reader.List(ctx, objects); err != nil {
		return err
	}
	for i := range objects.Items {
		o := &objects.Items[i]
		if c := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionPublished); serves(p.op, o.Namespace) && c != nil && c.Status != metav1.ConditionTrue && o.Status.Publication != nil {
			p.set(v1alpha1.ConditionDatabaseAvailable, false, v1alpha1.ReasonMoving, "the internal database goes when the external one serves the agents: OpenstackConfig %s/%s is not published there yet (%s)", o.Namespace, o.Name, c.Message)
			p.lookIn(waitEvery)
			return nil
		}
	}
	r.shut(ctx, p)
	if err := r.dismantle(ctx, p); err != nil {
		return err
	}
	p.set(v1alpha1.ConditionDatabaseAvailable, true, v1alpha1.ReasonExternal, "the database is external; the controller's health tells of it")
	return nil
}

// serves says whether a MultiNicOperator's controller serves a namespace.
func serves(op *v1alpha1.MultiNicOperator, namespace string) bool {
	watched := op.Spec.Controller.WatchNamespaces
	return len(watched) == 0 || slices.Contains(watched, namespace)
}

// shut makes a database that is laid by give errors to whoever asks it when it is
// started again: its rows will be old. A server that can't be reached is left.
func (r *Reconciler) shut(ctx context.Context, p *passage) {
	var err error
	if p.creds, err = r.haveCredentials(ctx, p); err != nil || p.creds.RootPassword == "" {
		return
	}
	admin, err := r.connect(ctx, p)
	if err == nil {
		err = admin.Shut(ctx, p.creds.Database)
		_ = admin.Close()
	}
	if err != nil {
		r.Log.Error(err, "The database that is laid by could not be shut for agents", "namespace", p.namespace())
	}
}

// dismantle removes every child of the internal database and of its backups. The
// volumes and their credentials stay, without our labels.
func (r *Reconciler) dismantle(ctx context.Context, p *passage) error {
	at := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: p.namespace(), Name: name}
	}
	for _, object := range []client.Object{
		&appsv1.StatefulSet{ObjectMeta: at(resources.DatabaseName)}, &corev1.Service{ObjectMeta: at(resources.DatabaseName)},
		&networkingv1.NetworkPolicy{ObjectMeta: at(resources.DatabaseName)}, &corev1.ServiceAccount{ObjectMeta: at(resources.DatabaseName)},
		&batchv1.CronJob{ObjectMeta: at(resources.BackupName)}, &corev1.ServiceAccount{ObjectMeta: at(resources.BackupName)},
		&corev1.Secret{ObjectMeta: at(resources.ServerFilesName)}, &corev1.Secret{ObjectMeta: at(resources.CertificateName)},
	} {
		if err := r.gone(ctx, p, object); err != nil {
			return err
		}
	}
	for _, reason := range []resources.Reason{resources.Requested, resources.BeforeRestore, resources.BeforeUpgrade, resources.ForMove, resources.ForRestore} {
		if err := r.dropJobs(ctx, p, reason); err != nil {
			return err
		}
	}
	return r.layBy(ctx, p)
}

// layBy takes our labels off what outlives us.
func (r *Reconciler) layBy(ctx context.Context, p *passage) error {
	at := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: p.namespace(), Name: name}
	}
	for _, object := range []client.Object{
		&corev1.PersistentVolumeClaim{ObjectMeta: at(resources.DataClaimName)}, &corev1.PersistentVolumeClaim{ObjectMeta: at(resources.BackupName)},
		&corev1.Secret{ObjectMeta: at(resources.CredentialsName)}, &corev1.Secret{ObjectMeta: at(resources.AgentAccessName)},
	} {
		if err := r.Reader.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
			if client.IgnoreNotFound(err) != nil {
				return err
			}
			continue
		}
		if object.GetLabels()[v1alpha1.LabelManagedBy] != p.op.Name {
			continue
		}
		before := object.DeepCopyObject().(client.Object) //nolint:errcheck // a copy is of its original's type
		labels := object.GetLabels()
		delete(labels, v1alpha1.LabelProtected)
		delete(labels, v1alpha1.LabelManagedBy)
		object.SetLabels(labels)
		if err := r.Client.Patch(ctx, object, client.MergeFrom(before), fieldOwner); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("taking our labels off %s: %w", describe(object, r.Client), err)
		}
		r.Children.Forget(object)
	}
	return nil
}
