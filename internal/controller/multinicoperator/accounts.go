// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package multinicoperator

import (
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/dbadmin"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// accounts makes MariaDB know the accounts, and rotates what has changed: first
// the next passwords are written down (step credentials), then the server learns
// them, then they are promoted. A controller that still has the former password
// may go on with it until it has been replaced.
func (r *Reconciler) accounts(ctx context.Context, p *passage) error {
	if p.external || !p.serving() {
		return nil
	}
	state, err := r.serverState(ctx, p)
	if err != nil || state == "" {
		return err
	}
	if r.isSettled(p.namespace(), state) {
		return nil
	}
	admin, err := r.connect(ctx, p)
	if err != nil {
		r.tellLogin(p, err)
		return nil
	}
	defer func() { _ = admin.Close() }()
	promoted := p.creds.Promoted()
	changed, err := admin.Ensure(ctx, wantedAccounts(promoted))
	if len(changed) > 0 {
		r.Log.Info("Changed MariaDB's accounts", "namespace", p.namespace(), "changed", changed)
		r.event(p, corev1.EventTypeNormal, "AccountsChanged", "Rotate", "MariaDB: %s", strings.Join(changed, ", "))
	}
	if err != nil {
		r.tellLogin(p, err)
		return nil
	}
	// Last, as it needs the controller's database by its name.
	complete, err := admin.EnsureAgents(ctx, promoted.Database, dbadmin.Account{User: resources.AgentUser, Password: promoted.AgentPassword})
	if err != nil {
		r.tellLogin(p, err)
		return nil
	}
	if p.creds.Rotating() {
		if err := r.keepCredentials(ctx, p, promoted); err != nil {
			return err
		}
		if state, err = r.serverState(ctx, p); err != nil {
			return err
		}
	}
	if !complete { // this server grants no right on a table that is not there
		p.lookIn(waitEvery)
		return nil
	}
	r.settle(p.namespace(), state)
	return nil
}

func wantedAccounts(c resources.Credentials) dbadmin.Wanted {
	w := dbadmin.Wanted{
		RootPassword: c.RootPassword, Database: c.Database,
		User:   dbadmin.Account{User: c.User, Password: c.Password},
		Probe:  dbadmin.Account{User: resources.ProbeUser, Password: c.ProbePassword},
		Agents: resources.AgentUser,
	}
	if c.FormerUser == c.User {
		w.AlsoValid = c.FormerPassword
	}
	if c.DroppedUser != "" && c.DroppedUser != c.FormerUser {
		w.Former = []string{c.DroppedUser}
	}
	return w
}

// keepCredentials writes credentials down and goes on with them.
func (r *Reconciler) keepCredentials(ctx context.Context, p *passage, c resources.Credentials) error {
	p.creds = c
	r.remember(p.namespace(), c)
	if err := r.ensure(ctx, p, resources.CredentialsSecret(p.in, c), resources.ServerFiles(p.in, c)); err != nil {
		return err
	}
	return r.controllerDigest(ctx, p)
}

// connect logs in as root with whichever password is in force.
func (r *Reconciler) connect(ctx context.Context, p *passage) (*dbadmin.Admin, error) {
	secret := &corev1.Secret{}
	if err := r.Reader.Get(ctx, p.name(resources.CertificateName), secret); err != nil {
		return nil, err
	}
	var passwords []string
	for _, password := range []string{p.creds.NextRootPassword, p.creds.RootPassword, p.creds.FormerRootPassword} {
		if password != "" {
			passwords = append(passwords, password)
		}
	}
	server := dbadmin.Server{Host: resources.DatabaseHost(p.namespace()), Port: resources.DatabasePort, CA: secret.Data["ca.crt"]}
	admin, _, err := r.Connect(ctx, server, passwords...)
	return admin, err
}

// tellLogin tells why MariaDB can't be administered. The rest goes on: the
// controller may well reach it.
func (r *Reconciler) tellLogin(p *passage, err error) {
	p.lookIn(waitEvery)
	switch {
	case errors.Is(err, dbadmin.ErrUnreachable):
		p.set(v1alpha1.ConditionDatabaseAvailable, false, v1alpha1.ReasonUnavailable, "the operator can't reach MariaDB: %v", err)
	case errors.Is(err, dbadmin.ErrCredentials):
		p.set(v1alpha1.ConditionDatabaseAvailable, false, v1alpha1.ReasonUnavailable,
			"MariaDB takes none of the root passwords of the Secret %s: docs/runbooks/lost-root-password.md says how to set a new one", resources.CredentialsName)
	default:
		p.set(v1alpha1.ConditionDatabaseAvailable, false, v1alpha1.ReasonUnavailable, "making MariaDB's accounts: %v", err)
	}
}

// serving says whether MariaDB's pod is ready.
func (p *passage) serving() bool { return p.op.Status.DatabaseStatus.ReadyReplicas > 0 }

// serverState names the server's process and what it must know; "" if there is no
// pod.
func (r *Reconciler) serverState(ctx context.Context, p *passage) (string, error) {
	pod := &corev1.Pod{}
	if err := r.Client.Get(ctx, p.name(resources.DatabaseName+"-0"), pod); err != nil {
		return "", client.IgnoreNotFound(err)
	}
	var restarts int32
	for _, s := range pod.Status.ContainerStatuses {
		restarts += s.RestartCount
	}
	return fmt.Sprintf("%s/%d/%s", pod.UID, restarts, resources.KeyedDigest([]byte(p.creds.ProbePassword), p.creds.Data())), nil
}

func (r *Reconciler) isSettled(namespace, state string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.settled[namespace] == state
}

func (r *Reconciler) settle(namespace, state string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settled[namespace] = state
}
