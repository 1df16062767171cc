// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/credentials"
	"github.com/xormsdhkdwk/multinic/internal/openstack"
)

const password = "pa55-w0rd-in-the-secret"

// oneSecret is the only one there is.
type oneSecret struct {
	data map[string][]byte
	err  error
	gets int
}

func (s *oneSecret) Get(_ context.Context, namespace, name string) (*corev1.Secret, error) {
	s.gets++
	if s.err != nil {
		return nil, s.err
	}
	if namespace != "tenant" || name != "cloud" {
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, name)
	}
	return &corev1.Secret{Data: s.data}, nil
}

func withClouds(yaml string) *oneSecret {
	return &oneSecret{data: map[string][]byte{"clouds.yaml": []byte(yaml)}}
}

func bySecret(cloud string) credentials.Input {
	return credentials.Input{Namespace: "tenant", Name: "config", Spec: v1alpha1.Credentials{
		SecretRef: &v1alpha1.LocalSecretReference{Name: "cloud"}, Cloud: cloud,
	}}
}

const auth = `
    auth:
      auth_url: https://keystone.example:5000/v3
      username: multinic
      password: ` + password + `
      project_id: 4711
      user_domain_name: Default
`

func content(c openstack.Credentials) string { return fmt.Sprintf("%q", c.Content()) }

