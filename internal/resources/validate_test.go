// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package resources_test

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

func TestWhatCanNotBeCarriedOutIsToldWithTheField(t *testing.T) {
	t.Parallel()
	env := func(names ...string) (out []corev1.EnvVar) {
		for _, name := range names {
			out = append(out, corev1.EnvVar{Name: name, Value: "x"})
		}
		return out
	}
	for _, c := range []struct {
		name   string
		change func(*v1alpha1.MultiNicOperatorSpec)
		says   []string // nothing: it is all right
	}{
		{"an empty spec", func(*v1alpha1.MultiNicOperatorSpec) {}, nil},
		{"cpu", func(s *v1alpha1.MultiNicOperatorSpec) { s.Controller.Resources.CPU = "much" }, []string{"controller.resources.cpu", `"much"`}},
		{"no cpu", func(s *v1alpha1.MultiNicOperatorSpec) { s.Controller.Resources.CPU = "0" }, []string{"controller.resources.cpu"}},
		{"too little memory", func(s *v1alpha1.MultiNicOperatorSpec) { s.Database.Resources.Memory = "1Mi" }, []string{"database.resources.memory", "128Mi"}},
		{"storage", func(s *v1alpha1.MultiNicOperatorSpec) { s.Database.StorageSize = "big" }, []string{"database.storageSize"}},
		{"the webhook's port", func(s *v1alpha1.MultiNicOperatorSpec) { s.Controller.HealthProbe.Port = new(int32(8443)) }, []string{"healthProbe.port", "8443"}},
		{"a namespace", func(s *v1alpha1.MultiNicOperatorSpec) { s.Controller.WatchNamespaces = []string{"Team A"} }, []string{"watchNamespaces", "Team A"}},
		{"an image", func(s *v1alpha1.MultiNicOperatorSpec) { s.Database.Image = "mariadb: 11" }, []string{"database.image"}},
		{"two databases", func(s *v1alpha1.MultiNicOperatorSpec) { s.Controller.Env = env("DB_HOST") }, []string{"DB_HOST", "database.enabled"}},
		{"a reserved variable", func(s *v1alpha1.MultiNicOperatorSpec) { s.Controller.Env = env("POD_NAMESPACE") }, []string{"POD_NAMESPACE"}},
		{"other variables", func(s *v1alpha1.MultiNicOperatorSpec) { s.Controller.Env = env("DB_RETENTION", "HTTPS_PROXY") }, nil},
		{"no external database", func(s *v1alpha1.MultiNicOperatorSpec) { s.Database.Enabled = new(false) }, []string{"DB_HOST", "DB_USER", "DB_PASSWORD"}},
		{"an external database", func(s *v1alpha1.MultiNicOperatorSpec) {
			s.Database.Enabled, s.Controller.Env = new(false), env("DB_HOST", "DB_USER", "DB_PASSWORD")
		}, nil},
		{"its own database as an external one", func(s *v1alpha1.MultiNicOperatorSpec) {
			s.Database.Enabled, s.Controller.Env = new(false), append(env("DB_USER", "DB_PASSWORD"), corev1.EnvVar{Name: "DB_HOST", Value: "mariadb.multinic-system.svc.cluster.local"})
		}, []string{"DB_HOST", "Service"}},
		{"another's database of that name", func(s *v1alpha1.MultiNicOperatorSpec) {
			s.Database.Enabled, s.Controller.Env = new(false), append(env("DB_USER", "DB_PASSWORD"), corev1.EnvVar{Name: "DB_HOST", Value: "mariadb.example.com"})
		}, nil},
		{"the database of another namespace", func(s *v1alpha1.MultiNicOperatorSpec) {
			s.Database.Enabled, s.Controller.Env = new(false), append(env("DB_USER", "DB_PASSWORD"), corev1.EnvVar{Name: "DB_HOST", Value: "mariadb.databases.svc"})
		}, nil},
		{"its own database by its short name", func(s *v1alpha1.MultiNicOperatorSpec) {
			s.Database.Enabled, s.Controller.Env = new(false), append(env("DB_USER", "DB_PASSWORD"), corev1.EnvVar{Name: "DB_HOST", Value: "mariadb.multinic-system"})
		}, []string{"DB_HOST", "Service"}},
		{"a restore elsewhere", func(s *v1alpha1.MultiNicOperatorSpec) {
			s.Database.Enabled, s.Controller.Env, s.Database.RestoreFrom = new(false), env("DB_HOST", "DB_USER", "DB_PASSWORD"), "latest"
		}, []string{"restoreFrom"}},
		{"root as the user", func(s *v1alpha1.MultiNicOperatorSpec) { s.Database.Credentials.User = "root" }, []string{"credentials.user", "root"}},
		{"a line's end in a password", func(s *v1alpha1.MultiNicOperatorSpec) { s.Database.Credentials.Password = "sec\nret" }, []string{"credentials.password"}},
		{"the server's own database", func(s *v1alpha1.MultiNicOperatorSpec) { s.Database.Credentials.Database = "MySQL" }, []string{"credentials.database"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			spec := v1alpha1.MultiNicOperatorSpec{}
			c.change(&spec)
			problems := strings.Join(resources.Validate(resources.Defaulted(spec), "multinic-system"), "\n")
			if (problems == "") != (c.says == nil) {
				t.Fatalf("it says %q", problems)
			}
			for _, word := range c.says {
				if !strings.Contains(problems, word) {
					t.Errorf("it does not name %s: %s", word, problems)
				}
			}
			if strings.Contains(problems, "sec") && strings.Contains(problems, "ret\n") {
				t.Errorf("a secret is told: %s", problems)
			}
		})
	}
}

