// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/robfig/cron/v3"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/trigger"
)

// The least that a pod starts with.
var (
	leastControllerMemory = resource.MustParse("64Mi")
	leastDatabaseMemory   = resource.MustParse("128Mi")
	leastStorage          = resource.MustParse("256Mi")
)

// Validate says what of a defaulted spec of that namespace can't be carried out, each
// with the field, its value and what would do. The API server refuses most of it, but
// old ones ignore CEL, and some rules no schema can state.
func Validate(spec v1alpha1.MultiNicOperatorSpec, namespace string) (problems []string) {
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	quantity := func(field, value string, least *resource.Quantity) {
		q, err := resource.ParseQuantity(value)
		switch {
		case err != nil:
			say("%s %q is no quantity: use one such as 500m or 1Gi", field, value)
		case q.Sign() <= 0:
			say("%s %q is not more than nothing", field, value)
		case least != nil && q.Cmp(*least) < 0:
			say("%s %q is too small to start with: use %s or more", field, value, least.String())
		}
	}
	c, d := spec.Controller, spec.Database
	quantity("controller.resources.cpu", c.Resources.CPU, nil)
	quantity("controller.resources.memory", c.Resources.Memory, &leastControllerMemory)
	quantity("database.resources.cpu", d.Resources.CPU, nil)
	quantity("database.resources.memory", d.Resources.Memory, &leastDatabaseMemory)
	quantity("database.storageSize", d.StorageSize, &leastStorage)
	quantity("database.backup.storageSize", d.Backup.StorageSize, &leastStorage)
	if p := *c.HealthProbe.Port; p == triggerPort || p == triggerTLSPort {
		say("controller.healthProbe.port %d is the trigger webhook's: use another", p)
	}
	for _, namespace := range c.WatchNamespaces {
		if len(validation.IsDNS1123Label(namespace)) > 0 {
			say("controller.watchNamespaces has %q, which is no name of a namespace", namespace)
		}
	}
	for _, image := range []struct{ field, value string }{{"controller.image", c.Image}, {"database.image", d.Image}} {
		if strings.ContainsFunc(image.value, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
			say("%s %q is no name of an image", image.field, image.value)
		}
	}
	problems = append(problems, validateEnv(spec, namespace)...)
	problems = append(problems, ValidateCredentials(d.Credentials)...)
	if !*d.Enabled && d.RestoreFrom != "" {
		say("database.restoreFrom %q, and database.enabled is false: an external database is restored by its owner (docs/how-to/back-up-and-restore.md)", d.RestoreFrom)
	}
	return problems
}

// ValidateSchedule says what of database.backup.schedule is not understood. It stands
// in nobody's way: dumps are made as before.
//
// It is what Kubernetes' CronJob understands, less what is no cron: @every and a time
// zone within.
func ValidateSchedule(b v1alpha1.BackupSpec) error {
	err := errors.New("a time zone, a name or another number of fields")
	if !strings.Contains(b.Schedule, "TZ=") && !strings.HasPrefix(b.Schedule, "@") && len(strings.Fields(b.Schedule)) == 5 {
		_, err = cron.ParseStandard(b.Schedule)
	}
	if err != nil {
		return fmt.Errorf("database.backup.schedule %q is not cron's five fields, such as %q: %w", b.Schedule, DefaultBackupSchedule, err)
	}
	return nil
}

// ValidateTrigger says what of reconcileTrigger is not understood. It stands in
// nobody's way: the controller goes on with what was in force before.
func ValidateTrigger(t v1alpha1.ReconcileTriggerSpec) error {
	_, err := trigger.Parse(trigger.Settings{
		Mode: string(t.Mode), ImmediateOnCRChange: t.ImmediateOnCRChange, Interval: t.Interval, Schedule: t.Schedule,
		Timezone: t.Timezone, WebhookEnabled: t.Webhook.Enabled,
	})
	return err
}

// validateEnv sees that one database is named, and one only.
func validateEnv(spec v1alpha1.MultiNicOperatorSpec, namespace string) (problems []string) {
	env := spec.Controller.Env
	has := func(name string) bool {
		return slices.ContainsFunc(env, func(e corev1.EnvVar) bool { return e.Name == name })
	}
	for _, e := range env {
		if slices.Contains(reservedEnv, e.Name) {
			problems = append(problems, fmt.Sprintf("controller.env sets %s, which the operator sets: remove it (controller.watchNamespaces names namespaces)", e.Name))
		}
		if e.Value != "" && e.ValueFrom != nil {
			problems = append(problems, fmt.Sprintf("controller.env %s has value and valueFrom: remove one", e.Name))
		}
	}
	if *spec.Database.Enabled {
		for _, name := range []string{"DB_HOST", "DB_PORT", "DB_USER", "DB_PASSWORD", "DB_NAME", "DB_TLS", "DB_TLS_CA"} {
			if has(name) {
				problems = append(problems, fmt.Sprintf("controller.env sets %s, and database.enabled is true: set it to false for an external database, or remove the variable", name))
			}
		}
		return problems
	}
	for _, e := range env {
		// Any of the Service's names, whatever the cluster's domain is.
		service := DatabaseName + "." + namespace
		if host := strings.TrimSuffix(e.Value, "."); e.Name == "DB_HOST" && (host == DatabaseName || host == service || strings.HasPrefix(host+".", service+".svc.")) {
			problems = append(problems, fmt.Sprintf("database.enabled is false, and controller.env DB_HOST %q is the internal database's Service, which goes then: name the external server", e.Value))
		}
	}
	for _, name := range []string{"DB_HOST", "DB_USER", "DB_PASSWORD"} {
		if !has(name) {
			problems = append(problems, fmt.Sprintf("database.enabled is false, and controller.env does not set %s: it tells which database to write to", name))
		}
	}
	return problems
}

// Names in MariaDB that are not to be had by the controller's account.
var takenUsers = []string{"root", "mysql", "mariadb.sys", "healthcheck", AgentUser, ProbeUser}

// ValidateCredentials says what is wrong with credentials, without telling them.
func ValidateCredentials(c v1alpha1.DatabaseCredentials) (problems []string) {
	if slices.Contains(takenUsers, c.User) {
		problems = append(problems, fmt.Sprintf("database.credentials.user %q is an account with another purpose: use another name, such as %s", c.User, DefaultDatabaseUser))
	}
	for _, v := range []struct{ field, value string }{
		{"rootPassword", c.RootPassword}, {"password", c.Password}, {"user", c.User}, {"database", c.Database},
	} {
		if strings.ContainsFunc(v.value, unicode.IsControl) {
			problems = append(problems, fmt.Sprintf("database.credentials.%s holds a control character, such as the end of a line", v.field))
		}
	}
	for _, name := range []string{"mysql", "information_schema", "performance_schema", "sys"} {
		if strings.EqualFold(c.Database, name) {
			problems = append(problems, fmt.Sprintf("database.credentials.database %q is the server's own: use another name, such as %s", c.Database, DefaultDatabase))
		}
	}
	return problems
}
