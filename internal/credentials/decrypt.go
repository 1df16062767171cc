// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"context"
	"fmt"
	"strings"
)

// CiphertextPrefix begins an encrypted password.
const CiphertextPrefix = "multinic-age:"

// armor begins age's own text form: somebody encrypted by hand.
const armor = "-----BEGIN AGE ENCRYPTED FILE-----"

// Binding is what a ciphertext is made for. In any other object, or with
// another address or user, it must not open.
type Binding struct {
	Namespace, Name   string
	AuthURL, Username string
}

// Decrypter opens ciphertexts.
type Decrypter interface {
	// Decrypt gives the password, or an error that holds neither.
	Decrypt(ctx context.Context, ciphertext string, binding Binding) (string, error)
}

// IsCiphertext says that a password is not to be used as it is.
func IsCiphertext(password string) bool {
	return strings.HasPrefix(password, CiphertextPrefix) || strings.HasPrefix(strings.TrimSpace(password), armor)
}

func decrypt(ctx context.Context, in Input) (string, error) {
	if in.Decrypter == nil {
		return "", invalid("spec.credentials.password is encrypted, but this controller has no key to open it: give the password in a Secret by secretRef")
	}
	authURL := in.Spec.AuthURL
	if authURL == "" {
		authURL = in.Defaults.IdentityEndpoint
	}
	password, err := in.Decrypter.Decrypt(ctx, in.Spec.Password, Binding{
		Namespace: in.Namespace, Name: in.Name, AuthURL: authURL, Username: in.Spec.Username,
	})
	if err != nil {
		return "", &Error{message: fmt.Sprintf("spec.credentials.password can't be decrypted: %v", err), err: err}
	}
	if password == "" {
		return "", invalid("spec.credentials.password decrypts to nothing")
	}
	return password, nil
}
