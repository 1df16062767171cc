// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package system

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/test/openstacksim"
)

// triggered is a system whose trigger webhook is served, with what a test of the
// modes needs.
type triggered struct {
	*system
	mode     v1alpha1.TriggerMode
	onChange bool
	webhook  atomic.Value // where it is served
	stop     func()
	sent     int64 // seconds that the last call's timestamp was ahead
}

const (
	day   = "24h" // an interval whose ticks don't come into a test
	often = "10s" // the shortest there is
)

func newTriggered(t *testing.T, mode v1alpha1.TriggerMode, onChange bool) *triggered {
	t.Helper()
	s := &triggered{system: newSystem(t, 3), mode: mode, onChange: onChange}
	s.options.TriggerAddress, s.options.TriggerTLSAddress = "127.0.0.1:0", "127.0.0.1:0"
	s.options.TriggerStarted = func(plain, _ string) { s.webhook.Store(plain) }
	s.options.RecheckSecret = 200 * time.Millisecond
	o := &v1alpha1.MultiNicOperator{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "multinic"}}
	o.Spec.ReconcileTrigger = v1alpha1.ReconcileTriggerSpec{Mode: mode, ImmediateOnCRChange: &onChange, Interval: s.ticks(day)}
	if err := s.client.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return s
}

// ticks is an interval for the modes that have ticks.
func (s *triggered) ticks(interval string) string {
	if s.mode == v1alpha1.TriggerManual || s.mode == v1alpha1.TriggerWebhook {
		return ""
	}
	return interval
}

// reconfigure changes the reconcileTrigger and waits until it is in force.
func (s *triggered) reconfigure(change func(*v1alpha1.ReconcileTriggerSpec)) {
	s.t.Helper()
	before := strings.Count(s.log.String(), "Trigger configuration")
	s.editTrigger(change)
	s.eventually("the new trigger configuration is in force", func() error {
		if strings.Count(s.log.String(), "Trigger configuration") == before {
			return errors.New("not yet")
		}
		return nil
	})
}

// editTrigger changes the reconcileTrigger.
func (s *triggered) editTrigger(change func(*v1alpha1.ReconcileTriggerSpec)) {
	s.t.Helper()
	s.eventually("editing the MultiNicOperator", func() error {
		o := &v1alpha1.MultiNicOperator{}
		if err := s.client.Get(s.t.Context(), client.ObjectKey{Namespace: s.namespace, Name: "multinic"}, o); err != nil {
			return err
		}
		change(&o.Spec.ReconcileTrigger)
		return s.client.Update(s.t.Context(), o)
	})
}

// readings counts what every run of one object does once.
func (s *triggered) readings() int { return s.sim.Count(openstacksim.Network, "GET /v2.0/subnets") }

// expect does something and holds the number of readings that follow to what
// the table says: one where a run is due, none where it isn't.
func (s *triggered) expect(what string, run bool, do func()) {
	s.t.Helper()
	before := s.readings()
	do()
	if run {
		s.eventually(what+": a run", func() error {
			if s.readings() == before {
				return errors.New("OpenStack was not asked")
			}
			return nil
		})
	}
	s.lookedAt()
	want := before
	if run {
		want++
	}
	if got := s.readings(); got != want {
		s.t.Errorf("%s: OpenStack was read %d times, the table says %d", what, got-before, want-before)
	}
}

// lookedAt waits until the object has passed through the controller once more,
// without anything being due: an agent's mark is shown in every mode.
func (s *triggered) lookedAt() {
	s.t.Helper()
	var marked string
	var want bool
	s.eventually("the agent's mark in the status", func() error {
		var port string
		var is bool
		if err := s.sql.QueryRow("SELECT port_id, netplan_success FROM multi_interface WHERE status = 'active' ORDER BY id LIMIT 1").Scan(&port, &is); err != nil {
			return err
		}
		if port != marked { // at first, and where a run has withdrawn the row since
			if _, err := s.sql.Exec("UPDATE multi_interface SET netplan_success = ? WHERE port_id = ?", !is, port); err != nil {
				return err
			}
			marked, want = port, !is
		}
		for _, i := range s.get("c").Status.Interfaces {
			if i.PortID == port && i.Applied == want {
				return nil
			}
		}
		return errors.New("not yet")
	})
}

// cloudsSecret writes the Secret that the object names, with a user of the
// project.
func (s *triggered) cloudsSecret(user, password string) {
	s.t.Helper()
	clouds, err := json.Marshal(map[string]any{"clouds": map[string]any{"openstack": map[string]any{"auth": map[string]string{
		"auth_url": s.sim.AuthURL(), "username": user, "password": password, "project_id": s.lab.Project.ID, "user_domain_name": "Default",
	}}}})
	if err != nil {
		s.t.Fatal(err)
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "clouds"}, Data: map[string][]byte{"clouds.yaml": clouds}}
	if err := s.client.Create(s.t.Context(), secret.DeepCopy()); err != nil {
		if err := s.client.Update(s.t.Context(), secret); err != nil {
			s.t.Fatal(err)
		}
	}
}