func TestWhatWouldLoseDataIsPutBack(t *testing.T) {
	t.Parallel()
	stored := func() *resources.Stored {
		return &resources.Stored{Image: "mariadb:10.11", Size: resource.MustParse("10Gi"), StorageClass: "fast"}
	}
	for _, c := range []struct {
		name    string
		change  func(*v1alpha1.DatabaseSpec)
		refused string // the field
	}{
		{"the same", func(*v1alpha1.DatabaseSpec) {}, ""},
		{"growing", func(d *v1alpha1.DatabaseSpec) { d.StorageSize = "20Gi" }, ""},
		{"shrinking", func(d *v1alpha1.DatabaseSpec) { d.StorageSize = "9Gi" }, "database.storageSize"},
		{"shrinking the dumps", func(d *v1alpha1.DatabaseSpec) { d.Backup.StorageSize = "1Gi" }, "database.backup.storageSize"},
		{"another class", func(d *v1alpha1.DatabaseSpec) { d.StorageClassName = new("slow") }, "database.storageClassName"},
		{"its own class", func(d *v1alpha1.DatabaseSpec) { d.StorageClassName = new("fast") }, ""},
		{"a newer series", func(d *v1alpha1.DatabaseSpec) { d.Image = "mariadb:11.8" }, ""},
		{"another patch", func(d *v1alpha1.DatabaseSpec) { d.Image = "registry.example.com:5000/mariadb:10.11.2-jammy" }, ""},
		{"an older series", func(d *v1alpha1.DatabaseSpec) { d.Image = "mariadb:10.6" }, "database.image"},
		{"an older major", func(d *v1alpha1.DatabaseSpec) { d.Image = "registry.example.com:5000/mariadb:9.12" }, "database.image"},
		{"an image that tells nothing", func(d *v1alpha1.DatabaseSpec) { d.Image = "mariadb@sha256:0123" }, ""},
		{"a tag that tells nothing", func(d *v1alpha1.DatabaseSpec) { d.Image = "mariadb:lts" }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			spec := resources.Defaulted(v1alpha1.MultiNicOperatorSpec{})
			c.change(&spec.Database)
			in := resources.Input{Spec: spec, DatabaseImage: spec.Database.Image}
			problems := strings.Join(resources.Refuse(&in, stored(), stored()), "\n")
			if c.refused == "" {
				if problems != "" {
					t.Error(problems)
				}
				return
			}
			if !strings.HasPrefix(problems, c.refused+" ") {
				t.Errorf("it says %q", problems)
			}
			if again := resources.Refuse(&in, stored(), stored()); len(again) > 0 {
				t.Errorf("what was put back is refused: %v", again)
			}
		})
	}
}

