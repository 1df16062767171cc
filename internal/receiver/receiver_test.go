// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/xormsdhkdwk/multinic/internal/trigger"
)

var noon = time.Date(2026, 11, 22, 12, 0, 30, 0, time.UTC)

const key = "0123456789abcdef0123456789abcdef"

// fakeCluster is a cluster in memory, with what goes wrong in it.
type fakeCluster struct {
	mu       sync.Mutex
	settings Settings
	objects  []Object
	secrets  map[string]map[string][]byte
	calls    trigger.Calls
	writes   int
	reads    int // of Secrets
	fail     error
	gate     chan struct{} // if set, a write waits for it
	began    chan struct{} // is told that one waits
}

func (f *fakeCluster) Settings(context.Context) (Settings, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.settings, f.fail
}

func (f *fakeCluster) Objects(context.Context) ([]Object, error) { return f.objects, nil }

func (f *fakeCluster) Secret(_ context.Context, name string) (map[string][]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads++
	if data, ok := f.secrets[name]; ok {
		return data, nil
	}
	return nil, errors.New("there is no Secret " + name)
}

func (f *fakeCluster) Record(_ context.Context, change func(*trigger.Calls)) error {
	if f.gate != nil {
		select {
		case f.began <- struct{}{}:
		default:
		}
		<-f.gate
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return f.fail
	}
	f.writes++
	change(&f.calls)
	return nil
}

func newCluster() *fakeCluster {
	return &fakeCluster{
		settings: Settings{Enabled: true, KeySecret: "key"},
		secrets:  map[string]map[string][]byte{"key": {"key": []byte(key)}},
		objects: []Object{
			{Namespace: "a", Name: "one", Labels: map[string]string{"tier": "front"}, VMNames: []string{"web-1"}},
			{Namespace: "a", Name: "two", VMNames: []string{"web-2"}},
			{Namespace: "b", Name: "one", Labels: map[string]string{"tier": "front"}, VMNames: []string{"db-1"}},
		},
	}
}

func newReceiver(c Cluster) (*Receiver, *clocktesting.FakeClock) {
	clock := clocktesting.NewFakeClock(noon)
	return New(Options{Cluster: c, Clock: clock, Log: logr.Discard()}), clock
}

func signedCall(at time.Time, body string) *http.Request {
	req := httptest.NewRequest(http.MethodPost, Path, strings.NewReader(body))
	timestamp := strconv.FormatInt(at.Unix(), 10)
	req.Header.Set(HeaderTimestamp, timestamp)
	req.Header.Set(HeaderSignature, Sign([]byte(key), timestamp, []byte(body)))
	return req
}

// ask returns the status and the reason, or the acceptance.
func ask(t *testing.T, r *Receiver, req *http.Request) (int, string, acceptance) {
	t.Helper()
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	var body struct {
		refusal
		acceptance
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("the answer %d is no JSON: %q", w.Code, w.Body)
	}
	if w.Code != http.StatusAccepted && (body.Reason == "" || body.Message == "") {
		t.Errorf("the answer %d gives no reason: %q", w.Code, w.Body)
	}
	return w.Code, body.Reason, body.acceptance
}

func TestACallIsAcceptedForWhatItMatches(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]string{
		"":                               {"a/one", "a/two", "b/one"},
		"\n\n":                           {"a/one", "a/two", "b/one"},
		"{}":                             {"a/one", "a/two", "b/one"},
		`{"namespace":"a"}`:              {"a/one", "a/two"},
		`{"namespace":"a","name":"two"}`: {"a/two"},
		`{"labels":{"tier":"front"}}`:    {"a/one", "b/one"},
		`{"namespace":"b","labels":{"tier":"front"}}`: {"b/one"},
	} {
		c := newCluster()
		r, _ := newReceiver(c)
		code, _, got := ask(t, r, signedCall(noon, body))
		if code != http.StatusAccepted || got.Matched != len(want) {
			t.Errorf("%s: %d, %+v", body, code, got)
		}
		for _, object := range []string{"a/one", "a/two", "b/one"} {
			called := !c.calls.Stamp(object).IsZero()
			if expected := strings.Contains(strings.Join(want, " "), object); called != expected {
				t.Errorf("%s: %s is called: %t", body, object, called)
			}
		}
		if !got.RequestedAt.Equal(noon) || c.writes != 1 {
			t.Errorf("%s: stamp %s after %d writes", body, got.RequestedAt, c.writes)
		}
	}
}

