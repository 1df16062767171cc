// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

// patience is how long a phase may take on a slow, loaded machine.
const patience = 10 * time.Minute

// hands is how many requests to the API server are made at a time.
const hands = 64

// object is the i-th OpenstackConfig.
func (w *world) object(namespace string, i int) *v1alpha1.OpenstackConfig {
	return &v1alpha1.OpenstackConfig{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: objectName(i)},
		Spec: v1alpha1.OpenstackConfigSpec{
			VMNames: w.shares[i], SubnetName: w.scale.Subnets[i%w.subnets].Name,
			Credentials: v1alpha1.Credentials{
				AuthURL: w.sim.AuthURL(), Username: w.scale.User.Name, Password: w.scale.User.Password,
				ProjectID: w.scale.Project.ID, DomainName: "Default",
			},
		},
	}
}

func objectName(i int) string { return fmt.Sprintf("config-%04d", i) }

func (w *world) names() []string {
	names := make([]string, w.objects)
	for i := range names {
		names[i] = objectName(i)
	}
	return names
}

// create makes n objects in a namespace.
func (w *world) create(ctx context.Context, namespace string, n int, finalizers ...string) error {
	return parallel(ctx, n, func(ctx context.Context, i int) error {
		o := w.object(namespace, i)
		o.Finalizers = finalizers
		return w.kube.Create(ctx, o)
	})
}

// trigger sets when the controller calls OpenStack.
func (w *world) trigger(ctx context.Context, t v1alpha1.ReconcileTriggerSpec) error {
	o := &v1alpha1.MultiNicOperator{ObjectMeta: metav1.ObjectMeta{Namespace: controllerNamespace, Name: "bench"}}
	err := w.kube.Get(ctx, client.ObjectKeyFromObject(o), o)
	o.Spec.ReconcileTrigger = t
	if apierrors.IsNotFound(err) {
		return w.kube.Create(ctx, o)
	} else if err != nil {
		return err
	}
	return w.kube.Update(ctx, o)
}

// parallel calls f for 0 to n-1 with many hands and joins the errors.
func parallel(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	var wg sync.WaitGroup
	work := make(chan int)
	errs := make([]error, hands)
	for h := range hands {
		wg.Go(func() {
			for i := range work {
				if errs[h] == nil {
					errs[h] = f(ctx, i)
				}
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	wg.Wait()
	return errors.Join(errs...)
}

// objectWatch follows the objects of the run as any client may.
type objectWatch struct {
	stop context.CancelFunc

	mu      sync.Mutex
	objects map[string]*v1alpha1.OpenstackConfig
	news    []news
	changed chan struct{} // closed and replaced with every event
}

type news struct {
	at     time.Time
	name   string
	object *v1alpha1.OpenstackConfig // nil: gone
}

func (w *world) watchObjects(ctx context.Context) error {
	objects, err := cache.New(w.config, cache.Options{
		Scheme: w.kube.Scheme(), DefaultNamespaces: map[string]cache.Config{objectNamespace: {}},
	})
	if err != nil {
		return err
	}
	informer, err := objects.GetInformer(ctx, &v1alpha1.OpenstackConfig{}, cache.BlockUntilSynced(false))
	if err != nil {
		return err
	}
	o := &objectWatch{objects: map[string]*v1alpha1.OpenstackConfig{}, changed: make(chan struct{})}
	if _, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { o.note(object, false) },
		UpdateFunc: func(_, object any) { o.note(object, false) },
		DeleteFunc: func(object any) { o.note(object, true) },
	}); err != nil {
		return err
	}
	ctx, o.stop = context.WithCancel(ctx)
	go func() { _ = objects.Start(ctx) }() // it fails with ctx only
	w.watch = o
	if !objects.WaitForCacheSync(ctx) {
		return errors.New("the objects can't be watched")
	}
	return nil
}

func (o *objectWatch) note(event any, gone bool) {
	if unknown, ok := event.(toolscache.DeletedFinalStateUnknown); ok {
		event = unknown.Obj
	}
	object, ok := event.(*v1alpha1.OpenstackConfig)
	if !ok {
		return
	}
	n := news{at: time.Now(), name: object.Name, object: object}
	o.mu.Lock()
	defer o.mu.Unlock()
	if gone {
		n.object = nil
		delete(o.objects, n.name)
	} else {
		o.objects[n.name] = object
	}
	o.news = append(o.news, n)
	close(o.changed)
	o.changed = make(chan struct{})
}

// until waits until all of these objects are as ok wants them (nil: gone), and
// tells when the last became so.
func (o *objectWatch) until(ctx context.Context, what string, names []string, ok func(*v1alpha1.OpenstackConfig) bool) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	last := time.Now()
	missing := map[string]bool{}
	o.mu.Lock()
	o.news = nil
	for _, name := range names {
		if !ok(o.objects[name]) {
			missing[name] = true
		}
	}
	o.mu.Unlock()
	for len(missing) > 0 {
		o.mu.Lock()
		fresh, changed := o.news, o.changed
		o.news = nil
		o.mu.Unlock()
		for _, n := range fresh {
			if missing[n.name] && ok(n.object) {
				delete(missing, n.name)
				last = n.at
			}
		}
		if len(fresh) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return last, fmt.Errorf("waiting until %s: %d of %d are missing: %w", what, len(missing), len(names), ctx.Err())
		}
	}
	return last, nil
}

// synced says that the object is Ready as it is now.
func synced(o *v1alpha1.OpenstackConfig) bool {
	if o == nil {
		return false
	}
	c := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionReady)
	return c != nil && c.Reason == v1alpha1.ReasonSynced && c.ObservedGeneration == o.Generation
}