// TestInEachModeOpenStackIsCalledWhenTheTableSaysSo takes an object through
// everything that may happen to it, in each mode, with immediateOnCRChange true
// and false, on a real API server, and counts the readings of OpenStack. The
// expectations are the rows of docs/design/triggers.md.
func TestInEachModeOpenStackIsCalledWhenTheTableSaysSo(t *testing.T) {
	t.Parallel()
	for _, mode := range []v1alpha1.TriggerMode{v1alpha1.TriggerImmediate, v1alpha1.TriggerScheduled, v1alpha1.TriggerManual, v1alpha1.TriggerWebhook} {
		for _, onChange := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/immediateOnCRChange=%t", mode, onChange), func(t *testing.T) {
				t.Parallel()
				newTriggered(t, mode, onChange).life()
			})
		}
	}
}

func (s *triggered) life() {
	now := s.onChange || s.mode == v1alpha1.TriggerImmediate // what a change of the object does
	s.cloudsSecret(s.lab.User.Name, s.lab.User.Password)
	s.stop = s.start()
	s.created(now)

	s.expect("relabelled", false, func() {
		s.edit("c", func(o *v1alpha1.OpenstackConfig) { o.Labels = map[string]string{"tier": "front"} })
	})
	s.expect("reordered", false, func() {
		s.edit("c", func(o *v1alpha1.OpenstackConfig) { o.Spec.VMNames = []string{"test-vm-2", "test-vm-1"} })
	})
	s.expect("asked by annotation", true, func() { s.ask("c") })
	s.expect("asked again in the same words", false, func() {
		s.edit("c", func(o *v1alpha1.OpenstackConfig) { o.Labels = map[string]string{"tier": "back"} })
	})

	s.changed("its meaning changed", now, func() {
		s.edit("c", func(o *v1alpha1.OpenstackConfig) { o.Spec.VMNames = []string{"test-vm-1"} })
	})
	s.changed("its Secret was rotated", now, func() {
		skipped := s.skippedChanges()
		s.sim.AddUser(openstacksim.User{Name: "rotated", Password: "another password", DefaultProjectID: s.lab.Project.ID})
		s.cloudsSecret("rotated", "another password")
		if !now {
			s.eventually("the change is seen", func() error {
				if s.skippedChanges() == skipped {
					return errors.New("not yet")
				}
				return nil
			})
		}
	})

	enabled := s.mode == v1alpha1.TriggerWebhook
	s.expect("webhook called, not enabled", enabled, func() {
		if status := s.call(""); (status == http.StatusAccepted) != enabled {
			s.t.Errorf("the webhook answers %d", status)
		}
	})
	if !enabled {
		s.reconfigure(func(r *v1alpha1.ReconcileTriggerSpec) { r.Webhook.Enabled = true })
		s.expect("webhook called, and enabled", true, func() { s.call(`{"labels":{"tier":"back"}}`) })
	}

	s.expect("restarted, nothing due", false, func() {
		s.stop()
		s.log.Reset()
		s.stop = s.start()
		s.eventually("the controller leads", func() error {
			if !strings.Contains(s.log.String(), "Leading the database") {
				return errors.New("not yet")
			}
			return nil
		})
	})
	if s.ticks(often) != "" {
		s.ticked("a tick passed")
	}
}

// created makes the object and brings it to its first run.
func (s *triggered) created(now bool) {
	s.t.Helper()
	o := &v1alpha1.OpenstackConfig{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "c"},
		Spec: v1alpha1.OpenstackConfigSpec{
			VMNames: []string{"test-vm-1", "test-vm-2"}, SubnetName: "k8s-subnet",
			Credentials: v1alpha1.Credentials{SecretRef: &v1alpha1.LocalSecretReference{Name: "clouds"}},
		},
	}
	if err := s.client.Create(s.t.Context(), o); err != nil {
		s.t.Fatal(err)
	}
	if now {
		s.waitReady("c", v1alpha1.ReasonSynced)
	} else {
		s.waitReady("c", v1alpha1.ReasonPending)
		if n := s.readings(); n != 0 {
			s.t.Errorf("created: OpenStack was read %d times", n)
		}
		s.catchUp("created")
		s.waitReady("c", v1alpha1.ReasonSynced)
	}
	if n := s.readings(); n != 1 {
		s.t.Errorf("the first run read OpenStack %d times", n)
	}
}

