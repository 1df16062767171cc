// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

// latest names the newest backup that was not made by a restore.
const latest = "latest"

// What a restore's phase says (RestoreStatus.Phase).
const (
	restoreSucceeded = "Succeeded"
	restoreFailed    = "Failed"
)

// restoration is what restore was told.
type restoration struct {
	from             string
	yes, force, wait bool
	timeout          time.Duration
}

func (p *program) restoreCommand() *cobra.Command {
	r := restoration{timeout: time.Hour}
	cmd := &cobra.Command{
		Use:   "restore BACKUP | latest",
		Short: "Replace what the database holds by a backup",
		Long: `Replace what the database holds by a backup.

It names the backup in spec.database.restoreFrom of the MultiNicOperator, sets the annotation
multinic.example.com/restore-requested-at to the present time, and shows what happens then:
what is there is dumped, the controller is stopped, the backup is loaded, OpenStack is read
anew, and agents are let in again. From the moment that the load begins agents get an SQL
error, and change nothing. Ctrl-C ends the waiting, not the restore.

The MultiNicOperator is looked for in multinic-system unless -n names another namespace.`,
		Example: `  kubectl multinic restore 20261121t030000z-scheduled
  # Without the question
  kubectl multinic restore latest --yes
  # A backup that kubectl multinic backup list doesn't show: an old one, or one from elsewhere
  kubectl multinic restore 20260101t030000z-scheduled --force --wait=false --yes`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if r.timeout <= 0 {
				return fmt.Errorf("the timeout %s is over before it begins: give one such as 1h", r.timeout)
			}
			r.from = strings.TrimSuffix(args[0], ".sql.gz")
			return p.restore(cmd.Context(), r)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&r.yes, "yes", "y", false, "don't ask")
	f.BoolVar(&r.force, "force", false, "also a backup that the MultiNicOperator doesn't tell of")
	f.BoolVar(&r.wait, "wait", true, "wait until agents can read again")
	f.DurationVar(&r.timeout, "timeout", r.timeout, "with --wait: for how long")
	return cmd
}

func (p *program) restore(ctx context.Context, r restoration) error {
	c, err := p.cluster()
	if err != nil {
		return err
	}
	op, err := p.active(ctx, c, nil)
	if err != nil {
		return err
	}
	if external(op) {
		return fmt.Errorf("%s has an external database, which its owner restores: %s says how to load a backup by hand", key(op), backupGuide)
	}
	if r.from, err = choose(op, r); err != nil {
		return err
	}
	p.announce(op, r.from)
	if !r.yes {
		if err := p.ask(ctx, "Restore it?"); err != nil {
			return err
		}
	}
	was, err := publishedBy(ctx, c, op)
	if err != nil && !apierrors.IsForbidden(err) {
		return err
	}
	at := p.request(op.Annotations[v1alpha1.AnnotationRestoreRequestedAt])
	err = c.merge(ctx, op, map[string]any{
		"metadata": map[string]any{"annotations": map[string]string{v1alpha1.AnnotationRestoreRequestedAt: at}},
		"spec":     map[string]any{"database": map[string]any{"restoreFrom": r.from}},
	})
	if err != nil {
		return err
	}
	if !r.wait {
		p.print("%s: the restore of %s is asked for", key(op), r.from)
		return nil
	}
	return p.awaitRestore(ctx, c, op, r, at, was)
}

// choose is the backup's name. The latest is named as soon as it is known, so that what
// is restored is what was shown.
func choose(op *v1alpha1.MultiNicOperator, r restoration) (string, error) {
	there := op.Status.BackupStatus.Available
	if r.from == latest {
		for _, name := range there {
			if !strings.HasSuffix(name, "-before-restore") {
				return name, nil
			}
		}
		return latest, nil
	}
	if len(there) == 0 || r.force || slices.Contains(there, r.from) {
		return r.from, nil
	}
	return "", errors.New(clean(fmt.Sprintf("%s tells of no backup %s. It tells of:\n  %s\nWhere you know that there is one all the same, in the volume or the bucket: --force",
		key(op), r.from, strings.Join(there, "\n  "))))
}

// announce says what is going to happen.
func (p *program) announce(op *v1alpha1.MultiNicOperator, from string) {
	what := from
	switch made, ok := madeAt(from); {
	case from == latest:
		what = "the latest backup (the MultiNicOperator tells of none, so its name isn't known)"
	case ok:
		what = fmt.Sprintf("%s, made %s (%s)", from, made.Format("2006-01-02 15:04:05 MST"), p.ago(made))
	}
	p.print("%s: restore %s", key(op), what)
	p.lines([]string{
		"  - What the database holds now is dumped first, if it can be.",
		"  - The controller is stopped: nothing is published meanwhile.",
		"  - While the backup is loaded, and until everything has been compared with OpenStack,",
		"    agents get an SQL error and change nothing.",
		"  - What agents have reported since that backup is lost: they may configure interfaces anew.",
	})
}

