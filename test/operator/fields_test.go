// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

// hints are values of fields whose grammar no schema tells, or that name
// something: the first ones are to be carried out.
var hints = map[string][]any{
	"controller.env[].name":                                     {"SOME_NAME"},
	"controller.env[].valueFrom.configMapKeyRef.name":           {"named"},
	"controller.env[].valueFrom.fieldRef.apiVersion":            {"v1"},
	"controller.env[].valueFrom.fieldRef.fieldPath":             {"metadata.name", "status.podIP"},
	"controller.env[].valueFrom.resourceFieldRef.containerName": {"controller"},
	"controller.env[].valueFrom.resourceFieldRef.divisor":       {"1", "1Mi"},
	"controller.env[].valueFrom.resourceFieldRef.resource":      {"limits.memory"},
	"controller.env[].valueFrom.secretKeyRef.key":               {"key"},
	"controller.env[].valueFrom.secretKeyRef.name":              {"named"},
	"controller.watchNamespaces[]":                              {hereNamespace, "kube-system", "no-such"},
	"controller.resources.cpu":                                  {"300m"},
	"controller.resources.memory":                               {"300Mi"},
	"database.resources.memory":                                 {"300Mi"},
	"database.backup.s3.secretRef.name":                         {"named"},
	"database.backup.s3.bucket":                                 {"bucket"},
	"database.backup.schedule":                                  {"15 4 * * 1-5", "@daily", "61 * * * *"},
	"database.backup.storageClassName":                          {hereNamespace},
	"database.backup.storageSize":                               {"10Gi", "1Gi"},
	"database.caSecretRef.name":                                 {"named"},
	"database.credentials.database":                             {"multinic", "mysql"},
	"database.credentials.secretRef.name":                       {"named", "no-such"},
	"database.credentials.user":                                 {"someone", "root"},
	"database.image":                                            {"mariadb:10.11.9", "mariadb:10.6", "registry.example/some@sha256:0"},
	"database.service.nodePort":                                 {int64(31306)},
	"database.storageClassName":                                 {hereNamespace},
	"database.storageSize":                                      {"10Gi", "1Gi"},
	"imagePullSecrets[].name":                                   {"named"},
	"reconcileTrigger.interval":                                 {"5m", "1s"},
	"reconcileTrigger.schedule":                                 {"*/5 * * * *", "never"},
	"reconcileTrigger.timezone":                                 {"Asia/Seoul", "Mars/Base"},
	"reconcileTrigger.webhook.secretRef.name":                   {"named"},
	"reconcileTrigger.webhook.tlsSecretRef.name":                {"named"},
	"controller.healthProbe.port":                               {int64(9000), int64(8083)},
	"database.resources.cpu":                                    {"1"},
	"openstack.identityEndpoint":                                {"https://keystone.example:5000/v3"},
}

// hereNamespace stands for the test's namespace, and a storage class of its name.
const hereNamespace = "(here)"

// beside are fields that others need, or must not have beside them (nil).
var beside = map[string]map[string]any{
	"database.enabled": {"controller": map[string]any{"env": []any{
		map[string]any{"name": "DB_HOST", "value": "db.example"}, map[string]any{"name": "DB_USER", "value": "u"}, map[string]any{"name": "DB_PASSWORD", "value": "p"},
	}}},
	"database.service.nodePort":      {"database": map[string]any{"service": map[string]any{"type": "NodePort"}}},
	"database.credentials.secretRef": {"database": map[string]any{"credentials": map[string]any{}}},
}

// neverValid are fields that no value of is carried out.
var neverValid = map[string]string{
	"controller.env[].valueFrom.fileKeyRef.": "names a volume of the pod, which has none of the user's",
}

// losing are values that would lose data.
var losing = map[string]any{
	"database.image": "mariadb:10.6", "database.storageSize": "1Gi", "database.backup.storageSize": "1Gi", "database.storageClassName": "aaa",
	"database.backup.storageClassName": "aaa", "database.credentials.database": "aaa",
}

