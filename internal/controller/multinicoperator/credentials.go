// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package multinicoperator

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// credentials makes the Secrets of the internal database, or reads those of an
// external one, and gives the controller its connection.
func (r *Reconciler) credentials(ctx context.Context, p *passage) error {
	if p.external {
		return r.externalConnection(ctx, p)
	}
	p.in.Connection = resources.Internal(p.namespace())
	have, err := r.haveCredentials(ctx, p)
	if err != nil {
		return err
	}
	wanted, err := r.wantedCredentials(ctx, p, have)
	if err != nil {
		return err
	}
	p.creds = plan(have, wanted)
	if err := wantedAccounts(p.creds.Promoted()).Check(); err != nil {
		// Nothing is written down yet that MariaDB would never take.
		return p.refused(v1alpha1.ConditionSpecAccepted, v1alpha1.ReasonInvalidSpec, "database.credentials: %v", err)
	}
	if wanted.Database != "" && wanted.Database != p.creds.Database {
		p.set(v1alpha1.ConditionSpecAccepted, false, v1alpha1.ReasonWouldLoseData,
			"database.credentials: the name %q is not %q, which holds the rows: set it back", wanted.Database, p.creds.Database)
	}
	certificate, err := r.certificate(ctx, p)
	if err != nil {
		return err
	}
	// The passwords that are on their way are written down before MariaDB
	// learns of them: whoever goes on from here knows both.
	err = r.ensure(ctx, p,
		resources.CredentialsSecret(p.in, p.creds), resources.AgentSecret(p.in, p.creds), resources.ServerFiles(p.in, p.creds),
		resources.CertificateSecret(p.in, certificate.Authorities, certificate.Certificate, certificate.Key))
	if err != nil {
		return err
	}
	r.remember(p.namespace(), p.creds)
	r.mu.Lock()
	r.certificates[p.namespace()] = certificate
	r.mu.Unlock()
	p.in.DatabaseDigest = resources.Digest(string(certificate.Certificate))[:16]
	if err := r.bucket(ctx, p); err != nil {
		return err
	}
	return r.controllerDigest(ctx, p)
}

// bucket sees whether dumps can be copied to the bucket that the spec names. Without
// its Secret they are made all the same, and stay where they are.
func (r *Reconciler) bucket(ctx context.Context, p *passage) error {
	s3 := p.in.Spec.Database.Backup.S3
	if s3 == nil {
		return nil
	}
	data, missing, err := r.lookUp(ctx, p, s3.SecretRef.Name, "database.backup.s3.secretRef", resources.KeyS3AccessKey, resources.KeyS3SecretKey)
	if err != nil {
		return err
	}
	if missing != nil {
		p.noBucket, p.in.Spec.Database.Backup.S3 = missing, nil
		p.lookIn(waitEvery)
		return nil
	}
	p.in.BucketAuthority = len(data["ca.crt"]) > 0
	return nil
}

// wantedCredentials are those that the spec gives; what it leaves out is empty. While
// the Secret that it names is missing they are those that are on their way already.
func (r *Reconciler) wantedCredentials(ctx context.Context, p *passage, have resources.Credentials) (resources.Credentials, error) {
	c := p.in.Spec.Database.Credentials
	if c.SecretRef == nil {
		return resources.Credentials{RootPassword: c.RootPassword, Database: c.Database, User: c.User, Password: c.Password}, nil
	}
	data, err := r.secret(ctx, p, c.SecretRef.Name, "database.credentials.secretRef", resources.KeyRootPassword, resources.KeyPassword)
	switch {
	case err == nil && data == nil && have.RootPassword == "": // MariaDB is not there yet, and waits
		return resources.Credentials{}, errWait
	case err != nil || data == nil:
		return resources.Credentials{RootPassword: have.NextRootPassword, User: have.NextUser, Password: have.NextPassword}, err
	}
	named := v1alpha1.DatabaseCredentials{
		RootPassword: string(data[resources.KeyRootPassword]), Database: string(data[resources.KeyDatabase]),
		User: string(data[resources.KeyUser]), Password: string(data[resources.KeyPassword]),
	}
	if problems := resources.ValidateCredentials(named); len(problems) > 0 {
		return resources.Credentials{}, p.refused(v1alpha1.ConditionSpecAccepted, v1alpha1.ReasonInvalidSpec, "Secret %s/%s: %s", p.namespace(), c.SecretRef.Name, problems[0])
	}
	return resources.Credentials{RootPassword: named.RootPassword, Database: named.Database, User: named.User, Password: named.Password}, nil
}