// awaitRestore shows how it goes, until agents can read again.
func (p *program) awaitRestore(ctx context.Context, c *cluster, op *v1alpha1.MultiNicOperator, r restoration, at string, was []v1alpha1.OpenstackConfig) error {
	gate := reopening{before: was, doubt: p.Doubt}
	blind := false
	err := p.attend(ctx, c, op, r.timeout, func(now *v1alpha1.MultiNicOperator) (string, bool, error) {
		s := now.Status.BackupStatus.Restored
		switch {
		case now.Annotations[v1alpha1.AnnotationRestoreRequestedAt] != at || now.Spec.Database.RestoreFrom != r.from:
			return "", false, fmt.Errorf("%s: someone has asked for another restore meanwhile (%s)", key(now), now.Spec.Database.RestoreFrom)
		case s == nil || s.From != r.from || s.RequestedAt != at:
			return "waiting for the operator" + trouble(now, v1alpha1.ConditionSpecAccepted, v1alpha1.ConditionDatabaseAvailable), false, nil
		case s.Phase == restoreFailed:
			return "", false, errors.New(clean(fmt.Sprintf("%s: the restore failed: %s\ndocs/runbooks/restore-failed.md says what to do", key(now), s.Message)))
		case s.Phase != restoreSucceeded:
			return s.Message + trouble(now, v1alpha1.ConditionDatabaseAvailable), false, nil
		case !meta.IsStatusConditionTrue(now.Status.Conditions, v1alpha1.ConditionReady):
			return "the backup is loaded; the controller starts" + trouble(now, v1alpha1.ConditionReady), false, nil
		}
		objects, err := publishedBy(ctx, c, now)
		if apierrors.IsForbidden(err) {
			blind = true
			return "", true, nil
		}
		if err != nil {
			return "the backup is loaded, the controller runs", false, nil //nolint:nilerr // passing
		}
		stage, open := gate.look(objects, time.Now())
		return stage, open, nil
	})
	switch {
	case err != nil:
		return err
	case blind:
		p.print("%s: %s is loaded, and the controller runs. Whether agents are let in only an administrator may see: kubectl get osc -A", key(op), r.from)
		return nil
	}
	p.print("%s: %s is restored, and agents can read again.", key(op), r.from)
	return nil
}

// publishedBy are the OpenstackConfigs that a MultiNicOperator's controller serves and
// has published.
func publishedBy(ctx context.Context, c *cluster, op *v1alpha1.MultiNicOperator) ([]v1alpha1.OpenstackConfig, error) {
	namespaces := op.Spec.Controller.WatchNamespaces
	if len(namespaces) == 0 {
		namespaces = []string{metav1.NamespaceAll}
	}
	var out []v1alpha1.OpenstackConfig
	for _, namespace := range namespaces {
		list, err := c.list(ctx, &client.ListOptions{Namespace: namespace})
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return slices.DeleteFunc(out, func(o v1alpha1.OpenstackConfig) bool {
		return o.Status.Publication == nil || !o.DeletionTimestamp.IsZero()
	}), nil
}

// reopening judges by the objects whether the gate has opened since a restore. A status
// may be from before: it is believed once the gate was seen shut, or the objects are
// published in another epoch, or nothing has changed for a while. The last is so where
// the backup is the very state that the objects speak of.
type reopening struct {
	before []v1alpha1.OpenstackConfig
	doubt  time.Duration
	since  time.Time // when it was first looked at
	shut   bool      // it was seen shut
}

func (g *reopening) look(now []v1alpha1.OpenstackConfig, at time.Time) (stage string, open bool) {
	if g.since.IsZero() {
		g.since = at
	}
	epochs := map[string]string{}
	for i := range g.before {
		epochs[key(&g.before[i])] = g.before[i].Status.Publication.Epoch
	}
	var waiting []string
	anew := true
	for i := range now {
		o := &now[i]
		g.shut = g.shut || shut(o) != nil
		if !meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionPublished) {
			why := key(o)
			if ready := readyOf(o); ready.Status == metav1.ConditionFalse {
				why += " (" + ready.Reason + ")"
			}
			waiting = append(waiting, why)
		}
		anew = anew && epochs[key(o)] != o.Status.Publication.Epoch
	}
	if len(waiting) == 0 && (len(now) == 0 || g.shut || anew || at.Sub(g.since) >= g.doubt) {
		return "", true
	}
	stage = fmt.Sprintf("the backup is loaded; OpenStack is read anew: agents can read %d of %s", len(now)-len(waiting), count(len(now), "object", "objects"))
	if len(waiting) > 0 {
		stage += ", not yet " + strings.Join(waiting[:min(len(waiting), 3)], ", ")
	}
	if more := len(waiting) - 3; more > 0 {
		stage += fmt.Sprintf(" and %d more", more)
	}
	return stage, false
}
