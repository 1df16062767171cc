// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	testclock "k8s.io/utils/clock/testing"
)

const unauthorized = `{"error": {"code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."}}`

func TestManyAtOnceShareOneLogin(t *testing.T) {
	t.Parallel()
	cloud := startCloud(t)
	c := newClient(t, Options{})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := c.Snapshot(context.Background(), cloud.credentials(), oneVM); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := cloud.calls(loginCall); n != 1 {
		t.Errorf("%d logins, want 1", n)
	}
	if n := cloud.calls(versionCall); n != 1 {
		t.Errorf("the version was asked for %d times in the life of one login", n)
	}
}

func TestOtherCredentialsAreAnotherLogin(t *testing.T) {
	t.Parallel()
	cloud := startCloud(t)
	c := newClient(t, Options{})
	mustSnapshot(t, c, cloud.credentials(), oneVM)
	rotated := cloud.credentials()
	rotated.Password = "new"
	mustSnapshot(t, c, rotated, oneVM)
	if n := cloud.calls(loginCall); n != 2 {
		t.Errorf("%d logins, want 2: a rotated password must be used", n)
	}
	c.Forget(rotated)
	mustSnapshot(t, c, rotated, oneVM)
	if n := cloud.calls(loginCall); n != 3 {
		t.Errorf("%d logins after Forget, want 3", n)
	}
}

func TestATokenIsRenewedBeforeItEndsByKeystonesOwnClock(t *testing.T) {
	t.Parallel()
	cloud := startCloud(t)
	// Our clock is a year behind: only the token's life counts.
	clock := testclock.NewFakeClock(time.Now().AddDate(-1, 0, 0))
	c := newClient(t, Options{Clock: clock, IdleTimeout: 24 * time.Hour})
	for _, step := range []struct {
		wait   time.Duration
		logins int
	}{{0, 1}, {54 * time.Minute, 1}, {2 * time.Minute, 2}, {10 * time.Minute, 2}} {
		clock.Step(step.wait)
		mustSnapshot(t, c, cloud.credentials(), oneVM)
		if n := cloud.calls(loginCall); n != step.logins {
			t.Errorf("after %s more: %d logins, want %d", step.wait, n, step.logins)
		}
	}
}

func TestALoginThatNobodyUsesIsDropped(t *testing.T) {
	t.Parallel()
	cloud := startCloud(t)
	clock := testclock.NewFakeClock(time.Now())
	c := newClient(t, Options{Clock: clock, IdleTimeout: time.Minute})
	mustSnapshot(t, c, cloud.credentials(), oneVM)
	other := cloud.credentials()
	other.Region = "RegionOne"
	clock.Step(2 * time.Minute)
	mustSnapshot(t, c, other, oneVM)
	if n := len(c.sessions); n != 1 {
		t.Errorf("%d sessions are kept, want only the one in use", n)
	}
	if n := len(c.buckets); n != 1 {
		t.Errorf("%d buckets are kept, want 1", n)
	}
}

func TestARevokedTokenInMidFlightIsReplacedOnce(t *testing.T) {
	t.Parallel()
	cloud := startCloud(t)
	clock := testclock.NewFakeClock(time.Now())
	c := newClient(t, Options{Clock: clock})
	mustSnapshot(t, c, cloud.credentials(), oneVM)
	clock.Step(10 * time.Minute)
	cloud.on(portsCall, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Auth-Token") == "gAAAA-secret-token-1" {
			raw(401, "application/json", unauthorized)(w, r)
			return
		}
		cloud.good(w, r)
	})
	mustSnapshot(t, c, cloud.credentials(), oneVM)
	if n := cloud.calls(loginCall); n != 2 {
		t.Errorf("%d logins, want 2", n)
	}
}

func TestA401ThatAlternatesWith200IsCopedWithWithoutAStormOfLogins(t *testing.T) {
	t.Parallel()
	cloud := startCloud(t)
	var n atomic.Int64
	for _, call := range []string{subnetsCall, networksCall, serversCall, portsCall} {
		cloud.on(call, func(w http.ResponseWriter, r *http.Request) {
			if n.Add(1)%2 == 1 {
				raw(401, "application/json", unauthorized)(w, r)
				return
			}
			cloud.good(w, r)
		})
	}
	c := newClient(t, Options{})
	for range 5 {
		mustSnapshot(t, c, cloud.credentials(), oneVM)
	}
	if got := cloud.calls(loginCall); got != 1 {
		t.Errorf("%d logins, want 1: a token of some seconds is tried again as it is", got)
	}
}

func TestA401ToEveryTokenIsAnErrorAndNotALoop(t *testing.T) {
	t.Parallel()
	cloud := startCloud(t)
	cloud.on(serversCall, raw(401, "application/json", unauthorized))
	e := mustFail(t, newClient(t, Options{}), cloud.credentials(), oneVM, Unauthorized)
	if !e.Temporary() {
		t.Error("the password is right, so nobody needs to change something")
	}
	if n := cloud.calls(loginCall); n > 2 {
		t.Errorf("%d logins", n)
	}
	if n := cloud.calls(serversCall); n > 3 {
		t.Errorf("%d tries", n)
	}
}

