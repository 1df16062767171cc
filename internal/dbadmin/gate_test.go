// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package dbadmin

import (
	"errors"
	"slices"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/xormsdhkdwk/multinic/internal/mariadb"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/internal/store/storetest"
)

const (
	cluster  = "11111111-2222-4333-8444-555555555555/multinic-system"
	database = "multi_nic"
)

// published is a server whose database a controller has published in.
type published struct {
	*bed

	admin *Admin
	store *store.Store
	mark  store.Mark
	ids   []string
}

func publish(t testing.TB) *published {
	t.Helper()
	p := newPublished(t)
	p.mark = p.apply(p.lead(store.Mark{}))
	p.ids = p.readIDs()
	return p
}

// newPublished is one that is yet to be led for the first time.
func newPublished(t testing.TB) *published {
	t.Helper()
	p := &published{bed: newBed(t)}
	p.admin = p.connect()
	w := p.wanted()
	p.ensure(p.admin, w)
	var err error
	p.store, err = store.Open(store.Config{
		Host: p.Host, Port: p.Port, User: w.User.User, Password: w.User.Password, Database: database, Cluster: cluster,
		Clock: clock.RealClock{}, Log: logr.Discard(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.store.Close() })
	return p
}

func (p *published) lead(remembered store.Mark) *store.Leader {
	p.t.Helper()
	l, err := p.store.Lead(p.t.Context(), remembered)
	if err != nil {
		p.t.Fatal(err)
	}
	return l
}

func (p *published) apply(l *store.Leader) store.Mark {
	p.t.Helper()
	mark, err := l.Apply(p.t.Context(), storetest.FirstRun(3, 3), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return mark
}

// readIDs reads the agents' table under its open name.
func (p *published) readIDs() []string {
	p.t.Helper()
	return p.texts("SELECT CONCAT(id, ' ', port_id) FROM " + database + ".multi_interface ORDER BY id")
}

// agentsGet is the error that agents get.
func (p *published) agentsGet() error {
	p.t.Helper()
	root, err := p.Root()
	if err != nil {
		p.t.Fatal(err)
	}
	defer root.Close()
	return root.QueryRowContext(p.t.Context(), "SELECT id FROM "+database+".multi_interface LIMIT 1").Scan(new(int))
}

func (p *published) wantShut(when string) {
	p.t.Helper()
	open, exists, err := p.admin.GateOpen(p.t.Context(), database)
	if got := p.agentsGet(); err != nil || open || !exists || mariadb.Number(got) != mariadb.ErrNoSuchTable {
		p.t.Fatalf("%s: open %t, exists %t, %v, and agents get %v", when, open, exists, err, got)
	}
}

func TestADatabaseThatIsLaidByOpensOnlyWhenAllIsPublishedAgain(t *testing.T) {
	t.Parallel()
	p := publish(t)
	if open, exists, err := p.admin.GateOpen(t.Context(), database); err != nil || !open || !exists {
		t.Fatalf("published: open %t, exists %t, %v", open, exists, err)
	}
	for range 2 {
		if err := p.admin.Shut(t.Context(), database); err != nil {
			t.Fatal(err)
		}
		p.wantShut("after Shut")
	}
	if owner, err := p.admin.Owner(t.Context(), database); err != nil || owner != cluster {
		t.Errorf("the owner is %q, %v", owner, err)
	}
	if rows := p.texts("SELECT fencing FROM " + database + ".multi_epoch"); !slices.Equal(rows, []string{"2"}) {
		t.Errorf("the fencing number is %v: the second Shut wrote", rows)
	}
	p.Stop()
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.wantShut("started again")

	l := p.lead(p.mark)
	p.wantShut("led again")
	// What the objects succeeded in before is of another epoch: all run again.
	if mark := l.Mark(); l.GateOpen() || mark.Epoch == p.mark.Epoch || !mark.After(p.mark) {
		t.Errorf("led again: open %t, mark %+v after %+v", l.GateOpen(), mark, p.mark)
	}
	l = p.lead(l.Mark()) // the controller starts once more in between
	p.apply(l)
	p.wantShut("published again")
	if err := l.Admit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ids := p.readIDs(); !slices.Equal(ids, p.ids) || len(ids) != 3 {
		t.Errorf("the rows are %v, were %v", ids, p.ids)
	}
}

func TestAControllerThatRunsWhileItsDatabaseIsLaidByIsDeposed(t *testing.T) {
	t.Parallel()
	p := publish(t)
	l := p.lead(p.mark)
	if err := p.admin.Shut(t.Context(), database); err != nil {
		t.Fatal(err)
	}
	for what, try := range map[string]func() error{
		"Check": func() error { return l.Check(t.Context()) },
		"Apply": func() error { _, err := l.Apply(t.Context(), storetest.FirstRun(5, 5), nil); return err },
		"Probe": func() error { return l.Probe(t.Context()) },
	} {
		if err := try(); !errors.Is(err, store.ErrDeposed) {
			t.Errorf("%s: %v, want ErrDeposed", what, err)
		}
	}
	p.wantShut("with a deposed leader")
	// One that starts again comes with its gate shut, and a Shut after that
	// takes it anew.
	l = p.lead(p.mark)
	p.wantShut("led again")
	if err := p.admin.Shut(t.Context(), database); err != nil {
		t.Fatal(err)
	}
	if err := l.Admit(t.Context()); !errors.Is(err, store.ErrDeposed) {
		t.Errorf("Admit: %v, want ErrDeposed", err)
	}
	p.wantShut("after a deposed leader's Admit")
}

func TestShuttingMayDieAtEveryStatement(t *testing.T) {
	t.Parallel()
	p := publish(t)
	counts := func(text string) bool { return len(text) < 4 || text[:4] != "SET " }
	for _, next := range []string{"Shut", "Lead"} {
		for _, after := range []bool{false, true} {
			for step := int64(1); ; step++ {
				d := &death{at: step, after: after, counts: counts}
				server := p.server()
				server.Dial = d.dial
				a, _, err := Connect(t.Context(), server, p.RootPassword)
				if err == nil {
					err = a.Shut(t.Context(), database)
					a.Close()
				}
				done := d.counted.Load() < step
				if done && err != nil {
					t.Fatal(err)
				}
				// Until Shut succeeds agents read all that was published, or get
				// an error.
				if got := p.agentsGet(); got == nil {
					if ids := p.readIDs(); !slices.Equal(ids, p.ids) {
						t.Fatalf("step %d: agents read %v", step, ids)
					}
				}
				if err == nil {
					p.wantShut("Shut has succeeded")
				}
				if next == "Shut" || done {
					if err := p.admin.Shut(t.Context(), database); err != nil {
						t.Fatalf("step %d: again: %v", step, err)
					}
					p.wantShut("after another Shut")
				}
				l := p.lead(p.mark)
				p.mark = p.apply(l)
				if err := l.Admit(t.Context()); err != nil {
					t.Fatalf("step %d: %v", step, err)
				}
				if ids := p.readIDs(); !slices.Equal(ids, p.ids) {
					t.Fatalf("step %d: the rows are %v, were %v", step, ids, p.ids)
				}
				if done {
					if step < 8 {
						t.Errorf("only %d steps: the test does not see the statements", step-1)
					}
					break
				}
			}
		}
	}
}

func TestWhatIsNotThereIsShutAlready(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.exec("CREATE DATABASE empty")
	a := b.connect()
	for _, name := range []string{"empty", "absent"} {
		open, exists, err := a.GateOpen(t.Context(), name)
		owner, ownerErr := a.Owner(t.Context(), name)
		if err := errors.Join(err, ownerErr, a.Shut(t.Context(), name)); err != nil || open || exists || owner != "" {
			t.Errorf("%s: open %t, exists %t, owner %q, %v", name, open, exists, owner, err)
		}
	}
	if _, _, err := a.GateOpen(t.Context(), "mysql"); err == nil {
		t.Error("a database of the server's own is looked at")
	}
}

func TestShutTakesTheRightTableOfTwo(t *testing.T) {
	t.Parallel()
	p := publish(t)
	// As a dump leaves it that is restored beside an open table.
	p.exec("CREATE TABLE " + database + ".multi_interface_shut_9 LIKE " + database + ".multi_interface")
	if err := p.admin.Shut(t.Context(), database); err != nil {
		t.Fatal(err)
	}
	p.wantShut("after Shut")
	l := p.lead(p.mark)
	if err := l.Admit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ids := p.readIDs(); !slices.Equal(ids, p.ids) {
		t.Errorf("the rows are %v, were %v", ids, p.ids)
	}
}
