// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package publication

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/internal/store/storetest"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// bed is a publication that is tended by hand.
type bed struct {
	*Publication
	t       *testing.T
	objects []Object
	// admitted is the epoch that a person wants open.
	admitted string
	wakes    atomic.Int64    // of all objects
	woken    []inventory.Key // single ones: reading the agents' marks alone does that
}

func newBed(t *testing.T, db testenv.DB, change ...func(*store.Config)) *bed {
	t.Helper()
	cfg := store.Config{Host: db.Host, Port: db.Port, User: db.User, Password: db.Password, Database: db.Name, Cluster: "test"}
	for _, f := range change {
		f(&cfg)
	}
	s, err := store.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	b := &bed{t: t}
	b.Publication = New(Options{
		Store: s, Cluster: b, Clock: clock.RealClock{}, Log: logr.Discard(), CheckEvery: 50 * time.Millisecond,
		Wake: func(keys []inventory.Key) {
			if keys == nil {
				b.wakes.Add(1)
				return
			}
			b.woken = append(b.woken, keys...)
		},
	})
	return b
}

func (b *bed) Objects(context.Context) ([]Object, error)        { return b.objects, nil }
func (b *bed) apply(ctx context.Context, l *store.Leader) error { return b.plan(ctx, l, 3) }
func (b *bed) Admits(_ context.Context, epoch string) (bool, error) {
	return epoch == b.admitted, nil
}
func (b *bed) look(ctx context.Context, l *store.Leader) error {
	_, err := l.KnownServers(ctx, nil)
	return err
}
func (b *bed) read(ctx context.Context, l *store.Leader) error { _, err := l.States(ctx); return err }
func (b *bed) plan(ctx context.Context, l *store.Leader, n int) error {
	_, err := l.Apply(ctx, storetest.FirstRun(n, 1), nil)
	return err
}

// do writes, or reads, as a round does.
func (b *bed) do(what func(context.Context, *store.Leader) error) error {
	return b.Write(b.t.Context(), func(l *store.Leader) error { return what(b.t.Context(), l) })
}

func (b *bed) must(what func(context.Context, *store.Leader) error) {
	b.t.Helper()
	if err := b.do(what); err != nil {
		b.t.Fatal(err)
	}
}

// tends looks at the database, as once every two seconds.
func (b *bed) tends() {
	b.t.Helper()
	if err := b.tend(b.t.Context()); err != nil {
		b.t.Fatalf("tending ends the process: %v", err)
	}
}

// wants says what has become of the database and how often all were woken since
// it was last asked.
func (b *bed) wants(when string, trouble error, wakes int64) {
	b.t.Helper()
	if err := b.Err(); troubleOf(err) != trouble { //nolint:errorlint // classes are values
		b.t.Errorf("%s: %v, want %v", when, err, trouble)
	}
	if got := b.wakes.Swap(0); got != wakes {
		b.t.Errorf("%s: all objects were woken %d times, want %d", when, got, wakes)
	}
}