func TestAWrongPasswordIsNotTriedAgainByEverybodyAtOnce(t *testing.T) {
	t.Parallel()
	cloud := startCloud(t)
	cloud.on(loginCall, raw(401, "application/json", unauthorized))
	clock := testclock.NewFakeClock(time.Now())
	c := newClient(t, Options{Clock: clock})
	for range 50 {
		e := mustFail(t, c, cloud.credentials(), oneVM, Unauthorized)
		if e.Temporary() || !strings.Contains(e.Error(), `"multinic"`) || !strings.Contains(e.Error(), testProject) {
			t.Fatalf("want a lasting error that names user and project: %v", e)
		}
	}
	if n := cloud.calls(loginCall); n != 1 {
		t.Errorf("%d logins within five seconds: the account may get locked", n)
	}
	clock.Step(refusalHold + time.Second)
	mustFail(t, c, cloud.credentials(), oneVM, Unauthorized)
	if n := cloud.calls(loginCall); n != 2 {
		t.Errorf("%d logins, want 2: the password may have been corrected in Keystone", n)
	}
}

func TestWhoeverWaitsForALoginSharesItsFailureButNotItsCancellation(t *testing.T) {
	t.Parallel()
	for _, cancelled := range []bool{false, true} {
		cloud := startCloud(t)
		c := newClient(t, Options{Retries: -1})
		first, cancel := context.WithCancel(context.Background())
		defer cancel()
		begun, more := make(chan struct{}), make(chan struct{})
		cloud.on(loginCall, func(w http.ResponseWriter, r *http.Request) {
			if n := cloud.calls(loginCall); n > 1 {
				if cancelled {
					cloud.good(w, r)
				} else {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
				return
			}
			// net/http notices that a client has gone once its body is read.
			_, _ = io.Copy(io.Discard, r.Body)
			close(begun)
			select {
			case <-more:
			case <-r.Context().Done():
			}
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = c.Snapshot(first, cloud.credentials(), oneVM) })
		<-begun
		results := make(chan error, 5)
		for range 5 {
			wg.Go(func() {
				_, err := c.Snapshot(context.Background(), cloud.credentials(), oneVM)
				results <- err
			})
		}
		waitForUsers(t, c, 6)
		if cancelled {
			cancel()
		} else {
			close(more)
		}
		wg.Wait()
		failed := 0
		for range 5 {
			if <-results != nil {
				failed++
			}
		}
		if cancelled && failed > 0 {
			t.Errorf("%d failed because another caller gave up", failed)
		}
		// Who comes just after the end of a login makes one of its own.
		if n := cloud.calls(loginCall); n > 4 {
			t.Errorf("%d logins: those who waited should share the result", n)
		}
	}
}

// waitForUsers waits until n callers share the only session.
func waitForUsers(t *testing.T, c *Client, n int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		c.mu.Lock()
		users := 0
		for _, s := range c.sessions {
			s.mu.Lock()
			users += s.users
			s.mu.Unlock()
		}
		c.mu.Unlock()
		if users == n {
			return
		}
	}
	t.Fatalf("%d callers did not come", n)
}

func TestATokenOfAnotherProjectIsRefusedBeforeAnythingIsAsked(t *testing.T) {
	t.Parallel()
	project := func(id, name string) map[string]any { return map[string]any{"id": id, "name": name} }
	byName := func(c Credentials) Credentials { c.ProjectID, c.ProjectName = "", "k8s"; return c }
	app := func(c Credentials) Credentials {
		c.Password, c.ApplicationCredentialID, c.ApplicationCredentialSecret = "", "app", "s3cret"
		return c
	}
	none := func(c Credentials) Credentials { c.ProjectID = ""; return c }
	same := func(c Credentials) Credentials { return c }
	for name, tc := range map[string]struct {
		project map[string]any
		change  func(Credentials) Credentials
		wrong   bool
	}{
		"the right one":                      {project(testProject, "k8s"), same, false},
		"the right one in capitals":          {project(strings.ToUpper(testProject), "k8s"), same, false},
		"another":                            {project("f00", "k8s"), same, true},
		"unscoped":                           {nil, same, true},
		"unscoped, nothing asked for":        {nil, none, true},
		"the default project":                {project("f00", "home"), none, false},
		"the right name":                     {project("f00", "K8s"), byName, false},
		"another name":                       {project("f00", "k9s"), byName, true},
		"application credential":             {project(testProject, "k8s"), app, false},
		"application credential of another":  {project("f00", "x"), app, true},
		"application credential, none asked": {project("f00", "x"), func(c Credentials) Credentials { return none(app(c)) }, false},
		"application credential, no scope":   {nil, func(c Credentials) Credentials { return none(app(c)) }, true},
		"a document without a project's id":  {map[string]any{"name": "k8s"}, byName, true},
		"the project's ID where a name is":   {project("k8s", "other"), byName, true},
		"the project's name where an ID is":  {project("other", testProject), same, true},
		"an empty project":                   {map[string]any{}, same, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := startCloud(t)
			cloud.project = tc.project
			cred := tc.change(cloud.credentials())
			c := newClient(t, Options{})
			if !tc.wrong {
				mustSnapshot(t, c, cred, oneVM)
				return
			}
			e := mustFail(t, c, cred, oneVM, WrongScope)
			if e.Temporary() {
				t.Error("a person must change something")
			}
			if cloud.calls(subnetsCall)+cloud.calls(serversCall) > 0 {
				t.Error("the wrong project was asked: it answers 200 and an empty list")
			}
		})
	}
}

