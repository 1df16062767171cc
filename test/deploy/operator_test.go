// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package deploy

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/app"
	"github.com/xormsdhkdwk/multinic/internal/controller/multinicoperator"
	"github.com/xormsdhkdwk/multinic/internal/dbadmin"
	"github.com/xormsdhkdwk/multinic/internal/resources"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// TestTheOperatorNeedsNoRightThatIsNotShipped runs the operator as its ServiceAccount,
// as each overlay installs it, through all that it does to a cluster. Nothing that it
// asks of the API server may be forbidden. No pod runs here and no MariaDB: what the
// operator says to MariaDB needs no rights in the cluster.
func TestTheOperatorNeedsNoRightThatIsNotShipped(t *testing.T) {
	t.Parallel()
	for _, way := range []struct {
		overlay         string
		watched         []string // by the operator
		servedElsewhere string   // a namespace that the controller is told to serve
	}{
		{overlay: "operator", servedElsewhere: "team-a"},
		{overlay: "operator-namespaced", watched: []string{namespace}, servedElsewhere: namespace},
	} {
		t.Run(way.overlay, func(t *testing.T) {
			t.Parallel()
			s := install(t, way.overlay)
			s.run(way.watched)
			s.comesUp()
			s.repairs()
			s.appliesWhereRepairsAreOff()
			s.servesNamespaces(way.servedElsewhere)
			s.growsAndBacksUp()
			s.goesExternal()
			s.goes()
		})
	}
}

// stage is a cluster of its own with the operator in it.
type stage struct {
	t       *testing.T
	admin   *rest.Config
	client  client.Client
	refused *lines
	address chan string
}

func install(t *testing.T, overlay string) *stage {
	t.Helper()
	admin := testenv.NewControlPlane(t).Config
	admin.QPS, admin.WarningHandlerWithContext = -1, rest.NoWarnings{}
	s := &stage{t: t, admin: admin, client: newClient(t, admin), refused: &lines{}, address: make(chan string, 1)}
	apply(t, s.client, render(t, overlay))
	s.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team-a"}})
	return s
}

// run starts the operator as its ServiceAccount.
func (s *stage) run(watched []string) {
	s.t.Helper()
	as := rest.CopyConfig(s.admin)
	as.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + namespace + ":multinic-operator",
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
	}
	as.Wrap(s.refused.refusals)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	options := app.OperatorOptions{
		Namespace: namespace, WatchNamespaces: watched, Address: "127.0.0.1:0", MetricsAuth: "auto", LeaderElection: true,
		Started: func(address string) { s.address <- address },
		Connect: func(context.Context, dbadmin.Server, ...string) (*dbadmin.Admin, int, error) {
			return nil, 0, dbadmin.ErrUnreachable
		},
	}
	log := &lines{}
	ctrl.SetLogger(logr.Discard())
	go func() {
		done <- app.RunOperator(ctx, as, funcr.New(func(_, line string) { log.add(line) }, funcr.Options{}), options)
	}()
	s.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Errorf("the operator ended: %v", err)
		}
		for _, refusal := range s.refused.all() {
			s.t.Errorf("forbidden: %s", refusal)
		}
		if s.t.Failed() {
			s.t.Logf("the operator's log:\n%s", strings.Join(log.all(), "\n"))
		}
	})
}

// comesUp makes the sample, and sees the children, the lease and the metrics.
func (s *stage) comesUp() {
	s.t.Helper()
	apply(s.t, s.client, readFile(s.t, "config/samples/multinicoperator_production.yaml"))
	s.there(resources.ControllerName, &appsv1.Deployment{}, &policyv1.PodDisruptionBudget{}, &rbacv1.Role{}, &rbacv1.RoleBinding{})
	s.there(resources.DatabaseName, &appsv1.StatefulSet{})
	s.there(resources.BackupName, &batchv1.CronJob{}, &corev1.PersistentVolumeClaim{})
	s.metrics()
}

