// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"database/sql"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/dbadmin"
	"github.com/xormsdhkdwk/multinic/internal/mariadb"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// accepts says whether the bed's MariaDB lets someone in.
func (s *server) accepts(user, password string) bool {
	s.t.Helper()
	db := s.open(resources.Credentials{User: user, Password: password})
	defer db.Close()
	return db.PingContext(s.t.Context()) == nil
}

// open makes a pool, which logs in when it is used.
func (s *server) open(c resources.Credentials) *sql.DB {
	s.t.Helper()
	driver, err := mariadb.Login{Host: "127.0.0.1", Port: s.Port, User: c.User, Password: c.Password}.Driver()
	if err != nil {
		s.t.Fatal(err)
	}
	driver.Logger = &mysql.NopLogger{}
	db, err := mariadb.Open(driver)
	if err != nil {
		s.t.Fatal(err)
	}
	return db
}

// credentials are those of the Secret that the operator keeps.
func (b *bed) credentials() resources.Credentials {
	b.t.Helper()
	secret := &corev1.Secret{}
	if !b.read(resources.CredentialsName, secret) {
		return resources.Credentials{}
	}
	return resources.CredentialsFrom(secret.Data)
}

// digest is that of the controller's pod template.
func (b *bed) digest() string {
	b.t.Helper()
	d := &appsv1.Deployment{}
	b.read(resources.ControllerName, d)
	return d.Spec.Template.Annotations[resources.AnnotationDigest]
}

func inline(root, user, password string) v1alpha1.DatabaseCredentials {
	return v1alpha1.DatabaseCredentials{RootPassword: root, User: user, Password: password}
}

func (b *bed) applyWith(name string, c v1alpha1.DatabaseCredentials) {
	b.t.Helper()
	b.apply(name, v1alpha1.MultiNicOperatorSpec{Database: v1alpha1.DatabaseSpec{Credentials: c}})
	b.waitReady(name)
	if !b.server.accepts("root", c.RootPassword) || !b.server.accepts(c.User, c.Password) {
		b.t.Fatal("MariaDB does not take the first credentials")
	}
}

func (b *bed) setCredentials(name string, c v1alpha1.DatabaseCredentials) {
	b.t.Helper()
	b.edit(name, func(op *v1alpha1.MultiNicOperator) { op.Spec.Database.Credentials = c })
}

