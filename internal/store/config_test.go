// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func env(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestTheEnvironmentNamesTheDatabase(t *testing.T) {
	t.Parallel()
	c, err := FromEnv(env(map[string]string{
		"DB_HOST": "db", "DB_PORT": "30306", "DB_USER": "u", "DB_PASSWORD": "p", "DB_NAME": "multinic", "DB_TLS": "true",
		"DB_TLS_CA": "/ca.pem", "DB_MAX_OPEN_CONNS": "20", "DB_MAX_IDLE_CONNS": "7", "DB_RETENTION": "48h",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if c.Host != "db" || c.Port != 30306 || c.User != "u" || c.Password != "p" || c.Database != "multinic" || !c.TLS ||
		c.TLSCAFile != "/ca.pem" || c.MaxOpen != 20 || c.MaxIdle != 7 || c.Retention != 48*time.Hour {
		t.Errorf("the configuration is %+v", c)
	}
}

func TestTheEnvironmentsDefaultsNameNoSite(t *testing.T) {
	t.Parallel()
	c, err := FromEnv(env(map[string]string{"DB_HOST": "db", "DB_USER": "u", "DB_NAME": "n"}))
	if err != nil {
		t.Fatal(err)
	}
	if c.Port != 3306 || c.TLS || c.Retention != 720*time.Hour || c.AdoptDatabase {
		t.Errorf("the configuration is %+v", c)
	}
}

func TestEverythingWrongWithTheEnvironmentIsToldAtOnce(t *testing.T) {
	t.Parallel()
	_, err := FromEnv(env(map[string]string{"DB_PORT": "http", "DB_TLS": "maybe", "DB_RETENTION": "1d", "DB_PASSWORD": "secret", "DB_MAX_OPEN_CONNS": "1"}))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"DB_HOST", "DB_USER", "DB_NAME", "DB_PORT", "DB_TLS", "DB_RETENTION", "DB_MAX_OPEN_CONNS"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not told: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the password is told: %v", err)
	}
}

func TestOpenRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	good := Config{Host: "h", User: "u", Database: "d", Cluster: "c"}
	garbage := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(garbage, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"no host":                     func(c *Config) { c.Host = "" },
		"no cluster":                  func(c *Config) { c.Cluster = "" },
		"the agents are ourselves":    func(c *Config) { c.AgentUser, c.AgentPassword = "u", "p" },
		"agents without a password":   func(c *Config) { c.AgentUser = "a" },
		"too small a pool":            func(c *Config) { c.MaxOpen = 1 },
		"authorities that are absent": func(c *Config) { c.TLS, c.TLSCAFile = true, garbage+"x" },
		"authorities that are none":   func(c *Config) { c.TLS, c.TLSCAFile = true, garbage },
	} {
		c := good
		change(&c)
		if s, err := Open(c); err == nil {
			s.Close()
			t.Errorf("%s: no error", name)
		}
	}
	s, err := Open(good) // and no server is asked
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}

func TestHowALeaderBegins(t *testing.T) {
	t.Parallel()
	row := func(epoch string, generation, sequence int64, gate string) epochRow {
		return epochRow{mark: Mark{epoch, generation, sequence}, gate: gate}
	}
	for name, c := range map[string]struct {
		row        epochRow
		remembered Mark
		want       Mark
		gate       string
	}{
		"new, nothing remembered":           {row("", 0, 0, gateShut), Mark{}, Mark{"fresh", 1, 0}, gateOpen},
		"known, nothing remembered":         {row("a", 3, 9, gateOpen), Mark{}, Mark{"a", 3, 9}, gateOpen},
		"shut, nothing remembered any more": {row("a", 3, 9, gateShut), Mark{}, Mark{"fresh", 4, 0}, gateForgotten},
		"forgotten, and led again":          {row("b", 4, 0, gateForgotten), Mark{}, Mark{"fresh", 5, 0}, gateForgotten},
		"forgotten by some":                 {row("b", 4, 7, gateForgotten), Mark{"b", 4, 7}, Mark{"b", 4, 7}, gateForgotten},
		"forgotten, and an older dump":      {row("b", 4, 6, gateForgotten), Mark{"b", 4, 7}, Mark{"fresh", 5, 0}, gateForgotten},
		"new, something remembered":         {row("", 0, 0, gateShut), Mark{"a", 3, 9}, Mark{"fresh", 4, 0}, gateShut},
		"the same":                          {row("a", 3, 9, gateOpen), Mark{"a", 3, 9}, Mark{"a", 3, 9}, gateOpen},
		"the same, shut":                    {row("a", 3, 9, gateShut), Mark{"a", 3, 9}, Mark{"a", 3, 9}, gateShut},
		"ahead by a write":                  {row("a", 3, 10, gateOpen), Mark{"a", 3, 9}, Mark{"a", 3, 10}, gateOpen},
		"ahead by a generation":             {row("b", 4, 0, gateShut), Mark{"a", 3, 9}, Mark{"b", 4, 0}, gateShut},
		"an older dump":                     {row("a", 3, 8, gateOpen), Mark{"a", 3, 9}, Mark{"fresh", 4, 0}, gateShut},
		"a much older dump":                 {row("b", 2, 99, gateOpen), Mark{"a", 3, 9}, Mark{"fresh", 4, 0}, gateShut},
		"another database":                  {row("b", 3, 99, gateOpen), Mark{"a", 3, 9}, Mark{"fresh", 4, 0}, gateShut},
	} {
		got, gate := begin(c.row, c.remembered, "fresh")
		if got != c.want || gate != c.gate {
			t.Errorf("%s: begins as %+v, %s; want %+v, %s", name, got, gate, c.want, c.gate)
		}
	}
}

func TestRowsAreCutIntoStatementsBySize(t *testing.T) {
	t.Parallel()
	var values []any
	for range 10 {
		values = append(values, strings.Repeat("x", 100), 1)
	}
	var sizes []int
	for chunk := range bySize(values, 2, 800) {
		sizes = append(sizes, len(chunk)/2)
	}
	if len(sizes) != 4 || sizes[0] != 3 || sizes[3] != 1 {
		t.Errorf("ten rows of 236 bytes make statements of %v rows, want 3 3 3 1", sizes)
	}
	sizes = nil
	for chunk := range bySize(values, 2, 1) {
		sizes = append(sizes, len(chunk)/2)
	}
	if len(sizes) != 10 {
		t.Errorf("rows that are too large for the limit make statements of %v rows, want one each", sizes)
	}
}
