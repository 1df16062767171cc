// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package resources_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/yaml"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/backup"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sample is a MultiNicOperator of config/samples, as the operator sees it.
func sample(t *testing.T, name string) resources.Input {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "config", "samples", "multinicoperator_"+name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	op := &v1alpha1.MultiNicOperator{}
	if err := yaml.UnmarshalStrict(text, op); err != nil {
		t.Fatal(err)
	}
	spec := resources.Defaulted(op.Spec)
	in := resources.Input{
		Name: op.Name, Namespace: "multinic-system", UID: "11111111-2222-3333-4444-555555555555", Spec: spec, DatabaseImage: spec.Database.Image,
		ControllerDigest: "digest-of-controller", DatabaseDigest: "digest-of-database", Connection: resources.Internal("multinic-system"),
	}
	if !*spec.Database.Enabled {
		in.Connection = resources.External("")
	}
	return in
}

// TestWhatIsBuiltIsAsWrittenDown compares every child with a file that people can
// read. go test ./internal/resources -update writes the files.
func TestWhatIsBuiltIsAsWrittenDown(t *testing.T) {
	t.Parallel()
	secrets := resources.Credentials{
		RootPassword: "root-password", Database: "multinic", User: "multinic", Password: "password", AgentPassword: "agent-password", ProbePassword: "probe-password",
	}
	s3 := sample(t, "production")
	s3.Spec.Database.Backup.S3 = &v1alpha1.S3Spec{Endpoint: "https://s3.example.com", Bucket: "backups", Prefix: "multinic/", Region: "kr", SecretRef: v1alpha1.LocalSecretReference{Name: "s3"}}
	s3.BucketAuthority, s3.Owner = true, "99999999-8888-7777-6666-555555555555/multinic-system"
	s3.Spec.ImagePullSecrets = []v1alpha1.LocalSecretReference{{Name: "registry"}}
	scoped := sample(t, "immediate")
	scoped.Spec.Controller.WatchNamespaces = []string{"team-b", "team-a"}
	scoped.Spec.Database.Service = v1alpha1.DatabaseServiceSpec{Type: corev1.ServiceTypeNodePort, NodePort: new(int32(30306))}
	stopped := sample(t, "high_availability")
	stopped.Stopped = true
	for name, objects := range map[string][]resources.Object{
		"production":        slices.Concat(resources.Controller(sample(t, "production")), resources.Database(sample(t, "production")), resources.Backup(sample(t, "production"))),
		"external_database": resources.Controller(sample(t, "external_database")),
		"watch_namespaces":  slices.Concat(resources.Controller(scoped), resources.Database(scoped)),
		"stopped":           resources.Controller(stopped),
		"secrets": {
			resources.CredentialsSecret(s3, secrets), resources.AgentSecret(s3, secrets), resources.ServerFiles(s3, secrets),
			resources.CertificateSecret(s3, []byte("authorities"), []byte("certificate"), []byte("key")), resources.KeySecret(s3, "multinic-operator-key", []byte("key")),
		},
		"jobs": {
			resources.BackupJob(s3, resources.Requested, "2026-11-24T18:00:00Z"), resources.RestoreJob(s3, "latest", "latest@ uid"),
			resources.MoveJob(sample(t, "external_database"), resources.Internal("multinic-system"), "cluster/multinic-system", "out uid"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compare(t, filepath.Join("testdata", name+".yaml"), render(t, objects))
		})
	}
}

// TestCopiesThatShareABucketLieApart: they would prune each other's, and restore them.
func TestCopiesThatShareABucketLieApart(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]string{"": "uid/team-a", "/": "uid/team-a", "multinic": "multinic/uid/team-a", "/site/a/": "site/a/uid/team-a"} {
		in := sample(t, "production")
		in.Spec.Database.Backup.S3 = &v1alpha1.S3Spec{Endpoint: "https://s3.example.com", Bucket: "backups", Prefix: prefix, SecretRef: v1alpha1.LocalSecretReference{Name: "s3"}}
		in.Owner = "uid/team-a"
		keep := resources.BackupJob(in, resources.Requested, "now").Spec.Template.Spec.Containers[0]
		fetch := resources.RestoreJob(in, "latest", "now").Spec.Template.Spec.InitContainers[0]
		for _, args := range [][]string{keep.Args, fetch.Args} {
			if !slices.Contains(args, "--s3-prefix="+want) {
				t.Errorf("behind the prefix %q: %v, want %s", prefix, args, want)
			}
		}
	}
}

func compare(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got); -update writes it anew:\n%s", file, diff)
	}
}

func render(t *testing.T, objects []resources.Object) []byte {
	t.Helper()
	var out bytes.Buffer
	for i, object := range objects {
		gvk, err := apiutil.GVKForObject(object, clientgoscheme.Scheme)
		if err != nil {
			t.Fatal(err)
		}
		object.GetObjectKind().SetGroupVersionKind(gvk)
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
		if err != nil {
			t.Fatal(err)
		}
		delete(content, "status")
		text, err := yaml.Marshal(named(content))
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			out.WriteString("---\n")
		}
		out.Write(text)
	}
	return out.Bytes()
}

// named puts the names of scripts in the place of their texts.
func named(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key := range v {
			v[key] = named(v[key])
		}
	case []any:
		for i := range v {
			v[i] = named(v[i])
		}
	case string:
		switch v {
		case backup.DumpScript:
			return "(dump.sh)"
		case backup.LoadScript:
			return "(load.sh)"
		case backup.RestoreScript:
			return "(load.sh, then the gate shut)"
		}
	}
	return value
}
