// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/internal/resources"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// TestAnOperatorKilledAtAnyWriteConverges takes one MultiNicOperator through its
// life undisturbed, then two others, whose operator is killed once at every place
// where it writes to Kubernetes or MariaDB: in one life the write is made and only
// its answer lost, in the other it is never sent. Each goes on with an operator
// that remembers nothing, and at the end of every stage all is as it was in the
// life that nobody disturbed.
func TestAnOperatorKilledAtAnyWriteConverges(t *testing.T) {
	t.Parallel()
	quiet := newLife(t)
	quiet.start()
	want := map[string]state{}
	quiet.live(func(string) {}, func(stage string) { want[stage] = quiet.rest() })
	for name, after := range map[string]bool{"after": true, "before": false} {
		t.Run("killed "+name+" each write", func(t *testing.T) {
			t.Parallel()
			killedLife(t, after, want)
		})
	}
}

func killedLife(t *testing.T, after bool, want map[string]state) {
	t.Helper()
	l := newLife(t)
	killer := &assassin{after: after, struck: map[string]bool{}}
	kube, options := l.kube, l.options
	var running *victim
	stop := func() {}
	l.tend = func() {
		if running != nil && !running.dead.Load() {
			return
		}
		go stop() // it is dead: nobody waits for it
		running, l.log = &victim{killer: killer}, &testenv.Log{}
		access, armed := running.armed(kube, options)
		l.options = armed
		stop = l.startWith(access)
	}
	t.Cleanup(func() {
		t.Logf("killed at %d places:\n%s", len(killer.places), strings.Join(killer.places, "\n"))
	})
	secrets := l.watchSecrets()
	l.live(killer.enter, func(stage string) {
		l.await(stage, func() string { return strings.Join(unlike(l.state(chosenRoot, chosenPassword), want[stage]), "\n") })
		secrets.ended(stage)
	})
	killer.mu.Lock()
	defer killer.mu.Unlock()
	sql := 0
	for _, place := range killer.places {
		if strings.Contains(place, ": SQL ") {
			sql++
		}
	}
	if len(killer.places) < 130 || sql < 10 {
		t.Errorf("killed at %d places only, %d of them in MariaDB", len(killer.places), sql)
	}
}

// rest is the state once it has not changed for a while: the operator has nothing
// left to do.
func (l *life) rest() state {
	l.t.Helper()
	var is state
	same := 0
	l.await("rest", func() string {
		now := l.state(chosenRoot, chosenPassword)
		if same++; len(unlike(now, is)) > 0 {
			same = 0
		}
		is = now
		return l.lacks(same >= 5, "rest")
	})
	return is
}

// secretsSeen is what the generated Secrets have held, in order.
type secretsSeen struct {
	l *life

	mu   sync.Mutex
	seen map[string][]string
}

// watchSecrets looks at the Secrets whenever they change.
func (l *life) watchSecrets() *secretsSeen {
	l.t.Helper()
	s := &secretsSeen{l: l, seen: map[string][]string{}}
	c, err := client.NewWithWatch(l.kube, client.Options{Scheme: l.client.Scheme()})
	if err != nil {
		l.t.Fatal(err)
	}
	watch, err := c.Watch(l.t.Context(), &corev1.SecretList{}, client.InNamespace(l.namespace))
	if err != nil {
		l.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for event := range watch.ResultChan() {
			if secret, ok := event.Object.(*corev1.Secret); ok {
				s.take(secret)
			}
		}
	}()
	l.t.Cleanup(func() { watch.Stop(); <-done })
	return s
}

func (s *secretsSeen) take(secret *corev1.Secret) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, value := range secret.Data {
		what := secret.Name + " " + key
		if had := s.seen[what]; len(had) == 0 || had[len(had)-1] != string(value) {
			s.seen[what] = append(had, string(value))
		}
	}
}

// ended sees that nothing was generated anew that MariaDB may have known: the
// passwords change where the owner has changed them, once.
func (s *secretsSeen) ended(stage string) {
	s.l.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	most := map[string]int{
		resources.CredentialsName + " rootPassword": 2, resources.CredentialsName + " password": 2, resources.CredentialsName + " user": 2,
		resources.CredentialsName + " agentPassword": 1, resources.CredentialsName + " probePassword": 1, resources.CredentialsName + " database": 1,
		resources.AgentAccessName + " password": 1,
		// They go with the internal database, and with the MultiNicOperator.
		resources.CertificateName + " tls.crt": 1, "multinic-operator-key key": 1,
	}
	switch stage {
	case "move in", "serve all", "delete":
		most[resources.CertificateName+" tls.crt"] = 2
	case "adopt", "want no data", "delete all":
		most[resources.CertificateName+" tls.crt"], most["multinic-operator-key key"] = 3, 2
	}
	for what, n := range most {
		if len(s.seen[what]) == 0 || len(s.seen[what]) > n {
			told, _ := json.Marshal(s.seen[what])
			s.l.t.Errorf("%s: %s has had %d values, %d at most are right: %s", stage, what, len(s.seen[what]), n, fmt.Sprintf("%.300s", told))
		}
	}
}