func TestWhatIsNotRightIsRefusedWithItsReasonAndWritesNothing(t *testing.T) {
	t.Parallel()
	plain := func(change func(*http.Request)) func() *http.Request {
		return func() *http.Request {
			req := signedCall(noon, "")
			change(req)
			return req
		}
	}
	for name, row := range map[string]struct {
		request func() *http.Request
		cluster func(*fakeCluster)
		status  int
		reason  string
	}{
		"unsigned":            {plain(func(r *http.Request) { r.Header.Del(HeaderSignature) }), nil, 401, "Unauthenticated"},
		"without a timestamp": {plain(func(r *http.Request) { r.Header.Del(HeaderTimestamp) }), nil, 401, "Unauthenticated"},
		"another key": {plain(func(r *http.Request) {
			r.Header.Set(HeaderSignature, Sign([]byte("another key, long enough"), r.Header.Get(HeaderTimestamp), nil))
		}), nil, 401, "SignatureInvalid"},
		"another body": {func() *http.Request {
			r := signedCall(noon, "")
			r.Body = http.NoBody
			r.Header.Set(HeaderSignature, Sign([]byte(key), r.Header.Get(HeaderTimestamp), []byte("x")))
			return r
		}, nil, 401, "SignatureInvalid"},
		"another timestamp": {plain(func(r *http.Request) { r.Header.Set(HeaderTimestamp, "1") }), nil, 401, "SignatureInvalid"},
		"a timestamp of words": {plain(func(r *http.Request) {
			r.Header.Set(HeaderTimestamp, "soon")
			r.Header.Set(HeaderSignature, Sign([]byte(key), "soon", nil))
		}), nil, 401, "TimestampInvalid"},
		"of the past":                       {func() *http.Request { return signedCall(noon.Add(-Window-time.Second), "") }, nil, 401, "TimestampOutOfRange"},
		"of the future":                     {func() *http.Request { return signedCall(noon.Add(Window+time.Second), "") }, nil, 401, "TimestampOutOfRange"},
		"a token in clear":                  {plain(func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+key) }), nil, 403, "TLSRequired"},
		"plain, but there is a certificate": {plain(func(*http.Request) {}), func(c *fakeCluster) { c.settings.TLSSecret = "tls" }, 403, "TLSRequired"},
		"not enabled":                       {plain(func(*http.Request) {}), func(c *fakeCluster) { c.settings.Enabled = false }, 403, "Disabled"},
		"another path":                      {plain(func(r *http.Request) { r.URL.Path = "/" }), nil, 404, "PathUnknown"},
		"another method":                    {plain(func(r *http.Request) { r.Method = http.MethodGet }), nil, 405, "MethodNotAllowed"},
		"an unknown object":                 {func() *http.Request { return signedCall(noon, `{"namespace":"a","name":"three"}`) }, nil, 404, "NothingMatches"},
		"unknown labels":                    {func() *http.Request { return signedCall(noon, `{"labels":{"tier":"back"}}`) }, nil, 404, "NothingMatches"},
		"a name alone":                      {func() *http.Request { return signedCall(noon, `{"name":"one"}`) }, nil, 400, "BodyInvalid"},
		"an unknown field":                  {func() *http.Request { return signedCall(noon, `{"names":"one"}`) }, nil, 400, "BodyInvalid"},
		"no JSON":                           {func() *http.Request { return signedCall(noon, `all of them`) }, nil, 400, "BodyInvalid"},
		"two objects":                       {func() *http.Request { return signedCall(noon, `{}{}`) }, nil, 400, "BodyInvalid"},
		"10 MB":                             {func() *http.Request { return signedCall(noon, strings.Repeat("x", 10<<20)) }, nil, 413, "BodyTooLarge"},
		"10 MB, in chunks": {func() *http.Request {
			r := signedCall(noon, strings.Repeat("x", 10<<20))
			r.ContentLength = -1
			return r
		}, nil, 413, "BodyTooLarge"},
		"no key":                  {plain(func(*http.Request) {}), func(c *fakeCluster) { c.secrets = nil }, 503, "Unavailable"},
		"a key that is too short": {plain(func(*http.Request) {}), func(c *fakeCluster) { c.secrets["key"]["key"] = []byte("short") }, 503, "Unavailable"},
		"the cluster is away":     {plain(func(*http.Request) {}), func(c *fakeCluster) { c.fail = errors.New("away") }, 503, "Unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster()
			if row.cluster != nil {
				row.cluster(c)
			}
			r, _ := newReceiver(c)
			if status, reason, _ := ask(t, r, row.request()); status != row.status || reason != row.reason {
				t.Errorf("%d %s, it should be %d %s", status, reason, row.status, row.reason)
			}
			if c.writes != 0 {
				t.Error("it was written down")
			}
		})
	}
}