// changed is expect for a change of what the object means; where it does not
// run at once, it does with the next tick, call or request.
func (s *triggered) changed(what string, now bool, change func()) {
	s.t.Helper()
	s.expect(what, now, change)
	if !now {
		s.waitReady("c", v1alpha1.ReasonPending) // not Ready: what is declared is not what is published
		s.catchUp(what)
	}
}

// catchUp brings what waits to its run, in the way of the mode.
func (s *triggered) catchUp(what string) {
	s.t.Helper()
	switch s.mode {
	case v1alpha1.TriggerScheduled:
		s.ticked(what + ", at the next tick")
	case v1alpha1.TriggerWebhook:
		s.run1(what+", at the next call", func() { s.call(`{"namespace":"` + s.namespace + `","name":"c"}`) })
	default:
		s.run1(what+", when asked", func() { s.ask("c") })
	}
}

// ticked lets a tick pass, by a schedule that is put in force while the
// controller runs.
func (s *triggered) ticked(what string) {
	s.t.Helper()
	s.run1(what, func() { s.reconfigure(func(r *v1alpha1.ReconcileTriggerSpec) { r.Interval = often }) })
	s.reconfigure(func(r *v1alpha1.ReconcileTriggerSpec) { r.Interval = day })
}

// run1 waits for one more run, whatever follows it.
func (s *triggered) run1(what string, do func()) {
	s.t.Helper()
	before := s.readings()
	do()
	s.eventually(what, func() error {
		if s.readings() == before {
			return errors.New("OpenStack was not asked")
		}
		return nil
	})
	s.waitReady("c", v1alpha1.ReasonSynced)
}

// skippedChanges counts the decisions not to run a change yet.
func (s *triggered) skippedChanges() int {
	n := 0
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, "Reconcile skipped due to trigger configuration") && strings.Contains(line, "isCRChangeEvent=true") {
			n++
		}
	}
	return n
}

// A schedule or a zone that is none can't be refused by the API; the person who
// wrote it finds why nothing changed where they look.
func TestATriggerThatIsNotUnderstoodIsToldAtItsMultiNicOperatorAndChangesNothing(t *testing.T) {
	t.Parallel()
	s := newTriggered(t, v1alpha1.TriggerManual, true)
	s.cloudsSecret(s.lab.User.Name, s.lab.User.Password)
	stop := s.start()
	s.created(true)
	for _, wrong := range []v1alpha1.ReconcileTriggerSpec{
		{Mode: v1alpha1.TriggerScheduled, Schedule: "61 * * * *"}, {Mode: v1alpha1.TriggerScheduled, Timezone: "Mars/Olympus"},
	} {
		s.editTrigger(func(r *v1alpha1.ReconcileTriggerSpec) { *r = wrong })
		s.eventually("an event at the MultiNicOperator", func() error {
			list := &eventsv1.EventList{}
			if err := s.client.List(t.Context(), list, client.InNamespace(s.namespace)); err != nil {
				return err
			}
			for _, e := range list.Items {
				if e.Regarding.Kind == "MultiNicOperator" && strings.Contains(e.Note, wrong.Schedule) && strings.Contains(e.Note, wrong.Timezone) {
					return nil
				}
			}
			return fmt.Errorf("none of %d events tells it", len(list.Items))
		})
	}
	s.expect("a change, in the mode that stays in force", true, func() {
		s.edit("c", func(o *v1alpha1.OpenstackConfig) { o.Spec.VMNames = []string{"test-vm-1"} })
	})
	stop()
	s.log.Reset()
	s.start()
	s.eventually("the mode stays in force over a restart", func() error {
		if !strings.Contains(s.log.String(), `msg="Trigger configuration" logger=trigger mode=manual`) {
			return errors.New("not yet")
		}
		return nil
	})
	s.lookedAt()
}

// What the original's README greps for.
func TestTheLogHasTheOriginalsLines(t *testing.T) {
	t.Parallel()
	s := newTriggered(t, v1alpha1.TriggerScheduled, true)
	s.editTrigger(func(r *v1alpha1.ReconcileTriggerSpec) { r.Interval = "15m" })
	s.cloudsSecret(s.lab.User.Name, s.lab.User.Password)
	s.start()
	s.created(true)
	s.lookedAt()
	for _, line := range []string{
		`msg="Immediate reconcile triggered by CR change event" .*logger=.*trigger`,
		`msg="Proceeding with reconcile" .*logger=.*trigger.* mode=scheduled isCRChangeEvent=true`,
		`msg="Reconcile completed successfully" .*logger=.*trigger.* triggerMode=scheduled nextRequeue=([0-9]+h)?([0-9]+m)?([0-9]+s)?\b`,
		`msg="Reconcile skipped due to trigger configuration" .*logger=.*trigger.* mode=scheduled isCRChangeEvent=false`,
	} {
		if !regexp.MustCompile(line).MatchString(s.log.String()) {
			t.Errorf("no line of the log is %s", line)
		}
	}
}