// haveCredentials are those that MariaDB was made with, or last given: what this
// process knows counts for more than a Secret that someone may have edited.
func (r *Reconciler) haveCredentials(ctx context.Context, p *passage) (resources.Credentials, error) {
	r.mu.Lock()
	known, ok := r.known[p.namespace()]
	r.mu.Unlock()
	if ok {
		return known, nil
	}
	// The second is a copy, should someone have deleted or edited the first while
	// no operator ran: root may still have the password that it tells.
	var have resources.Credentials
	for _, place := range []struct {
		secret string
		read   func(map[string][]byte) resources.Credentials
	}{{resources.CredentialsName, resources.CredentialsFrom}, {resources.ServerFilesName, resources.CopiedCredentials}} {
		secret := &corev1.Secret{}
		err := r.Reader.Get(ctx, p.name(place.secret), secret)
		if client.IgnoreNotFound(err) != nil {
			return resources.Credentials{}, fmt.Errorf("reading the Secret %s/%s: %w", p.namespace(), place.secret, err)
		}
		switch c := place.read(secret.Data); {
		case have.RootPassword == "":
			have = c
		case c.RootPassword != "" && c.RootPassword != have.RootPassword && c.RootPassword != have.NextRootPassword && have.FormerRootPassword == "":
			have.FormerRootPassword = c.RootPassword
		}
	}
	return have, nil
}

func (r *Reconciler) remember(namespace string, c resources.Credentials) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[namespace] = c
}

// plan fills in what nobody has given, once, and notes what is to change in a
// server that may have its data already.
func plan(have, wanted resources.Credentials) resources.Credentials {
	c := have
	if c.RootPassword == "" { // no server has been started with these
		c.RootPassword = cmp.Or(wanted.RootPassword, secretText())
		c.User = cmp.Or(wanted.User, resources.DefaultDatabaseUser)
		c.Password = cmp.Or(wanted.Password, secretText())
		c.Database = cmp.Or(wanted.Database, resources.DefaultDatabase)
	}
	c.AgentPassword = cmp.Or(c.AgentPassword, secretText())
	c.ProbePassword = cmp.Or(c.ProbePassword, secretText())
	next := func(target *string, want, have string) (abandoned string) {
		was := *target
		if *target = ""; want != "" && want != have {
			*target = want
		}
		if was == *target {
			return ""
		}
		return was
	}
	// What is abandoned may be in force already: whoever began with it may have
	// died before he could tell.
	if abandoned := next(&c.NextRootPassword, wanted.RootPassword, c.RootPassword); abandoned != "" {
		c.FormerRootPassword = abandoned
	}
	if c.FormerUser != "" {
		// The controller still runs with the former ones, and MariaDB takes two at
		// most: the next change waits for this one's end.
		return c
	}
	if abandoned := next(&c.NextUser, wanted.User, c.User); abandoned != "" {
		c.DroppedUser = abandoned
	}
	next(&c.NextPassword, wanted.Password, c.Password)
	return c
}

// secretText is a password that nobody has to type: 26 letters and digits.
func secretText() string { return rand.Text() }