func TestAReplayIsRefusedByEveryReplica(t *testing.T) {
	t.Parallel()
	c := newCluster()
	one, _ := newReceiver(c)
	two, _ := newReceiver(c)
	if code, _, _ := ask(t, one, signedCall(noon, "")); code != 202 {
		t.Fatal(code)
	}
	for name, r := range map[string]*Receiver{"the same replica": one, "another one": two} {
		if code, reason, _ := ask(t, r, signedCall(noon, "")); code != 401 || reason != "Replayed" {
			t.Errorf("%s: %d %s", name, code, reason)
		}
	}
	if code, _, _ := ask(t, two, signedCall(noon.Add(time.Second), "")); code != 202 {
		t.Errorf("a new call: %d", code)
	}
}

func TestWhileAKeyIsRotatedBothAreValid(t *testing.T) {
	t.Parallel()
	c := newCluster()
	r, clock := newReceiver(c)
	if code, _, _ := ask(t, r, signedCall(noon, "")); code != 202 {
		t.Fatal(code)
	}
	c.mu.Lock()
	c.secrets["key"] = map[string][]byte{"key": []byte("a new key that is long enough"), "previousKey": []byte(key)}
	c.mu.Unlock()
	clock.Step(rereadAfter)
	fresh := func(at time.Time) *http.Request {
		req := signedCall(at, "")
		req.Header.Set(HeaderSignature, Sign([]byte("a new key that is long enough"), req.Header.Get(HeaderTimestamp), nil))
		return req
	}
	if code, _, _ := ask(t, r, fresh(clock.Now())); code != 202 {
		t.Errorf("the new key at once: %d", code)
	}
	if code, _, _ := ask(t, r, signedCall(clock.Now().Add(time.Second), "")); code != 202 {
		t.Errorf("the previous key: %d", code)
	}
	c.mu.Lock()
	delete(c.secrets["key"], "previousKey")
	c.mu.Unlock()
	clock.Step(secretAge)
	if code, _, _ := ask(t, r, signedCall(clock.Now(), "")); code != 401 {
		t.Errorf("the previous key after its end: %d", code)
	}
}

func TestAFloodOfWrongKeysReadsTheSecretSeldom(t *testing.T) {
	t.Parallel()
	c := newCluster()
	r, _ := newReceiver(c)
	for range 200 {
		req := signedCall(noon, "")
		req.Header.Set(HeaderSignature, "sha256=00")
		ask(t, r, req)
	}
	if c.reads > 2 {
		t.Errorf("%d reads", c.reads)
	}
}