// growing are fields whose schema-made values would make a volume grow for good.
var growing = []string{"database.storageSize", "database.backup.storageSize"}

// needed are fields that are required, though no schema says so: of some types
// of Kubernetes' own.
func needed(at string) []string {
	if strings.HasSuffix(at, ".configMapKeyRef") || strings.HasSuffix(at, ".secretKeyRef") {
		return []string{"name"}
	}
	return nil
}

func hinted(path string) []any { return slices.Clone(hints[path]) }

// TestEveryFieldOfTheSpecIsRefusedOrCarriedOutAndCanBeTakenBack gives every field
// that the CRD has values that fit, and others.
func TestEveryFieldOfTheSpecIsRefusedOrCarriedOutAndCanBeTakenBack(t *testing.T) {
	t.Parallel()
	spec := readSchema(t)
	all := spec.leaves()
	if len(all) < 60 {
		t.Fatalf("the CRD has %d fields only", len(all))
	}
	const beds = 3
	var values atomic.Int64
	for n := range beds {
		t.Run(fmt.Sprintf("part %d", n+1), func(t *testing.T) {
			t.Parallel()
			f := newFields(t, spec)
			for i, field := range all {
				if i%beds == n {
					f.field(field)
				}
			}
			values.Add(f.values)
			f.grow()
			f.calm()
		})
	}
	t.Cleanup(func() { t.Logf("%d fields, %d values", len(all), values.Load()) })
}

// fields is a MultiNicOperator whose spec is changed field by field.
type fields struct {
	*life

	schema  *fieldSchema
	base    map[string]any
	before  state
	reasons []string // that conditions may have
	values  int64
}

func newFields(t *testing.T, spec *fieldSchema) *fields {
	t.Helper()
	f := &fields{life: newLife(t), schema: spec}
	f.name = "fields"
	text, err := os.ReadFile("../../api/v1alpha1/operator_conditions.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`Reason\w+ += "(\w+)"`).FindAllStringSubmatch(string(text), -1) {
		f.reasons = append(f.reasons, m[1])
	}
	f.reasons = append(f.reasons, v1alpha1.ReasonInvalidSpec)
	f.base = map[string]any{"database": map[string]any{
		"storageClassName": f.namespace, "credentials": map[string]any{"rootPassword": "the root's", "user": "multinic", "password": "the user's"},
		"backup": map[string]any{"storageClassName": f.namespace},
	}}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "named"}, Data: map[string][]byte{}}
	for _, key := range []string{"key", "previousKey", "tls.crt", "tls.key", "ca.crt", "accessKeyID", "secretAccessKey", "aaa"} {
		secret.Data[key] = []byte("some")
	}
	secret.Data["rootPassword"], secret.Data["user"], secret.Data["password"] = []byte("the root's"), []byte("multinic"), []byte("the user's")
	if err := f.client.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	f.options.WatchNamespaces = f.options.WatchNamespaces[:1]
	f.start()
	op := &unstructured.Unstructured{}
	op.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("MultiNicOperator"))
	op.SetNamespace(f.namespace)
	op.SetName(f.name)
	op.Object["spec"] = f.base
	if err := f.client.Create(t.Context(), op); err != nil {
		t.Fatal(err)
	}
	f.await("the beginning", f.notReady)
	f.rest()
	f.before = f.now()
	return f
}

func (f *fields) now() state { return f.lasting(f.state("the root's", "the user's")) }

// lasting is a state without what tells of the past: Jobs, backups, what a volume
// and an account have been through.
func (f *fields) lasting(s state) state {
	for what, text := range s {
		if strings.HasPrefix(what, "Job ") {
			delete(s, what)
			continue
		}
		var lines []string
		for line := range strings.SplitSeq(text, "\n") {
			if !history.MatchString(line) {
				lines = append(lines, strings.TrimSuffix(line, ","))
			}
		}
		s[what] = ofThePast.ReplaceAllString(strings.Join(lines, "\n"), "")
		if strings.HasPrefix(what, "MultiNicOperator ") {
			_, s[what], _ = strings.Cut(s[what], `"conditions"`) // the backups' status goes before
		}
	}
	return s
}

