// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/go-logr/logr/funcr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

const appSecret = "app-cred-s3cret"

// said is what the worst of peers quotes of a request: its token, and the
// part of its body with the secret, as it came and decoded.
func said(r *http.Request) string {
	body, _ := io.ReadAll(r.Body)
	text := r.Header.Get("X-Auth-Token")
	for _, secret := range []string{testPassword, appSecret} {
		quoted := asJSON(secret)
		if bytes.Contains(body, quoted) {
			text += " " + secret + " " + string(quoted)
		}
	}
	return text
}

func asJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func echo(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		reply(w, status, map[string]any{"error": map[string]any{"code": status, "message": said(r)}})
	}
}

func echoText(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		fmt.Fprint(w, said(r))
	}
}

func TestNoErrorLogOrMetricTellsAPasswordTokenOrSecret(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var out bytes.Buffer
	write := func(what, text string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(&out, "%s: %s\n", what, text)
	}
	registry := prometheus.NewRegistry()
	log := funcr.New(func(prefix, args string) { write("log", prefix+args) }, funcr.Options{Verbosity: 10})
	for _, call := range []string{loginCall, versionCall, subnetsCall, networksCall, serversCall, portsCall} {
		for _, with := range []http.HandlerFunc{
			echo(400), echo(401), echo(403), echo(404), echo(409), echo(429), echo(500), echo(503), echo(302), echo(200), echo(201),
			echoText(200), echoText(201), echoText(400), echoText(500), cut, nil,
		} {
			for _, byApp := range []bool{false, true} {
				cloud := startCloud(t)
				if with != nil {
					cloud.on(call, with)
				}
				cred := cloud.credentials()
				if byApp {
					cred.Password, cred.ApplicationCredentialID, cred.ApplicationCredentialSecret = "", "app", appSecret
				}
				c := newClient(t, Options{Log: log, Registerer: registry, Retries: -1})
				_, err := c.Snapshot(context.Background(), cred, oneVM)
				if err != nil {
					write("error", err.Error())
					write("error %+v", fmt.Sprintf("%+v", err))
				}
				log.Info("credentials", "value", cred, "pointer", &cred)
				write("formatted", fmt.Sprintf("%v %+v %#v %s %q", cred, cred, cred, cred, cred))
				write("json", string(asJSON(cred)))
				slog.New(slog.NewTextHandler(&lineWriter{write}, nil)).Info("x", "c", cred)
			}
		}
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(families) == 0 {
		t.Fatal("no metrics were gathered")
	}
	for _, f := range families {
		var b bytes.Buffer
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			t.Fatal(err)
		}
		write("metrics", b.String())
	}
	text := out.String()
	if !strings.Contains(text, "list_servers") || !strings.Contains(text, "it says") {
		t.Fatal("the test looks at nothing")
	}
	quoted := asJSON(testPassword)
	for _, secret := range []string{testPassword, string(quoted[1 : len(quoted)-1]), `never\u003e`, "<never>", appSecret, "gAAAA-secret-token"} {
		for line := range strings.Lines(text) {
			if strings.Contains(line, secret) {
				t.Errorf("%q is told: %s", secret, line)
				break
			}
		}
	}
}

type lineWriter struct{ write func(what, text string) }

func (l *lineWriter) Write(p []byte) (int, error) {
	l.write("slog", string(p))
	return len(p), nil
}

func TestMetricsHaveOneSeriesPerOperationAndBoundedCodes(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	cloud := startCloud(t)
	c := newClient(t, Options{Registerer: registry, Retries: -1})
	mustSnapshot(t, c, cloud.credentials(), oneVM)
	for status := 200; status < 1000; status++ {
		cloud.on(portsCall, raw(status, "application/json", "{"))
		_, _ = c.Snapshot(context.Background(), cloud.credentials(), oneVM)
	}
	// A second client of the same registry shares the metric.
	newClient(t, Options{Registerer: registry})
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]uint64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			labels := ""
			for _, l := range m.GetLabel() {
				labels += l.GetValue() + " "
			}
			seen[labels] = m.GetHistogram().GetSampleCount()
		}
	}
	for _, want := range []string{"201 login identity ", "200 get_version compute ", "200 list_servers compute ", "200 list_ports network ", "503 list_ports network ", "other list_ports network "} {
		if seen[want] == 0 {
			t.Errorf("no observation of %q", want)
		}
	}
	if len(seen) > 45 {
		t.Errorf("%d series: a peer can make as many as it likes", len(seen))
	}
}
