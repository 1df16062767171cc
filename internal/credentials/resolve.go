// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/openstack"
)

// Keys of the Secret that spec.credentials.secretRef names.
const (
	KeyClouds = "clouds.yaml"
	KeyCACert = "cacert"
)

// SecretGetter reads one Secret, past any cache: a rotated one counts at once.
type SecretGetter interface {
	Get(ctx context.Context, namespace, name string) (*corev1.Secret, error)
}

// Input is what Resolve needs to know of one object.
type Input struct {
	Namespace, Name string
	Spec            v1alpha1.Credentials
	// Defaults are the operator's spec.openstack.
	Defaults v1alpha1.OpenStackSpec
	// Decrypter opens passwords that are ciphertext; nil: there is no key.
	Decrypter Decrypter
}

// Resolved is what came of it. The bytes for a keyed hash are
// Credentials.Content.
type Resolved struct {
	Credentials openstack.Credentials
	// Warnings are for the user: things that work and should not be done.
	Warnings []string
}

// Error says what is wrong with credentials, without any secret.
type Error struct {
	message   string
	temporary bool
	err       error
}

// Error is the message.
func (e *Error) Error() string { return e.message }

// Unwrap gives Kubernetes' or the Decrypter's error.
func (e *Error) Unwrap() error { return e.err }

// Temporary says that the Secret could not be read, which may pass; else a
// person must change something.
func Temporary(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.temporary
}

func invalid(format string, args ...any) error {
	return &Error{message: fmt.Sprintf(format, args...)}
}

// Resolve reads the Secret, if one is named, and checks that everything that a
// login needs is there. Errors are *Error.
func Resolve(ctx context.Context, in Input, secrets SecretGetter) (Resolved, error) {
	if err := unmixed(in.Spec); err != nil {
		return Resolved{}, err
	}
	var out Resolved
	var err error
	if in.Spec.SecretRef != nil {
		out, err = fromSecret(ctx, in, secrets)
	} else {
		out, err = inline(ctx, in)
	}
	if err != nil {
		return Resolved{}, err
	}
	withDefaults(&out.Credentials, in.Defaults)
	c := out.Credentials
	if c.AuthURL == "" {
		return Resolved{}, invalid("Keystone's address is missing: give spec.credentials.authURL, auth_url in clouds.yaml, or spec.openstack.identityEndpoint of the MultiNicOperator")
	}
	if c.InsecureSkipVerify {
		out.Warnings = append(out.Warnings, "TLS certificates are not verified: whoever sits in between can read the password; give the cloud's CA as key cacert of a Secret instead")
	}
	if strings.HasPrefix(strings.ToLower(c.AuthURL), "http://") {
		out.Warnings = append(out.Warnings, "authURL is http://: the password travels in clear text")
	}
	return out, nil
}

// unmixed repeats the API's rules: API servers before 1.25 ignore them.
func unmixed(s v1alpha1.Credentials) error {
	if s.SecretRef == nil {
		if s.Cloud != "" {
			return invalid("spec.credentials.cloud names an entry of a clouds.yaml: it has no meaning without secretRef")
		}
		return nil
	}
	var beside []string
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"authURL", s.AuthURL != ""},
		{"username", s.Username != ""},
		{"password", s.Password != ""},
		{"projectID", s.ProjectID != ""},
		{"domainName", s.DomainName != ""},
		{"networkEndpoint", s.NetworkEndpoint != ""},
		{"computeEndpoint", s.ComputeEndpoint != ""},
		{"insecureSkipTLSVerify", s.InsecureSkipTLSVerify},
	} {
		if f.set {
			beside = append(beside, f.name)
		}
	}
	if len(beside) > 0 {
		return invalid("spec.credentials.secretRef replaces all inline fields: remove %s, or secretRef; a mix could send the Secret's token elsewhere", strings.Join(beside, ", "))
	}
	return nil
}

func inline(ctx context.Context, in Input) (Resolved, error) {
	s := in.Spec
	var missing []string
	if s.Username == "" {
		missing = append(missing, "username")
	}
	if s.Password == "" {
		missing = append(missing, "password")
	}
	if len(missing) > 0 {
		return Resolved{}, invalid("spec.credentials lacks %s: give them, or a secretRef", strings.Join(missing, " and "))
	}
	out := Resolved{Credentials: openstack.Credentials{
		AuthURL: s.AuthURL, Username: s.Username, Password: s.Password, DomainName: s.DomainName, ProjectID: s.ProjectID,
		NetworkEndpoint: s.NetworkEndpoint, ComputeEndpoint: s.ComputeEndpoint, InsecureSkipVerify: s.InsecureSkipTLSVerify,
	}}
	if !IsCiphertext(s.Password) {
		out.Warnings = append(out.Warnings, "spec.credentials.password is readable to everyone who may read this object: use secretRef")
		return out, nil
	}
	password, err := decrypt(ctx, in)
	if err != nil {
		return Resolved{}, err
	}
	out.Credentials.Password = password
	return out, nil
}

func fromSecret(ctx context.Context, in Input, secrets SecretGetter) (Resolved, error) {
	name := in.Spec.SecretRef.Name
	secret, err := secrets.Get(ctx, in.Namespace, name)
	if apierrors.IsNotFound(err) {
		return Resolved{}, invalid("the Secret %q does not exist in namespace %q: create it with the key %s", name, in.Namespace, KeyClouds)
	}
	if err != nil {
		return Resolved{}, &Error{message: fmt.Sprintf("the Secret %q can't be read: %v", name, err), temporary: true, err: err}
	}
	document, ok := secret.Data[KeyClouds]
	if !ok {
		return Resolved{}, invalid("the Secret %q has no key %s", name, KeyClouds)
	}
	entry, err := chooseCloud(document, in.Spec.Cloud)
	if err != nil {
		return Resolved{}, invalid("%s of Secret %q: %v", KeyClouds, name, err)
	}
	cred, err := entry.credentials(secret.Data)
	if err != nil {
		return Resolved{}, invalid("%s of Secret %q, cloud %q: %v", KeyClouds, name, entry.name, err)
	}
	return Resolved{Credentials: cred}, nil
}

// withDefaults fills what is not given from the operator. Its endpoints are
// those of its own cloud, as its catalogue shows them to the public: whoever
// names another Keystone, a region or an interface means others, and a token
// must not be sent there. Without an identityEndpoint nobody knows which
// cloud's they are.
func withDefaults(c *openstack.Credentials, d v1alpha1.OpenStackSpec) {
	if c.AuthURL == "" {
		c.AuthURL = d.IdentityEndpoint
	}
	same := openstack.Credentials{AuthURL: c.AuthURL}.Cloud() == openstack.Credentials{AuthURL: d.IdentityEndpoint}.Cloud()
	public := strings.TrimSuffix(c.Interface, "URL") == "public" || c.Interface == ""
	if d.IdentityEndpoint == "" || !same || c.Region != "" || !public {
		return
	}
	c.NetworkEndpoint = firstOf(c.NetworkEndpoint, d.NetworkEndpoint)
	c.ComputeEndpoint = firstOf(c.ComputeEndpoint, d.ComputeEndpoint)
}