func TestInlineCredentials(t *testing.T) {
	t.Parallel()
	got, err := credentials.Resolve(context.Background(), credentials.Input{Spec: v1alpha1.Credentials{
		AuthURL: "http://keystone.example:5000", Username: "multinic", Password: password, ProjectID: "p", DomainName: "d",
		NetworkEndpoint: "http://n:9696", ComputeEndpoint: "http://c:8774", InsecureSkipTLSVerify: true,
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := openstack.Credentials{
		AuthURL: "http://keystone.example:5000", Username: "multinic", Password: password, ProjectID: "p", DomainName: "d",
		NetworkEndpoint: "http://n:9696", ComputeEndpoint: "http://c:8774", InsecureSkipVerify: true,
	}
	if diff := cmp.Diff(content(want), content(got.Credentials)); diff != "" {
		t.Error(diff)
	}
	for _, says := range []string{"secretRef", "not verified", "clear text"} {
		if !strings.Contains(strings.Join(got.Warnings, "\n"), says) {
			t.Errorf("no warning says %q: %q", says, got.Warnings)
		}
	}
}

func TestACloudsYAMLInEachFormThatIsSupported(t *testing.T) {
	t.Parallel()
	const pem = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"
	base := openstack.Credentials{
		AuthURL: "https://keystone.example:5000/v3", Username: "multinic", Password: password, ProjectID: "4711", DomainName: "Default",
	}
	with := func(change func(*openstack.Credentials)) openstack.Credentials {
		c := base
		change(&c)
		return c
	}
	for name, tc := range map[string]struct {
		yaml  string
		cloud string
		data  map[string]string
		want  openstack.Credentials
	}{
		"the only cloud, whatever its name": {yaml: "clouds:\n  prod:" + auth, want: base},
		"the one that is named":             {yaml: "clouds:\n  a: {auth: {}}\n  b:" + auth, cloud: "b", want: base},
		"openstack among several":           {yaml: "clouds:\n  a: {auth: {}}\n  openstack:" + auth, want: base},
		"region and interface": {
			yaml: "clouds:\n  a:\n    region_name: two\n    interface: internal" + auth,
			want: with(func(c *openstack.Credentials) { c.Region, c.Interface = "two", "internal" }),
		},
		"a list of one region": {
			yaml: "clouds:\n  a:\n    regions: [two]" + auth,
			want: with(func(c *openstack.Credentials) { c.Region = "two" }),
		},
		"endpoint_type goes before interface": {
			yaml: "clouds:\n  a:\n    endpoint_type: adminURL\n    interface: internal" + auth,
			want: with(func(c *openstack.Credentials) { c.Interface = "adminURL" }),
		},
		"endpoint overrides": {
			yaml: "clouds:\n  a:\n    network_endpoint_override: http://n\n    compute_endpoint_override: http://c" + auth,
			want: with(func(c *openstack.Credentials) { c.NetworkEndpoint, c.ComputeEndpoint = "http://n", "http://c" }),
		},
		"verify: false": {
			yaml: "clouds:\n  a:\n    verify: false" + auth,
			want: with(func(c *openstack.Credentials) { c.InsecureSkipVerify = true }),
		},
		"identity_api_version: 3 as a number": {yaml: "clouds:\n  a:\n    identity_api_version: 3" + auth, want: base},
		"the CA as a key of the Secret": {
			yaml: "clouds:\n  a:" + auth, data: map[string]string{"cacert": pem},
			want: with(func(c *openstack.Credentials) { c.CACert = []byte(pem) }),
		},
		"the CA's path, with the file in the Secret": {
			yaml: "clouds:\n  a:\n    cacert: /etc/openstack/ca.pem" + auth, data: map[string]string{"ca.pem": pem},
			want: with(func(c *openstack.Credentials) { c.CACert = []byte(pem) }),
		},
		"the CA in place": {
			yaml: "clouds:\n  a:\n    cacert: |\n      -----BEGIN CERTIFICATE-----\n      MII\n      -----END CERTIFICATE-----" + auth,
			want: with(func(c *openstack.Credentials) { c.CACert = []byte(pem) }),
		},
		"application credential by ID": {
			yaml: "clouds:\n  a:\n    auth_type: v3applicationcredential\n    auth: {auth_url: https://k, application_credential_id: i, application_credential_secret: " + password + "}",
			want: openstack.Credentials{AuthURL: "https://k", ApplicationCredentialID: "i", ApplicationCredentialSecret: password},
		},
		"application credential by name": {
			yaml: "clouds:\n  a:\n    auth: {auth_url: https://k, application_credential_name: n, application_credential_secret: s, username: u, user_domain_id: default}",
			want: openstack.Credentials{AuthURL: "https://k", ApplicationCredentialName: "n", ApplicationCredentialSecret: "s", Username: "u", DomainID: "default"},
		},
		"project and domains by name": {
			yaml: "clouds:\n  a:\n    auth: {auth_url: https://k, username: u, password: p, project_name: k8s, domain_name: common, project_domain_name: projects}",
			want: openstack.Credentials{AuthURL: "https://k", Username: "u", Password: "p", ProjectName: "k8s", DomainName: "common", ProjectDomainName: "projects"},
		},
		"default_domain": {
			yaml: "clouds:\n  a:\n    auth: {auth_url: https://k, user_id: u, password: 0123, project_name: k8s, default_domain: default}",
			want: openstack.Credentials{AuthURL: "https://k", UserID: "u", Password: "0123", ProjectName: "k8s", DomainID: "default", ProjectDomainID: "default"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			secret := withClouds(tc.yaml)
			for k, v := range tc.data {
				secret.data[k] = []byte(v)
			}
			got, err := credentials.Resolve(context.Background(), bySecret(tc.cloud), secret)
			if err != nil {
				t.Fatal(err)
			}
			// A common domain is spelt out for the project too.
			if tc.want.ProjectDomainName == "" && tc.want.ProjectDomainID == "" {
				got.Credentials.ProjectDomainID, got.Credentials.ProjectDomainName = "", ""
			}
			if diff := cmp.Diff(content(tc.want), content(got.Credentials)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBadCredentialsSayWhatToDoAndTellNoSecret(t *testing.T) {
	t.Parallel()
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "cloud", errors.New("no role"))
	inline := func(change func(*v1alpha1.Credentials)) credentials.Input {
		s := v1alpha1.Credentials{AuthURL: "https://k", Username: "u", Password: password}
		change(&s)
		return credentials.Input{Namespace: "tenant", Name: "config", Spec: s}
	}
	other := bySecret("")
	other.Spec.SecretRef.Name = "another"
	for name, tc := range map[string]struct {
		in        credentials.Input
		secret    *oneSecret
		says      string
		temporary bool
	}{
		"Secret missing":           {in: other, secret: withClouds(""), says: `"another" does not exist`},
		"Secret can't be read now": {in: bySecret(""), secret: &oneSecret{err: errors.New("etcdserver: request timed out")}, says: "can't be read", temporary: true},
		"Secret may not be read":   {in: bySecret(""), secret: &oneSecret{err: forbidden}, says: "can't be read", temporary: true},
		"no clouds.yaml":           {in: bySecret(""), secret: &oneSecret{data: map[string][]byte{"clouds.yml": nil}}, says: "no key clouds.yaml"},
		"empty clouds.yaml":        {in: bySecret(""), secret: withClouds(""), says: "has no clouds"},
		"no YAML":                  {in: bySecret(""), secret: withClouds("clouds:\n  a: {auth: {password: " + password + "]}"), says: "not a valid clouds.yaml at line"},
		"YAML of another shape":    {in: bySecret(""), secret: withClouds("clouds:\n  a:\n    auth: " + password), says: "not a valid clouds.yaml at line 3"},
		"clouds is a list":         {in: bySecret(""), secret: withClouds("clouds: [" + password + "]"), says: "not a valid clouds.yaml"},
		"binary":                   {in: bySecret(""), secret: withClouds("\x00\xff" + password), says: "not a valid clouds.yaml"},
		"no such cloud":            {in: bySecret("c"), secret: withClouds("clouds:\n  b:" + auth + "  a:" + auth), says: `no cloud "c", only a, b`},
		"several clouds":           {in: bySecret(""), secret: withClouds("clouds:\n  b:" + auth + "  a:" + auth), says: "several clouds (a, b)"},
		"a cloud without auth":     {in: bySecret(""), secret: withClouds("clouds:\n  a:\n    region_name: r"), says: `cloud "a" has no auth`},
		"a cloud that is null":     {in: bySecret(""), secret: withClouds("clouds:\n  a:"), says: `cloud "a" has no auth`},
		"auth without password":    {in: bySecret(""), secret: withClouds("clouds:\n  a: {auth: {auth_url: https://k, username: u}}"), says: "auth lacks password"},
		"auth without anything":    {in: bySecret(""), secret: withClouds("clouds:\n  a: {auth: {}}"), says: "auth lacks username, password"},
		"auth without auth_url":    {in: bySecret(""), secret: withClouds("clouds:\n  a: {auth: {username: u, password: " + password + "}}"), says: "address is missing"},
		"half an app credential":   {in: bySecret(""), secret: withClouds("clouds:\n  a: {auth: {auth_url: https://k, application_credential_id: i}}"), says: "auth lacks application_credential_secret"},
		"a file as CA":             {in: bySecret(""), secret: withClouds("clouds:\n  a:\n    cacert: /var/run/secrets/kubernetes.io/serviceaccount/token" + auth), says: "put the PEM into the key cacert"},
		"a client certificate":     {in: bySecret(""), secret: withClouds("clouds:\n  a:\n    cert: /x\n    key: /y" + auth), says: "client certificates"},
		"a vendor profile":         {in: bySecret(""), secret: withClouds("clouds:\n  a:\n    profile: vexxhost" + auth), says: "write auth_url out"},
		"a token":                  {in: bySecret(""), secret: withClouds("clouds:\n  a:\n    auth_type: token\n    auth: {token: " + password + "}"), says: "auth_type is not supported"},
		"Keystone v2":              {in: bySecret(""), secret: withClouds("clouds:\n  a:\n    identity_api_version: 2.0" + auth), says: "Keystone v3 is needed"},
		"inline beside secretRef": {
			in:     credentials.Input{Spec: v1alpha1.Credentials{SecretRef: &v1alpha1.LocalSecretReference{Name: "cloud"}, AuthURL: "https://thief", Password: password}},
			secret: withClouds(""), says: "remove authURL, password",
		},
		"cloud without secretRef":     {in: inline(func(c *v1alpha1.Credentials) { c.Cloud = "a" }), says: "without secretRef"},
		"inline without password":     {in: inline(func(c *v1alpha1.Credentials) { c.Password = "" }), says: "lacks password"},
		"nothing at all":              {says: "lacks username and password"},
		"inline without authURL":      {in: inline(func(c *v1alpha1.Credentials) { c.AuthURL = "" }), says: "address is missing"},
		"ciphertext without a key":    {in: inline(func(c *v1alpha1.Credentials) { c.Password = "multinic-age:" + password }), says: "no key to open it"},
		"age's own form without key":  {in: inline(func(c *v1alpha1.Credentials) { c.Password = "-----BEGIN AGE ENCRYPTED FILE-----\n" }), says: "no key to open it"},
		"ciphertext of another place": {in: func() credentials.Input { in := inline(sealed); in.Decrypter = opener{}; in.Name = "other"; return in }(), says: "can't be decrypted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			secret := tc.secret
			if secret == nil {
				secret = &oneSecret{}
			}
			_, err := credentials.Resolve(context.Background(), tc.in, secret)
			if err == nil {
				t.Fatal("resolved")
			}
			if !strings.Contains(err.Error(), tc.says) {
				t.Errorf("want %q in %q", tc.says, err)
			}
			if strings.Contains(err.Error(), password[:8]) {
				t.Errorf("the error tells the password: %v", err)
			}
			if credentials.Temporary(err) != tc.temporary {
				t.Errorf("temporary %v, want %v", !tc.temporary, tc.temporary)
			}
			if strings.Contains(name, "beside secretRef") && secret.gets > 0 {
				t.Error("the Secret was read")
			}
		})
	}
}

func sealed(c *v1alpha1.Credentials) { c.Password = "multinic-age:sealed" }

// opener opens what was made for tenant/config at https://k for user u.
type opener struct{}

func (opener) Decrypt(_ context.Context, ciphertext string, b credentials.Binding) (string, error) {
	if ciphertext != "multinic-age:sealed" || b != (credentials.Binding{Namespace: "tenant", Name: "config", AuthURL: "https://k", Username: "u"}) {
		return "", errors.New("made for another object")
	}
	return "opened", nil
}

func TestAnEncryptedPasswordIsOpenedForItsObjectWithoutAWarning(t *testing.T) {
	t.Parallel()
	in := credentials.Input{Namespace: "tenant", Name: "config", Decrypter: opener{}, Spec: v1alpha1.Credentials{AuthURL: "https://k", Username: "u"}}
	sealed(&in.Spec)
	got, err := credentials.Resolve(context.Background(), in, nil)
	if err != nil || got.Credentials.Password != "opened" || len(got.Warnings) != 0 {
		t.Errorf("%v, %q, %v", got.Credentials.Password, got.Warnings, err)
	}
}

func TestTheOperatorsEndpointsAreDefaultsForItsOwnCloudOnly(t *testing.T) {
	t.Parallel()
	whole := v1alpha1.OpenStackSpec{IdentityEndpoint: "http://k:5000/v3", NetworkEndpoint: "http://n:9696/v2.0", ComputeEndpoint: "http://c:8774/v2.1"}
	nameless := whole
	nameless.IdentityEndpoint = ""
	for _, tc := range []struct {
		defaults         v1alpha1.OpenStackSpec
		authURL, network string
		wantNetwork      string
		wantCompute      string
	}{
		{whole, "", "", "http://n:9696/v2.0", "http://c:8774/v2.1"},
		{whole, "http://K:5000/", "", "http://n:9696/v2.0", "http://c:8774/v2.1"},
		{whole, "http://k:5000", "http://mine", "http://mine", "http://c:8774/v2.1"},
		{whole, "http://other:5000/v3", "", "", ""},
		{whole, "https://k:5000/v3", "", "", ""},
		{nameless, "http://k:5000/v3", "", "", ""}, // whose endpoints they are is not said
	} {
		got, err := credentials.Resolve(context.Background(), credentials.Input{Defaults: tc.defaults, Spec: v1alpha1.Credentials{
			AuthURL: tc.authURL, Username: "u", Password: "p", NetworkEndpoint: tc.network,
		}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c := got.Credentials; c.AuthURL == "" || c.NetworkEndpoint != tc.wantNetwork || c.ComputeEndpoint != tc.wantCompute {
			t.Errorf("authURL %q of defaults %+v: endpoints %q and %q, want %q and %q",
				tc.authURL, tc.defaults, c.NetworkEndpoint, c.ComputeEndpoint, tc.wantNetwork, tc.wantCompute)
		}
	}
}

func TestTheOperatorsEndpointsAreNotThoseOfAnotherRegionOrInterface(t *testing.T) {
	t.Parallel()
	defaults := v1alpha1.OpenStackSpec{IdentityEndpoint: "https://keystone.example:5000", NetworkEndpoint: "http://n", ComputeEndpoint: "http://c"}
	const bare = "\n    auth: {username: u, password: p}"
	for yaml, want := range map[string]string{
		"clouds:\n  a:" + auth:                                                                   "http://n",
		"clouds:\n  a:\n    interface: public" + auth:                                            "http://n",
		"clouds:\n  a:\n    endpoint_type: publicURL" + auth:                                     "http://n",
		"clouds:\n  a:\n    region_name: Two" + auth:                                             "",
		"clouds:\n  a:\n    regions: [Two]" + auth:                                               "",
		"clouds:\n  a:\n    interface: internal" + auth:                                          "",
		"clouds:\n  a:\n    endpoint_type: adminURL" + auth:                                      "",
		"clouds:\n  a:" + bare:                                                                   "http://n",
		"clouds:\n  a:\n    region_name: Two" + bare:                                             "",
		"clouds:\n  a:\n    region_name: Two\n    network_endpoint_override: http://mine" + auth: "http://mine",
	} {
		in := bySecret("")
		in.Defaults = defaults
		got, err := credentials.Resolve(context.Background(), in, withClouds(yaml))
		if err != nil {
			t.Fatalf("%s: %v", yaml, err)
		}
		if c := got.Credentials; c.NetworkEndpoint != want || (c.ComputeEndpoint == "") != (want != "http://n") || !strings.HasPrefix(c.AuthURL, "https://keystone.example:5000") {
			t.Errorf("%s: Keystone %q, endpoints %q and %q, want %q", yaml, c.AuthURL, c.NetworkEndpoint, c.ComputeEndpoint, want)
		}
	}
}

func TestNothingOfTheProcessIsReadForACloudsYAML(t *testing.T) {
	t.Setenv("OS_CLOUD", "b")
	t.Setenv("OS_REGION_NAME", "elsewhere")
	t.Setenv("OS_INTERFACE", "admin")
	t.Setenv("OS_CACERT", "/no/such/file")
	got, err := credentials.Resolve(context.Background(), bySecret("a"), withClouds("clouds:\n  b: {auth: {}}\n  a:"+auth))
	if err != nil || got.Credentials.Region != "" || got.Credentials.Interface != "" {
		t.Errorf("%+v, %v", got.Credentials, err)
	}
}

func FuzzCloudsYAML(f *testing.F) {
	f.Add([]byte("clouds:\n  a:"+auth), "")
	f.Add([]byte("clouds: {a: null, b: {auth: {}}}"), "b")
	f.Add([]byte("clouds: {a: &x {auth: {token: t}}, b: *x}"), "a")
	f.Fuzz(func(t *testing.T, document []byte, cloud string) {
		got, err := credentials.Resolve(context.Background(), bySecret(cloud), withClouds(string(document)))
		if err == nil && got.Credentials.AuthURL == "" {
			t.Error("resolved without an address")
		}
	})
}