func TestTooManyCallsAreToldToSlowDown(t *testing.T) {
	t.Parallel()
	c := newCluster()
	r, clock := newReceiver(c)
	codes := map[int]int{}
	for i := range 100 {
		code, _, _ := ask(t, r, signedCall(noon.Add(time.Duration(i)*time.Second), ""))
		codes[code]++
	}
	if codes[202] != 20 || codes[429] != 80 {
		t.Errorf("%v", codes)
	}
	clock.Step(time.Second)
	if code, _, _ := ask(t, r, signedCall(noon.Add(200*time.Second), "")); code != 202 {
		t.Errorf("a second later: %d", code)
	}
}

func TestCallsThatComeWhileOneIsWrittenShareTheNextWrite(t *testing.T) {
	t.Parallel()
	c := newCluster()
	c.gate, c.began = make(chan struct{}), make(chan struct{}, 1)
	r, _ := newReceiver(c)
	var done sync.WaitGroup
	call := func(i int) {
		done.Go(func() {
			if code, _, _ := ask(t, r, signedCall(noon.Add(time.Duration(i)*time.Second), "")); code != 202 {
				t.Errorf("%d", code)
			}
		})
	}
	call(0)
	<-c.began
	for i := range 19 {
		call(i + 1)
	}
	for waiting := 0; waiting < 19; { // one is being written
		r.journal.mu.Lock()
		waiting = len(r.journal.waiting)
		r.journal.mu.Unlock()
	}
	close(c.gate)
	done.Wait()
	if c.writes != 2 {
		t.Errorf("20 calls took %d writes", c.writes)
	}
}

func TestACallIsNotAnsweredBeforeItIsWrittenDown(t *testing.T) {
	t.Parallel()
	c := newCluster()
	c.gate = make(chan struct{})
	r, _ := newReceiver(c)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code, reason, _ := ask(t, r, signedCall(noon, "").WithContext(ctx)); code != 503 {
		t.Errorf("%d %s", code, reason)
	}
	close(c.gate)
}

func TestNoKeyAndNoSignatureIsLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	c := newCluster()
	registry := prometheus.NewRegistry()
	r := New(Options{
		Cluster: c, Clock: clocktesting.NewFakeClock(noon), Registerer: registry,
		Log: logr.FromSlogHandler(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	good := signedCall(noon, "")
	bad := signedCall(noon, "")
	bad.Header.Set("Authorization", "Bearer "+key)
	ask(t, r, good)
	ask(t, r, bad)
	if log.Len() == 0 {
		t.Fatal("nothing is logged")
	}
	for _, secret := range []string{key, good.Header.Get(HeaderSignature)[7:]} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log tells %s:\n%s", secret, log.String())
		}
	}
	if n, err := testutil.GatherAndCount(registry, "multinic_trigger_calls_total"); err != nil || n != 2 {
		t.Errorf("%d series, %v", n, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, body := range []string{"", "{}", `{"namespace":"a","name":"b","labels":{"c":"d"}}`, novaCreated, neutronUpdated, neutronDeleted, enveloped, "[", `{"oslo.message":"{"}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := parse(body)
		if (s == nil) == (err == nil) {
			t.Fatalf("%v, %v", s, err)
		}
		if s != nil {
			s.matches(&Object{Namespace: "a", Name: "b"})
		}
	})
}

// What is narrowed must not widen: only an empty selection means all.
func TestOnlyWhatSaysNothingMeansAll(t *testing.T) {
	t.Parallel()
	for body, all := range map[string]bool{"": true, "{}": true, `{"namespace":""}`: true, `{"namespace":"a"}`: false, `{"event_type":"port.update.end"}`: false} {
		s, err := parse([]byte(body))
		if err != nil || s.all() != all {
			t.Errorf("%s: %v, %v", body, s, err)
		}
	}
	if _, err := parse(fmt.Appendf(nil, `{"oslo.version":"2.0","oslo.message":%q}`, "{}")); err == nil {
		t.Error("an envelope without a notification is accepted")
	}
}