func root(t *testing.T, server *testenv.MariaDB, text string) {
	t.Helper()
	pool, err := server.Root()
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.ExecContext(t.Context(), text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

func exec(t *testing.T, db testenv.DB, text string) {
	t.Helper()
	if _, err := db.Open(t).ExecContext(t.Context(), text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

func TestAReadOnlyDatabaseIsNotBackBecauseItAnswers(t *testing.T) {
	t.Parallel()
	server := testenv.NewMariaDB(t, testenv.MariaDBOptions{})
	b := newBed(t, server.Database(t))
	b.tends()
	b.wants("led", nil, 1)
	root(t, server, "SET GLOBAL read_only = 1")
	if err := b.do(b.apply); !errors.Is(err, store.ErrReadOnly) {
		t.Fatalf("writing: %v, want ErrReadOnly", err)
	}
	b.wants("a write failed", store.ErrReadOnly, 1)
	for range 5 {
		b.tends()
		b.must(b.look)
	}
	b.wants("reads succeed", store.ErrReadOnly, 0)
	root(t, server, "SET GLOBAL read_only = 0")
	b.tends()
	b.wants("writable again", nil, 1)

	root(t, server, "SET GLOBAL read_only = 1")
	_ = b.do(b.apply)
	root(t, server, "SET GLOBAL read_only = 0")
	b.must(b.apply)
	b.wants("away, and back by a write", nil, 2)
}

func TestAFullDatabaseIsTriedBySmallWritesOnceAMinute(t *testing.T) {
	t.Parallel()
	b := newBed(t, testenv.Database(t))
	b.tends()
	full := fmt.Errorf("%w: no room for the plan", store.ErrFull)
	_ = b.do(func(context.Context, *store.Leader) error { return full })
	b.wakes.Store(0)
	for range 5 {
		b.tends() // a probe would succeed
	}
	b.wants("full", store.ErrFull, 0)
	b.mu.Lock()
	b.probed = b.probed.Add(-probeFullEvery)
	b.mu.Unlock()
	b.tends()
	b.wants("a minute later", nil, 1)
}

func TestAnOutageAndItsEndWakeAllOnceWhoeverNotices(t *testing.T) {
	t.Parallel()
	server := testenv.NewMariaDB(t, testenv.MariaDBOptions{})
	b := newBed(t, server.Database(t))
	b.tends()
	b.wants("led", nil, 1)
	server.Kill()
	for range 3 {
		b.tends()
		_ = b.do(b.look)
	}
	b.wants("killed", store.ErrUnavailable, 1)
	if text := b.Err().Error(); strings.Contains(text, "127.0.0.1") || !strings.Contains(text, "not available") {
		t.Errorf("conditions say %q, want what is wrong and no addresses, which change", text)
	}
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.must(b.read)
	b.wants("a round finds it back", nil, 1)
	b.tends()
	b.wants("and later", nil, 0)
}

func TestADatabaseThatCannotBeLedWakesAllOnce(t *testing.T) {
	t.Parallel()
	b := newBed(t, testenv.Database(t), func(c *store.Config) { c.Password = "wrong" })
	for range 3 {
		b.tends()
	}
	b.wants("refused", store.ErrCredentials, 1)
}

func TestTheSameTroubleInOtherWordsSaysTheSame(t *testing.T) {
	t.Parallel()
	say := func(port int) string {
		return (&UnavailableError{fmt.Errorf("%w: %w", store.ErrUnavailable, &net.DNSError{
			Name: "mariadb", Err: fmt.Sprintf("read udp 10.0.0.1:%d->10.0.0.2:53: i/o timeout", port),
		})}).Error()
	}
	if say(40001) != say(40002) || !strings.Contains(say(1), `"mariadb"`) {
		t.Errorf("%q and %q, want the same, with the name", say(40001), say(40002))
	}
}

func TestADumpThatWasNoticedIsNotForgottenWhereTheStatusesLag(t *testing.T) {
	t.Parallel()
	db := testenv.Database(t)
	b := newBed(t, db)
	b.tends()
	b.must(b.apply)
	b.objects = []Object{{Key: storetest.Object(0), Mark: b.Mark()}} // and no status is written after this
	b.must(func(ctx context.Context, l *store.Leader) error { return b.plan(ctx, l, 4) })
	exec(t, db, "UPDATE multi_epoch SET sequence = sequence - 1")
	b.tends()
	if err := b.Err(); !errors.Is(err, store.ErrReplaced) {
		t.Fatalf("the sequence went back: %v, want ErrReplaced", err)
	}
	b.tends()
	if open, _ := b.Gate(); open || b.Err() != nil || b.Mark().Generation != 2 {
		t.Errorf("led again with the gate open %t, mark %+v, %v; want it shut and a new generation", open, b.Mark(), b.Err())
	}
}

func TestADatabaseThatAnotherClusterTookIsLetGo(t *testing.T) {
	t.Parallel()
	db := testenv.Database(t)
	b := newBed(t, db)
	b.tends()
	b.wakes.Store(0)
	exec(t, db, "UPDATE multi_epoch SET owner = 'other', leader = 'other', fencing = fencing + 1")
	if _, unavailable := errors.AsType[*UnavailableError](b.do(b.apply)); !unavailable {
		t.Error("writing is no UnavailableError")
	}
	b.wants("a write found out", store.ErrForeignOwner, 1)
	b.tends()
	b.wants("and can't be led", store.ErrForeignOwner, 0)
	if _, known := b.State(storetest.Object(0)); known || !strings.Contains(b.Err().Error(), `"other"`) {
		t.Errorf("a leader is left, or the owner is not named: %v", b.Err())
	}
}

func TestADatabaseThatHangsIsKnownToBeAwayAlsoWhileAWriteHangs(t *testing.T) {
	t.Parallel()
	server := testenv.NewMariaDB(t, testenv.MariaDBOptions{})
	b := newBed(t, server.Database(t))
	ctx, cancel := context.WithCancel(t.Context())
	var ended sync.WaitGroup
	defer ended.Wait()
	defer cancel()
	ended.Go(func() { _ = b.Start(ctx) })
	wait := func(what string, most time.Duration, holds func() bool) {
		t.Helper()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for since := time.Now(); !holds(); <-tick.C {
			if time.Since(since) > most {
				t.Fatalf("not within %s: %s", most, what)
			}
		}
	}
	wait("led", time.Minute, func() bool { return b.Err() == nil })
	if err := server.Freeze(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Thaw() }()
	ended.Go(func() { _ = b.Write(ctx, func(l *store.Leader) error { return b.apply(ctx, l) }) })
	wait("the outage is known", 15*time.Second, func() bool { return errors.Is(b.Err(), store.ErrUnavailable) })
	if err := server.Thaw(); err != nil {
		t.Fatal(err)
	}
	wait("the database is back", time.Minute, func() bool { return b.Err() == nil })
}

func TestTroubleWithTheAgentsAccountHoldsNothingUpAndIsTriedAgain(t *testing.T) {
	t.Parallel()
	server := testenv.NewMariaDB(t, testenv.MariaDBOptions{})
	db := server.Database(t)
	b := newBed(t, db, func(c *store.Config) { c.AgentUser, c.AgentPassword = "agent", "secret" })
	o := Object{Key: storetest.Object(0), Mark: store.Mark{Epoch: "lost", Generation: 1, Sequence: 1}}
	b.objects = []Object{o}
	b.tends()
	if open, holders := b.Gate(); open || len(holders) != 1 {
		t.Fatalf("the gate of a new database is open: %t, with the holders %v", open, holders)
	}
	b.wakes.Store(0)
	b.must(func(ctx context.Context, l *store.Leader) error {
		b.Remember([]store.ObjectState{{Key: o.Key, Epoch: l.Mark().Epoch}}, true)
		return b.apply(ctx, l)
	})
	b.wants("published again", nil, 1)
	if open, holders := b.Gate(); !open || len(holders) != 0 || b.AgentsErr() == nil {
		t.Fatalf("the gate is open: %t, with the holders %v, and of the account is said %v; want it open, and an error", open, holders, b.AgentsErr())
	}
	root(t, server, "GRANT CREATE USER ON *.* TO "+db.User+"@'%'")
	root(t, server, "GRANT GRANT OPTION ON "+db.Name+".* TO "+db.User+"@'%'")
	b.mu.Lock()
	b.agentsTried = b.agentsTried.Add(-agentsRetry)
	b.mu.Unlock()
	b.tends()
	if err := b.AgentsErr(); err != nil {
		t.Errorf("a minute after the account may be made: %v", err)
	}
	b.wants("the account is made", nil, 0)
}
