// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/xormsdhkdwk/multinic/internal/health"
)

func serve(t *testing.T, s *health.Server) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Listener, s.Gatherer = listener, prometheus.NewRegistry()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "http://" + listener.Addr().String()
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// TestWhatIsOnlyToldKeepsNobodyFromWork: a database that is away is no reason to
// take the operator out of its Service.
func TestWhatIsOnlyToldKeepsNobodyFromWork(t *testing.T) {
	t.Parallel()
	looked := make(chan struct{}, 1)
	url := serve(t, &health.Server{Checks: []health.Check{
		{Name: "kubernetes", Probe: func(context.Context) error { return nil }},
		{Name: "database", Told: true, Probe: func(context.Context) error {
			select {
			case looked <- struct{}{}:
			default:
			}
			return errors.New("it is away")
		}},
	}})
	<-looked
	for path, want := range map[string]int{"/livez": http.StatusOK, "/readyz": http.StatusOK, "/healthz": http.StatusServiceUnavailable} {
		for {
			code, body := get(t, url+path)
			if strings.Contains(body, "not looked at yet") {
				continue
			}
			if code != want {
				t.Errorf("%s answers %d: %s", path, code, body)
			}
			if told := strings.Contains(body, "[-] database: it is away"); told != (path == "/healthz") {
				t.Errorf("%s says %q", path, body)
			}
			break
		}
	}
}

func TestMetricsAreGuardedAndNothingElse(t *testing.T) {
	t.Parallel()
	url := serve(t, &health.Server{Guard: func(http.Handler) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }), nil
	}})
	for path, want := range map[string]int{"/metrics": http.StatusUnauthorized, "/livez": http.StatusOK, "/readyz": http.StatusOK} {
		if code, _ := get(t, url+path); code != want {
			t.Errorf("%s answers %d", path, code)
		}
	}
}
