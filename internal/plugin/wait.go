// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/term"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

// maxTold is how many failures are written out; a thousand help nobody.
const maxTold = 10

func byName(name string) fields.Selector { return fields.OneTermEqualSelector("metadata.name", name) }

// wait follows the objects of a scope, by one list and one watch, until nothing of the
// vigil is waited for.
func (p *program) wait(ctx context.Context, c *cluster, scope *client.ListOptions, v *vigil, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	changes := follow(ctx, c, scope)
	clock := time.NewTicker(time.Second)
	defer clock.Stop()
	screen := newProgress(p.Streams.ErrOut)
	for {
		waiting := v.look(p.Now())
		screen.show(v.progress())
		if !waiting {
			break
		}
		select {
		case change := <-changes:
			change(v)
		case <-clock.C: // what only time tells
		case <-ctx.Done():
			screen.end()
			return p.abandoned(ctx, v, timeout)
		}
	}
	screen.end()
	return p.result(v)
}

// follow sends what happens to the objects of a scope until the context ends. A watch
// that breaks is taken up again, by list if need be.
func follow(ctx context.Context, c *cluster, scope *client.ListOptions) <-chan func(*vigil) {
	changes := make(chan func(*vigil))
	send := func(change func(*vigil)) {
		select {
		case changes <- change:
		case <-ctx.Done():
		}
	}
	see := func(in any) {
		if obj, ok := in.(*v1alpha1.OpenstackConfig); ok {
			send(func(v *vigil) { v.see(obj) })
		}
	}
	options := func(raw metav1.ListOptions) *client.ListOptions {
		o := *scope
		o.Raw = &raw
		return &o
	}
	_, informer := toolscache.NewInformerWithOptions(toolscache.InformerOptions{
		ObjectType: &v1alpha1.OpenstackConfig{},
		ListerWatcher: &toolscache.ListWatch{
			ListWithContextFunc: func(ctx context.Context, raw metav1.ListOptions) (runtime.Object, error) {
				list := &v1alpha1.OpenstackConfigList{}
				return list, c.List(ctx, list, options(raw))
			},
			WatchFuncWithContext: func(ctx context.Context, raw metav1.ListOptions) (watch.Interface, error) {
				return c.Watch(ctx, &v1alpha1.OpenstackConfigList{}, options(raw))
			},
		},
		Handler: toolscache.ResourceEventHandlerFuncs{
			AddFunc:    see,
			UpdateFunc: func(_, obj any) { see(obj) },
			DeleteFunc: func(in any) {
				if last, ok := in.(toolscache.DeletedFinalStateUnknown); ok {
					in = last.Obj
				}
				if obj, ok := in.(*v1alpha1.OpenstackConfig); ok {
					send(func(v *vigil) { v.gone(obj) })
				}
			},
		},
	})
	go informer.RunWithContext(logr.NewContext(ctx, logr.Discard()))
	return changes
}

// abandoned says what was not waited for to the end, and why.
func (p *program) abandoned(ctx context.Context, v *vigil, timeout time.Duration) error {
	left := v.unfinished()
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("the waiting was ended with %d of %d still to come; what was asked for happens all the same", len(left), len(v.order))
	}
	for _, k := range left {
		w := v.objects[k]
		w.failed = fmt.Sprintf("not done within %s", timeout)
		if ready := readyOf(w.now); ready.Status == metav1.ConditionFalse {
			w.failed += "; " + ready.Reason + ": " + ready.Message
		} else {
			w.failed += ": is a controller running? (kubectl get pods -n " + controllerNamespace + ")"
		}
	}
	return p.result(v)
}

// result writes a line for each object that was run, and gives the rest as an error.
func (p *program) result(v *vigil) error {
	var failed []string
	for _, k := range v.order {
		w := v.objects[k]
		if w.failed != "" {
			failed = append(failed, k+": "+w.failed)
			continue
		}
		ready := readyOf(w.now)
		p.lines(wrap(fmt.Sprintf("%s (%s): %s", w.now.Status.Phase, ready.Reason, ready.Message), k+"  ", "    "))
	}
	if len(failed) == 0 {
		return nil
	}
	if more := len(failed) - maxTold; more > 0 {
		failed = append(failed[:maxTold], fmt.Sprintf("and %d more (kubectl multinic status shows them)", more))
	}
	return errors.New(clean(strings.Join(failed, "\n")))
}

// progress is a line that a terminal sees change in its place, and a file as one
// line for each change.
type progress struct {
	w        io.Writer
	terminal bool
	last     string
}

func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	return &progress{w: w, terminal: ok && term.IsTerminal(int(f.Fd()))}
}

func (s *progress) show(line string) {
	if line = clean(line); line == s.last {
		return
	}
	s.last = line
	if s.terminal {
		_, _ = fmt.Fprintf(s.w, "\r\x1b[K%s", line)
		return
	}
	_, _ = fmt.Fprintln(s.w, line)
}

func (s *progress) end() {
	if s.terminal {
		_, _ = fmt.Fprintln(s.w)
	}
}
