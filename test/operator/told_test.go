// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

// events are what the operator told of a namespace, each as "reason: note".
func (b *bed) events() (out []string) {
	b.t.Helper()
	list := &eventsv1.EventList{}
	if err := b.client.List(b.t.Context(), list, client.InNamespace(b.namespace)); err != nil {
		b.t.Fatal(err)
	}
	for i := range list.Items {
		out = append(out, list.Items[i].Reason+": "+list.Items[i].Note)
	}
	return out
}

// waitEvent waits for an event of that reason whose note has the text.
func (b *bed) waitEvent(reason, text string) {
	b.t.Helper()
	b.until("an event "+reason+" with "+text, func() bool {
		for _, e := range b.events() {
			if strings.HasPrefix(e, reason+": ") && strings.Contains(e, text) {
				return true
			}
		}
		return false
	})
}

// ask gets a path from the operator's port.
func (b *bed) ask(path, token string) (code int, body string) {
	b.t.Helper()
	address, _ := b.address.Load().(string)
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(text)
}

// metric is the value of a series as it is written, 0 if there is none.
func (b *bed) metric(series string) float64 {
	b.t.Helper()
	_, body := b.ask("/metrics", "")
	for line := range strings.Lines(body) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			number, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				b.t.Fatalf("%s: %v", line, err)
			}
			return number
		}
	}
	return 0
}

// annotate sets an annotation of a MultiNicOperator.
func (b *bed) annotate(name, key, value string) {
	b.t.Helper()
	b.edit(name, func(op *v1alpha1.MultiNicOperator) {
		if op.Annotations == nil {
			op.Annotations = map[string]string{}
		}
		op.Annotations[key] = value
	})
}

// makeSecret makes a Secret of a user's, or gives it other contents.
func (b *bed) makeSecret(name string, data map[string]string) {
	b.t.Helper()
	secret := &corev1.Secret{}
	secret.Namespace, secret.Name, secret.StringData = b.namespace, name, data
	err := b.client.Create(b.t.Context(), secret)
	if client.IgnoreAlreadyExists(err) != nil {
		b.t.Fatal(err)
	}
	if err != nil {
		live := &corev1.Secret{}
		b.read(name, live)
		live.Data, live.StringData = nil, data
		if err := b.client.Update(b.t.Context(), live); err != nil {
			b.t.Fatal(err)
		}
	}
}

// change edits an object of the namespace against whoever writes it meanwhile.
func (b *bed) change(name string, object client.Object, change func()) {
	b.t.Helper()
	b.until("an edit of "+name, func() bool {
		if !b.read(name, object) {
			return false
		}
		change()
		return b.client.Update(context.WithoutCancel(b.t.Context()), object) == nil
	})
}
