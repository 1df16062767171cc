// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/controller/multinicoperator"
	"github.com/xormsdhkdwk/multinic/internal/resources"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/internal/store/storetest"
)

// Passwords that a life's owner chooses.
const (
	chosenRoot     = `new "root's" \ password`
	chosenPassword = "new password; DROP TABLE"
)

// life is a MultiNicOperator's, from its making to its end.
type life struct {
	*bed

	name     string
	served   []string // namespaces, by the controller
	tend     func()   // called while the life waits
	onlooker *sql.DB  // sees MariaDB's accounts, whatever becomes of root's password
}

func newLife(t *testing.T) *life {
	t.Helper()
	return newLifeOn(newBed(t))
}

func newLifeOn(b *bed) *life {
	t := b.t
	t.Helper()
	class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: b.namespace}, Provisioner: "test", AllowVolumeExpansion: new(true)}
	if err := b.client.Create(t.Context(), class); err != nil {
		t.Fatal(err)
	}
	b.workloads.with(func(w *workloads) { w.class = class.Name })
	another := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: b.namespace + "-another"}}
	if err := b.client.Create(t.Context(), another); err != nil {
		t.Fatal(err)
	}
	b.options.WatchNamespaces = append(b.options.WatchNamespaces, another.Name)
	l := &life{bed: b, name: "system", served: b.options.WatchNamespaces, tend: func() {}}
	root, err := b.server.Root()
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, text := range []string{"CREATE USER onlooker@'%'", "GRANT SELECT ON mysql.* TO onlooker@'%'"} {
		if _, err := root.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	if l.onlooker, err = sql.Open("mysql", fmt.Sprintf("onlooker@tcp(127.0.0.1:%d)/", b.server.Port)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.onlooker.Close() })
	return l
}

// stage is a part of a life: what its owner does, and what is still missing until
// that is carried out.
type stage struct {
	name    string
	act     func(*life)
	missing func(*life) string
	// after is done by others than the owner once it is.
	after func(*life)
}

// stages of a life, each of which begins where the one before has ended.
var stages = []stage{
	{name: "create", act: (*life).create, missing: (*life).notReady, after: (*life).publish},
	{name: "rotate", act: func(l *life) {
		l.edit(l.name, func(op *v1alpha1.MultiNicOperator) {
			c := &op.Spec.Database.Credentials
			c.RootPassword, c.User, c.Password = chosenRoot, "renamed", chosenPassword
		})
	}, missing: (*life).notRotated},
	{name: "upgrade", act: func(l *life) {
		l.edit(l.name, func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.Image = "mariadb:10.11" })
	}, missing: (*life).notUpgraded},
	{name: "grow", act: func(l *life) {
		l.edit(l.name, func(op *v1alpha1.MultiNicOperator) {
			op.Spec.Database.StorageSize, op.Spec.Database.Backup.StorageSize = "2Gi", "2Gi"
		})
	}, missing: (*life).notGrown},
	{name: "back up", act: func(l *life) {
		l.edit(l.name, func(op *v1alpha1.MultiNicOperator) {
			metav1.SetMetaDataAnnotation(&op.ObjectMeta, v1alpha1.AnnotationBackupRequestedAt, "once")
		})
	}, missing: func(l *life) string {
		return l.lacks(l.get(l.name).Status.BackupStatus.LastHandledRequest == "once", "the dump")
	}},
	{name: "restore", act: func(l *life) {
		l.edit(l.name, func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.RestoreFrom = "latest" })
	}, missing: func(l *life) string {
		return l.lacks(meta.IsStatusConditionTrue(l.get(l.name).Status.Conditions, v1alpha1.ConditionRestored) && l.jobs(resources.BeforeRestore) == 0, "the restore")
	}},
	{name: "move out", act: func(l *life) {
		l.edit(l.name, func(op *v1alpha1.MultiNicOperator) {
			op.Spec.Database.Enabled, op.Spec.Database.RestoreFrom = new(false), ""
			op.Spec.Controller.Env = []corev1.EnvVar{{Name: "DB_HOST", Value: "db.example"}, {Name: "DB_USER", Value: "u"}, {Name: "DB_PASSWORD", Value: "p"}}
		})
	}, missing: func(l *life) string {
		c := meta.FindStatusCondition(l.get(l.name).Status.Conditions, v1alpha1.ConditionDatabaseAvailable)
		return l.lacks(c.Reason == v1alpha1.ReasonExternal && !l.labelled(&corev1.PersistentVolumeClaim{}, resources.BackupName) && !l.read(resources.DatabaseName, &appsv1.StatefulSet{}), "the move")
	}},
	{name: "move in", act: func(l *life) {
		l.edit(l.name, func(op *v1alpha1.MultiNicOperator) {
			op.Spec.Database.Enabled, op.Spec.Controller.Env = new(true), nil
		})
	}, missing: (*life).notMovedIn, after: (*life).publish},
	{name: "serve all", act: func(l *life) {
		l.edit(l.name, func(op *v1alpha1.MultiNicOperator) {
			op.Spec.Controller.WatchNamespaces, op.Spec.Controller.Replicas = nil, new(int32(1))
		})
	}, missing: func(l *life) string {
		return l.lacks(!l.read(resources.ControllerName, &policyv1.PodDisruptionBudget{}), "the budget's end")
	}},
	{name: "delete", act: (*life).delete, missing: (*life).notGone},
	{name: "adopt", act: (*life).create, missing: (*life).notReady, after: (*life).publish},
	{name: "want no data", act: func(l *life) {
		l.edit(l.name, func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.DeletionPolicy = v1alpha1.DeletionDelete })
	}},
	{name: "delete all", act: (*life).delete, missing: func(l *life) string {
		return l.lacks(!l.read(resources.DataClaimName, &corev1.PersistentVolumeClaim{}) && !l.read(resources.CredentialsName, &corev1.Secret{}), "the data's end") + l.notGone()
	}},
}

