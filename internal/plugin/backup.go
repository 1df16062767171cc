// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

// backupGuide is where backups, and what to do without the operator, are written down.
const backupGuide = "docs/how-to/back-up-and-restore.md"

func (p *program) backupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Back the database up now, or list what backups there are",
		Long: `Back the database up now, or list what backups there are.

It concerns the database that the operator runs, and its MultiNicOperator, which is looked
for in multinic-system unless -n names another namespace.`,
		Example: `  kubectl multinic backup now
  kubectl multinic backup list`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.backupNowCommand(), p.backupListCommand())
	return cmd
}

func (p *program) backupNowCommand() *cobra.Command {
	wait, timeout := true, 15*time.Minute
	cmd := &cobra.Command{
		Use:   "now [NAME]",
		Short: "Back the database up now",
		Long: `Back the database up now.

It sets the annotation multinic.example.com/backup-requested-at of the MultiNicOperator to
the present time, and waits until the operator says that this dump has ended. It fails if
the dump has failed, or has not ended within --timeout. A dump that is kept and could not be
copied to the bucket is told, and is no failure. Ctrl-C ends the waiting, not the dump.
NAME is needed by nobody: only one MultiNicOperator of a namespace is active.`,
		Example: `  kubectl multinic backup now
  # A MultiNicOperator elsewhere
  kubectl multinic backup now -n team-a elsewhere --timeout 1h`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, names []string) error {
			if timeout <= 0 {
				return fmt.Errorf("the timeout %s is over before it begins: give one such as 15m", timeout)
			}
			return p.backupNow(cmd.Context(), names, wait, timeout)
		},
	}
	cmd.Flags().BoolVar(&wait, "wait", wait, "wait until the dump has ended")
	cmd.Flags().DurationVar(&timeout, "timeout", timeout, "with --wait: for how long")
	return cmd
}

func (p *program) backupListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list [NAME]",
		Short: "List what backups there are, as the last one saw them",
		Long: `List what backups there are, as the last one saw them.

The newest come first, a few dozen at most. What has been put into the volume or the bucket
since the last backup, or taken away, doesn't show.`,
		Example: `  kubectl multinic backup list
  kubectl multinic backup list -n team-a`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, names []string) error { return p.backupList(cmd.Context(), names) },
	}
}

// active reads the MultiNicOperator that acts in the namespace of -n, or in
// multinic-system. One that is named must be it.
func (p *program) active(ctx context.Context, c *cluster, names []string) (*v1alpha1.MultiNicOperator, error) {
	namespace := controllerNamespace
	if flag := p.config.Namespace; flag != nil && *flag != "" {
		namespace = *flag
	}
	op, err := c.operator(ctx, namespace)
	if err != nil {
		return nil, err
	}
	if op == nil {
		return nil, fmt.Errorf("namespace %s has no MultiNicOperator: name another with -n (kubectl get mno -A lists them). "+
			"Where MultiNic was deployed without the operator, %s says how to back up and restore", namespace, backupGuide)
	}
	for _, name := range names {
		if _, rest, ok := strings.Cut(name, "/"); ok {
			name = rest // as kubectl get -o name writes it
		}
		if name == op.Name {
			continue
		}
		if err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &v1alpha1.MultiNicOperator{}); apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("%s/%s: there is no such MultiNicOperator: the active one of that namespace is %s", namespace, name, op.Name)
		}
		return nil, fmt.Errorf("%s/%s is not active: %s is older, and the database is its", namespace, name, op.Name)
	}
	return op, nil
}

// external says whether the database is not the operator's.
func external(op *v1alpha1.MultiNicOperator) bool {
	return op.Spec.Database.Enabled != nil && !*op.Spec.Database.Enabled
}

// request is the present time as a request: another one than the last.
func (p *program) request(last string) string {
	at := p.Now().UTC()
	if text := at.Format(time.RFC3339Nano); text != last {
		return text
	}
	return at.Add(time.Nanosecond).Format(time.RFC3339Nano)
}

func (p *program) backupNow(ctx context.Context, names []string, wait bool, timeout time.Duration) error {
	c, err := p.cluster()
	if err != nil {
		return err
	}
	op, err := p.active(ctx, c, names)
	if err != nil {
		return err
	}
	if external(op) {
		return fmt.Errorf("%s has an external database, which the operator doesn't back up: dump it where it runs (%s)", key(op), backupGuide)
	}
	at := p.request(op.Annotations[v1alpha1.AnnotationBackupRequestedAt])
	before := op.Status.BackupStatus
	if err := c.annotate(ctx, op, v1alpha1.AnnotationBackupRequestedAt, at); err != nil {
		return err
	}
	if !wait {
		p.print("%s: a backup is asked for", key(op))
		return nil
	}
	stage := "waiting for the operator"
	var handled time.Time
	err = p.attend(ctx, c, op, timeout, func(now *v1alpha1.MultiNicOperator) (string, bool, error) {
		op = now
		if asked := op.Annotations[v1alpha1.AnnotationBackupRequestedAt]; asked != at {
			return stage, false, fmt.Errorf("%s: someone has asked for another backup meanwhile (%s): kubectl multinic backup list tells of both", key(op), asked)
		}
		stage = "waiting for the dump" + trouble(op, v1alpha1.ConditionSpecAccepted, v1alpha1.ConditionDatabaseAvailable)
		if op.Status.BackupStatus.LastHandledRequest != at {
			return stage, false, nil
		}
		if handled.IsZero() {
			handled = time.Now()
		}
		// What the dump's pod said may be read a moment later.
		return stage, failedSince(&op.Status.BackupStatus, &before) || op.Status.BackupStatus.LastName != before.LastName || time.Since(handled) >= p.Doubt, nil
	})
	if err != nil {
		return err
	}
	return p.backupResult(op, &before)
}

