// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"crypto/rand"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// hashKeyName is the Secret with the key of the spec hashes. They lie in the
// database; without the key nobody can try passwords against them.
const hashKeyName = "multinic-hash-key"

// hashKey reads the key, and makes it the first time.
func hashKey(ctx context.Context, reader client.Reader, writer client.Client, namespace string) ([]byte, error) {
	name := types.NamespacedName{Namespace: namespace, Name: hashKeyName}
	for range 3 { // another replica may make it at the same time
		secret := &corev1.Secret{}
		err := reader.Get(ctx, name, secret)
		if err == nil {
			if len(secret.Data["key"]) < 32 {
				return nil, fmt.Errorf("the Secret %s has no key of 32 bytes or more under %q: delete it, and a new one is made", name, "key")
			}
			return secret.Data["key"], nil
		}
		if !apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("reading the Secret %s: %w", name, err)
		}
		key := make([]byte, 32)
		_, _ = rand.Read(key) // never fails: crypto/rand
		secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: hashKeyName}, Data: map[string][]byte{"key": key}}
		if err := writer.Create(ctx, secret); err != nil && !apierrors.IsAlreadyExists(err) {
			return nil, fmt.Errorf("making the Secret %s: %w", name, err)
		}
	}
	return nil, fmt.Errorf("the Secret %s comes and goes", name)
}