func (l *life) lacks(is bool, what string) string {
	if is {
		return ""
	}
	return what + " is missing; "
}

// create makes the MultiNicOperator: of a volume that is there its later state is
// asked for.
func (l *life) create() {
	spec := v1alpha1.MultiNicOperatorSpec{
		Controller: v1alpha1.ControllerSpec{Replicas: new(int32(2)), WatchNamespaces: l.served},
		Database:   v1alpha1.DatabaseSpec{Image: "mariadb:10.6", StorageSize: "1Gi", Backup: v1alpha1.BackupSpec{StorageSize: "1Gi", StorageClassName: new(l.namespace)}},
	}
	if l.read(resources.DataClaimName, &corev1.PersistentVolumeClaim{}) {
		spec.Database.Image, spec.Database.StorageSize, spec.Database.Backup.StorageSize = "mariadb:10.11", "2Gi", "2Gi"
	}
	l.apply(l.name, spec)
}

func (l *life) delete() {
	l.t.Helper()
	if err := l.client.Delete(l.t.Context(), l.get(l.name)); err != nil {
		l.t.Fatal(err)
	}
}

// notReady is what keeps the MultiNicOperator, as it is now, from being ready.
func (l *life) notReady() string {
	op := l.get(l.name)
	c := meta.FindStatusCondition(op.Status.Conditions, v1alpha1.ConditionReady)
	return l.lacks(c != nil && c.Status == metav1.ConditionTrue && c.ObservedGeneration == op.Generation && op.Status.ObservedGeneration == op.Generation,
		fmt.Sprintf("Ready (it is %+v)", c))
}

func (l *life) credentials() map[string]string {
	secret, out := &corev1.Secret{}, map[string]string{}
	l.read(resources.CredentialsName, secret)
	for key, value := range secret.Data {
		out[key] = string(value)
	}
	return out
}

func (l *life) notRotated() string {
	c := l.credentials()
	under := slices.ContainsFunc(slices.Collect(maps.Keys(c)), func(key string) bool {
		return strings.HasPrefix(key, "next.") || key == "former.user" || key == "former.password"
	})
	return l.lacks(c["rootPassword"] == chosenRoot && c["user"] == "renamed" && c["password"] == chosenPassword && !under, "the rotation") +
		l.lacks(slices.Equal(l.accounts(), []string{"multinic_agent", "multinic_probe", "renamed", "root"}), fmt.Sprintf("MariaDB's part (%v)", l.accounts()))
}

// accounts are the users that MariaDB has, less its own.
func (l *life) accounts() (out []string) {
	l.t.Helper()
	rows, err := l.onlooker.QueryContext(l.t.Context(), "SELECT DISTINCT User FROM mysql.user WHERE User NOT IN ('', 'onlooker', 'mariadb.sys', 'mysql', 'PUBLIC') ORDER BY User")
	if err != nil {
		l.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var user string
		if err := rows.Scan(&user); err != nil {
			l.t.Fatal(err)
		}
		out = append(out, user)
	}
	if rows.Err() != nil {
		l.t.Fatal(rows.Err())
	}
	return out
}

