// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-sql-driver/mysql"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/xormsdhkdwk/multinic/internal/mariadb"
)

// Defaults of Config.
const (
	DefaultPort      = 3306
	DefaultMaxOpen   = 10
	DefaultMaxIdle   = 4
	DefaultRetention = 720 * time.Hour
)

// Config says which database and for whom.
type Config struct {
	Host     string
	Port     int
	User     string
	Password string
	Database string
	// TLS asks for an encrypted connection to a verified server; without it the
	// connection is plain.
	TLS bool
	// TLSCAFile is a PEM file of the authorities to trust instead of the
	// system's.
	TLSCAFile string
	// MaxOpen and MaxIdle are the pool's sizes; 0 takes the default.
	MaxOpen int
	MaxIdle int
	// Cluster is the owner: "<UID of kube-system>/<the controller's namespace>".
	Cluster string
	// AdoptDatabase takes a database that remembers another owner.
	AdoptDatabase bool
	// AgentUser and AgentPassword are the account for node agents. It is made,
	// or repaired, whenever the gate opens; not if the name is empty.
	AgentUser     string
	AgentPassword string
	// Retention is the age at which deleted rows and history are purged; 0
	// takes the default.
	Retention time.Duration

	Clock clock.WithTicker
	Log   logr.Logger
	// Registerer takes the metrics; nil keeps them unregistered.
	Registerer prometheus.Registerer
}

// FromEnv reads the connection from the environment: DB_HOST, DB_PORT, DB_USER,
// DB_PASSWORD, DB_NAME, DB_TLS ("true" or "false"), DB_TLS_CA (a file),
// DB_MAX_OPEN_CONNS, DB_MAX_IDLE_CONNS, DB_AGENT_USER, DB_AGENT_PASSWORD,
// DB_RETENTION and DB_ADOPT ("true"). The site's values live in the manifests: what is missing
// is an error that names all that is missing.
func FromEnv(getenv func(string) string) (Config, error) {
	c := Config{
		Host: getenv("DB_HOST"), User: getenv("DB_USER"), Password: getenv("DB_PASSWORD"), Database: getenv("DB_NAME"),
		TLSCAFile: getenv("DB_TLS_CA"), AgentUser: getenv("DB_AGENT_USER"), AgentPassword: getenv("DB_AGENT_PASSWORD"),
	}
	var errs []error
	for _, name := range []string{"DB_HOST", "DB_USER", "DB_NAME"} {
		if getenv(name) == "" {
			errs = append(errs, fmt.Errorf("%s is not set: it tells which MariaDB to write to", name))
		}
	}
	number := func(name string, target *int, fallback, least, most int) {
		*target = fallback
		if v := getenv(name); v != "" {
			n, err := strconv.Atoi(v)
			if err != nil || n < least || n > most {
				errs = append(errs, fmt.Errorf("%s=%q: want a number from %d to %d", name, v, least, most))
			}
			*target = n
		}
	}
	number("DB_PORT", &c.Port, DefaultPort, 1, 65535)
	number("DB_MAX_OPEN_CONNS", &c.MaxOpen, DefaultMaxOpen, minOpen, 1000)
	number("DB_MAX_IDLE_CONNS", &c.MaxIdle, DefaultMaxIdle, 1, 1000)
	flag := func(name string, target *bool) {
		if v := getenv(name); v != "" {
			b, err := strconv.ParseBool(v)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s=%q: want true or false", name, v))
			}
			*target = b
		}
	}
	flag("DB_TLS", &c.TLS)
	flag("DB_ADOPT", &c.AdoptDatabase)
	c.Retention = DefaultRetention
	if v := getenv("DB_RETENTION"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil || d < time.Hour {
			errs = append(errs, fmt.Errorf("DB_RETENTION=%q: want a duration of at least 1h, like 720h", v))
		}
		c.Retention = d
	}
	return c, errors.Join(errs...)
}

// minOpen: a lock's heartbeat and the migration that it guards each need one.
const minOpen = 3

// withDefaults fills what was left out and refuses what can't work.
func (c Config) withDefaults() (Config, error) {
	for _, v := range []struct{ name, value string }{
		{"host", c.Host}, {"user", c.User}, {"database", c.Database}, {"cluster", c.Cluster},
	} {
		if v.value == "" {
			return c, fmt.Errorf("store: no %s configured", v.name)
		}
	}
	if c.AgentUser != "" && c.AgentUser == c.User {
		return c, errors.New("store: the agents' user must not be the controller's own")
	}
	if c.AgentUser != "" && c.AgentPassword == "" {
		return c, errors.New("store: the agents' user has no password")
	}
	if c.Port == 0 {
		c.Port = DefaultPort
	}
	if c.MaxOpen == 0 {
		c.MaxOpen = DefaultMaxOpen
	}
	if c.MaxOpen < minOpen {
		return c, fmt.Errorf("store: at least %d connections are needed, %d are allowed", minOpen, c.MaxOpen)
	}
	if c.MaxIdle == 0 {
		c.MaxIdle = min(DefaultMaxIdle, c.MaxOpen)
	}
	if c.Retention == 0 {
		c.Retention = DefaultRetention
	}
	if c.Clock == nil {
		c.Clock = clock.RealClock{}
	}
	if c.Log.GetSink() == nil {
		c.Log = logr.Discard()
	}
	return c, nil
}

// driverConfig is the connection in the driver's terms.
func (c Config) driverConfig() (*mysql.Config, error) {
	login := mariadb.Login{Host: c.Host, Port: c.Port, User: c.User, Password: c.Password, Database: c.Database}
	if c.TLS {
		var pem []byte
		if c.TLSCAFile != "" {
			var err error
			if pem, err = os.ReadFile(c.TLSCAFile); err != nil {
				return nil, fmt.Errorf("reading the database's certificate authorities: %w", err)
			}
		}
		if login.TLS = mariadb.VerifiedTLS(c.Host, pem); login.TLS == nil {
			return nil, fmt.Errorf("%s holds no PEM certificate", c.TLSCAFile)
		}
	}
	d, err := login.Driver()
	if err != nil {
		return nil, err
	}
	d.Logger = driverLog{c.Log}
	return d, nil
}

// driverLog passes the driver's remarks on broken connections to our log. They
// name neither user nor password.
type driverLog struct{ log logr.Logger }

func (l driverLog) Print(v ...any) { l.log.V(1).Info("database driver", "message", fmt.Sprint(v...)) }