// metrics asks for /metrics as nobody, as someone without the role, and with it.
func (s *stage) metrics() {
	s.t.Helper()
	address := <-s.address
	ask := func(token string) int {
		request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+address+"/metrics", nil)
		if err != nil {
			s.t.Fatal(err)
		}
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			s.t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	// The operator keeps for half a minute what the API server said of someone.
	token := func(name string) string {
		account, request := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: name}}, &authenticationv1.TokenRequest{}
		s.create(account)
		if err := s.client.SubResource("token").Create(s.t.Context(), account, request); err != nil {
			s.t.Fatal(err)
		}
		return request.Status.Token
	}
	s.create(&rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "prometheus"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "multinic-metrics-reader"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "team-a", Name: "prometheus"}},
	})
	for name, c := range map[string]struct {
		token string
		want  int
	}{
		"nobody":                            {"", http.StatusUnauthorized},
		"a ServiceAccount without the role": {token("curious"), http.StatusForbidden},
		"one with multinic-metrics-reader":  {token("prometheus"), http.StatusOK},
	} {
		if status := ask(c.token); status != c.want {
			s.t.Errorf("/metrics answers %d to %s, want %d", status, name, c.want)
		}
	}
}

// everyChild calls f for every object that bears the operator's label.
func (s *stage) everyChild(f func(client.Object)) {
	s.t.Helper()
	for _, list := range []client.ObjectList{
		&appsv1.DeploymentList{}, &appsv1.StatefulSetList{}, &corev1.ServiceList{}, &corev1.SecretList{}, &corev1.ServiceAccountList{},
		&rbacv1.RoleList{}, &rbacv1.RoleBindingList{}, &rbacv1.ClusterRoleBindingList{}, &networkingv1.NetworkPolicyList{},
		&policyv1.PodDisruptionBudgetList{}, &batchv1.CronJobList{}, &corev1.PersistentVolumeClaimList{},
	} {
		if err := s.client.List(s.t.Context(), list, client.HasLabels{v1alpha1.LabelManagedBy}); err != nil {
			s.t.Fatal(err)
		}
		if meta.LenList(list) == 0 {
			s.t.Errorf("the operator has made nothing for a %T", list)
		}
		err := meta.EachListItem(list, func(o runtime.Object) error {
			f(o.(client.Object))
			return nil
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

const mark = "example.com/someone-was-here"

// repairs has someone change every child.
func (s *stage) repairs() {
	s.t.Helper()
	var changed []client.Object
	s.everyChild(func(o client.Object) {
		s.patch(o, func() { o.SetAnnotations(map[string]string{mark: "yes"}) })
		changed = append(changed, o)
	})
	for _, o := range changed {
		until(s.t, "the repair of "+o.GetName(), func() bool { return s.get(o) && o.GetAnnotations()[mark] == "" })
	}
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: resources.ControllerName}}
	s.get(role)
	if err := s.client.Delete(s.t.Context(), role); err != nil {
		s.t.Fatal(err)
	}
	s.there(resources.ControllerName, &rbacv1.Role{})
}

// appliesWhereRepairsAreOff changes the spec then: that is written by server-side apply.
func (s *stage) appliesWhereRepairsAreOff() {
	s.t.Helper()
	s.edit(func(op *v1alpha1.MultiNicOperator) { op.Spec.Protection.EnableAutoRecovery = new(false) })
	s.edit(func(op *v1alpha1.MultiNicOperator) {
		op.Spec.Controller.Resources.CPU, op.Spec.Database.Resources.CPU = "300m", "600m"
		op.Spec.Database.Backup.Schedule = "30 4 * * *"
	})
	deployment, job := &appsv1.Deployment{}, &batchv1.CronJob{}
	until(s.t, "the Deployment's new request", func() bool {
		s.read(resources.ControllerName, deployment)
		return deployment.Spec.Template.Spec.Containers[0].Resources.Requests.Cpu().String() == "300m"
	})
	until(s.t, "the CronJob's new schedule", func() bool { return s.read(resources.BackupName, job) && job.Spec.Schedule == "30 4 * * *" })
	s.edit(func(op *v1alpha1.MultiNicOperator) { op.Spec.Protection.EnableAutoRecovery = new(true) })
}

// servesNamespaces binds the controller's ClusterRole where it is told to serve.
func (s *stage) servesNamespaces(served string) {
	s.t.Helper()
	s.edit(func(op *v1alpha1.MultiNicOperator) {
		op.Spec.Controller.WatchNamespaces, op.Spec.Controller.Replicas = []string{served}, new(int32(1))
	})
	binding := &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: served, Name: "multinic-controller-" + namespace}}
	until(s.t, "the RoleBinding in "+served, func() bool { return s.get(binding) })
	wide := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: resources.ControllerClusterRole + ":" + namespace}}
	until(s.t, "the end of the ClusterRoleBinding", func() bool { return !s.get(wide) })
	until(s.t, "the end of one replica's budget", func() bool { return !s.read(resources.ControllerName, &policyv1.PodDisruptionBudget{}) })
	s.edit(func(op *v1alpha1.MultiNicOperator) { op.Spec.Controller.WatchNamespaces = nil })
	until(s.t, "the end of the RoleBinding in "+served, func() bool { return !s.get(binding) })
	until(s.t, "the ClusterRoleBinding", func() bool { return s.get(wide) })
}

