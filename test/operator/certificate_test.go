// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

func TestACertificateIsRenewedBeforeItsEndAndBothAuthoritiesAreTrusted(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	stop := b.start()
	b.apply("certified", v1alpha1.MultiNicOperatorSpec{})
	b.waitReady("certified")
	stop()
	// One that was made almost five years ago.
	names := resources.DatabaseNames(b.namespace)
	old, err := resources.MakeCertificate(time.Now().AddDate(-4, -6, 0), nil, names...)
	if err != nil {
		t.Fatal(err)
	}
	secret, set := &corev1.Secret{}, &appsv1.StatefulSet{}
	b.change(resources.CertificateName, secret, func() {
		secret.Data["ca.crt"], secret.Data["tls.crt"], secret.Data["tls.key"] = old.Authorities, old.Certificate, old.Key
	})
	b.read(resources.DatabaseName, set)
	database, controller := set.Spec.Template.Annotations[resources.AnnotationDigest], b.digest()
	b.start()
	b.until("the certificate is renewed", func() bool {
		return b.read(resources.CertificateName, secret) && !bytes.Equal(secret.Data["tls.crt"], old.Certificate)
	})
	for what, certificate := range map[string][]byte{"new": secret.Data["tls.crt"], "former": old.Certificate} {
		block, _ := pem.Decode(certificate)
		leaf, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(secret.Data["ca.crt"])
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: resources.DatabaseHost(b.namespace)}); err != nil {
			t.Errorf("the %s certificate is not trusted: %v", what, err)
		}
	}
	b.until("MariaDB and the controller are replaced", func() bool {
		b.read(resources.DatabaseName, set)
		return set.Spec.Template.Annotations[resources.AnnotationDigest] != database && b.digest() != controller
	})
	b.waitReady("certified")
}