var (
	history   = regexp.MustCompile(`observedGeneration|former.rootPassword|dropped.user|example.com/(restored|rows-taken-from|mariadb-image)"`)
	ofThePast = regexp.MustCompile(`\{[^{}]*"type": "(BackedUp|Restored)"[^{}]*\}\s*`) // conditions
)

// grow makes both volumes larger, which can't be taken back.
func (f *fields) grow() {
	f.t.Helper()
	spec := merged(f.base, map[string]any{"database": map[string]any{"storageSize": "11Gi", "backup": map[string]any{"storageSize": "11Gi", "storageClassName": f.namespace}}})
	for _, step := range []struct {
		spec   map[string]any
		reason string
	}{{spec, v1alpha1.ReasonAccepted}, {f.base, v1alpha1.ReasonWouldLoseData}} {
		if err := f.put(step.spec); err != nil {
			f.t.Fatal(err)
		}
		c := condition(f.settled("growth"), v1alpha1.ConditionSpecAccepted)
		if c == nil || c.Reason != step.reason || step.reason == v1alpha1.ReasonWouldLoseData && !strings.Contains(c.Message, "storageSize") {
			f.t.Errorf("growth: SpecAccepted is %+v, want %s", c, step.reason)
		}
	}
}

// field gives a field one value after the other.
func (f *fields) field(field leaf) {
	f.t.Helper()
	path := field.String()
	valid := hinted(path)
	if !slices.Contains(growing, path) {
		valid = append(valid, field.schema.valid()...)
	}
	carriedOut := 0
	for _, value := range valid {
		if value == hereNamespace {
			value = f.namespace
		}
		if f.try(field, value) {
			carriedOut++
		}
	}
	for _, value := range field.schema.odd() {
		f.try(field, value)
	}
	excused := ""
	for prefix, why := range neverValid {
		if strings.HasPrefix(path, prefix) {
			excused = why
		}
	}
	if (carriedOut == 0) != (excused != "") {
		f.t.Errorf("%s: %d values were carried out (excused: %q)", path, carriedOut, excused)
	}
}