// failedSince says whether a dump has failed that hadn't before.
func failedSince(now, before *v1alpha1.BackupStatus) bool {
	return now.LastFailureTime != nil && !now.LastFailureTime.Equal(before.LastFailureTime)
}

// backupResult tells of the dump that has ended.
func (p *program) backupResult(op *v1alpha1.MultiNicOperator, before *v1alpha1.BackupStatus) error {
	s := &op.Status.BackupStatus
	switch {
	case failedSince(s, before):
		why := "kubectl get jobs,events -n " + op.Namespace + " tells why"
		if c := meta.FindStatusCondition(op.Status.Conditions, v1alpha1.ConditionBackedUp); c != nil && c.Reason == v1alpha1.ReasonBackupFailed {
			why = c.Message
		}
		return errors.New(clean(fmt.Sprintf("%s: the backup failed: %s", key(op), why)))
	case s.LastName == "" || s.LastName == before.LastName:
		return fmt.Errorf("%s: the dump has ended and has told nothing of itself: kubectl get jobs,pods -n %s tells why", key(op), op.Namespace)
	}
	p.print("%s: %s, %s", key(op), s.LastName, size(s.LastSizeBytes))
	p.tellProblem(s)
	return nil
}

// tellProblem tells what came after the last dump and failed.
func (p *program) tellProblem(s *v1alpha1.BackupStatus) {
	if s.Problem != "" {
		p.tell("%s is kept in the cluster, but %s", s.LastName, s.Problem)
	}
}

func (p *program) backupList(ctx context.Context, names []string) error {
	c, err := p.cluster()
	if err != nil {
		return err
	}
	op, err := p.active(ctx, c, names)
	if err != nil {
		return err
	}
	s := &op.Status.BackupStatus
	if external(op) {
		p.tell("%s has an external database, whose backups are its owner's (%s).", key(op), backupGuide)
	}
	if len(s.Available) == 0 {
		p.tell("%s tells of no backup%s.", key(op), trouble(op, v1alpha1.ConditionBackedUp))
		return nil
	}
	rows := [][]string{{"NAME", "AGE", "SIZE"}}
	for _, name := range s.Available {
		row := []string{name, "", ""}
		if made, ok := madeAt(name); ok {
			row[1] = strings.TrimSuffix(p.ago(made), " ago")
		}
		if name == s.LastName {
			row[1], row[2] = strings.TrimSuffix(p.ago(s.LastSuccessfulTime.Time), " ago"), size(s.LastSizeBytes)
		}
		rows = append(rows, row)
	}
	p.table(rows)
	p.tellProblem(s)
	if s.LastFailureTime != nil {
		p.tell("The last attempt failed %s%s.", p.ago(s.LastFailureTime.Time), trouble(op, v1alpha1.ConditionBackedUp))
	}
	return nil
}

// madeAt reads when a backup was made from its name.
func madeAt(name string) (time.Time, bool) {
	stamp, _, _ := strings.Cut(name, "-")
	at, err := time.Parse("20060102t150405z", stamp)
	return at, err == nil
}

// size writes a number of bytes.
func size(n int64) string {
	unit := "bytes"
	for _, larger := range []string{"KiB", "MiB", "GiB"} {
		if n < 10*1024 {
			break
		}
		n, unit = n/1024, larger
	}
	return fmt.Sprintf("%d %s", n, unit)
}

// trouble is what the first condition that isn't True says, in brackets; else nothing.
func trouble(op *v1alpha1.MultiNicOperator, kinds ...string) string {
	for _, kind := range kinds {
		if c := meta.FindStatusCondition(op.Status.Conditions, kind); c != nil && c.Status != metav1.ConditionTrue {
			return fmt.Sprintf(" (%s: %s)", c.Reason, c.Message)
		}
	}
	return ""
}

// look says of a MultiNicOperator how far something is, and whether it is done.
type look func(*v1alpha1.MultiNicOperator) (stage string, done bool, err error)

// attend looks at a MultiNicOperator every second until what is waited for is done.
func (p *program) attend(ctx context.Context, c *cluster, op *v1alpha1.MultiNicOperator, timeout time.Duration, at look) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	again := time.NewTicker(time.Second)
	defer again.Stop()
	screen := newProgress(p.Streams.ErrOut)
	stage := "waiting for the operator"
	for {
		now := &v1alpha1.MultiNicOperator{}
		err := c.Get(ctx, client.ObjectKeyFromObject(op), now)
		switch {
		case apierrors.IsNotFound(err), err == nil && now.UID != op.UID:
			screen.end()
			return fmt.Errorf("%s was deleted meanwhile", key(op))
		case apierrors.IsForbidden(err):
			screen.end()
			return remedy(err, key(op))
		case err == nil: // an API server that is away for a moment is waited for
			var done bool
			stage, done, err = at(now)
			if done || err != nil {
				screen.end()
				return err
			}
			screen.show(stage + " ...")
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			screen.end()
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return errors.New("the waiting was ended; what was asked for happens all the same")
			}
			return errors.New(clean(fmt.Sprintf("%s: not done within %s: still %s. It goes on. Does the operator run (kubectl get pods -A -l app=multinic-operator)?", key(op), timeout, stage)))
		}
	}
}