// growsAndBacksUp plays MariaDB's first pod, then asks for a larger volume, which
// replaces the StatefulSet, and for a dump.
func (s *stage) growsAndBacksUp() {
	s.t.Helper()
	s.create(&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "growing"}, Provisioner: "example.com/none", AllowVolumeExpansion: new(true)})
	s.create(&corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: resources.DataClaimName},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: new("growing"), VolumeName: "some",
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("20Gi")}},
		},
	})
	claim := &corev1.PersistentVolumeClaim{}
	s.read(resources.DataClaimName, claim)
	claim.Status = corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound, Capacity: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("20Gi")}}
	if err := s.client.Status().Update(s.t.Context(), claim); err != nil {
		s.t.Fatal(err)
	}
	// A pod of a revision that is no longer wanted, and never got ready.
	s.create(&corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: resources.DatabaseName + "-0", Labels: map[string]string{
			v1alpha1.LabelManagedBy: "production-system", "app": resources.DatabaseName, appsv1.StatefulSetRevisionLabel: "old",
		}},
		Spec: corev1.PodSpec{
			SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: new(true), RunAsUser: new(int64(999)), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
			Containers: []corev1.Container{{Name: "c", Image: "i", SecurityContext: &corev1.SecurityContext{
				AllowPrivilegeEscalation: new(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			}}},
		},
	})
	s.databaseServes()
	until(s.t, "the end of the pod", func() bool { return !s.read(resources.DatabaseName+"-0", &corev1.Pod{}) })
	s.edit(func(op *v1alpha1.MultiNicOperator) {
		op.Spec.Database.StorageSize = "30Gi"
		op.Annotations = map[string]string{v1alpha1.AnnotationBackupRequestedAt: "2026-11-24T18:00:00Z"}
	})
	set := &appsv1.StatefulSet{}
	until(s.t, "the larger StatefulSet", func() bool {
		if !s.read(resources.DatabaseName, set) {
			return false
		}
		if !set.DeletionTimestamp.IsZero() { // no garbage collector orphans its pod
			s.patch(set, func() { set.Finalizers = nil })
			return false
		}
		return set.Spec.VolumeClaimTemplates[0].Spec.Resources.Requests.Storage().String() == "30Gi"
	})
	s.databaseServes()
	until(s.t, "the larger claim", func() bool {
		return s.read(resources.DataClaimName, claim) && claim.Spec.Resources.Requests.Storage().String() == "30Gi"
	})
	until(s.t, "the Job of the dump", func() bool {
		jobs := &batchv1.JobList{}
		return s.client.List(s.t.Context(), jobs, client.InNamespace(namespace), client.HasLabels{resources.LabelReason}) == nil && len(jobs.Items) > 0
	})
}

// databaseServes gives the StatefulSet the status of one with a ready pod.
func (s *stage) databaseServes() {
	s.t.Helper()
	set := &appsv1.StatefulSet{}
	until(s.t, "the StatefulSet's status", func() bool {
		s.read(resources.DatabaseName, set)
		set.Status = appsv1.StatefulSetStatus{ObservedGeneration: set.Generation, Replicas: 1, ReadyReplicas: 1, CurrentRevision: "new", UpdateRevision: "new"}
		return s.client.Status().Update(s.t.Context(), set) == nil
	})
}

