// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

// Digest names something by its contents, in 64 letters and digits. It is no
// place for secrets: whoever guesses one sees that it fits.
func Digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s,", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// KeyedDigest does the same for secrets, by a key that is one itself.
func KeyedDigest(key []byte, secrets ...map[string][]byte) string {
	h := hmac.New(sha256.New, key)
	for _, secret := range secrets {
		for _, k := range slices.Sorted(maps.Keys(secret)) {
			fmt.Fprintf(h, "%d:%s,%d:%s,", len(k), k, len(secret[k]), secret[k])
		}
		fmt.Fprint(h, ";")
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}
