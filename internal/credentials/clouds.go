// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"sort"
	"strings"

	"github.com/gophercloud/gophercloud/v2/openstack/config/clouds"
	"go.yaml.in/yaml/v3"

	"github.com/xormsdhkdwk/multinic/internal/openstack"
)

// defaultCloud is chosen among several where none is named, as most tools do.
const defaultCloud = "openstack"

// cloudEntry is one entry of a clouds.yaml: gophercloud's, and the two
// overrides that it leaves to openstacksdk.
type cloudEntry struct {
	clouds.Cloud    `yaml:",inline"`
	NetworkEndpoint string `yaml:"network_endpoint_override"`
	ComputeEndpoint string `yaml:"compute_endpoint_override"`

	name string
}

// yamlLine is all that is taken from a YAML error: the rest quotes values.
var yamlLine = regexp.MustCompile(`line (\d+)`)

// chooseCloud finds the entry that is named, or the only one, or "openstack".
func chooseCloud(document []byte, name string) (cloudEntry, error) {
	var file struct {
		Clouds map[string]*cloudEntry `yaml:"clouds"`
	}
	if err := yaml.Unmarshal(document, &file); err != nil {
		where := ""
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			where = " at line " + m[1]
		}
		return cloudEntry{}, fmt.Errorf("is not a valid clouds.yaml%s", where)
	}
	names := make([]string, 0, len(file.Clouds))
	for n := range file.Clouds {
		names = append(names, n)
	}
	sort.Strings(names)
	switch {
	case len(names) == 0:
		return cloudEntry{}, errors.New("has no clouds")
	case name != "":
	case len(names) == 1:
		name = names[0]
	case file.Clouds[defaultCloud] != nil:
		name = defaultCloud
	default:
		return cloudEntry{}, fmt.Errorf("has several clouds (%s): choose one by spec.credentials.cloud", strings.Join(names, ", "))
	}
	entry, ok := file.Clouds[name]
	if !ok {
		return cloudEntry{}, fmt.Errorf("has no cloud %q, only %s: correct spec.credentials.cloud", name, strings.Join(names, ", "))
	}
	if entry == nil || entry.AuthInfo == nil {
		return cloudEntry{}, fmt.Errorf("cloud %q has no auth", name)
	}
	entry.name = name
	return *entry, nil
}

// credentials translates the entry. data is the Secret's, for the CA.
func (e cloudEntry) credentials(data map[string][]byte) (openstack.Credentials, error) {
	if err := e.supported(); err != nil {
		return openstack.Credentials{}, err
	}
	ca, err := e.caCert(data)
	if err != nil {
		return openstack.Credentials{}, err
	}
	a := e.AuthInfo
	c := openstack.Credentials{
		AuthURL: a.AuthURL, Region: e.RegionName, Interface: firstOf(e.EndpointType, e.Interface),
		Username: a.Username, UserID: a.UserID, Password: a.Password,
		ProjectID: a.ProjectID, ProjectName: a.ProjectName,
		ApplicationCredentialID: a.ApplicationCredentialID, ApplicationCredentialName: a.ApplicationCredentialName,
		ApplicationCredentialSecret: a.ApplicationCredentialSecret,
		NetworkEndpoint:             e.NetworkEndpoint, ComputeEndpoint: e.ComputeEndpoint,
		CACert: ca, InsecureSkipVerify: e.Verify != nil && !*e.Verify,
	}
	if c.Region == "" && len(e.Regions) == 1 {
		c.Region = e.Regions[0].Name
	}
	c.DomainID, c.DomainName = domain(a, a.UserDomainID, a.UserDomainName)
	c.ProjectDomainID, c.ProjectDomainName = domain(a, a.ProjectDomainID, a.ProjectDomainName)
	return c, e.complete(c)
}

// domain is the one of the user or of the project if given, else the common
// one, else the default one.
func domain(a *clouds.AuthInfo, id, name string) (domainID, domainName string) {
	switch {
	case id != "" || name != "":
		return id, name
	case a.DomainID != "" || a.DomainName != "":
		return a.DomainID, a.DomainName
	default:
		return a.DefaultDomain, ""
	}
}

// supported refuses what would need files, or does not last.
func (e cloudEntry) supported() error {
	a := e.AuthInfo
	switch e.AuthType {
	case "", clouds.AuthPassword, clouds.AuthV3Password, clouds.AuthV3ApplicationCredential:
	default:
		return errors.New("auth_type is not supported: use password, v3password or v3applicationcredential")
	}
	switch {
	case e.Profile != "" || e.Cloud.Cloud != "":
		return errors.New("profile and cloud point to a file of public clouds, which is not read: write auth_url out")
	case e.ClientCertFile != "" || e.ClientKeyFile != "":
		return errors.New("cert and key (client certificates) are not supported")
	case a.Token != "":
		return errors.New("token is not supported, since it ends: use a password or an application credential")
	case a.TrustID != "" || a.SystemScope != "":
		return errors.New("trust_id and system_scope are not supported: the scope must be a project")
	case strings.HasPrefix(e.IdentityAPIVersion, "2"):
		return errors.New("identity_api_version 2 is not supported: Keystone v3 is needed")
	}
	return nil
}

// caCert is the Secret's key cacert; or what clouds.yaml says in cacert: PEM,
// or the path of a file, which is looked for in the Secret by its last part.
// Files of this process are never read.
func (e cloudEntry) caCert(data map[string][]byte) ([]byte, error) {
	if pem, ok := data[KeyCACert]; ok {
		return pem, nil
	}
	if e.CACertFile == "" {
		return nil, nil
	}
	if strings.Contains(e.CACertFile, "-----BEGIN CERTIFICATE-----") {
		return []byte(e.CACertFile), nil
	}
	if pem, ok := data[path.Base(e.CACertFile)]; ok && path.Base(e.CACertFile) != KeyClouds {
		return pem, nil
	}
	return nil, fmt.Errorf("cacert names a file, which is not read: put the PEM into the key %s of the Secret", KeyCACert)
}

// complete names what is missing.
func (e cloudEntry) complete(c openstack.Credentials) error {
	var missing []string
	need := func(ok bool, name string) {
		if !ok {
			missing = append(missing, name)
		}
	}
	switch {
	case e.AuthType == clouds.AuthV3ApplicationCredential || c.ApplicationCredentialID != "" || c.ApplicationCredentialName != "":
		need(c.ApplicationCredentialID != "" || c.ApplicationCredentialName != "", "application_credential_id")
		need(c.ApplicationCredentialSecret != "", "application_credential_secret")
		need(c.ApplicationCredentialID != "" || c.Username != "" || c.UserID != "", "username (of the application credential)")
	default:
		need(c.Username != "" || c.UserID != "", "username")
		need(c.Password != "", "password")
	}
	if len(missing) > 0 {
		return fmt.Errorf("auth lacks %s", strings.Join(missing, ", "))
	}
	return nil
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