// goesExternal removes the internal database.
func (s *stage) goesExternal() {
	s.t.Helper()
	s.edit(func(op *v1alpha1.MultiNicOperator) {
		op.Annotations = map[string]string{multinicoperator.AnnotationMove: "skip"}
		op.Spec.Database.Enabled = new(false)
		op.Spec.Controller.Env = []corev1.EnvVar{{Name: "DB_HOST", Value: "db.example.com"}, {Name: "DB_USER", Value: "u"}, {Name: "DB_PASSWORD", Value: "p"}}
	})
	until(s.t, "the end of the internal database", func() bool {
		deployment := &appsv1.Deployment{}
		if s.read(resources.ControllerName, deployment) {
			n := *deployment.Spec.Replicas
			deployment.Status = appsv1.DeploymentStatus{ObservedGeneration: deployment.Generation, Replicas: n, UpdatedReplicas: n, ReadyReplicas: n, AvailableReplicas: n}
			_ = s.client.Status().Update(s.t.Context(), deployment) // again, if it was changed meanwhile
		}
		return !s.read(resources.DatabaseName, &appsv1.StatefulSet{}) && !s.read(resources.BackupName, &batchv1.CronJob{}) && !s.read(resources.CertificateName, &corev1.Secret{})
	})
}

// goes deletes the MultiNicOperator, and an OpenstackConfig that nobody serves then.
func (s *stage) goes() {
	s.t.Helper()
	deployment := &appsv1.Deployment{}
	until(s.t, "a controller that can't finish the object", func() bool {
		s.read(resources.ControllerName, deployment)
		deployment.Status.ReadyReplicas, deployment.Status.AvailableReplicas = 0, 0
		return s.client.Status().Update(s.t.Context(), deployment) == nil
	})
	objects := readFile(s.t, "config/samples/openstackconfig.yaml")
	for _, o := range objects {
		o.SetNamespace(namespace)
		o.SetFinalizers([]string{v1alpha1.Finalizer})
	}
	apply(s.t, s.client, objects)
	op := s.operator()
	for _, o := range []client.Object{op, objects[0]} {
		if err := s.client.Delete(s.t.Context(), o); err != nil {
			s.t.Fatal(err)
		}
	}
	until(s.t, "the end of the MultiNicOperator", func() bool { return !s.get(op) })
	until(s.t, "the end of the OpenstackConfig", func() bool { return !s.get(objects[0]) })
	bindings := &rbacv1.ClusterRoleBindingList{}
	if err := s.client.List(s.t.Context(), bindings, client.HasLabels{resources.LabelOperatorNamespace}); err != nil || len(bindings.Items) > 0 {
		s.t.Errorf("%d ClusterRoleBindings are left, %v", len(bindings.Items), err)
	}
}

// there waits for objects of that name.
func (s *stage) there(name string, objects ...client.Object) {
	s.t.Helper()
	for _, o := range objects {
		until(s.t, name, func() bool { return s.read(name, o) })
	}
}

func (s *stage) operator() *v1alpha1.MultiNicOperator {
	s.t.Helper()
	op := &v1alpha1.MultiNicOperator{}
	if !s.read("production-system", op) {
		s.t.Fatal("the MultiNicOperator is gone")
	}
	return op
}

// edit changes the MultiNicOperator, and waits until the operator has seen it.
func (s *stage) edit(change func(*v1alpha1.MultiNicOperator)) {
	s.t.Helper()
	op := s.operator()
	s.patch(op, func() { change(op) })
	until(s.t, "the operator's look at the change", func() bool { return s.operator().Status.ObservedGeneration >= op.Generation })
}

func (s *stage) patch(o client.Object, change func()) {
	s.t.Helper()
	before, ok := o.DeepCopyObject().(client.Object)
	if !ok {
		s.t.Fatalf("%T is no object", o)
	}
	change()
	if err := s.client.Patch(s.t.Context(), o, client.MergeFrom(before)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) create(o client.Object) {
	s.t.Helper()
	if err := s.client.Create(s.t.Context(), o); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) read(name string, o client.Object) bool {
	s.t.Helper()
	o.SetNamespace(namespace)
	o.SetName(name)
	return s.get(o)
}

// get reads an object again; false if it is gone.
func (s *stage) get(o client.Object) bool {
	s.t.Helper()
	err := s.client.Get(s.t.Context(), client.ObjectKeyFromObject(o), o)
	if err != nil && !apierrors.IsNotFound(err) {
		s.t.Fatal(err)
	}
	return err == nil
}