func TestACertificateIsMadeAnewBeforeItEnds(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	names := resources.DatabaseNames("multinic-system")
	first, err := resources.MakeCertificate(now, nil, names...)
	if err != nil {
		t.Fatal(err)
	}
	later := now.AddDate(4, 6, 0)
	if err := first.Check(now.AddDate(3, 11, 0), names...); err != nil {
		t.Errorf("after almost four years: %v", err)
	}
	if first.Check(later, names...) == nil || first.Check(now, "another") == nil {
		t.Error("a certificate that ends soon, or is for other names, is taken for good")
	}
	second, err := resources.MakeCertificate(later, first.Authorities, names...)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Check(later, names...); err != nil {
		t.Error(err)
	}
	// Whoever trusts what the second brings trusts the first's server as well.
	if err := (resources.Certificate{Authorities: second.Authorities, Certificate: first.Certificate, Key: first.Key}).Check(now, names...); err != nil {
		t.Errorf("the former certificate: %v", err)
	}
	if (resources.Certificate{Authorities: first.Authorities, Certificate: second.Certificate, Key: second.Key}).Check(later, names...) == nil {
		t.Error("the former authority vouches for the new certificate")
	}
	if (resources.Certificate{Authorities: first.Authorities, Certificate: first.Certificate, Key: second.Key}).Check(now, names...) == nil {
		t.Error("a key of another certificate is taken for good")
	}
}

func TestCredentialsOutliveEveryStepOfARotation(t *testing.T) {
	t.Parallel()
	c := resources.Credentials{RootPassword: "r1", User: "u1", Password: "p1", Database: "d", NextRootPassword: "r2", NextUser: "u2", NextPassword: "p2"}
	if got := resources.CredentialsFrom(c.Data()); got != c {
		t.Errorf("the Secret gives %+v back", got)
	}
	promoted := c.Promoted()
	if promoted.Rotating() || promoted.RootPassword != "r2" || promoted.User != "u2" || promoted.Password != "p2" {
		t.Errorf("promoted: %+v", promoted)
	}
	if promoted.FormerRootPassword != "r1" || promoted.FormerUser != "u1" || promoted.FormerPassword != "p1" {
		t.Errorf("what was before is forgotten: %+v", promoted)
	}
	if settled := promoted.Settled(); settled.FormerPassword != "" || settled.FormerUser != "" || settled.DroppedUser != "u1" {
		t.Errorf("settled: %+v", settled)
	}
	same := resources.Credentials{User: "u", Password: "p1", NextPassword: "p2"}.Promoted()
	if same.FormerUser != "u" || same.FormerPassword != "p1" || same.Settled().DroppedUser != "" {
		t.Errorf("a new password of the same user: %+v", same)
	}
}

func TestAScheduleIsCronsFiveFieldsAndTheFieldIsNamed(t *testing.T) {
	t.Parallel()
	for _, schedule := range []string{"0 0 3 * * *", "@every 1s", "TZ=UTC 3 * * *", "0 99 * * *", "every night"} {
		err := resources.ValidateSchedule(v1alpha1.BackupSpec{Schedule: schedule})
		if err == nil || !strings.Contains(err.Error(), "database.backup.schedule") || !strings.Contains(err.Error(), schedule) {
			t.Errorf("%q: %v", schedule, err)
		}
	}
	if err := resources.ValidateSchedule(v1alpha1.BackupSpec{Schedule: "15 4 * * 1-5"}); err != nil {
		t.Error(err)
	}
}