// certificate is the database's, made anew when it must be.
func (r *Reconciler) certificate(ctx context.Context, p *passage) (resources.Certificate, error) {
	names := resources.DatabaseNames(p.namespace())
	r.mu.Lock()
	known := r.certificates[p.namespace()]
	r.mu.Unlock()
	if known.Check(p.now, names...) == nil {
		return known, nil
	}
	secret := &corev1.Secret{}
	err := r.Reader.Get(ctx, p.name(resources.CertificateName), secret)
	if client.IgnoreNotFound(err) != nil {
		return resources.Certificate{}, fmt.Errorf("reading the Secret %s/%s: %w", p.namespace(), resources.CertificateName, err)
	}
	have := resources.Certificate{
		Authorities: secret.Data["ca.crt"], Certificate: secret.Data[corev1.TLSCertKey], Key: secret.Data[corev1.TLSPrivateKeyKey],
	}
	why := have.Check(p.now, names...)
	if why == nil {
		return have, nil
	}
	if !apierrors.IsNotFound(err) {
		r.Log.Info("Renewing the database's certificate", "namespace", p.namespace(), "reason", why.Error())
	}
	return resources.MakeCertificate(p.now, have.Authorities, names...)
}

// externalConnection is what the environment names.
func (r *Reconciler) externalConnection(ctx context.Context, p *passage) error {
	ca := ""
	if ref := p.in.Spec.Database.CASecretRef; ref != nil {
		ca = ref.Name
	}
	p.in.Connection = resources.External(ca)
	return r.controllerDigest(ctx, p)
}

// controllerDigest names the contents of every Secret that the controller's pods
// read at their start, so that they are replaced when one changes.
func (r *Reconciler) controllerDigest(ctx context.Context, p *passage) error {
	key, err := r.digestKey(ctx, p)
	if err != nil {
		return err
	}
	var contents []map[string][]byte
	if p.external {
		if ref := p.in.Spec.Database.CASecretRef; ref != nil {
			data, err := r.secret(ctx, p, ref.Name, "database.caSecretRef", "ca.crt")
			if err != nil {
				return err
			}
			p.unread = p.unread || data == nil
			contents = append(contents, map[string][]byte{"ca.crt": data["ca.crt"]})
		}
	} else {
		contents = append(contents, map[string][]byte{
			resources.KeyUser: []byte(p.creds.User), resources.KeyPassword: []byte(p.creds.Password), resources.KeyDatabase: []byte(p.creds.Database),
			"certificate": []byte(p.in.DatabaseDigest),
		})
	}
	for _, e := range p.in.Spec.Controller.Env {
		if e.ValueFrom == nil || e.ValueFrom.SecretKeyRef == nil || (e.ValueFrom.SecretKeyRef.Optional != nil && *e.ValueFrom.SecretKeyRef.Optional) {
			continue
		}
		ref := e.ValueFrom.SecretKeyRef
		data, err := r.secret(ctx, p, ref.Name, "controller.env "+e.Name, ref.Key)
		if err != nil {
			return err
		}
		p.unread = p.unread || data == nil
		contents = append(contents, map[string][]byte{e.Name: data[ref.Key]})
	}
	p.in.ControllerDigest = resources.KeyedDigest(key, contents...)
	return nil
}

// digestKey keys the digests that stand at pods, where many may read them. Any
// secret of ours will do that nobody else knows.
func (r *Reconciler) digestKey(ctx context.Context, p *passage) ([]byte, error) {
	const keyName = "multinic-operator-key"
	secret := &corev1.Secret{}
	r.mu.Lock()
	key := r.keys[p.namespace()]
	r.mu.Unlock()
	if key == nil {
		err := r.Reader.Get(ctx, p.name(keyName), secret)
		if client.IgnoreNotFound(err) != nil {
			return nil, fmt.Errorf("reading the Secret %s/%s: %w", p.namespace(), keyName, err)
		}
		if key = slices.Clone(secret.Data["key"]); len(key) == 0 {
			key = []byte(secretText())
		}
	}
	if err := r.ensure(ctx, p, resources.KeySecret(p.in, keyName, key)); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys[p.namespace()] = key
	return key, nil
}
