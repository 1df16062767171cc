// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package mariadb

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"strconv"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Time limits of a connection. A statement of ours answers within seconds; a
// server that is silent longer is gone or frozen.
const (
	dialTimeout  = 5 * time.Second
	readTimeout  = 60 * time.Second
	writeTimeout = 30 * time.Second
)

// Login says where to and as whom.
type Login struct {
	Host     string
	Port     int
	User     string
	Password string
	Database string // may be empty
	// TLS asks for an encrypted connection to a verified server; nil for a
	// plain one.
	TLS *tls.Config
}

// Driver is the login in the driver's terms; Open sets the session's variables.
func (l Login) Driver() (*mysql.Config, error) {
	d := mysql.NewConfig()
	d.Net, d.Addr = "tcp", net.JoinHostPort(l.Host, strconv.Itoa(l.Port))
	d.User, d.Passwd, d.DBName = l.User, l.Password, l.Database
	d.Timeout, d.ReadTimeout, d.WriteTimeout = dialTimeout, readTimeout, writeTimeout
	d.ParseTime = true
	d.Loc = time.UTC
	// One round trip per statement instead of three, and no limit of 65,535
	// placeholders.
	d.InterpolateParams = true
	d.Collation = "utf8mb4_bin"
	d.TLS = l.TLS
	// DATETIME(6) keeps microseconds; nanoseconds would be rounded by some
	// servers and cut by others.
	return d, d.Apply(mysql.TimeTruncate(time.Microsecond))
}

// VerifiedTLS trusts the authorities of a PEM text, the system's if it is nil,
// for a server of that name. It is nil if the text holds no certificate.
func VerifiedTLS(host string, pem []byte) *tls.Config {
	c := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if pem == nil {
		return c
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil
	}
	return c
}