// templates counts the digests that the controller's pod template has, while the
// function runs and until it is called.
func (b *bed) templates() (stop func() []string) {
	done, ended := make(chan struct{}), make(chan []string)
	first := b.digest()
	go func() {
		seen := []string{first}
		for {
			if now := b.digest(); now != "" && now != seen[len(seen)-1] {
				seen = append(seen, now)
			}
			select {
			case <-done:
				ended <- seen
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return func() []string { close(done); return <-ended }
}

func TestAChangedPasswordIsValidBesideTheFormerOneUntilTheControllerHasBeenReplaced(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.start()
	b.applyWith("rotated", inline("root-1", "writer", "writer-1"))
	stop := b.templates()
	b.workloads.with(func(w *workloads) { w.frozen = true })
	b.setCredentials("rotated", inline("root-1", "writer", "writer-2"))
	before := b.digest()
	b.until("the controller's template tells of the new password", func() bool { return b.digest() != before })
	b.waitFor("rotated", v1alpha1.ConditionControllerAvailable, "False", v1alpha1.ReasonProgressing)
	for _, password := range []string{"writer-1", "writer-2"} {
		if !b.server.accepts("writer", password) {
			t.Errorf("while the rollout stands still, %s is refused", password)
		}
	}
	b.workloads.with(func(w *workloads) { w.frozen = false })
	b.until("the former password is ended", func() bool { return !b.server.accepts("writer", "writer-1") })
	if !b.server.accepts("writer", "writer-2") {
		t.Error("the new password is refused")
	}
	b.waitReady("rotated")
	if seen := stop(); len(seen) != 2 {
		t.Errorf("the controller's template changed %d times, want once", len(seen)-1)
	}
	if c := b.credentials(); c.Password != "writer-2" || c.Rotating() || c.FormerPassword != "" {
		t.Error("the Secret is not settled")
	}
}

func TestAChangedRootPasswordReachesMariaDBAndLeavesTheControllerAlone(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.start()
	b.applyWith("rooted", inline("root-1", "writer", "writer-1"))
	before := b.digest()
	b.setCredentials("rooted", inline("root-2", "writer", "writer-1"))
	b.until("root's former password is ended", func() bool { return !b.server.accepts("root", "root-1") })
	b.until("the rotation is settled", func() bool { c := b.credentials(); return c.RootPassword == "root-2" && !c.Rotating() })
	b.waitReady("rooted")
	if !b.server.accepts("root", "root-2") {
		t.Error("root's new password is refused")
	}
	if b.digest() != before {
		t.Error("the controller's pods were replaced, which don't know root")
	}
}

func TestARenamedUserIsKeptUntilTheControllerHasBeenReplaced(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.start()
	b.applyWith("renamed", inline("root-1", "first", "secret-1"))
	b.workloads.with(func(w *workloads) { w.frozen = true })
	b.setCredentials("renamed", inline("root-1", "second", "secret-2"))
	b.until("the new user is let in", func() bool { return b.server.accepts("second", "secret-2") })
	b.waitFor("renamed", v1alpha1.ConditionControllerAvailable, "False", v1alpha1.ReasonProgressing)
	if !b.server.accepts("first", "secret-1") {
		t.Error("the former user is refused while the controller still runs with it")
	}
	// Another wish before the first one is done.
	b.setCredentials("renamed", inline("root-1", "third", "secret-3"))
	b.until("the operator has seen it", func() bool { return b.get("renamed").Status.ObservedGeneration == b.get("renamed").Generation })
	if !b.server.accepts("first", "secret-1") {
		t.Error("the user that the running controller has is refused after a second change")
	}
	b.workloads.with(func(w *workloads) { w.frozen = false })
	b.until("the third user is let in", func() bool { return b.server.accepts("third", "secret-3") })
	b.until("the first two users are gone", func() bool {
		return !b.server.accepts("first", "secret-1") && !b.server.accepts("second", "secret-2")
	})
	b.waitReady("renamed")
}

// TestARootPasswordThatIsChangedTwiceWhileMariaDBIsAwayIsNotLost: whoever carried
// the second one out has died before he could tell, and a third replaces it.
func TestARootPasswordThatIsChangedTwiceWhileMariaDBIsAwayIsNotLost(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.start()
	b.applyWith("twice", inline("root-1", "writer", "writer-1"))
	b.server.away.Store(true)
	b.setCredentials("twice", inline("root-2", "writer", "writer-1"))
	b.until("the second is written down", func() bool { return b.credentials().NextRootPassword == "root-2" })
	// As a process that died right after MariaDB's last statement leaves it.
	admin, _, err := dbadmin.Connect(t.Context(), dbadmin.Server{Host: "127.0.0.1", Port: b.server.Port}, "root-1")
	if err != nil {
		t.Fatal(err)
	}
	c := b.credentials()
	if _, err := admin.Ensure(t.Context(), dbadmin.Wanted{
		RootPassword: "root-2", Database: c.Database, User: dbadmin.Account{User: c.User, Password: c.Password},
		Probe: dbadmin.Account{User: resources.ProbeUser, Password: c.ProbePassword}, Agents: resources.AgentUser,
	}); err != nil {
		t.Fatal(err)
	}
	_ = admin.Close()
	b.setCredentials("twice", inline("root-3", "writer", "writer-1"))
	b.until("the third is written down", func() bool { return b.credentials().NextRootPassword == "root-3" })
	b.server.away.Store(false)
	b.until("MariaDB takes the third", func() bool { return b.server.accepts("root", "root-3") })
	b.waitReady("twice")
}

// TestANameThatMariaDBCannotHaveIsRefusedBeforeAnythingIsWritten: its names are of
// Unicode's first plane.
func TestANameThatMariaDBCannotHaveIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.start()
	b.applyWith("named", inline("root-1", "writer", "writer-1"))
	before := b.credentials()
	b.setCredentials("named", inline("root-1", "\U0001F600", "writer-1"))
	b.waitFor("named", v1alpha1.ConditionReady, "False", v1alpha1.ReasonInvalidSpec)
	if b.credentials() != before {
		t.Error("the Secret was written")
	}
	b.setCredentials("named", inline("root-1", "writer", "writer-2"))
	b.until("MariaDB has the next change alone", func() bool { return b.server.accepts("writer", "writer-2") && !b.server.accepts("writer", "writer-1") })
	b.waitReady("named")
}