// try gives a field a value and takes it back; it says whether it was carried out.
func (f *fields) try(field leaf, value any) (carriedOut bool) {
	f.t.Helper()
	f.values++
	what := fmt.Sprintf("%s = %s", field, short(value))
	spec := f.base
	for prefix, more := range beside {
		if strings.HasPrefix(field.String(), prefix) && value != true {
			spec = merged(spec, more)
		}
	}
	spec = f.schema.with(spec, field.path, value, hinted, "").(map[string]any)
	if err := f.put(spec); err != nil {
		if !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err) || !strings.Contains(err.Error(), field.last()) {
			f.t.Errorf("%s: the API server's refusal does not name the field: %.300v", what, err)
		}
		return false
	}
	if err := f.client.Get(f.t.Context(), client.ObjectKey{Namespace: f.namespace, Name: f.name}, &v1alpha1.MultiNicOperator{}); err != nil {
		f.t.Errorf("%s: the API server takes what no program can read, and the operator would see no MultiNicOperator any more: %v", what, err)
		if err := f.put(f.base); err != nil {
			f.t.Fatal(err)
		}
		return false
	}
	op := f.settled(what)
	ready := condition(op, v1alpha1.ConditionReady)
	accepted := condition(op, v1alpha1.ConditionSpecAccepted)
	if losing[field.String()] == value && (accepted == nil || accepted.Reason != v1alpha1.ReasonWouldLoseData || !strings.Contains(accepted.Message, field.last())) {
		f.t.Errorf("%s: SpecAccepted is %+v", what, accepted)
	}
	carriedOut = ready != nil && ready.Status == metav1.ConditionTrue && accepted != nil && accepted.Status == metav1.ConditionTrue
	if ready != nil && !carriedOut {
		text := ready.Message
		list, _, _ := strings.Cut(field.String(), "[]")
		if !slices.ContainsFunc([]string{field.last(), list, "Deployment " + f.namespace, "Service " + f.namespace, "CronJob " + f.namespace}, func(s string) bool { return strings.Contains(text, s) }) {
			f.t.Errorf("%s: Ready is %s %s, which names neither field nor object: %.300s", what, ready.Status, ready.Reason, text)
		}
	}
	if err := f.put(f.base); err != nil {
		f.t.Fatalf("%s, back: %v", what, err)
	}
	f.settled(what + ", back")
	deadline := time.Now().Add(patience / 4)
	for {
		left := unlike(f.now(), f.before)
		if len(left) == 0 {
			return carriedOut
		}
		if time.Now().After(deadline) {
			f.t.Errorf("%s, back: not as before:\n%s", what, strings.Join(left, "\n"))
			f.before = f.now() // what follows is judged by itself
			return carriedOut
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func condition(op *v1alpha1.MultiNicOperator, kind string) *metav1.Condition {
	for i := range op.Status.Conditions {
		if op.Status.Conditions[i].Type == kind {
			return &op.Status.Conditions[i]
		}
	}
	return nil
}

// settled waits until the operator has said what it makes of the spec.
func (f *fields) settled(what string) *v1alpha1.MultiNicOperator {
	f.t.Helper()
	var op *v1alpha1.MultiNicOperator
	deadline := time.Now().Add(patience / 4)
	for {
		op = f.get(f.name)
		ready := condition(op, v1alpha1.ConditionReady)
		on := []string{v1alpha1.ReasonProgressing, v1alpha1.ReasonMoving, v1alpha1.ReasonRestoring, v1alpha1.ReasonStopped, v1alpha1.ReasonUnavailable}
		if ready != nil && ready.ObservedGeneration == op.Generation && op.Status.ObservedGeneration == op.Generation && !slices.Contains(on, ready.Reason) {
			break
		}
		if time.Now().After(deadline) {
			f.t.Errorf("%s: stuck: generation %d, Ready %+v", what, op.Generation, ready)
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	for _, c := range op.Status.Conditions {
		if !slices.Contains(f.reasons, c.Reason) {
			f.t.Errorf("%s: %s has the reason %s, which is not on the list", what, c.Type, c.Reason)
		}
		if r := condition(op, v1alpha1.ConditionReady); r != nil && r.Status == metav1.ConditionTrue && c.ObservedGeneration != op.Generation {
			f.t.Errorf("%s: %s is of generation %d, the object of %d", what, c.Type, c.ObservedGeneration, op.Generation)
		}
	}
	return op
}

// put replaces the spec, whatever is in it.
func (f *fields) put(spec map[string]any) error {
	f.t.Helper()
	for {
		op := &unstructured.Unstructured{}
		op.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("MultiNicOperator"))
		if !f.read(f.name, op) {
			f.t.Fatal("the MultiNicOperator is gone")
		}
		op.Object["spec"] = spec
		if err := f.client.Update(f.t.Context(), op); !apierrors.IsConflict(err) {
			return err
		}
	}
}

// merged is a merge patch of maps; an empty one clears.
func merged(spec, more map[string]any) map[string]any {
	out := map[string]any{}
	maps.Copy(out, spec)
	for k, v := range more {
		m, isMap := v.(map[string]any)
		had, hasMap := out[k].(map[string]any)
		if isMap && hasMap && len(m) > 0 {
			v = merged(had, m)
		}
		out[k] = v
	}
	return out
}

// calm sees that the operator neither panicked nor kept failing.
func (f *fields) calm() {
	f.t.Helper()
	same := map[string]int{}
	for line := range strings.SplitSeq(f.log.String(), "\n") {
		if strings.Contains(line, "panic") {
			f.t.Errorf("the operator panicked: %s", line)
		}
		if _, why, is := strings.Cut(line, "Reconciler error"); is {
			_, why, _ = strings.Cut(why, " err=")
			same[why]++
		}
	}
	for why, n := range same {
		if n > 2 {
			f.t.Errorf("%d times: %.300s", n, why)
		}
	}
}
