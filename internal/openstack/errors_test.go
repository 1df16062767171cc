// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestWhatMayPassByItselfIsTriedAgainAndWhatLocksAccountsIsNot(t *testing.T) {
	t.Parallel()
	const ownNotFound = `{"error": {"code": 404, "message": "Could not find it.", "title": "Not Found"}}`
	limited := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusForbidden)
	}
	for what, tc := range map[string]struct {
		call      string
		with      http.HandlerFunc
		kind      Kind
		temporary bool
		again     bool
		wait      time.Duration
	}{
		"a load balancer's 404":       {serversCall, raw(404, "text/html", "<html>no backend</html>"), EndpointUnknown, false, true, 5 * time.Minute},
		"a load balancer's 405":       {portsCall, raw(405, "text/html", ""), EndpointUnknown, false, true, 5 * time.Minute},
		"a redirect to a maintenance": {subnetsCall, http.RedirectHandler("https://sorry.example/", http.StatusFound).ServeHTTP, EndpointUnknown, false, true, 5 * time.Minute},
		"a 404 instead of Keystone":   {loginCall, raw(404, "text/html", ""), EndpointUnknown, false, true, 5 * time.Minute},
		"Keystone's own 404":          {loginCall, raw(404, "application/json", ownNotFound), EndpointUnknown, false, true, 5 * time.Minute},
		"a policy":                    {serversCall, raw(403, "application/json", `{"forbidden": {"code": 403, "message": "no"}}`), Forbidden, false, true, 5 * time.Minute},
		"a firewall's 403":            {portsCall, limited, Forbidden, false, true, time.Hour},
		"a proxy's 400":               {portsCall, raw(400, "text/html", "<html>Bad Request</html>"), BadRequest, false, true, 5 * time.Minute},
		"502":                         {portsCall, raw(502, "text/html", ""), ServerError, true, true, 0},
		"a wrong password":            {loginCall, raw(401, "application/json", `{"error": {"code": 401, "message": "The request you have made requires authentication."}}`), Unauthorized, false, false, 0},
		"a service's 401":             {portsCall, raw(401, "text/plain", ""), Unauthorized, true, true, 0},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			cloud := startCloud(t)
			cloud.on(tc.call, tc.with)
			e := mustFail(t, newClient(t, Options{}), cloud.credentials(), oneVM, tc.kind)
			wantRetry(t, e, tc.temporary, tc.again, tc.wait)
		})
	}
}

func TestACertificateIsLookedAtAgainAndWhatNobodyAnsweredIsNot(t *testing.T) {
	t.Parallel()
	c := newClient(t, Options{})
	cloud := newFakeCloud()
	cloud.Server = httptest.NewUnstartedServer(cloud)
	cloud.Config.ErrorLog = quiet
	cloud.StartTLS()
	t.Cleanup(cloud.Close)
	wantRetry(t, mustFail(t, c, cloud.credentials(), oneVM, TLS), false, true, 5*time.Minute)

	plain := startCloud(t)
	plain.catalogue = []any{entry("network", "RegionOne", plain.URL+"/network")}
	wantRetry(t, mustFail(t, c, plain.credentials(), oneVM, EndpointUnknown), false, false, 0)
	wantRetry(t, mustFail(t, c, Credentials{}, oneVM, BadRequest), false, false, 0)
	cred := plain.credentials()
	cred.ProjectID = "another"
	wantRetry(t, mustFail(t, c, cred, oneVM, WrongScope), false, false, 0)
}

func wantRetry(t *testing.T, e *Error, temporary, again bool, wait time.Duration) {
	t.Helper()
	if got, ok := e.Retry(); got != wait || ok != again || e.Temporary() != temporary {
		t.Errorf("%v: temporary %v, again %v after %s; want %v, %v, %s", e, e.Temporary(), ok, got, temporary, again, wait)
	}
}
