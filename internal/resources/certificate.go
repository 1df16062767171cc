// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"slices"
	"time"
)

// Lives of the database's certificate. It is renewed early: a renewal restarts
// MariaDB, and whoever looks after it should not be surprised at night.
const (
	certificateLife    = 5 * 365 * 24 * time.Hour
	certificateRenewal = 365 * 24 * time.Hour
)

// Certificate is a server's, with the authorities to verify it with: its own,
// and after a renewal the one before, which servers may still show.
type Certificate struct {
	Authorities, Certificate, Key []byte // PEM
}

// MakeCertificate makes an authority, and with it a certificate for the names.
// The authority's key is forgotten at once: nobody can make another.
func MakeCertificate(now time.Time, former []byte, names ...string) (Certificate, error) {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return Certificate{}, err
	}
	authority := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "MultiNic database authority " + serial.Text(16)[:8]},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateLife), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	authorityDER, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	if err != nil {
		return Certificate{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Certificate{}, err
	}
	leaf := &x509.Certificate{
		SerialNumber: new(big.Int).Add(serial, big.NewInt(1)), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: authority.NotBefore, NotAfter: authority.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, authority, key.Public(), authorityKey)
	if err != nil {
		return Certificate{}, err
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return Certificate{}, err
	}
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	return Certificate{
		Authorities: append(block("CERTIFICATE", authorityDER), firstBlock(former)...),
		Certificate: block("CERTIFICATE", leafDER), Key: block("EC PRIVATE KEY", keyDER),
	}, nil
}

func firstBlock(text []byte) []byte {
	b, _ := pem.Decode(text)
	if b == nil {
		return nil
	}
	return pem.EncodeToMemory(b)
}

// Check says why a certificate must be made anew; nil if it need not.
func (c Certificate) Check(now time.Time, names ...string) error {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(c.Authorities) {
		return errors.New("no authority")
	}
	block, _ := pem.Decode(c.Certificate)
	if block == nil {
		return errors.New("no certificate")
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return err
	}
	if now.After(leaf.NotAfter.Add(-certificateRenewal)) {
		return errors.New("it ends soon")
	}
	if !slices.Equal(leaf.DNSNames, names) {
		return errors.New("it is for other names")
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: now}); err != nil {
		return err
	}
	_, err = tls.X509KeyPair(c.Certificate, c.Key) // the key is another's
	return err
}

// DatabaseNames are the names that the database's certificate is for.
func DatabaseNames(namespace string) []string {
	return []string{DatabaseHost(namespace), DatabaseName, DatabaseName + "." + namespace, DatabaseHost(namespace) + ".cluster.local", "localhost"}
}