func (l *life) jobs(reason resources.Reason) int {
	l.t.Helper()
	list := &batchv1.JobList{}
	if err := l.client.List(l.t.Context(), list, client.InNamespace(l.namespace), client.MatchingLabels{resources.LabelReason: string(reason)}); err != nil {
		l.t.Fatal(err)
	}
	return len(list.Items)
}

func (l *life) notUpgraded() string {
	set, claim := &appsv1.StatefulSet{}, &corev1.PersistentVolumeClaim{}
	there := l.read(resources.DatabaseName, set) && l.read(resources.DataClaimName, claim)
	return l.lacks(there && set.Spec.Template.Spec.Containers[0].Image == "mariadb:10.11" && l.get(l.name).Status.DatabaseStatus.Image == "mariadb:10.11" &&
		l.jobs(resources.BeforeUpgrade) == 0, "the upgrade")
}

func (l *life) notGrown() string {
	set, claim := &appsv1.StatefulSet{}, &corev1.PersistentVolumeClaim{}
	there := l.read(resources.DatabaseName, set) && l.read(resources.DataClaimName, claim) && set.DeletionTimestamp.IsZero()
	return l.lacks(there && set.Spec.VolumeClaimTemplates[0].Spec.Resources.Requests.Storage().String() == "2Gi" && claim.Status.Capacity.Storage().String() == "2Gi" &&
		l.get(l.name).Status.DatabaseStatus.StorageSize == "2Gi", "the growth")
}

func (l *life) notMovedIn() string {
	deployment := &appsv1.Deployment{}
	there := l.read(resources.ControllerName, deployment)
	return l.lacks(there && *deployment.Spec.Replicas == 2 && slices.ContainsFunc(deployment.Spec.Template.Spec.Containers[0].Env, func(e corev1.EnvVar) bool {
		return e.Name == "DB_HOST" && e.Value == resources.DatabaseHost(l.namespace)
	}), "the move")
}

func (l *life) labelled(object client.Object, name string) bool {
	return l.read(name, object) && object.GetLabels()[v1alpha1.LabelProtected] != ""
}

// notGone is what is left of a deleted MultiNicOperator beyond its data.
func (l *life) notGone() string {
	left := l.lacks(!l.read(l.name, &v1alpha1.MultiNicOperator{}), "the MultiNicOperator's end")
	for _, kind := range multinicoperator.Children() {
		for _, object := range l.those(kind) {
			if object.GetLabels()[v1alpha1.LabelProtected] != "" {
				left += l.lacks(false, "the end of "+object.GetKind()+" "+object.GetName())
			}
		}
	}
	return left
}

// publish does what the controller would: make agents have rows.
func (l *life) publish() {
	l.t.Helper()
	c := l.credentials()
	s, err := store.Open(store.Config{
		Host: "127.0.0.1", Port: l.server.Port, User: c["user"], Password: c["password"], Database: c["database"], Cluster: "of/this life",
		Clock: clock.RealClock{}, Log: logr.Discard(),
	})
	if err != nil {
		l.t.Fatal(err)
	}
	defer s.Close()
	leader, err := s.Lead(l.t.Context(), store.Mark{})
	if err != nil {
		l.t.Fatal(err)
	}
	if _, err := leader.Apply(l.t.Context(), storetest.FirstRun(3, 3), nil); err != nil {
		l.t.Fatal(err)
	}
}

// live takes a life through all its stages; done is called at each one's end.
func (l *life) live(enter, done func(stage string)) {
	l.t.Helper()
	for _, s := range stages {
		enter(s.name)
		s.act(l)
		l.await(s.name, func() string {
			missing := ""
			if s.missing != nil {
				missing = s.missing(l)
			}
			if strings.HasPrefix(s.name, "delete") {
				return missing
			}
			return missing + l.notReady()
		})
		done(s.name)
		if s.after != nil {
			s.after(l)
		}
	}
}

// await waits until nothing is missing, and tends what has to live meanwhile.
func (l *life) await(what string, missing func() string) {
	l.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		l.tend()
		began := time.Now()
		is := missing()
		if is == "" {
			return
		}
		if time.Now().After(deadline) {
			l.t.Fatalf("%s: not within %s: %s", what, patience, is)
		}
		// Looking takes time from those that are looked at.
		time.Sleep(max(20*time.Millisecond, 3*time.Since(began)))
	}
}
