// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package dbadmin

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/test/testenv"
)

func TestAServerIsReachedByTLSWithEitherKindOfKeyAndOnlyIfItIsVouchedFor(t *testing.T) {
	t.Parallel()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	old, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	read := func(path string) []byte {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	stranger, _ := testenv.SelfSigned(t, ec)
	for kind, private := range map[string]crypto.Signer{"ECDSA": ec, "RSA": old} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			certificate, key := testenv.SelfSigned(t, private)
			b := newBed(t, "--ssl-cert="+certificate, "--ssl-key="+key, "--require-secure-transport")
			server := b.server()
			server.CA = read(certificate)
			a, _, err := Connect(t.Context(), server, b.RootPassword)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			b.ensure(a, b.wanted())
			if _, _, err := a.GateOpen(t.Context(), "absent"); err != nil {
				t.Error(err)
			}
			var name, cipher string
			if err := a.db.QueryRowContext(t.Context(), "SHOW STATUS LIKE 'Ssl_cipher'").Scan(&name, &cipher); err != nil || cipher == "" {
				t.Errorf("the cipher is %q, %v", cipher, err)
			}
			server.CA = read(stranger)
			if _, _, err := Connect(t.Context(), server, b.RootPassword); err == nil || !strings.Contains(err.Error(), "certificate") {
				t.Errorf("with another authority: %v", err)
			}
		})
	}
	plain := newBed(t, "--skip-ssl")
	server := plain.server()
	server.CA = read(stranger)
	if _, _, err := Connect(t.Context(), server, plain.RootPassword); err == nil || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("a server without TLS: %v", err)
	}
	server.CA = []byte("no certificate")
	if _, _, err := Connect(t.Context(), server, plain.RootPassword); err == nil || !strings.Contains(err.Error(), "PEM") {
		t.Errorf("authorities that are none: %v", err)
	}
}

func TestErrorsSayWhatToDoAndNoPassword(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	good, w := b.RootPassword, b.wanted()
	a, which, err := Connect(t.Context(), b.server(), "wrong-one", good, "never tried")
	if err != nil || which != 1 {
		t.Fatalf("took password %d, %v", which, err)
	}
	defer a.Close()
	if version, err := a.Version(t.Context()); err != nil || !strings.Contains(version, "MariaDB") {
		t.Errorf("version %q, %v", version, err)
	}
	check := func(what string, err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
			return
		}
		for _, secret := range []string{good, "wrong-one", w.User.Password} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error has the password %q", what, secret)
			}
		}
	}
	_, which, err = Connect(t.Context(), b.server(), "wrong-one", "wrong-two")
	check("wrong passwords", err, ErrCredentials)
	if which != -1 {
		t.Errorf("wrong passwords: says that %d is taken", which)
	}
	_, _, err = Connect(t.Context(), b.server())
	check("no passwords", err, ErrCredentials)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = Connect(ended, b.server(), good)
	check("the caller has ended", err, context.Canceled)
	if errors.Is(err, ErrUnreachable) {
		t.Errorf("the caller's end is taken for the server's: %v", err)
	}

	if err := b.Freeze(); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = a.Version(short)
	check("the caller's patience ends", err, context.DeadlineExceeded)
	_, _, err = Connect(t.Context(), b.server(), good) // takes loginLimit
	check("a frozen server", err, ErrUnreachable)
	if err := b.Thaw(); err != nil {
		t.Fatal(err)
	}
	b.Stop()
	_, _, err = Connect(t.Context(), b.server(), good)
	check("a stopped server", err, ErrUnreachable)
	_, err = a.Ensure(t.Context(), w)
	check("Ensure at a stopped server", err, ErrUnreachable)
	check("Shut at a stopped server", a.Shut(t.Context(), w.Database), ErrUnreachable)
	server := b.server()
	server.Dial = func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
	}
	_, _, err = Connect(t.Context(), server, good)
	check("no such host", err, ErrUnreachable)
}

func TestThePasswordsAreTriedInOrder(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.connect("", "wrong", b.RootPassword)
	var denied []string
	for line := range strings.Lines(b.generalLog()) {
		if before, after, ok := strings.Cut(line, "(using"); ok && strings.Contains(before, "Access denied for user 'root'") {
			denied = append(denied, "(using"+after)
		}
	}
	if want := []string{"(using password: NO)\n", "(using password: YES)\n"}; !slices.Equal(denied, want) {
		t.Errorf("denied %q, want %q", denied, want)
	}
}