func TestTheLoginIsWhatKeystoneAccepts(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*Credentials)
		want   string
	}{
		"password and project ID": {func(*Credentials) {}, `{"auth":{"identity":{"methods":["password"],"password":{"user":{"domain":{"name":"Default"},"name":"multinic","password":"PW"}}},"scope":{"project":{"id":"` + testProject + `"}}}}`},
		"no domain is Default":    {func(c *Credentials) { c.DomainName = "" }, `{"auth":{"identity":{"methods":["password"],"password":{"user":{"domain":{"name":"Default"},"name":"multinic","password":"PW"}}},"scope":{"project":{"id":"` + testProject + `"}}}}`},
		"project by name": {func(c *Credentials) {
			c.ProjectID, c.ProjectName, c.DomainID, c.ProjectDomainName = "", "k8s", "users", "projects"
		}, `{"auth":{"identity":{"methods":["password"],"password":{"user":{"domain":{"id":"users"},"name":"multinic","password":"PW"}}},"scope":{"project":{"domain":{"name":"projects"},"name":"k8s"}}}}`},
		"user ID": {func(c *Credentials) { c.UserID = "u1"; c.ProjectID = "" }, `{"auth":{"identity":{"methods":["password"],"password":{"user":{"id":"u1","password":"PW"}}}}}`},
		"application credential by ID": {func(c *Credentials) {
			c.ApplicationCredentialID, c.ApplicationCredentialSecret = "app", "s3cret"
		}, `{"auth":{"identity":{"application_credential":{"id":"app","secret":"s3cret"},"methods":["application_credential"]}}}`},
		"application credential by name": {func(c *Credentials) {
			c.ApplicationCredentialName, c.ApplicationCredentialSecret = "app", "s3cret"
		}, `{"auth":{"identity":{"application_credential":{"name":"app","secret":"s3cret","user":{"domain":{"name":"Default"},"name":"multinic"}},"methods":["application_credential"]}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := startCloud(t)
			var got string
			cloud.on(loginCall, func(w http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				got = string(b)
				if r.Header.Get("X-Auth-Token") != "" {
					t.Error("a login must not carry a token")
				}
				cloud.good(w, r)
			})
			cred := cloud.credentials()
			tc.change(&cred)
			mustSnapshot(t, newClient(t, Options{}), cred, oneVM)
			quoted, _ := json.Marshal(testPassword)
			if got = strings.ReplaceAll(got, string(quoted), `"PW"`); got != tc.want {
				t.Errorf("sent %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestCredentialsThatCannotWorkAreRefusedWithoutACall(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Credentials){
		"no authURL":                   func(c *Credentials) { c.AuthURL = "" },
		"authURL is no URL":            func(c *Credentials) { c.AuthURL = "cloud.example" },
		"authURL with a password":      func(c *Credentials) { c.AuthURL = "http://u:" + "p4ss" + "@c" },
		"networkEndpoint is no URL":    func(c *Credentials) { c.NetworkEndpoint = "neutron" },
		"computeEndpoint is no URL":    func(c *Credentials) { c.ComputeEndpoint = "://" },
		"no user":                      func(c *Credentials) { c.Username = "" },
		"no password":                  func(c *Credentials) { c.Password = "" },
		"unknown interface":            func(c *Credentials) { c.Interface = "private" },
		"application credential alone": func(c *Credentials) { c.ApplicationCredentialID = "a" },
		"application credential's user": func(c *Credentials) {
			c.ApplicationCredentialName, c.ApplicationCredentialSecret, c.Username = "a", "b", ""
		},
		"cacert is no PEM": func(c *Credentials) { c.CACert = []byte("nonsense") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := startCloud(t)
			cred := cloud.credentials()
			change(&cred)
			e := mustFail(t, newClient(t, Options{}), cred, oneVM, BadRequest)
			if e.Temporary() || strings.Contains(e.Error(), "p4ss") {
				t.Errorf("%v", e)
			}
			if cloud.calls(loginCall) != 0 {
				t.Error("a call was made")
			}
		})
	}
}
