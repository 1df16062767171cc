// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package system

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// A process that ends after a run's COMMIT and before the status leaves a
// status that lies. In the mode manual no tick would ever come to mend it.
func TestARunThatNoStatusTellsOfIsToldAfterTheRestart(t *testing.T) {
	t.Parallel()
	server := testenv.NewMariaDB(t, testenv.MariaDBOptions{})
	db := server.Database(t)
	s := newSystemOn(t, 2, db)
	s.manual()
	f := newFront(t, fmt.Sprintf("127.0.0.1:%d", server.Port))
	var running *child
	var once sync.Once
	f.commit = func(answered bool) {
		var n int
		if answered && s.sql.QueryRow("SELECT COUNT(*) FROM cr_state WHERE handled_request = 'now'").Scan(&n) == nil && n > 0 {
			once.Do(running.kill) // before the answer comes back
		}
	}
	s.env = asRoot(f, server, db.Name)
	kubeconfig := s.kubeconfig(s.kube)
	running = s.startChild(kubeconfig, false)
	s.config("c", "k8s-subnet", "test-vm-1")
	s.waitReady("c", v1alpha1.ReasonSynced)

	s.edit("c", func(o *v1alpha1.OpenstackConfig) {
		o.Spec.VMNames = append(o.Spec.VMNames, "test-vm-2")
		metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.AnnotationReconcileRequestedAt, "now")
	})
	<-running.done
	s.startChild(kubeconfig, false)
	s.eventually("the status tells of the run", func() error {
		o := s.get("c")
		if len(o.Status.Interfaces) != 2 || o.Status.ObservedGeneration != o.Generation {
			return fmt.Errorf("%d interfaces at generation %d of %d", len(o.Status.Interfaces), o.Status.ObservedGeneration, o.Generation)
		}
		if o.Status.LastHandledReconcileAt != "now" {
			return errors.New("the request is not echoed")
		}
		return nil
	})
}
