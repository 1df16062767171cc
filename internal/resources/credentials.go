// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"cmp"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Keys of the Secret with the database's credentials, and of the one that a
// MultiNicOperator may name (spec.database.credentials.secretRef).
const (
	KeyRootPassword = "rootPassword"
	KeyDatabase     = "database"
	KeyUser         = "user"
	KeyPassword     = "password"
)

// Files of the server's pod.
const (
	fileRootPassword = "root-password"
	fileUserPassword = "user-password"
	fileProbe        = "probe.cnf"
	fileInit         = "10-multinic.sql"
)

// Accounts beside root and the controller's own.
const (
	AgentUser = "multinic_agent"
	ProbeUser = "multinic_probe"
)

// Credentials of the internal database.
type Credentials struct {
	RootPassword, Database, User, Password string
	AgentPassword, ProbePassword           string
	// Next are on their way into the server: whoever died half way leaves it
	// with these or with those above.
	NextRootPassword, NextUser, NextPassword string
	// Former are good as well until every replica of the controller has been
	// started with those above.
	FormerRootPassword, FormerUser, FormerPassword string
	// DroppedUser is one that nobody uses any more.
	DroppedUser string
}

// entry names a field in the Secret.
type entry struct {
	key   string
	value *string
}

func entries(c *Credentials) []entry {
	return []entry{
		{KeyRootPassword, &c.RootPassword},
		{KeyDatabase, &c.Database},
		{KeyUser, &c.User},
		{KeyPassword, &c.Password},
		{"agentPassword", &c.AgentPassword},
		{"probePassword", &c.ProbePassword},
		{"next.rootPassword", &c.NextRootPassword},
		{"next.user", &c.NextUser},
		{"next.password", &c.NextPassword},
		{"former.rootPassword", &c.FormerRootPassword},
		{"former.user", &c.FormerUser},
		{"former.password", &c.FormerPassword},
		{"dropped.user", &c.DroppedUser},
	}
}

// CredentialsFrom reads the Secret.
func CredentialsFrom(data map[string][]byte) (c Credentials) {
	for _, e := range entries(&c) {
		*e.value = string(data[e.key])
	}
	return c
}

// Rotating says whether the server must learn something.
func (c Credentials) Rotating() bool {
	return c.NextRootPassword != "" || c.NextUser != "" || c.NextPassword != ""
}

// Promoted are the credentials once the server knows the next ones.
func (c Credentials) Promoted() Credentials {
	if c.NextUser != "" || c.NextPassword != "" {
		c.FormerUser, c.FormerPassword = c.User, c.Password
	}
	if c.NextRootPassword != "" {
		c.FormerRootPassword = c.RootPassword
	}
	c.RootPassword = cmp.Or(c.NextRootPassword, c.RootPassword)
	c.User, c.Password = cmp.Or(c.NextUser, c.User), cmp.Or(c.NextPassword, c.Password)
	c.NextRootPassword, c.NextUser, c.NextPassword = "", "", ""
	return c
}

// Settled are the credentials once nobody uses the former ones.
func (c Credentials) Settled() Credentials {
	if c.FormerUser != c.User {
		c.DroppedUser = c.FormerUser
	}
	c.FormerUser, c.FormerPassword = "", ""
	return c
}

// Data is the Secret's.
func (c Credentials) Data() map[string][]byte {
	data := map[string][]byte{}
	for _, e := range entries(&c) {
		if *e.value != "" {
			data[e.key] = []byte(*e.value)
		}
	}
	return data
}

// CredentialsSecret outlives the MultiNicOperator, as the volume does: the one is
// worth nothing without the other.
func CredentialsSecret(in Input, c Credentials) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: in.lasting(CredentialsName, databaseComponent), Type: corev1.SecretTypeOpaque, Data: c.Data()}
}

// AgentSecret is for the node agents: everything that they need to connect.
func AgentSecret(in Input, c Credentials) *corev1.Secret {
	meta := in.lasting(AgentAccessName, databaseComponent)
	return &corev1.Secret{ObjectMeta: meta, Type: corev1.SecretTypeOpaque, Data: map[string][]byte{
		"host": []byte(DatabaseHost(in.Namespace)), "port": fmt.Append(nil, DatabasePort), KeyDatabase: []byte(c.Database),
		KeyUser: []byte(AgentUser), KeyPassword: []byte(c.AgentPassword),
	}}
}

// copied goes before the keys of the credentials in the server's files.
const copied = "copy."

// ServerFiles are what the server's pod mounts. The first two and the last count
// at the first start alone. Beside them, and in no pod, lies a copy of the
// credentials: without root's password nobody can set a new one.
func ServerFiles(in Input, c Credentials) *corev1.Secret {
	data := map[string][]byte{
		fileRootPassword: []byte(c.RootPassword),
		fileUserPassword: []byte(c.Password),
		fileProbe: fmt.Appendf(nil, "[client]\nhost=127.0.0.1\nport=%d\nprotocol=tcp\nloose-skip-ssl\nuser=%s\npassword=%s\nconnect-timeout=4\n",
			DatabasePort, ProbeUser, c.ProbePassword),
		fileInit: fmt.Appendf(nil, "CREATE USER IF NOT EXISTS '%s'@'127.0.0.1' IDENTIFIED BY '%s';\n", ProbeUser, quoted(c.ProbePassword)),
	}
	for key, value := range c.Data() {
		data[copied+key] = value
	}
	return &corev1.Secret{ObjectMeta: in.meta(ServerFilesName, databaseComponent), Type: corev1.SecretTypeOpaque, Data: data}
}

// CopiedCredentials reads the copy.
func CopiedCredentials(data map[string][]byte) Credentials {
	own := map[string][]byte{}
	for key, value := range data {
		if name, ok := strings.CutPrefix(key, copied); ok {
			own[name] = value
		}
	}
	return CredentialsFrom(own)
}

func quoted(text string) string { return strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(text) }

// CertificateSecret is the server's certificate, and what the controller verifies
// it with.
func CertificateSecret(in Input, authorities, certificate, key []byte) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: in.meta(CertificateName, databaseComponent), Type: corev1.SecretTypeOpaque, Data: map[string][]byte{
		"ca.crt": authorities, corev1.TLSCertKey: certificate, corev1.TLSPrivateKeyKey: key,
	}}
}

// KeySecret holds a key of the operator's.
func KeySecret(in Input, name string, key []byte) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: in.meta(name, controllerComponent), Type: corev1.SecretTypeOpaque, Data: map[string][]byte{"key": key}}
}
