// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package system

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/receiver"
)

// TestACallSurvivesTheLeaderThatWasKilledAfterTheAnswer kills the leader between
// the 202 and the run: the other replica runs it, once.
func TestACallSurvivesTheLeaderThatWasKilledAfterTheAnswer(t *testing.T) {
	t.Parallel()
	s := newTriggered(t, v1alpha1.TriggerWebhook, true)
	s.options.LeaderElection = true
	s.options.LeaseDuration, s.options.RenewDeadline, s.options.RetryPeriod = 3*time.Second, 2*time.Second, 300*time.Millisecond
	first := s.startChild(s.kubeconfig(s.kube), true)
	s.cloudsSecret(s.lab.User.Name, s.lab.User.Password)
	s.eventually("the child leads", func() error {
		if !strings.Contains(s.log.String(), "Leading the database") {
			return errors.New("not yet")
		}
		return nil
	})
	s.created(true)
	s.start() // it stands by, and answers the webhook
	s.eventually("the other replica serves the webhook", func() error {
		if s.webhook.Load() == nil {
			return errors.New("not yet")
		}
		return nil
	})
	before := s.readings()
	first.signal(syscall.SIGSTOP) // frozen: it can't run what is called now
	if status := s.call(""); status != http.StatusAccepted {
		t.Fatalf("the replica that stands by answers %d", status)
	}
	first.kill()
	s.eventually("the run that was called for", func() error {
		if s.readings() == before {
			return errors.New("OpenStack was not asked")
		}
		return nil
	})
	s.lookedAt()
	if n := s.readings() - before; n != 1 {
		t.Errorf("it was run %d times", n)
	}
}

// TestAThousandCallsASecondCauseAHandfulOfRuns floods the webhook for ten seconds.
func TestAThousandCallsASecondCauseAHandfulOfRuns(t *testing.T) {
	t.Parallel()
	s := newTriggered(t, v1alpha1.TriggerWebhook, true)
	s.cloudsSecret(s.lab.User.Name, s.lab.User.Password)
	s.start()
	s.created(true)
	before := s.readings()
	key := &corev1.Secret{}
	if err := s.client.Get(t.Context(), client.ObjectKey{Namespace: s.namespace, Name: "multinic-trigger-key"}, key); err != nil {
		t.Fatal(err)
	}
	codes := s.flood(key.Data["key"], 10_000, 10*time.Second)
	t.Logf("answers: %v, runs: %d", codes, s.readings()-before)
	for code := range codes {
		// The same body in the same second is a replay.
		if code != http.StatusAccepted && code != http.StatusTooManyRequests && code != http.StatusUnauthorized {
			t.Errorf("%d answers of %d", codes[code], code)
		}
	}
	if codes[http.StatusAccepted] == 0 {
		t.Error("no call was accepted")
	}
	s.lookedAt()
	if runs := s.readings() - before; runs < 1 || runs > 8 {
		t.Errorf("%d calls were accepted and caused %d runs", codes[http.StatusAccepted], runs)
	}
	cm := &corev1.ConfigMap{}
	if err := s.client.Get(context.Background(), client.ObjectKey{Namespace: s.namespace, Name: "multinic-triggers"}, cm); err != nil || len(cm.Data["calls"]) > 200_000 {
		t.Errorf("%d bytes are written down (%v)", len(cm.Data["calls"]), err)
	}
}

// call calls the webhook with a new timestamp.
func (s *triggered) call(body string) int {
	s.t.Helper()
	status, text := s.post(body)
	if status != http.StatusAccepted && status != http.StatusForbidden {
		s.t.Errorf("the webhook answers %d: %s", status, text)
	}
	return status
}

func (s *triggered) post(body string) (int, string) {
	s.t.Helper()
	secret := &corev1.Secret{}
	s.eventually("the webhook's key", func() error {
		return s.client.Get(s.t.Context(), client.ObjectKey{Namespace: s.namespace, Name: "multinic-trigger-key"}, secret)
	})
	s.sent++ // each call another second, so that none is a replay
	response, err := http.DefaultClient.Do(s.signed(secret.Data["key"], time.Now().Unix()+s.sent%200, body))
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text)
}

func (s *triggered) signed(key []byte, at int64, body string) *http.Request {
	timestamp := strconv.FormatInt(at, 10)
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, fmt.Sprintf("http://%s%s", s.webhook.Load(), receiver.Path), strings.NewReader(body))
	if err != nil {
		s.t.Error(err)
	}
	req.Header.Set(receiver.HeaderTimestamp, timestamp)
	req.Header.Set(receiver.HeaderSignature, receiver.Sign(key, timestamp, []byte(body)))
	return req
}

// flood sends n calls, each with a body of its own, spread over a time, and
// counts the answers' codes.
func (s *triggered) flood(key []byte, n int, during time.Duration) map[int]int {
	const senders = 16
	codes := map[int]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
	defer client.CloseIdleConnections()
	pace := time.NewTicker(during / time.Duration(n))
	defer pace.Stop()
	var left atomic.Int64
	left.Store(int64(n))
	for range senders {
		all.Go(func() {
			for i := left.Add(-1); i >= 0; i = left.Add(-1) {
				<-pace.C
				response, err := client.Do(s.signed(key, time.Now().Unix(), fmt.Sprintf(`{"labels":{}}%*s`, i%500, "")))
				if err != nil {
					s.t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
				mu.Lock()
				codes[response.StatusCode]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return codes
}
