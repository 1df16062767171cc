// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
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

// keyBytes is the length of the keys that are made here.
const keyBytes = 32

// keys are the Secrets that the controller makes for itself, once.
type keys struct {
	reader    client.Reader
	writer    client.Client
	namespace string
}

// hash is the key of the spec hashes.
func (k keys) hash(ctx context.Context) ([]byte, error) {
	key, err := k.ensure(ctx, hashKeyName, func(random []byte) []byte { return random })
	if err == nil && len(key) < keyBytes {
		return nil, fmt.Errorf("the Secret %s/%s has no key of %d bytes or more under %q: delete it, and a new one is made", k.namespace, hashKeyName, keyBytes, "key")
	}
	return key, err
}

// trigger makes the webhook's key. It is text, since people's scripts sign with it.
func (k keys) trigger(ctx context.Context, name string) error {
	_, err := k.ensure(ctx, name, func(random []byte) []byte { return []byte(hex.EncodeToString(random)) })
	return err
}

// ensure reads the entry "key" of a Secret, and makes the Secret if there is none.
func (k keys) ensure(ctx context.Context, secretName string, form func(random []byte) []byte) ([]byte, error) {
	name := types.NamespacedName{Namespace: k.namespace, Name: secretName}
	for range 3 { // another replica may make it at the same time
		secret := &corev1.Secret{}
		err := k.reader.Get(ctx, name, secret)
		if err == nil {
			return secret.Data["key"], nil
		}
		if !apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("reading the Secret %s: %w", name, err)
		}
		random := make([]byte, keyBytes)
		_, _ = rand.Read(random) // never fails: crypto/rand
		secret = &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name},
			Data:       map[string][]byte{"key": form(random)},
		}
		if err := k.writer.Create(ctx, secret); err != nil && !apierrors.IsAlreadyExists(err) {
			return nil, fmt.Errorf("making the Secret %s: %w", name, err)
		}
	}
	return nil, fmt.Errorf("the Secret %s comes and goes", name)
}
